//! The loop.

use super::settings::{Material, Settings, TrainConfig};
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::data::{Library, LibraryError, Loader, Sampling, Source, centre_square, drawn};
use crate::init;
use crate::learner::cpu::CpuLearner;
use crate::learner::{Group, Learner, LearnerError, StepReport};
use crate::loss_network::{LossNetwork, LossNetworkError};
use crate::progress::{Progress, Steps};
use crate::validate::{Show, Validator};
use crate::walk::{Kernels, Plain};
use impasto_core::conformance::Random;
use impasto_core::model::{ModelError, StrengthKind};
use impasto_core::weights::{Precision, WeightsError};
use impasto_core::{Model, Network, Weights, light};
use std::sync::Arc;
use std::time::Instant;

/// Decoded pictures are kept up to this, for photos and for paintings.
const ROOM_BYTES: [usize; 2] = [400 << 20, 1200 << 20];

/// Why a run does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Pictures.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The loss network.
    #[error(transparent)]
    LossNetwork(#[from] LossNetworkError),
    /// The network to train.
    #[error(transparent)]
    Learner(#[from] LearnerError),
    /// Weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Checkpoints.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file of the run cannot be written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// The folder holds a run already.
    #[error("{0} holds a run already; go on with --resume, or name another folder")]
    Exists(String),
    /// Too many steps went wrong.
    #[error(
        "step {step} and the nine before it gave numbers that are not finite; the last good checkpoint (after step {saved}) is kept. \
         Go on from it with a smaller rate or a smaller style weight"
    )]
    NotFinite {
        /// The step.
        step: u64,
        /// The checkpoint's step.
        saved: u64,
    },
    /// The data thread has died.
    #[error("the thread that prepares pictures has ended; its message is above")]
    Data,
}

/// Steps in a row that may fail before the run stops.
const PATIENCE: u64 = 10;

/// Trains the light network as `config` says, from the start or from the run's checkpoint. `on_progress` gets every record.
pub fn train(config: &TrainConfig, on_progress: &mut dyn FnMut(&Progress)) -> Result<(), TrainError> {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if let (false, Some(tiles)) = (config.plain, crate::walk::Tiles::detect()) {
        return Run::new(tiles, "bf16 tiles (AMX)", config)?.go(on_progress);
    }
    Run::new(Plain, "f32", config)?.go(on_progress)
}

struct Run<'a, K: Kernels> {
    config: &'a TrainConfig,
    device: &'static str,
    learner: CpuLearner<K>,
    painter: Network,
    encoder: Network,
    source: Source,
    validator: Validator<K>,
    step: u64,
    saved: u64,
}

/// What [`Material`] names, opened.
struct Opened {
    photos: Arc<Library>,
    paintings: Arc<Library>,
    loss: LossNetwork,
    held_out: Option<[Library; 2]>,
}

/// Drawn photos and paintings.
const DRAWN: [usize; 2] = [24, 16];

fn open(material: &Material) -> Result<Opened, TrainError> {
    let Material::Files { photos, paintings, vgg, held_out } = material else {
        return Ok(Opened {
            photos: Arc::new(Library::of_images(drawn::photos(DRAWN[0]))),
            paintings: Arc::new(Library::of_images(drawn::paintings(DRAWN[1]))),
            loss: LossNetwork::random(1),
            held_out: None,
        });
    };
    let loss = LossNetwork::normalised(&Weights::load(vgg).map_err(LossNetworkError::from)?.0)?;
    let held_out = match held_out {
        Some((photos, paintings)) => {
            Some([Library::open(photos, "photos", 0)?, Library::open(paintings, "paintings", 0)?])
        }
        None => None,
    };
    Ok(Opened {
        photos: Arc::new(Library::open(photos, "photos", ROOM_BYTES[0])?),
        paintings: Arc::new(Library::open(paintings, "paintings", ROOM_BYTES[1])?),
        loss,
        held_out,
    })
}

/// Paintings over which the encoder's statistics are whitened at the start.
const WHITENED: usize = 400;

fn start_weights(
    config: &TrainConfig,
    painter: &Network,
    encoder: &Network,
    paintings: &Library,
    whitened: usize,
) -> Result<Weights, TrainError> {
    let mut random = Random::new(config.settings.sampling.seed);
    let mut weights = init::painter(painter, &mut random);
    weights.extend(init::encoder(encoder, painter, &mut random));
    if let Some(path) = &config.paths.start {
        let (start, _) = Weights::load(path)?;
        weights.extend(start);
        return Ok(weights);
    }
    let side = config.settings.sampling.photo_px;
    let pictures: Vec<_> = (0..whitened)
        .map(|i| centre_square(&paintings.get(i * paintings.len() / whitened).1, side))
        .collect();
    init::whiten(encoder, &mut weights, "code1", &pictures)?;
    Ok(weights)
}

impl<'a, K: Kernels> Run<'a, K> {
    fn new(kernels: K, device: &'static str, config: &'a TrainConfig) -> Result<Self, TrainError> {
        let (settings, paths) = (&config.settings, &config.paths);
        let Opened { photos, paintings, loss, held_out } = open(&paths.material)?;
        let drawn = paths.material == Material::Drawn;
        let (show, whitened) = if drawn { (Show::SMALL, 64) } else { (Show::FULL, WHITENED) };
        let shape = settings.shape();
        let (painter, encoder) = (light::painter(&shape), light::encoder(&shape));
        let weights = start_weights(config, &painter, &encoder, &paintings, whitened)?;
        let learner = CpuLearner::new(kernels, &painter, &encoder, &weights, &loss, config.threads)?;
        let source = Source { photos, paintings, sampling: settings.sampling };
        let validator = Validator::new(kernels, [&painter, &encoder], &loss, (held_out, &source), show)?;
        std::fs::create_dir_all(&paths.run)
            .map_err(|source| TrainError::Io { path: paths.run.display().to_string(), source })?;
        let mut run =
            Self { config, device, learner, painter, encoder, source, validator, step: 0, saved: 0 };
        run.take_up()?;
        Ok(run)
    }

    /// Goes on from the checkpoint, or makes sure that there is none.
    fn take_up(&mut self) -> Result<(), TrainError> {
        let folder = &self.config.paths.run;
        if !self.config.resume {
            return match Checkpoint::path(folder).exists() {
                true => Err(TrainError::Exists(folder.display().to_string())),
                false => Ok(()),
            };
        }
        let found = Checkpoint::load(folder)?;
        let same =
            serde_json::from_str::<Settings>(&found.settings).ok().as_ref() == Some(&self.config.settings);
        let fits = found.state.values.len() == self.learner.state().values.len();
        if !fits || !(same || self.config.change_settings) {
            let what = format!("its settings were {}", found.settings);
            return Err(CheckpointError::Settings { what }.into());
        }
        (self.step, self.saved) = (found.step, found.step);
        self.learner.restore(found.state);
        Ok(())
    }

    fn loader(&self) -> Loader {
        let (settings, mut source) = (&self.config.settings, self.source.clone());
        if settings.schedule.is_large(self.step) {
            let photo_px = settings.schedule.large_px;
            // Paintings keep their size: few are large enough for more, and enlarged ones teach soft strokes.
            source.sampling = Sampling { photo_px, ..settings.sampling };
        }
        Loader::start(source, self.step * settings.groups as u64, settings.groups)
    }

    fn go(mut self, on_progress: &mut dyn FnMut(&Progress)) -> Result<(), TrainError> {
        let schedule = self.config.settings.schedule;
        let pictures = [self.source.photos.len(), self.source.paintings.len()];
        let (step, steps, device) = (self.step, schedule.total(), self.device.to_string());
        on_progress(&Progress::Started { step, steps, pictures, device });
        let (mut loader, mut window) = (self.loader(), Window::new());
        let (mut saved_at, mut failed) = (Instant::now(), 0);
        while self.step < steps {
            if self.step == schedule.first_large() {
                loader = self.loader();
            }
            let batch: Vec<Group> = loader.next_batch().ok_or(TrainError::Data)?;
            let recipe = schedule.at(self.step, &self.config.settings.recipe);
            let report = self.learner.step(&batch, &recipe);
            self.step += 1;
            failed = if report.is_finite() { 0 } else { failed + 1 };
            if failed == PATIENCE {
                return Err(TrainError::NotFinite { step: self.step, saved: self.saved });
            }
            if failed == 0 {
                window.add(&report);
            }
            if self.step.is_multiple_of(self.config.report_steps) || self.step == steps {
                let samples = self.config.settings.groups * self.config.settings.sampling.styles;
                let broken = [self.source.photos.broken(), self.source.paintings.broken()];
                let state = (self.step, steps, samples, broken);
                on_progress(&Progress::Steps(window.take(state, recipe.style, recipe.rate)));
            }
            if self.step.is_multiple_of(self.config.validate_steps) || self.step == steps {
                let validation = self.validator.look_at(self.step, &self.learner.weights())?;
                on_progress(&Progress::Validated(validation));
            }
            if saved_at.elapsed().as_secs() >= self.config.checkpoint_secs || self.step == steps {
                self.save()?;
                on_progress(&Progress::Saved { step: self.step });
                saved_at = Instant::now();
            }
        }
        Ok(())
    }

    /// Writes the checkpoint, and beside it the model of the averaged weights.
    fn save(&mut self) -> Result<(), TrainError> {
        let folder = &self.config.paths.run;
        let settings = serde_json::to_string(&self.config.settings).expect("settings are plain data");
        let state = self.learner.state();
        Checkpoint { step: self.step, settings: settings.clone(), state }.save(folder)?;
        self.saved = self.step;
        let training = serde_json::json!({
            "program": concat!("impasto-train ", env!("CARGO_PKG_VERSION")),
            "step": self.step,
            "settings": self.config.settings,
        });
        let model = Model::new(
            "light",
            self.painter.clone(),
            self.encoder.clone(),
            self.learner.weights(),
            StrengthKind::Code,
            "MIT OR Apache-2.0",
            training,
        )?;
        model.save(&folder.join("model.safetensors"), Precision::F16)?;
        Ok(())
    }
}

/// Means since the last record.
struct Window {
    sum: StepReport,
    steps: u64,
    since: Instant,
}

impl Window {
    fn new() -> Self {
        Self { sum: StepReport::default(), steps: 0, since: Instant::now() }
    }

    fn add(&mut self, report: &StepReport) {
        self.sum.add(report, 1.0);
        self.steps += 1;
    }

    fn take(
        &mut self,
        (step, steps, samples, broken): (u64, u64, usize, [usize; 2]),
        style_weight: f32,
        rate: f32,
    ) -> Steps {
        let secs = self.since.elapsed().as_secs_f64().max(1e-9);
        let count = self.steps.max(1);
        let mut report = StepReport::default();
        report.add(&self.sum, 1.0 / count as f32);
        let samples_per_second = (count as usize * samples) as f64 / secs;
        let remaining_secs = (steps - step) as f64 * secs / count as f64;
        *self = Self::new();
        Steps { step, steps, report, style_weight, rate, samples_per_second, remaining_secs, broken }
    }
}
