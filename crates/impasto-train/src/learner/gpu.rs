//! The learner on GPUs of any make, on our own kernels in WGSL: the same tables, losses, recipe and state as the learner on the CPU.
//!
//! ```text
//! device      an adapter, opened
//! kernel      our kernels, and the Rust that launches each (the texts are in kernel/)
//! room        batches of maps on the device
//! fields      the noise fields under a batch
//! table       a network's table with its weights
//! tape        a table at one size: launches forward and back, made once
//! judge       the loss network: what is asked of photos, paintings and pastiches
//! light       the passes that train the light network
//! classic     the passes that train the classic decoder
//! pictures    losses over the pastiches themselves
//! host_losses losses that few recipes ask for, on the CPU
//! loss_slots  partial losses, a slot for each workgroup
//! work        what is handed in, and what comes back
//! ```
//!
//! The device gives losses and gradients, and nothing else: clipping, Adam and the averaged weights are the host's own, so that a run
//! can move between this learner and the other at any checkpoint. The groups of a batch go through the networks together, one style of
//! each at a time.

mod classic;
mod device;
mod fields;
mod host_losses;
mod judge;
mod kernel;
mod light;
mod loss_slots;
mod overlaps;
mod pictures;
mod room;
mod table;
mod tape;
mod views;
mod work;

pub use device::GpuDevice;

use super::looks::Memo;
use super::pass::LearnerError;
use super::values::Values;
use super::{Group, Learner, LearnerState, Recipe, StepReport};
use crate::loss_network::LossNetwork;
use crate::optimiser::norm;
use classic::Classic;
use impasto_core::{EngineError, Network, Shape, Weights};
use impasto_gpu::compute::Gpu;
use impasto_gpu::compute::wgpu::Buffer;
use judge::{Kinds, Referee};
use kernel::{WEIGHTS, Weight};
use light::Light;
use room::floats;
use table::{Table, TableFault};
use work::Work;

/// The device's words about a failure.
#[derive(Debug)]
struct Fault(String);

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        Self(error.to_string())
    }
}

/// Trains the light network, or the classic one's decoder.
pub struct GpuLearner {
    device: GpuDevice,
    tables: Vec<Table>,
    gradients: Gradients,
    referee: Referee,
    /// For each size of batch that was met; a run has one or two.
    stages: Vec<(Sizes, Kinds, Stage)>,
    values: Values,
    failure: Option<String>,
}

/// The flat vectors of gradients, by table.
struct Gradients(Vec<Buffer>);

/// The passes over batches of one size.
enum Stage {
    Light(Box<Light>),
    Classic(Box<Classic>),
}

/// Sides of the pictures of a batch, px.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sizes {
    samples: usize,
    photo: usize,
    view: usize,
    painting: Shape,
    styles: usize,
}

impl Sizes {
    fn of(group: &Group) -> Self {
        Self {
            samples: 1,
            photo: group.content.shape().height,
            view: group.view.side,
            painting: group.styles[0].picture.shape(),
            styles: group.styles.len(),
        }
    }
}

/// Weights of losses in the batch's mean.
#[derive(Clone, Copy)]
struct Share<'a> {
    recipe: &'a Recipe,
    /// Photos of the whole batch, and styles of each.
    groups: usize,
    styles: usize,
}

impl Share<'_> {
    /// The part of one pastiche.
    fn style(&self) -> f32 {
        1.0 / (self.groups * self.styles) as f32
    }

    /// The part of one photo.
    fn group(&self) -> f32 {
        1.0 / self.groups as f32
    }
}

fn recipe_buffer(gpu: &Gpu) -> Result<Buffer, Fault> {
    floats(gpu, WEIGHTS)
}

/// Factors of gradients in kernels: the recipe's weights, each with its part of the batch's mean.
fn write_recipe(gpu: &Gpu, buffer: &Buffer, share: Share) {
    let Recipe { content, style, ssim, identity, noise, range, gain_limit, .. } = *share.recipe;
    let mut weights = [0.0f32; WEIGHTS];
    for (weight, value) in [
        (Weight::Content, content * share.style()),
        (Weight::Style, style * share.style()),
        (Weight::Ssim, ssim * share.style()),
        (Weight::Range, range * share.style()),
        (Weight::Identity, identity * share.group()),
        (Weight::Noise, noise * share.group()),
        (Weight::GainLimit, gain_limit),
    ] {
        weights[weight as usize] = value;
    }
    gpu.queue.write_buffer(buffer, 0, bytemuck::cast_slice(&weights));
}

impl GpuLearner {
    /// Trains a painter and its style encoder together, from `weights`, which hold those of both tables.
    ///
    /// # Errors
    /// When a table cannot be trained, weights do not fit, or the device fails.
    pub fn light(
        device: GpuDevice,
        painter: &Network,
        encoder: &Network,
        weights: &Weights,
        loss: &LossNetwork,
    ) -> Result<Self, LearnerError> {
        Self::new(device, &[painter, encoder], weights, loss)
    }

    /// Trains a decoder that takes the loss network's deepest features.
    ///
    /// # Errors
    /// As [`Self::light`].
    pub fn classic(
        device: GpuDevice,
        decoder: &Network,
        weights: &Weights,
        loss: &LossNetwork,
    ) -> Result<Self, LearnerError> {
        Self::new(device, &[decoder], weights, loss)
    }

    fn new(
        device: GpuDevice,
        networks: &[&Network],
        weights: &Weights,
        loss: &LossNetwork,
    ) -> Result<Self, LearnerError> {
        let gpu = device.gpu();
        let failed = |Fault(cause): Fault| LearnerError::Gpu(cause);
        let table = |network: &Network, weights: &Weights| {
            Table::new(gpu, network, weights).map_err(|fault| match fault {
                TableFault::Learner(error) => error,
                TableFault::Device(fault) => failed(fault),
            })
        };
        let tables: Vec<Table> =
            networks.iter().map(|network| table(network, weights)).collect::<Result<_, _>>()?;
        let judge = table(&loss.network, &loss.weights)?;
        let mut work = Work::new(gpu);
        work.run(judge.upload(gpu, &judge.parameters.values));
        work.submit();
        let gradients = tables.iter().map(|table| floats(gpu, table.parameters.values.len()));
        let gradients = Gradients(gradients.collect::<Result<_, _>>().map_err(failed)?);
        let referee = Referee { table: judge, layers: loss.looks, memo: Memo::default() };
        let values = Values::new(tables.iter().flat_map(|t| t.parameters.values.clone()).collect());
        Ok(Self { device, tables, gradients, referee, stages: vec![], values, failure: None })
    }

    /// Each table with its part of `values`.
    fn parts<'a>(&'a self, mut values: &'a [f32]) -> Vec<(&'a Table, &'a [f32])> {
        let one = |table: &'a Table| {
            let (own, rest) = values.split_at(table.parameters.values.len());
            values = rest;
            (table, own)
        };
        self.tables.iter().map(one).collect()
    }

    /// The losses over a batch, and their gradient to all values.
    fn look(&mut self, batch: &[Group], recipe: &Recipe) -> Result<(StepReport, Vec<f32>), Fault> {
        let missing = recipe.missing_on_gpu();
        if !missing.is_empty() {
            return Err(Fault(format!("it cannot compute {}", missing.join(", "))));
        }
        let device = self.device.clone();
        let gpu = device.gpu();
        let mut work = Work::new(gpu);
        for (table, own) in self.parts(&self.values.current) {
            work.run(table.upload(gpu, own));
        }
        self.gradients.0.iter().for_each(|flat| work.clear(flat));
        work.submit();
        let mut report = StepReport::default();
        for (sizes, groups) in alike(batch) {
            let share = Share { recipe, groups: batch.len(), styles: sizes.styles };
            let at = self.stage(gpu, sizes, recipe)?;
            let told = match &mut self.stages[at].2 {
                Stage::Light(light) => light.passes(gpu, &self.referee, &groups, share)?,
                Stage::Classic(classic) => classic.passes(gpu, &self.referee, &groups, share)?,
            };
            report.add(&told, 1.0);
        }
        let flat = self.gradients.0.iter().zip(&self.tables);
        let flat: Vec<_> = flat.map(|(buffer, table)| (buffer, table.parameters.values.len())).collect();
        let gradient = Work::new(gpu).read(&flat)?.concat();
        gpu.check()?;
        report.gradient_norm = norm(&gradient);
        Ok((report, gradient))
    }

    /// The passes over batches of a size, made when first asked for.
    fn stage(&mut self, gpu: &Gpu, sizes: Sizes, recipe: &Recipe) -> Result<usize, Fault> {
        let kinds = Kinds::of(recipe);
        if let Some(at) = self.stages.iter().position(|(s, k, _)| (*s, *k) == (sizes, kinds)) {
            return Ok(at);
        }
        let (referee, gradients, size) = (&self.referee, &self.gradients, (sizes, kinds));
        let stage = match self.tables.as_slice() {
            [painter, encoder] => {
                Stage::Light(Box::new(Light::new(gpu, [painter, encoder], referee, gradients, size)?))
            }
            tables => Stage::Classic(Box::new(Classic::new(gpu, &tables[0], referee, gradients, size)?)),
        };
        self.stages.push((sizes, kinds, stage));
        Ok(self.stages.len() - 1)
    }
}

/// Groups that can go through the networks together: of the same sizes, with as many styles. The trainer's batches are one such set.
fn alike(batch: &[Group]) -> Vec<(Sizes, Vec<&Group>)> {
    let mut sets: Vec<(Sizes, Vec<&Group>)> = Vec::new();
    for group in batch {
        let sizes = Sizes::of(group);
        match sets.iter_mut().find(|(known, _)| *known == sizes) {
            Some((_, set)) => set.push(group),
            None => sets.push((sizes, vec![group])),
        }
    }
    sets.iter_mut().for_each(|(sizes, groups)| sizes.samples = groups.len());
    sets
}

impl Learner for GpuLearner {
    /// As the contract says; a device that fails changes nothing and is told by [`Learner::failure`].
    ///
    /// # Panics
    /// If photos are not square, or the paintings of a group not of one size, as the trainer's are.
    fn step(&mut self, batch: &[Group], recipe: &Recipe) -> StepReport {
        match self.look(batch, recipe) {
            Ok((report, gradient)) => {
                if report.is_finite() {
                    self.values.step(gradient, report.gradient_norm, recipe);
                }
                report
            }
            Err(Fault(cause)) => {
                self.failure = Some(format!("{} failed: {cause}", self.device.name()));
                StepReport { gradient_norm: f32::NAN, ..StepReport::default() }
            }
        }
    }

    fn state(&self) -> LearnerState {
        self.values.state()
    }

    fn restore(&mut self, state: LearnerState) {
        self.values.restore(state);
    }

    fn weights(&self) -> Weights {
        let mut weights = Weights::new();
        for (table, own) in self.parts(&self.values.averaged) {
            weights.extend(table.parameters.to_weights(own));
        }
        weights
    }

    fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}
