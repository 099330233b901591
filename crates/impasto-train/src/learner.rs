//! A learner does one step: it owns the weights, the optimiser's state and the loss network.
//!
//! The trainer hands it [`Group`]s of pictures and a [`Recipe`]; [`cpu::CpuLearner`] is the learner on our own kernels.

pub mod cpu;
mod group;
mod pass;

pub use group::{Group, StylePicture, Twin, View};
pub use pass::LearnerError;

use impasto_core::Weights;
use serde::{Deserialize, Serialize};

/// Weights of the losses, and the step's size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Content: MSE of relu4_1 to the AdaIN target.
    pub content: f32,
    /// Style: mean and deviation at four layers.
    pub style: f32,
    /// Structural similarity of luma to the photo.
    pub ssim: f32,
    /// L1 to the photo, painted in its own style.
    pub identity: f32,
    /// L1 between the pastiches of a photo and of its twin, which is moved and noisy, where they show the same.
    pub noise: f32,
    /// Deviation of that noise, in `0..1`.
    pub noise_sigma: f32,
    /// Keeps the pastiche in `0..1`.
    pub range: f32,
    /// Total variation.
    pub total_variation: f32,
    /// Limit of the AdaIN target's gain.
    pub gain_limit: f32,
    /// Adam's rate.
    pub rate: f32,
    /// Limit of the gradient's length.
    pub clip: f32,
    /// How much of the averaged weights is kept each step.
    pub average: f32,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            content: 1.0,
            style: 3.0,
            ssim: 2.0,
            identity: 10.0,
            noise: 5.0,
            noise_sigma: 0.012,
            range: 10.0,
            total_variation: 0.0,
            gain_limit: 5.0,
            rate: 1.5e-3,
            clip: 10.0,
            average: 0.998,
        }
    }
}

/// What a step saw; losses are unweighted means over the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Content loss.
    pub content: f32,
    /// Style loss.
    pub style: f32,
    /// `1 - SSIM`.
    pub ssim: f32,
    /// Identity L1, `0..1`.
    pub identity: f32,
    /// Noise L1, `0..1`.
    pub noise: f32,
    /// Range loss.
    pub range: f32,
    /// Length of the gradient before clipping.
    pub gradient_norm: f32,
}

impl StepReport {
    /// Adds `part` of `other`'s losses.
    pub fn add(&mut self, other: &Self, part: f32) {
        self.content += part * other.content;
        self.style += part * other.style;
        self.ssim += part * other.ssim;
        self.identity += part * other.identity;
        self.noise += part * other.noise;
        self.range += part * other.range;
        self.gradient_norm += part * other.gradient_norm;
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        let Self { content, style, ssim, identity, noise, range, gradient_norm } = *self;
        [content, style, ssim, identity, noise, range, gradient_norm].iter().all(|v| v.is_finite())
    }
}

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
    /// One step over a batch. With `style` and `content` of the recipe 0 the loss network is not asked at all. A step whose
    /// losses or gradients are not finite changes nothing, and its report shows them.
    fn step(&mut self, batch: &[Group], recipe: &Recipe) -> StepReport;

    /// What a checkpoint needs.
    fn state(&self) -> LearnerState;

    /// Goes on from a checkpoint.
    ///
    /// # Panics
    /// If it is of another length.
    fn restore(&mut self, state: LearnerState);

    /// The averaged weights, named.
    fn weights(&self) -> Weights;
}
