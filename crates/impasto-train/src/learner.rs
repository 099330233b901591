//! A learner does one step: it owns the weights, the optimiser's state and the loss network.
//!
//! The trainer hands it [`Group`]s of pictures and a [`Recipe`]; [`cpu::CpuLearner`] is the learner on our own kernels, and with the feature
//! `gpu` there is one on GPUs of any make.

pub mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
mod group;
mod looks;
pub(crate) mod pass;
mod recipe;
pub(crate) mod values;

pub use group::{Group, StylePicture, Twin, View};
pub use pass::LearnerError;
pub use recipe::{ContentKind, LOSSES, Loss, OnGpu, Recipe, Stage, StepReport, StyleKind};

use impasto_core::Weights;

/// Everything that a step changes, to be written to a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnerState {
    /// The weights.
    pub values: Vec<f32>,
    /// Their average over time.
    pub averaged: Vec<f32>,
    /// Adam's first moments.
    pub first: Vec<f32>,
    /// Adam's second moments.
    pub second: Vec<f32>,
    /// Adam's steps.
    pub steps: u64,
}

/// Does steps.
pub trait Learner {
    /// One step over a batch. Without a loss of [`Stage::Judge`] in the recipe the loss
    /// network is not asked at all. A step whose
    /// losses or gradients are not finite changes nothing, and its report shows them.
    fn step(&mut self, batch: &[Group], recipe: &Recipe) -> StepReport;

    /// State for a checkpoint.
    fn state(&self) -> LearnerState;

    /// Goes on from a checkpoint.
    ///
    /// # Panics
    /// If it is of another length.
    fn restore(&mut self, state: LearnerState);

    /// The averaged weights, named.
    fn weights(&self) -> Weights;

    /// Why no step can be done any more, once the device has failed. Its [`Self::state`] is that before the step that failed.
    fn failure(&self) -> Option<&str> {
        None
    }
}
