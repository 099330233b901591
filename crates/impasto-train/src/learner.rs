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
pub(crate) mod values;

pub use group::{Group, StylePicture, Twin, View};
pub use pass::LearnerError;

use impasto_core::Weights;
use serde::{Deserialize, Serialize};

/// What the pastiche's features are held to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentKind {
    /// The photo's features with the painting's mean and deviation: AdaIN's own output (Huang and Belongie 2017).
    #[default]
    AdaIn,
    /// The photo's features as they are (Gatys et al. 2015).
    Features,
}

/// What of the pastiche's features is held to the painting's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StyleKind {
    /// Squares of differences of means and of deviations.
    #[default]
    Moments,
    /// Their roots, one for the means and one for the deviations of each layer.
    Root,
    /// Gram matrices.
    Gram,
}

/// Weights of the losses, and the step's size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// Content: MSE of features to [`Self::content_target`].
    pub content: f32,
    /// What the content's features should be.
    pub content_target: ContentKind,
    /// Layers whose features are the content, counted from relu4_1 upwards: 1 to 4. Their losses are added.
    pub content_layers: usize,
    /// Style, at four layers.
    pub style: f32,
    /// What of the style is compared.
    pub style_kind: StyleKind,
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
    /// Contrastive coherence (CCPL) at relu2_1, relu3_1 and relu4_1.
    pub coherence: f32,
    /// L1 between Laplacians of the pastiche's and the photo's brightness.
    pub laplacian: f32,
    /// Limit of the AdaIN target's gain.
    pub gain_limit: f32,
    /// Adam's rate.
    pub rate: f32,
    /// AdamW: the part of the rate by which weights shrink each step; 0 is Adam.
    pub decay: f32,
    /// Limit of the gradient's length.
    pub clip: f32,
    /// How much of the averaged weights is kept each step.
    pub average: f32,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            content: 1.0,
            content_target: ContentKind::AdaIn,
            content_layers: 1,
            style: 3.0,
            style_kind: StyleKind::Moments,
            ssim: 2.0,
            identity: 10.0,
            noise: 5.0,
            noise_sigma: 0.012,
            range: 10.0,
            total_variation: 0.0,
            coherence: 0.0,
            laplacian: 0.0,
            gain_limit: 5.0,
            rate: 1.5e-3,
            decay: 0.0,
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
    /// Contrastive coherence.
    #[serde(default)]
    pub coherence: f32,
    /// Laplacian L1.
    #[serde(default)]
    pub laplacian: f32,
    /// Total variation.
    #[serde(default)]
    pub total_variation: f32,
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
        self.coherence += part * other.coherence;
        self.laplacian += part * other.laplacian;
        self.total_variation += part * other.total_variation;
        self.gradient_norm += part * other.gradient_norm;
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        let losses = [self.content, self.style, self.ssim, self.identity, self.noise, self.range];
        let more = [self.coherence, self.laplacian, self.total_variation, self.gradient_norm];
        losses.iter().chain(&more).all(|v| v.is_finite())
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

    /// Why no step can be done any more, once the device has failed. Its [`Self::state`] is that before the step that failed.
    fn failure(&self) -> Option<&str> {
        None
    }
}
