//! The loop: batches, steps, checkpoints, the judge's file.

use super::DistilReport;
use super::student::{Distiller, Step};
use crate::checkpoint::{Checkpoint, CheckpointError, RunLock};
use crate::data::{Folder, Library, LibraryError, Loader, Sampling, Source};
use crate::learner::{LearnerError, Recipe};
use crate::loss_network::{JudgeShape, LossNetwork, LossNetworkError};
use crate::schedule::Schedule;
use crate::trainer::{Ending, differences};
use crate::walk::{Fast, Kernels};
use impasto_core::Model;
use impasto_media::atomic;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Decoded pictures are kept up to this, for photos and for paintings.
const ROOM_BYTES: usize = 700 << 20;
/// Groups on which VGG's channels are measured.
const KNOWN: usize = 24;
/// So many steps in a row with numbers that are not finite end a run.
const PATIENCE: usize = 10;

/// Everything that decides a run's course: equal settings and pictures give equal weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DistilSettings {
    /// The student.
    pub shape: JudgeShape,
    /// Seed of everything random.
    pub seed: u64,
    /// Steps.
    pub steps: u64,
    /// Families a step; each is a photo, a painting, and two pastiches.
    pub groups: usize,
    /// Side of all crops, px; a multiple of 8.
    pub crop_px: usize,
    /// Weight of the distances between styles; that of the features is 1. It grows over the first sixth of the steps: distances of
    /// features that mean nothing yet teach nothing.
    pub distances: f32,
    /// Adam's rate; it falls as a cosine to a hundredth.
    pub rate: f32,
    /// Steps over which the rate grows from 0.
    pub warm_up: u64,
    /// Limit of the gradient's length.
    pub clip: f32,
    /// Share of the averaged weights that is kept each step.
    pub average: f32,
}

impl Default for DistilSettings {
    fn default() -> Self {
        Self {
            shape: JudgeShape::default(),
            seed: 1,
            steps: 8_000,
            groups: 2,
            crop_px: 128,
            distances: 1.0,
            rate: 4e-3,
            warm_up: 50,
            clip: 2.0,
            average: 0.998,
        }
    }
}

impl DistilSettings {
    /// Whether the numbers can be meant; else what is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.crop_px < 32 || !self.crop_px.is_multiple_of(8) {
            return Err(format!("crop_px is {}; a multiple of 8 from 32 up is needed", self.crop_px));
        }
        let stages = self.shape.stages.iter().flatten();
        if self.shape.stages.iter().any(Vec::is_empty) || stages.into_iter().any(|c| !(1..=512).contains(c)) {
            return Err("shape.stages must hold four lists of channels, each from 1 to 512".into());
        }
        if self.groups == 0 || self.steps == 0 {
            return Err("groups and steps must be 1 at least".into());
        }
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return Err(format!("rate is {}; a positive number is needed", self.rate));
        }
        Ok(())
    }

    fn distances_at(&self, step: u64) -> f32 {
        self.distances * (6.0 * step as f32 / self.steps as f32).min(1.0)
    }

    fn recipe(&self, step: u64) -> Recipe {
        let full = Recipe { rate: self.rate, clip: self.clip, average: self.average, ..Recipe::empty() };
        let schedule =
            Schedule { identity_steps: 0, steps: self.steps, warm_up: self.warm_up, ..Schedule::default() };
        schedule.at(step, &full)
    }
}

/// A run.
pub struct DistilConfig {
    /// The settings that decide its course.
    pub settings: DistilSettings,
    /// Folders of photos.
    pub photos: Vec<Folder>,
    /// Folders of paintings.
    pub paintings: Vec<Folder>,
    /// The teacher.
    pub vgg: LossNetwork,
    /// Paints the pastiches.
    pub model: Model,
    /// The run's folder: checkpoint and judge.
    pub run: PathBuf,
    /// Threads; results do not depend on it.
    pub threads: usize,
    /// Go on from the run's checkpoint.
    pub resume: bool,
    /// Go on although the checkpoint's settings were different.
    pub change_settings: bool,
    /// Never use bf16 tiles, even where the processor has them.
    pub plain: bool,
    /// Seconds between checkpoints.
    pub checkpoint_secs: u64,
    /// Steps between reports.
    pub report_steps: u64,
}

/// Something happened.
#[derive(Clone, Debug)]
pub enum DistilProgress {
    /// The run begins or goes on.
    Started {
        /// Steps already done.
        step: u64,
        /// Steps in all.
        steps: u64,
        /// Files that are listed: photos, paintings.
        pictures: [usize; 2],
    },
    /// Means over the steps since the last report.
    Steps {
        /// Steps done.
        step: u64,
        /// Steps in all.
        steps: u64,
        /// Means.
        report: DistilReport,
        /// Families per second.
        samples_per_second: f64,
        /// Seconds left at this speed.
        remaining_secs: f64,
    },
    /// Checkpoint and judge were written.
    Saved {
        /// After this many steps.
        step: u64,
    },
}

/// Why a run does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum DistilError {
    /// Settings that cannot be meant.
    #[error("the settings cannot be used: {0}")]
    Settings(String),
    /// Pictures.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The teacher.
    #[error(transparent)]
    LossNetwork(#[from] LossNetworkError),
    /// The tables.
    #[error(transparent)]
    Learner(#[from] LearnerError),
    /// A checkpoint that cannot be taken up.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The folder holds a run already.
    #[error("{0} holds a run already; go on with --resume {0}, or name another folder")]
    Exists(String),
    /// A run that was made otherwise.
    #[error(
        "{run} was made with other settings: {}. Go on with the same ones, say --change-settings if the change is meant, or start a new \
         run in another folder", .differences.join("; ")
    )]
    OtherSettings {
        /// The run's folder.
        run: String,
        /// The difference.
        differences: Vec<String>,
    },
    /// A run of a network of another shape.
    #[error("{0} trains a judge of another shape; start a new run in another folder")]
    OtherShape(String),
    /// A file of the run cannot be written.
    #[error("cannot write {path}: {cause}")]
    Save {
        /// The file.
        path: String,
        /// The system's words.
        cause: String,
    },
    /// Too many steps went wrong.
    #[error(
        "step {0} and the nine before it gave numbers that are not finite; go on from the last checkpoint with a smaller rate \
         (--change-settings)"
    )]
    NotFinite(u64),
    /// The data thread has died.
    #[error("the thread that prepares pictures has ended; its message is above")]
    Data,
}

/// Trains a judge until the steps are done or `stop` says so; each checkpoint also leaves `judge.safetensors` in the run's folder.
///
/// # Errors
/// See [`DistilError`].
pub fn distil(
    config: &DistilConfig,
    stop: &dyn Fn() -> bool,
    on_progress: &mut dyn FnMut(&DistilProgress),
) -> Result<Ending, DistilError> {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if let Some(tiles) = crate::walk::Tiles::detect().filter(|_| !config.plain) {
        return with(tiles, config, stop, on_progress);
    }
    with(Fast::new().map_err(LearnerError::from)?, config, stop, on_progress)
}

fn with<K: Kernels>(
    kernels: K,
    config: &DistilConfig,
    stop: &dyn Fn() -> bool,
    on_progress: &mut dyn FnMut(&DistilProgress),
) -> Result<Ending, DistilError> {
    let settings = &config.settings;
    settings.check().map_err(DistilError::Settings)?;
    found(config)?;
    let open = |folders: &[Folder], what| Library::open(folders, what, ROOM_BYTES).map(Arc::new);
    let source = Source {
        photos: open(&config.photos, "photos")?,
        paintings: open(&config.paintings, "paintings")?,
        sampling: sampling(settings),
    };
    std::fs::create_dir_all(&config.run).map_err(|e| cannot_save(&config.run, e))?;
    let _lock = RunLock::take(&config.run)?;
    // Anew, now that nobody else can write it.
    let found = found(config)?;
    let known = source.batch(u64::MAX / 2, KNOWN);
    let seed = (settings.seed, config.threads);
    let mut distiller = Distiller::new(kernels, &settings.shape, &config.vgg, &config.model, seed, &known)?;
    let mut step = 0;
    if let Some(found) = found {
        if found.state.values.len() != distiller.state().values.len() {
            return Err(DistilError::OtherShape(config.run.display().to_string()));
        }
        distiller.restore(found.state);
        step = found.step;
    }
    let pictures = [source.photos.len(), source.paintings.len()];
    on_progress(&DistilProgress::Started { step, steps: settings.steps, pictures });
    let mut loader = Loader::start(&source, step * settings.groups as u64, settings.groups, 1);
    let (mut sum, mut counted, mut since) = (DistilReport::default(), 0u64, Instant::now());
    let (mut saved_at, mut failed) = (Instant::now(), 0);
    while step < settings.steps {
        let batch = loader.next_batch().ok_or(DistilError::Data)?;
        let recipe = settings.recipe(step);
        let report =
            distiller.step(&batch, &Step { distances: settings.distances_at(step), recipe: &recipe });
        step += 1;
        if report.is_finite() {
            (failed, counted) = (0, counted + 1);
            sum.add(&report, 1.0);
        } else {
            failed += 1;
        }
        if failed == PATIENCE {
            return Err(DistilError::NotFinite(step));
        }
        if (step.is_multiple_of(config.report_steps.max(1)) || step == settings.steps) && counted > 0 {
            let secs = since.elapsed().as_secs_f64().max(1e-9) / counted as f64;
            let mut report = DistilReport::default();
            report.add(&sum, 1.0 / counted as f32);
            on_progress(&DistilProgress::Steps {
                step,
                steps: settings.steps,
                report,
                samples_per_second: settings.groups as f64 / secs,
                remaining_secs: secs * (settings.steps - step) as f64,
            });
            (sum, counted, since) = (DistilReport::default(), 0, Instant::now());
        }
        let stopping = stop();
        if stopping || saved_at.elapsed().as_secs() >= config.checkpoint_secs || step == settings.steps {
            save(config, &distiller, step)?;
            on_progress(&DistilProgress::Saved { step });
            saved_at = Instant::now();
        }
        if stopping && step < settings.steps {
            return Ok(Ending::Stopped(step));
        }
    }
    Ok(Ending::Done)
}

fn sampling(settings: &DistilSettings) -> Sampling {
    Sampling {
        seed: settings.seed,
        photo_px: settings.crop_px,
        painting_px: settings.crop_px,
        styles: 1,
        photos_per_painting: 1,
        photo_scale: [0.2, 1.0],
        painting_scale: [0.2, 1.0],
        // Each crop is looked at once.
        variants: 1 << 20,
        colour: 0.1,
        motion_px: 0,
        jitter_px: 0,
    }
}

/// The checkpoint to go on from; without `resume` there must be none.
fn found(config: &DistilConfig) -> Result<Option<Checkpoint>, DistilError> {
    let folder = &config.run;
    if !config.resume {
        return match Checkpoint::path(folder).exists() {
            true => Err(DistilError::Exists(folder.display().to_string())),
            false => Ok(None),
        };
    }
    let found = Checkpoint::load(folder)?;
    let own = serde_json::to_value(&config.settings).expect("settings are plain data");
    let old = serde_json::from_str(&found.settings).unwrap_or_default();
    let differences = differences(&old, &own);
    if !differences.is_empty() && !config.change_settings {
        return Err(DistilError::OtherSettings { run: folder.display().to_string(), differences });
    }
    Ok(Some(found))
}

/// Writes the checkpoint, and beside it the judge of the averaged weights.
fn save<K: Kernels>(config: &DistilConfig, distiller: &Distiller<K>, step: u64) -> Result<(), DistilError> {
    let settings = serde_json::to_string(&config.settings).expect("settings are plain data");
    let checkpoint = Checkpoint { step, settings, state: distiller.state() };
    checkpoint.save(&config.run).map_err(|e| cannot_save(&Checkpoint::path(&config.run), e))?;
    let training = serde_json::json!({
        "program": concat!("impasto-train ", env!("CARGO_PKG_VERSION")),
        "teacher": "normalised VGG-19 to relu4_1",
        "painter": config.model.id(),
        "step": step,
        "settings": config.settings,
    });
    let path = config.run.join("judge.safetensors");
    atomic::write(&path, &distiller.judge().to_judge_bytes(&training)).map_err(|e| cannot_save(&path, e))
}

fn cannot_save(path: &Path, error: impl ToString) -> DistilError {
    DistilError::Save { path: path.display().to_string(), cause: error.to_string() }
}
