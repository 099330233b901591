//! One painting, its own network: an any-style model trained on for one painting alone, or for several by one hand.
//!
//! The painter and the style encoder go on learning with the painting as their only one. What the painter has learned beyond the model is
//! kept as an [`Update`]: of each convolution's change the nearest product of two thin matrices (truncated
//! singular value decomposition), everything else whole. [`tune`] is a whole run, kept in a folder; a [`Tuner`] goes step by step.

mod course;
mod held_out;
mod low_rank;
mod tuner;

pub use tuner::{Go, Tuner, check};

use crate::checkpoint::{Checkpoint, CheckpointError, RunLock};
use crate::data::Library;
use crate::learner::{LearnerError, Recipe, StepReport};
use crate::loss_network::LossNetwork;
use course::Course;
use held_out::HELD_OUT;
use impasto_core::style::Update;
use impasto_core::{Image, Model};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Averages of the weights forget this much in a step, once there have been many.
const AVERAGE: f32 = 0.98;
/// Least side of a painting, px: strokes are not seen in fewer.
pub const LEAST_PAINTING_PX: usize = 64;
/// Fewer photos than this hold none out: all are learned from, and drawn scenes are measured.
const LEAST_TO_HOLD_OUT: usize = 12;

/// The length of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// So many steps.
    Steps(u64),
    /// So many steps, or fewer once the held-out figure is flat.
    AtMost(u64),
    /// As many steps as this machine does in about so many seconds, or fewer once the held-out figure is flat.
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
            recipe: Recipe {
                ssim: 0.02,
                instance_content: 0.08,
                rate: 1.6e-3,
                average: AVERAGE,
                ..Recipe::default()
            },
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
    /// Nothing to paint like.
    #[error("there is no painting to tune to; name a picture, or a folder of pictures by one hand")]
    NoPainting,
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
    #[error(
        "the painting is of one colour everywhere, so there are no strokes to learn; take another picture"
    )]
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
    /// The held-out figure, where it was taken after this step: the part of the way from photo to painting that is left.
    pub left: Option<f32>,
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
    /// Whether it ended because the held-out figure was flat.
    pub flat: bool,
}

/// Tunes `model` to `paintings`. With a `folder`, the run is saved there, and goes on from what it finds there if `resume`. After each step
/// `on_step` says whether to go on.
///
/// # Errors
/// If a painting shows nothing, the folder cannot be used, or the model cannot be trained.
pub fn tune(
    model: &Arc<Model>,
    judge: &LossNetwork,
    paintings: &[Image],
    mut photos: Library,
    config: &TuneConfig,
    (folder, resume): (Option<&Path>, bool),
    on_step: &mut dyn FnMut(&Tuner, &TuneReport) -> Go,
) -> Result<Tuned, TuneError> {
    paintings.iter().try_for_each(check)?;
    let held_out = if photos.len() < LEAST_TO_HOLD_OUT { vec![] } else { photos.hold_out(HELD_OUT) };
    let mut tuner = Tuner::new(model.clone(), judge, paintings, &held_out, config.clone())?;
    let kept = folder.map(|folder| Kept::open(folder, resume, &mut tuner)).transpose()?;
    let mut saved = Instant::now();
    tuner.go(&Arc::new(photos), &mut |tuner, report| {
        let go = on_step(tuner, report);
        if let Some(kept) = &kept
            && (go == Go::Stop || saved.elapsed().as_secs() >= config.checkpoint_secs)
        {
            kept.save(tuner)?;
            saved = Instant::now();
        }
        Ok(go)
    })?;
    tuner.tuned(config.rank)
}

/// A run's folder.
struct Kept {
    folder: PathBuf,
    /// Everything that distinguishes this run from others.
    settings: String,
    _lock: RunLock,
}

impl Kept {
    /// Takes the folder, and takes up the run in it if `resume`.
    fn open(folder: &Path, resume: bool, tuner: &mut Tuner) -> Result<Self, TuneError> {
        let found = if resume { Some(Checkpoint::load(folder)?) } else { None };
        let shown = folder.display().to_string();
        if !resume && Checkpoint::path(folder).exists() {
            return Err(TuneError::Exists(shown));
        }
        std::fs::create_dir_all(folder).map_err(|source| TuneError::Save { path: shown.clone(), source })?;
        let lock = RunLock::take(folder)?;
        let settings = tuner.settings();
        if let Some(found) = found {
            let other = || TuneError::Other(shown.clone());
            let (own, course) = found.settings.split_once('\n').ok_or_else(other)?;
            let course: Course = serde_json::from_str(course).map_err(|_| other())?;
            if own != settings || found.state.values.len() != tuner.state().values.len() {
                return Err(other());
            }
            tuner.restore(course, found.state);
        }
        Ok(Self { folder: folder.into(), settings, _lock: lock })
    }

    fn save(&self, tuner: &Tuner) -> Result<(), TuneError> {
        let course = serde_json::to_string(&tuner.course).expect("plain data");
        let settings = format!("{}\n{course}", self.settings);
        let checkpoint = Checkpoint { step: tuner.course.step, settings, state: tuner.state() };
        let path = Checkpoint::path(&self.folder).display().to_string();
        checkpoint.save(&self.folder).map_err(|source| TuneError::Save { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::drawn;
    use impasto_core::Random;
    use impasto_core::Weights;
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
        let judge = LossNetwork::random(1);
        let mut on_step =
            |_: &Tuner, report: &TuneReport| if report.step >= stop_at { Go::Stop } else { Go::On };
        tune(
            &Arc::new(model()),
            &judge,
            std::slice::from_ref(painting),
            photos(),
            &config,
            place,
            &mut on_step,
        )
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
        let other = run(&drawn::paintings(1)[0], 5, (Some(&folder), true), 99);
        assert!(matches!(other, Err(TuneError::Other(_))), "another painting is another run");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn several_paintings_give_one_style_between_theirs() {
        let both = drawn::paintings(2);
        let config = TuneConfig { length: Length::Steps(1), threads: 1, ..TuneConfig::default() };
        let (model, judge) = (Arc::new(model()), LossNetwork::random(1));
        let vector = |paintings: &[Image]| {
            let tuner = Tuner::new(model.clone(), &judge, paintings, &[], config.clone()).unwrap();
            tuner.tuned(0).unwrap().vector
        };
        let (one, other, mean) = (vector(&both[..1]), vector(&both[1..]), vector(&both));
        assert!(one != other);
        for (i, mean) in mean.iter().enumerate() {
            assert!((mean - 0.5 * (one[i] + other[i])).abs() < 1e-5);
        }
        assert!(matches!(Tuner::new(model, &judge, &[], &[], config), Err(TuneError::NoPainting)));
    }

    #[test]
    fn the_figure_falls_while_it_learns() {
        let config = TuneConfig { length: Length::Steps(40), threads: 1, ..TuneConfig::default() };
        let judge = LossNetwork::random(1);
        let painting = drawn::paintings(3)[2].clone();
        let mut tuner = Tuner::new(Arc::new(model()), &judge, &[painting], &[], config).unwrap();
        tuner.go(&Arc::new(photos()), &mut |_, _| Ok(Go::On)).unwrap();
        let figures = tuner.figures();
        assert!(figures.len() == 2 && figures[1] < figures[0] && figures[1] > 0.0, "{figures:?}");
        assert!(tuner.is_done() && tuner.part() == 1.0);
    }

    #[test]
    fn paintings_that_show_nothing_are_refused() {
        let small = Image::from_fn(20, 200, |x, y| [x as u8, y as u8, 0]);
        assert!(matches!(run(&small, 2, (None, false), 9), Err(TuneError::Small { width: 20, .. })));
        let blank = Image::from_fn(200, 200, |_, _| [7; 3]);
        assert!(matches!(run(&blank, 2, (None, false), 9), Err(TuneError::Blank)));
    }
}
