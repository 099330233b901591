//! Checkpoints: everything that a run needs to go on exactly as if it had not stopped.

use crate::learner::LearnerState;
use impasto_core::Weights;
use impasto_core::atomic;
use impasto_core::weights::{Precision, WeightsError};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const FORMAT: &str = "impasto-training-1";

/// Why no run can be taken up.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It cannot be read.
    #[error("cannot resume: {0}; name the folder that `impasto train -o` made")]
    Read(#[from] WeightsError),
    /// It is something else.
    #[error("{0} is no checkpoint of a training run; name the folder that `impasto train -o` made")]
    Format(String),
    /// Two runs in one folder.
    #[error("another process is training in {0}; wait until it ends, or name another folder")]
    Busy(String),
    /// The lock's file cannot be made.
    #[error("cannot lock the run's folder with {path}: {source}; can it be written to?")]
    Lock {
        /// The file.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
}

/// Keeps a second process out of a run's folder as long as it lives; the system lets go of it when the process ends, however that is.
pub struct RunLock {
    _file: std::fs::File,
}

impl RunLock {
    /// For the run in an existing folder.
    ///
    /// # Errors
    /// When another process has it, or the file cannot be made.
    pub fn take(run: &Path) -> Result<Self, CheckpointError> {
        let (path, shown) = (run.join("lock"), run.display().to_string());
        let cannot = |source| CheckpointError::Lock { path: path.display().to_string(), source };
        let file = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(cannot)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(CheckpointError::Busy(shown)),
            Err(std::fs::TryLockError::Error(source)) => Err(cannot(source)),
        }
    }
}

/// A learner's state after `step` steps of the run that `settings` describes.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Steps done.
    pub step: u64,
    /// Settings that decide the run's course, as JSON.
    pub settings: String,
    /// The learner's state.
    pub state: LearnerState,
}

impl Checkpoint {
    /// The file in a run's folder.
    pub fn path(run: &Path) -> PathBuf {
        run.join("checkpoint.safetensors")
    }

    /// Writes beside, flushes to disk, and renames: whatever happens, a whole checkpoint is there.
    pub fn save(&self, run: &Path) -> std::io::Result<()> {
        atomic::write(&Self::path(run), &self.bytes())
    }

    fn bytes(&self) -> Vec<u8> {
        let mut tensors = Weights::new();
        let s = &self.state;
        for (name, values) in NAMES.iter().zip([&s.values, &s.averaged, &s.first, &s.second]) {
            tensors.insert(*name, vec![values.len()], values.clone());
        }
        let metadata = HashMap::from([
            ("format".to_string(), FORMAT.to_string()),
            ("step".into(), self.step.to_string()),
            ("adam_steps".into(), s.steps.to_string()),
            ("settings".into(), self.settings.clone()),
        ]);
        tensors.to_bytes(Precision::F32, metadata)
    }

    /// Reads the checkpoint of a run.
    pub fn load(run: &Path) -> Result<Self, CheckpointError> {
        let path = Self::path(run);
        let (mut tensors, metadata) = Weights::load(&path)?;
        let format = || CheckpointError::Format(path.display().to_string());
        let text = |key: &str| metadata.get(key).ok_or_else(format);
        if text("format")? != FORMAT {
            return Err(format());
        }
        let mut take = |name: &str| tensors.remove(name).map(|w| w.values).ok_or_else(format);
        let [values, averaged, first, second] = NAMES;
        let number = |key: &str| text(key).and_then(|t| t.parse().map_err(|_| format()));
        Ok(Self {
            step: number("step")?,
            settings: text("settings")?.clone(),
            state: LearnerState {
                values: take(values)?,
                averaged: take(averaged)?,
                first: take(first)?,
                second: take(second)?,
                steps: number("adam_steps")?,
            },
        })
    }
}

const NAMES: [&str; 4] = ["values", "averaged", "adam.first", "adam.second"];
