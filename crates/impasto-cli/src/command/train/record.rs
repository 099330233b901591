//! What a run is made from, as its folder remembers it in `run.json`.

use super::args::{Args, LearnerPrecision, MachineName, NetworkName};
use anyhow::{Context, Result};
use impasto_media::atomic;
use impasto_train::data::Folder;
use impasto_train::{Machine, Material, Settings, TrainConfig};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Everything that was meant when the run began.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Which network.
    pub network: NetworkName,
    /// Pictures and judge; none for `--tiny`.
    pub files: Option<Files>,
    /// What decides the run's course.
    pub settings: Settings,
    /// A model whose weights were the start.
    pub start: Option<PathBuf>,
    /// The rights to the trained network, in the words of whoever trains it.
    #[serde(default)]
    pub license: Option<String>,
    /// The run's folder; where the file lies.
    #[serde(skip)]
    pub run: PathBuf,
}

/// Where pictures and judge lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Files {
    /// Folders of photos.
    pub photos: Vec<Folder>,
    /// Folders of paintings.
    pub paintings: Vec<Folder>,
    /// A VGG-19 or a judge; the built-in judge where there is none.
    pub vgg: Option<PathBuf>,
    /// Held-out photos and paintings.
    pub held_out: Option<(PathBuf, PathBuf)>,
}

impl Record {
    /// The file in a run's folder.
    pub fn path(run: &Path) -> PathBuf {
        run.join("run.json")
    }

    /// Reads the record of a run.
    pub fn load(run: &Path) -> Result<Self> {
        let path = Self::path(run);
        let text = std::fs::read(&path).with_context(|| {
            format!(
                "{} is no run: {} cannot be read; name the folder that `impasto train -o` made",
                run.display(),
                path.display()
            )
        })?;
        let read: Self = serde_json::from_slice(&text).with_context(|| {
            format!("{} is damaged; say the run's words again with -o and --resume", path.display())
        })?;
        Ok(Self { run: run.into(), ..read })
    }

    /// Writes it.
    pub fn save(&self, run: &Path) -> Result<()> {
        let path = Self::path(run);
        let text = serde_json::to_string_pretty(self).expect("plain data");
        atomic::write(&path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The trainer's configuration.
    pub fn config(&self, args: &Args) -> Result<TrainConfig> {
        let material = match &self.files {
            None => Material::Drawn,
            Some(files) => Material::Files {
                photos: files.photos.clone(),
                paintings: files.paintings.clone(),
                vgg: files.vgg.clone(),
                held_out: files.held_out.clone(),
            },
        };
        let tiny = self.files.is_none();
        let mut config = TrainConfig::new(self.settings.clone(), material, self.run.clone());
        config.paths.start = self.start.clone();
        config.license = self.license.clone().unwrap_or(config.license);
        config.resume = args.resume.is_some();
        config.change_settings = args.change_settings;
        config.machine = machine(args);
        config.plain = args.precision == LearnerPrecision::F32;
        config.checkpoint_secs = args.save_every;
        config.report_steps = args.report_every.unwrap_or(if tiny { 20 } else { 100 });
        config.validate_steps = args.validate_every.unwrap_or(if tiny { 100 } else { 500 });
        if let Some(threads) = args.threads {
            config.threads = threads.into();
        }
        Ok(config)
    }
}

/// A GPU is chosen by its name, or by `IMPASTO_ADAPTER`.
fn machine(args: &Args) -> Machine {
    match args.engine {
        MachineName::Cpu => Machine::Cpu,
        MachineName::Gpu => {
            let named = || std::env::var("IMPASTO_ADAPTER").ok().filter(|name| !name.is_empty());
            Machine::Gpu(args.adapter.clone().or_else(named))
        }
    }
}
