//! One painting, its own network: an any-style model trained on for one painting alone.
//!
//! The painter and the style encoder go on learning with the painting as their only one. What the painter has learned beyond the model is
//! kept as an [`Update`]: of each convolution's change the nearest product of two thin matrices (truncated singular value
//! decomposition), everything else whole.

mod low_rank;

use crate::checkpoint::{Checkpoint, CheckpointError, RunLock};
use crate::data::{Library, Loader, Sampling, Source};
use crate::learner::cpu::CpuLearner;
use crate::learner::{Learner, LearnerError, Recipe, StepReport};
use crate::loss_network::LossNetwork;
use crate::walk::Fast;
use impasto_core::style::Update;
use impasto_core::weights::Weight;
use impasto_core::{Image, Model, Network, Weights};
use low_rank::factors;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Steps whose time is measured before it is known how many there will be.
const MEASURED_STEPS: u64 = 4;
/// Fewest steps of a run that has a time to keep.
const LEAST_STEPS: u64 = 8;
/// The rate at the end, as a part of the rate at the start.
const LAST_RATE: f32 = 0.1;
/// Steps over which the rate rises at the start.
const WARM_UP: u64 = 10;
/// Averages of the weights forget this much in a step, once there have been many.
const AVERAGE: f32 = 0.98;
/// Least side of a painting, px: strokes are not seen in fewer.
pub const LEAST_PAINTING_PX: usize = 64;

/// The length of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// So many steps.
    Steps(u64),
    /// As many steps as this machine does in about so many seconds.
    Seconds(f32),
}

/// Settings of a tuning run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TuneConfig {
    /// When it ends.
    pub length: Length,
    /// Seed of everything random.
    pub seed: u64,
    /// Rank of the changes of convolutions; 0 keeps them whole.
    pub rank: usize,
    /// Shorter side at which the painting is looked at, px: it sets the size of the strokes.
    pub painting_px: usize,
    /// Weights of the losses, and the rate at the start.
    pub recipe: Recipe,
    /// Threads.
    #[serde(skip, default = "one")]
    pub threads: usize,
    /// Seconds between checkpoints.
    #[serde(skip, default)]
    pub checkpoint_secs: u64,
}

fn one() -> usize {
    1
}

impl Default for TuneConfig {
    fn default() -> Self {
        Self {
            length: Length::Seconds(360.0),
            seed: 1,
            rank: 16,
            painting_px: 384,
            recipe: Recipe { ssim: 0.02, instance_content: 0.08, average: AVERAGE, ..Recipe::default() },
            threads: std::thread::available_parallelism().map_or(1, |n| n.get()),
            checkpoint_secs: 30,
        }
    }
}

/// Why a style cannot be tuned.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// The model or the judge.
    #[error(transparent)]
    Learner(#[from] LearnerError),
    /// Nothing to paint.
    #[error("a style is tuned on photos, and there is none; name a folder of photos, or leave --photos out")]
    NoPhoto,
    /// Too small to show strokes.
    #[error(
        "the painting has {width}x{height} px, and {LEAST_PAINTING_PX} px a side are the least; take a larger copy"
    )]
    Small {
        /// Its width, px.
        width: usize,
        /// Its height, px.
        height: usize,
    },
    /// Nothing to learn from.
    #[error("the painting is of one colour everywhere; there are no strokes to learn")]
    Blank,
    /// The steps went astray.
    #[error("after {0} steps the losses are not finite; take a smaller rate")]
    NotFinite(u64),
    /// The run's folder.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A run that was stopped would be lost.
    #[error("{0} holds a run that was stopped; go on with it (--resume), or remove the folder to begin anew")]
    Exists(String),
    /// A checkpoint of another run.
    #[error("{0} holds a run with another painting, model or settings; remove the folder to begin anew")]
    Other(String),
    /// A checkpoint that cannot be written.
    #[error("cannot save {path}: {source}; is there space?")]
    Save {
        /// The file.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
}

/// Progress of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TuneReport {
    /// Steps done.
    pub step: u64,
    /// Steps in all; 0 while the machine's speed is not known.
    pub steps: u64,
    /// Losses of this step.
    pub losses: StepReport,
}

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    /// The style vector.
    pub vector: Vec<f32>,
    /// The update of the painter's weights.
    pub update: Update,
    /// Steps done.
    pub steps: u64,
    /// Whether it was asked to end early.
    pub stopped: bool,
}

/// Tunes `model` to `painting`. With a `folder`, the run is saved there, and goes on from what it finds there if `resume`. After each step
/// `stop` is asked whether to end.
///
/// # Errors
/// If the painting shows nothing, the folder cannot be used, or the model cannot be trained.
#[expect(clippy::too_many_arguments, reason = "what a run is made of")]
pub fn tune(
    model: &Model,
    judge: &LossNetwork,
    painting: &Image,
    photos: Library,
    config: &TuneConfig,
    (folder, resume): (Option<&Path>, bool),
    stop: &dyn Fn() -> bool,
    on_step: &mut dyn FnMut(&TuneReport),
) -> Result<Tuned, TuneError> {
    check(painting, &photos)?;
    let kernels = Fast::new().map_err(LearnerError::from)?;
    let source = source(painting, photos, config);
    let mut run = Run::new(kernels, model, judge, config, folder, resume)?;
    run.go(&source, stop, on_step)?;
    let stopped = run.step < run.steps;
    Ok(tuned(model, &run.learner.weights(), painting, config, (run.step, stopped))?)
}

fn check(painting: &Image, photos: &Library) -> Result<(), TuneError> {
    let (width, height) = (painting.width(), painting.height());
    if width.min(height) < LEAST_PAINTING_PX {
        return Err(TuneError::Small { width, height });
    }
    if painting.rgb().as_chunks::<3>().0.iter().all(|pixel| *pixel == painting.pixel(0, 0)) {
        return Err(TuneError::Blank);
    }
    if photos.is_empty() { Err(TuneError::NoPhoto) } else { Ok(()) }
}

fn source(painting: &Image, photos: Library, config: &TuneConfig) -> Source {
    let sampling = Sampling {
        seed: config.seed,
        photo_px: 192,
        painting_px: config.painting_px.min(painting.width()).min(painting.height()),
        styles: 1,
        photos_per_painting: PHOTOS_PER_POOL,
        photo_scale: [0.4, 0.95],
        painting_scale: [0.9, 1.0],
        variants: 4,
        colour: 0.0,
        motion_px: 0,
        jitter_px: 8,
    };
    let paintings = Arc::new(Library::of_images(vec![painting.clone()]));
    Source { photos: Arc::new(photos), paintings, sampling }
}

/// Photos whose statistics are judged together.
const PHOTOS_PER_POOL: usize = 4;

struct Run<'a> {
    config: &'a TuneConfig,
    learner: CpuLearner<Fast>,
    folder: Option<PathBuf>,
    _lock: Option<RunLock>,
    /// Everything that distinguishes this run from others.
    settings: String,
    step: u64,
    steps: u64,
}

impl<'a> Run<'a> {
    fn new(
        kernels: Fast,
        model: &Model,
        judge: &LossNetwork,
        config: &'a TuneConfig,
        folder: Option<&Path>,
        resume: bool,
    ) -> Result<Self, TuneError> {
        let learner =
            CpuLearner::new(kernels, &model.painter, &model.encoder, &model.weights, judge, config.threads)?;
        let settings = serde_json::json!({ "model": model.id(), "config": config }).to_string();
        let found = match folder.filter(|_| resume) {
            Some(folder) => Some(Checkpoint::load(folder)?),
            None => None,
        };
        let lock = match folder {
            None => None,
            Some(folder) if !resume && Checkpoint::path(folder).exists() => {
                return Err(TuneError::Exists(folder.display().to_string()));
            }
            Some(folder) => {
                let cannot = |source| TuneError::Save { path: folder.display().to_string(), source };
                std::fs::create_dir_all(folder).map_err(cannot)?;
                Some(RunLock::take(folder)?)
            }
        };
        let folder = folder.map(Path::to_path_buf);
        let mut run = Self { config, learner, folder, _lock: lock, settings, step: 0, steps: 0 };
        if let Length::Steps(steps) = config.length {
            run.steps = steps;
        }
        if let Some(found) = found {
            run.take_up(found)?;
        }
        Ok(run)
    }

    fn take_up(&mut self, found: Checkpoint) -> Result<(), TuneError> {
        let shown = self.folder.as_ref().map(|folder| folder.display().to_string());
        let other = || TuneError::Other(shown.clone().unwrap_or_default());
        let (settings, steps) = found.settings.rsplit_once('\n').ok_or_else(other)?;
        if settings != self.settings || found.state.values.len() != self.learner.state().values.len() {
            return Err(other());
        }
        (self.step, self.steps) = (found.step, steps.parse().map_err(|_| other())?);
        self.learner.restore(found.state);
        Ok(())
    }

    fn go(
        &mut self,
        source: &Source,
        stop: &dyn Fn() -> bool,
        on_step: &mut dyn FnMut(&TuneReport),
    ) -> Result<(), TuneError> {
        let groups = PHOTOS_PER_POOL * self.config.threads.clamp(1, 4);
        let mut loader = Loader::start(source, self.step * groups as u64, groups, 1);
        let (begun, first) = (Instant::now(), self.step);
        let mut saved = Instant::now();
        while self.steps == 0 || self.step < self.steps {
            let batch = loader.next_batch().expect("a thread that only cuts pictures does not end");
            let losses = self.learner.step(&batch, &self.recipe());
            if !losses.is_finite() {
                return Err(TuneError::NotFinite(self.step));
            }
            self.step += 1;
            self.plan(begun.elapsed(), self.step - first);
            on_step(&TuneReport { step: self.step, steps: self.steps, losses });
            let stopping = stop();
            if stopping || saved.elapsed().as_secs() >= self.config.checkpoint_secs {
                self.save()?;
                saved = Instant::now();
            }
            if stopping {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Decides how many steps there are, once the machine's speed is known.
    fn plan(&mut self, elapsed: Duration, done: u64) {
        let Length::Seconds(seconds) = self.config.length else { return };
        if self.steps == 0 && done >= MEASURED_STEPS {
            let each = elapsed.as_secs_f32() / done as f32;
            self.steps = ((seconds / each) as u64).max(LEAST_STEPS);
        }
    }

    /// The recipe at this step: the rate rises, then falls as a cosine.
    fn recipe(&self) -> Recipe {
        let part = if self.steps == 0 { 0.0 } else { self.step as f32 / self.steps as f32 };
        let fall = LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + (std::f32::consts::PI * part).cos());
        let rise = ((self.step + 1) as f32 / WARM_UP as f32).min(1.0);
        // The average forgets faster while there is little to remember.
        let average = self.config.recipe.average.min((self.step + 1) as f32 / (self.step + 10) as f32);
        Recipe { rate: self.config.recipe.rate * rise * fall, average, ..self.config.recipe }
    }

    fn save(&self) -> Result<(), TuneError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let settings = format!("{}\n{}", self.settings, self.steps);
        let checkpoint = Checkpoint { step: self.step, settings, state: self.learner.state() };
        let path = Checkpoint::path(folder).display().to_string();
        checkpoint.save(folder).map_err(|source| TuneError::Save { path, source })
    }
}

/// The style that `weights` make of the painting, and what they add to the model's painter.
fn tuned(
    model: &Model,
    weights: &Weights,
    painting: &Image,
    config: &TuneConfig,
    (steps, stopped): (u64, bool),
) -> Result<Tuned, LearnerError> {
    let vector = encoded(model, weights, painting, config.painting_px)?;
    let update = update(&model.painter, &model.weights, weights, config.rank);
    Ok(Tuned { vector, update, steps, stopped })
}

/// The encoder's answer to the painting at about `px`.
fn encoded(model: &Model, weights: &Weights, painting: &Image, px: usize) -> Result<Vec<f32>, LearnerError> {
    use crate::walk::{Packed, Parameters, Program, Tape};
    let side = px.min(painting.width()).min(painting.height());
    let picture = crate::data::centre_square(painting, side);
    let program = Program::new(&model.encoder)?;
    let parameters = Parameters::from_weights(&program, weights)?;
    let kernels = Fast::new()?;
    let packed = Packed::new(kernels, &parameters, &parameters.values);
    let mut tape: Tape<Fast> = Tape::new(kernels, &program, side, side)?;
    tape.run(&program, &packed, &picture, &[]);
    Ok(tape.output().vector().to_vec())
}

/// Difference of the painter's layers from `before` to `after`.
fn update(painter: &Network, before: &Weights, after: &Weights, rank: usize) -> Update {
    let mut update = Update::new();
    for (name, shape) in painter.weight_shapes().expect("the model has been checked") {
        let (Some(old), Some(new)) = (before.get(&name), after.get(&name)) else { continue };
        let values: Vec<f32> = new.values.iter().zip(&old.values).map(|(new, old)| new - old).collect();
        let (rows, columns) = (shape[0], shape[1..].iter().product::<usize>());
        if rank > 0 && shape.len() == 4 && rank * (rows + columns) < rows * columns {
            let (up, down) = factors(&values, rows, columns, rank);
            let weight = |shape: [usize; 2], values| Weight { shape: shape.to_vec(), values };
            update.insert_factors(&name, weight([rows, rank], up), weight([rank, columns], down));
        } else {
            update.insert(&name, Weight { shape, values });
        }
    }
    update
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::drawn;
    use impasto_core::Random;
    use impasto_core::light::{LightShape, encoder, painter};
    use impasto_core::model::StrengthKind;
    use impasto_core::style::{Provenance, Style};

    fn model() -> Model {
        let shape = LightShape::tiny();
        let (painter, encoder) = (painter(&shape), encoder(&shape));
        let mut random = Random::new(1);
        let mut weights = crate::init::painter(&painter, &mut random);
        weights.extend(crate::init::encoder(&encoder, &painter, &mut random));
        Model::new("toy", painter, encoder, weights, StrengthKind::Code, "none", serde_json::Value::Null)
            .unwrap()
    }

    fn photos() -> Library {
        Library::of_images(drawn::photos(6))
    }

    fn run(
        painting: &Image,
        steps: u64,
        place: (Option<&Path>, bool),
        stop_at: u64,
    ) -> Result<Tuned, TuneError> {
        let config = TuneConfig { length: Length::Steps(steps), threads: 1, ..TuneConfig::default() };
        let seen = std::cell::Cell::new(0);
        let judge = LossNetwork::random(1);
        let stop = || seen.get() >= stop_at;
        tune(&model(), &judge, painting, photos(), &config, place, &stop, &mut |report| seen.set(report.step))
    }

    #[test]
    fn a_tuned_style_belongs_to_its_model_and_survives_its_file() {
        let (painting, model) = (&drawn::paintings(1)[0], model());
        let tuned = run(painting, 6, (None, false), 99).unwrap();
        assert!(tuned.steps == 6 && !tuned.stopped);
        let changed = tuned.update.applied(&model.weights, 1.0).unwrap();
        assert_ne!(changed, *model.weights, "it has learned something");
        let style = Style::new(&model, Provenance::default(), tuned.vector).unwrap();
        let style = style.tuned(&model, tuned.update).unwrap();
        let read = Style::from_bytes(&style.to_bytes()).unwrap();
        read.check(&model).unwrap();
        let near = |a: &Weights, b: &Weights| {
            let pairs = a.iter().zip(b.iter()).flat_map(|((_, a), (_, b))| a.values.iter().zip(&b.values));
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        let again = read.update().unwrap().applied(&model.weights, 1.0).unwrap();
        assert!(near(&again, &changed) < 1e-3, "16 bits are near enough");
    }

    #[test]
    fn a_stopped_run_goes_on_as_if_it_had_not_stopped() {
        let folder = std::env::temp_dir().join(format!("impasto-tune-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let painting = &drawn::paintings(2)[1];
        let whole = run(painting, 5, (None, false), 99).unwrap();
        let first = run(painting, 5, (Some(&folder), false), 2).unwrap();
        assert!(first.stopped && first.steps == 2);
        let rest = run(painting, 5, (Some(&folder), true), 99).unwrap();
        assert_eq!(rest, whole);
        let other = run(painting, 7, (Some(&folder), true), 99);
        assert!(matches!(other, Err(TuneError::Other(_))));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn paintings_that_show_nothing_are_refused() {
        let small = Image::from_fn(20, 200, |x, y| [x as u8, y as u8, 0]);
        assert!(matches!(run(&small, 2, (None, false), 9), Err(TuneError::Small { width: 20, .. })));
        let blank = Image::from_fn(200, 200, |_, _| [7; 3]);
        assert!(matches!(run(&blank, 2, (None, false), 9), Err(TuneError::Blank)));
    }
}
