//! A run, step by step: for callers that change its photos on the way, or look at it while it goes.

use super::course::Course;
use super::held_out::{HELD_OUT, HeldOut, SIDE_PX};
use super::low_rank::factors;
use super::{LEAST_PAINTING_PX, TuneConfig, TuneError, TuneReport, Tuned};
use crate::data::{Library, Loader, Sampling, Source, centre_square, drawn};
use crate::learner::cpu::CpuLearner;
use crate::learner::{Learner, LearnerError, LearnerState};
use crate::loss_network::LossNetwork;
use crate::walk::{Fast, Packed, Parameters, Program, Tape};
use impasto_core::style::Update;
use impasto_core::weights::Weight;
use impasto_core::{Image, Model, Network, Tensor, Weights};
use std::sync::Arc;
use std::time::Instant;

/// Photos whose statistics are judged together.
const PHOTOS_PER_POOL: usize = 4;
/// Pools of a step, at most.
const MOST_POOLS: usize = 4;

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Go {
    /// It does.
    On,
    /// It ends after this step.
    Stop,
}

/// A painter that is being tuned to one painting, or to several by one hand.
pub struct Tuner {
    pub(super) config: TuneConfig,
    model: Arc<Model>,
    learner: Box<dyn Learner + Send>,
    /// As they are encoded.
    squares: Vec<Tensor>,
    paintings: Arc<Library>,
    held_out: HeldOut,
    pub(super) course: Course,
}

impl Tuner {
    /// A run from the start. `held_out` are photos that it is measured on and must not learn from; where there are too few, scenes that the
    /// program draws take their place.
    ///
    /// # Errors
    /// If a painting shows nothing, or the model cannot be trained.
    pub fn new(
        model: Arc<Model>,
        judge: &LossNetwork,
        paintings: &[Image],
        held_out: &[Arc<Image>],
        config: TuneConfig,
    ) -> Result<Self, TuneError> {
        if paintings.is_empty() {
            return Err(TuneError::NoPainting);
        }
        paintings.iter().try_for_each(check)?;
        let learner = learner(&model, judge, config.threads)?;
        let squares: Vec<Tensor> = paintings
            .iter()
            .map(|painting| centre_square(painting, painting_px(&config, painting)))
            .collect();
        let mut photos: Vec<Tensor> =
            held_out.iter().take(HELD_OUT).map(|photo| centre_square(photo, SIDE_PX)).collect();
        let missing = HELD_OUT - photos.len();
        photos.extend(
            drawn::photos(2 * HELD_OUT)[HELD_OUT..].iter().take(missing).map(|p| centre_square(p, SIDE_PX)),
        );
        let held_out = HeldOut::new(&model, judge, photos, &squares)?;
        let paintings = Arc::new(Library::of_images(paintings.to_vec()));
        let course = Course::new(config.length);
        Ok(Self { config, model, learner, squares, paintings, held_out, course })
    }

    /// Learns on `photos` until the run is done or `on_step` says to stop.
    ///
    /// # Errors
    /// If there is no photo, or the steps go astray.
    pub fn go(
        &mut self,
        photos: &Arc<Library>,
        on_step: &mut dyn FnMut(&Self, &TuneReport) -> Result<Go, TuneError>,
    ) -> Result<(), TuneError> {
        if photos.is_empty() {
            return Err(TuneError::NoPhoto);
        }
        let groups = PHOTOS_PER_POOL * self.config.threads.clamp(1, MOST_POOLS);
        let source = self.source(photos);
        let mut loader = Loader::start(&source, self.course.step * groups as u64, groups, 1);
        let (begun, first) = (Instant::now(), self.course.step);
        while !self.course.is_done() {
            let batch = loader.next_batch().expect("a thread that only cuts pictures does not end");
            let losses = self.learner.step(&batch, &self.course.recipe(&self.config));
            if !losses.is_finite() {
                return Err(TuneError::NotFinite(self.course.step));
            }
            let done = self.course.step + 1 - first;
            self.course.stepped(self.config.length, begun.elapsed(), done);
            let left = self.figure()?;
            let (step, steps) = (self.course.step, self.course.steps);
            if on_step(self, &TuneReport { step, steps, losses, left })? == Go::Stop {
                break;
            }
        }
        Ok(())
    }

    /// The held-out figure, where one is due.
    fn figure(&mut self) -> Result<Option<f32>, TuneError> {
        if !self.course.wants_figure() {
            return Ok(None);
        }
        let weights = self.learner.weights();
        let vector = self.vector(&weights)?;
        let left = self.held_out.left(&weights, &vector)?;
        self.course.figure(self.config.length, left);
        Ok(Some(left))
    }

    fn source(&self, photos: &Arc<Library>) -> Source {
        let side = self.squares.iter().map(|square| square.shape().height).min();
        let sampling = Sampling {
            seed: self.config.seed,
            photo_px: 192,
            painting_px: side.expect("there is a painting"),
            styles: 1,
            photos_per_painting: PHOTOS_PER_POOL,
            photo_scale: [0.4, 0.95],
            painting_scale: [0.9, 1.0],
            variants: 4,
            colour: 0.0,
            motion_px: 0,
            jitter_px: 8,
        };
        Source { photos: photos.clone(), paintings: self.paintings.clone(), sampling }
    }

    /// The style learned so far, the update's factors of that rank; 0 keeps it whole, which is quick.
    ///
    /// # Errors
    /// If the encoder cannot be walked.
    pub fn tuned(&self, rank: usize) -> Result<Tuned, TuneError> {
        let weights = self.learner.weights();
        let vector = self.vector(&weights)?;
        let update = update(&self.model.painter, &self.model.weights, &weights, rank);
        let Course { step: steps, .. } = self.course;
        let stopped = !self.course.is_done();
        Ok(Tuned { vector, update, steps, stopped, flat: self.course.is_flat() })
    }

    /// Whether all steps are done.
    pub fn is_done(&self) -> bool {
        self.course.is_done()
    }

    /// The part of the way that is done, `0..1`.
    pub fn part(&self) -> f32 {
        self.course.part()
    }

    /// Held-out figures so far, one every 20 steps: the part of the way from photo to painting that is left.
    pub fn figures(&self) -> &[f32] {
        &self.course.figures
    }

    /// Tells this run from others: the model, the paintings and the settings.
    pub(super) fn settings(&self) -> String {
        let mut sum = 0xCBF2_9CE4_8422_2325u64;
        let values = self.squares.iter().flat_map(|square| square.data());
        values.for_each(|v| sum = (sum ^ u64::from(v.to_bits())).wrapping_mul(0x100_0000_01B3));
        let paintings = format!("{sum:016x}");
        serde_json::json!({ "model": self.model.id(), "paintings": paintings, "config": self.config })
            .to_string()
    }

    pub(super) fn state(&self) -> LearnerState {
        self.learner.state()
    }

    pub(super) fn restore(&mut self, course: Course, state: LearnerState) {
        self.course = course;
        self.learner.restore(state);
    }

    /// The mean of the encoder's answers to the paintings.
    fn vector(&self, weights: &Weights) -> Result<Vec<f32>, LearnerError> {
        let program = Program::new(&self.model.encoder)?;
        let parameters = Parameters::from_weights(&program, weights)?;
        let kernels = Fast::new()?;
        let packed = Packed::new(kernels, &parameters, &parameters.values);
        let mut mean: Vec<f32> = vec![];
        for square in &self.squares {
            let (height, width) = (square.shape().height, square.shape().width);
            let mut tape: Tape<Fast> = Tape::new(kernels, &program, height, width)?;
            tape.run(&program, &packed, square, &[]);
            let own = tape.output().vector();
            mean.resize(own.len(), 0.0);
            mean.iter_mut().zip(own).for_each(|(m, v)| *m += v / self.squares.len() as f32);
        }
        Ok(mean)
    }
}

/// On this machine's fastest kernels.
fn learner(
    model: &Model,
    judge: &LossNetwork,
    threads: usize,
) -> Result<Box<dyn Learner + Send>, LearnerError> {
    let (painter, encoder, weights) = (&model.painter, &model.encoder, &model.weights);
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if let Some(tiles) = crate::walk::Tiles::detect() {
        return Ok(Box::new(CpuLearner::new(tiles, painter, encoder, weights, judge, threads)?));
    }
    Ok(Box::new(CpuLearner::new(Fast::new()?, painter, encoder, weights, judge, threads)?))
}

/// Refuses a painting that shows no strokes.
///
/// # Errors
/// Says why.
pub fn check(painting: &Image) -> Result<(), TuneError> {
    let (width, height) = (painting.width(), painting.height());
    if width.min(height) < LEAST_PAINTING_PX {
        return Err(TuneError::Small { width, height });
    }
    if painting.rgb().as_chunks::<3>().0.iter().all(|pixel| *pixel == painting.pixel(0, 0)) {
        return Err(TuneError::Blank);
    }
    Ok(())
}

fn painting_px(config: &TuneConfig, painting: &Image) -> usize {
    config.painting_px.min(painting.width()).min(painting.height())
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
