//! The learner on GPUs of any make, by burn's wgpu backend: the same tables, losses, recipe and state as the learner on the CPU.
//!
//! burn gives losses and gradients, and nothing else: clipping, Adam and the averaged weights are the host's own [`Values`], so that a run
//! can move between this learner and the other at any checkpoint. The groups of a batch go through the networks together, one style of
//! each at a time.

mod classic;
mod device;
mod judge;
mod leaves;
mod light;
mod losses;
mod sums;
mod walk;

pub use device::{GpuDevice, OpenError};

use super::pass::LearnerError;
use super::values::Values;
use super::{Group, Learner, LearnerState, Recipe, StepReport, View};
use crate::loss_network::LossNetwork;
use crate::optimiser::norm;
use burn::tensor::{Device, Tensor, TensorData};
use classic::Classic;
use impasto_core::{Network, Tensor as Picture, Weights};
use judge::{Referee, Verdict};
use leaves::{Leaves, Table};
use light::Light;
use std::panic::{AssertUnwindSafe, catch_unwind};
use sums::{Losses, Sums, one_line};

/// Trains the light network, or the classic one's decoder.
pub struct GpuLearner {
    device: GpuDevice,
    tables: Vec<Table>,
    referee: Referee,
    task: Task,
    values: Values,
    failure: Option<String>,
}

/// What is painted with the tables.
#[derive(Clone, Copy)]
enum Task {
    Light(Light),
    Classic(Classic),
}

impl GpuLearner {
    /// Trains a painter and its style encoder together, from `weights`, which hold those of both tables.
    pub fn light(
        device: GpuDevice,
        painter: &Network,
        encoder: &Network,
        weights: &Weights,
        loss: &LossNetwork,
    ) -> Result<Self, LearnerError> {
        Self::new(device, &[painter, encoder], weights, loss, Task::Light(Light))
    }

    /// Trains a decoder that takes the loss network's deepest features.
    pub fn classic(
        device: GpuDevice,
        decoder: &Network,
        weights: &Weights,
        loss: &LossNetwork,
    ) -> Result<Self, LearnerError> {
        Self::new(device, &[decoder], weights, loss, Task::Classic(Classic))
    }

    fn new(
        device: GpuDevice,
        networks: &[&Network],
        weights: &Weights,
        loss: &LossNetwork,
        task: Task,
    ) -> Result<Self, LearnerError> {
        let tables: Vec<Table> =
            networks.iter().map(|network| Table::new(network, weights)).collect::<Result<_, _>>()?;
        let referee = Referee::new(device.inner(), loss)?;
        let values = Values::new(tables.iter().flat_map(|t| t.parameters.values.clone()).collect());
        Ok(Self { device, tables, referee, task, values, failure: None })
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
    ///
    /// # Errors
    /// The device's words if it failed.
    fn look(&self, batch: &[Group], recipe: &Recipe) -> Result<(StepReport, Vec<f32>), String> {
        let parts = self.parts(&self.values.current);
        let learned = |(table, own)| Leaves::learned(table, own, self.device.inner());
        let leaves: Vec<Leaves> = parts.into_iter().map(learned).collect();
        let mut sums = Sums::new(recipe, &leaves, self.device.inner());
        for groups in alike(batch) {
            let (tables, device) = (self.tables.as_slice(), self.device.inner());
            let room = Room { tables, leaves: &leaves, referee: &self.referee, recipe, device };
            let share = Share::new(batch.len(), groups[0].styles.len());
            match self.task {
                Task::Light(light) => light.passes(&room, &groups, share, &mut sums)?,
                Task::Classic(classic) => classic.passes(&room, &groups, share, &mut sums)?,
            }
        }
        let (mut report, gradient) = sums.read()?;
        report.gradient_norm = norm(&gradient);
        Ok((report, gradient))
    }
}

/// What a pass works with.
struct Room<'a> {
    tables: &'a [Table],
    leaves: &'a [Leaves],
    referee: &'a Referee,
    recipe: &'a Recipe,
    device: &'a Device,
}

/// How much each loss of one painting counts in the batch's mean.
#[derive(Clone, Copy)]
struct Share {
    /// `1 / (groups * styles)`.
    style: f32,
    /// `1 / groups`.
    group: f32,
}

impl Share {
    fn new(groups: usize, styles: usize) -> Self {
        Self { style: 1.0 / (groups * styles) as f32, group: 1.0 / groups as f32 }
    }
}

/// Groups that can go through the networks together: of the same sizes, with as many styles. The trainer's batches are one such set.
fn alike(batch: &[Group]) -> Vec<Vec<&Group>> {
    let key = |group: &Group| {
        let styles: Vec<_> = group.styles.iter().map(|s| s.picture.shape()).collect();
        (group.content.shape(), group.twin.picture.shape(), group.view.side, styles)
    };
    let mut sets: Vec<Vec<&Group>> = Vec::new();
    for group in batch {
        match sets.iter_mut().find(|set| key(set[0]) == key(group)) {
            Some(set) => set.push(group),
            None => sets.push(vec![group]),
        }
    }
    sets
}

/// Pictures of one shape, `[samples, channels, height, width]`.
fn stacked<'a>(pictures: impl Iterator<Item = &'a Picture>, device: &Device) -> Tensor<4> {
    let (mut values, mut count, mut shape) = (Vec::new(), 0, None);
    for picture in pictures {
        values.extend_from_slice(picture.data());
        (count, shape) = (count + 1, Some(picture.shape()));
    }
    let shape = shape.expect("a batch has pictures");
    Tensor::from_data(TensorData::new(values, [count, shape.channels, shape.height, shape.width]), device)
}

/// Each sample's view.
fn windows(pictures: &Tensor<4>, views: &[View]) -> Tensor<4> {
    let [_, _, height, width] = pictures.dims();
    if views.iter().all(|view| view.at == (0, 0) && view.side == height && view.side == width) {
        return pictures.clone();
    }
    let one = |(n, View { at: (x, y), side }): (usize, &View)| {
        pictures.clone().narrow(0, n, 1).narrow(2, *y, *side).narrow(3, *x, *side)
    };
    Tensor::cat(views.iter().enumerate().map(one).collect(), 0)
}

/// What the loss network said, and the losses over the pastiches themselves: range, structure, lines, total variation.
fn picture_losses(
    pastiches: &Tensor<4>,
    photos: &Tensor<4>,
    verdict: Verdict,
    recipe: &Recipe,
    share: Share,
) -> Losses {
    let (y, x) = (|| pastiches.clone(), || photos.clone());
    let asked = |weight: f32, loss: &dyn Fn() -> Tensor<1>| (weight > 0.0).then(|| loss() * share.style);
    Losses {
        content: Some(verdict.content * share.style),
        style: Some(verdict.style * share.style),
        coherence: verdict.coherence.map(|coherence| coherence * share.style),
        range: Some(losses::range(y()) * share.style),
        ssim: asked(recipe.ssim, &|| losses::ssim_loss(y(), x())),
        laplacian: asked(recipe.laplacian, &|| losses::laplacian(y(), x())),
        total_variation: asked(recipe.total_variation, &|| losses::total_variation(y())),
        ..Losses::default()
    }
}

impl Learner for GpuLearner {
    /// As the contract says; a device that fails changes nothing and is told by [`Learner::failure`].
    fn step(&mut self, batch: &[Group], recipe: &Recipe) -> StepReport {
        // burn tells some failures of a device by a panic.
        let looked = catch_unwind(AssertUnwindSafe(|| self.look(batch, recipe)));
        match looked.map_err(|panic| words(&*panic)).and_then(|looked| looked) {
            Ok((report, gradient)) => {
                if report.is_finite() {
                    self.values.step(gradient, &report, recipe);
                }
                report
            }
            Err(cause) => {
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

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    one_line(text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it gave no reason"))
}
