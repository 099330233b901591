//! What [`crate::evaluate`] found, as plain data.

use crate::cost::Cost;
use serde::{Deserialize, Serialize};

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The engine's name.
    pub engine: String,
    /// See [`crate::EvalConfig::seed`].
    pub seed: u64,
    /// Names of the photos, in the order that pairs count them in.
    pub contents: Vec<String>,
    /// Names of the paintings.
    pub styles: Vec<String>,
    /// One part a size.
    pub rounds: Vec<RoundReport>,
}

/// All models at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundReport {
    /// Side of the pictures, px.
    pub size_px: usize,
    /// Number of pairs.
    pub pairs: usize,
    /// By model, in the order given.
    pub results: Vec<ModelReport>,
}

/// One model at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelReport {
    /// The name it was entered under.
    pub model: String,
    /// The model's id: exactly these tables and weights.
    pub id: String,
    /// Number of weights that the painter has.
    pub parameters: usize,
    /// The means.
    pub figures: Figures,
    /// Time and memory: of this machine, and not repeatable to the digit.
    pub cost: Cost,
    /// Pair by pair.
    pub pairs: Vec<PairFigures>,
}

/// Means over pairs or pictures. Lower is better but for `ssim` and `identity_db`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// MSE of relu4_1 to the AdaIN target.
    pub content: f64,
    /// Sum over relu1_1, relu2_1, relu3_1, relu4_1 of the MSE of means and of standard deviations.
    pub style: f64,
    /// Structural similarity of luma to the photo.
    pub ssim: f64,
    /// Mean difference of two paintings whose photos differ by noise of sigma 2, in `0..255`.
    pub flicker: f64,
    /// PSNR of the photo painted in its own style, dB, mean over photos.
    pub identity_db: f64,
    /// Mean difference from the painting moved along, in `0..255`, by [`crate::motion::MOTIONS`].
    pub warp: [f64; 3],
}

/// One pair.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairFigures {
    /// Position of the photo in [`Report::contents`].
    pub content_index: usize,
    /// Position of the painting in [`Report::styles`].
    pub style_index: usize,
    /// See [`Figures::content`].
    pub content: f64,
    /// See [`Figures::style`].
    pub style: f64,
    /// See [`Figures::ssim`].
    pub ssim: f64,
    /// See [`Figures::flicker`].
    pub flicker: f64,
}

impl Figures {
    /// Means over `pairs`, with what is not measured by pair.
    pub(crate) fn new(pairs: &[PairFigures], identity_db: f64, warp: [f64; 3]) -> Self {
        let over = |value: fn(&PairFigures) -> f64| mean(pairs.iter().map(value));
        Self {
            content: over(|p| p.content),
            style: over(|p| p.style),
            ssim: over(|p| p.ssim),
            flicker: over(|p| p.flicker),
            identity_db,
            warp,
        }
    }

    /// Mean of the three motions.
    pub fn warp_mean(&self) -> f64 {
        mean(self.warp)
    }
}

/// The mean; of nothing it is NaN.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let (sum, count) = values.into_iter().fold((0.0, 0usize), |(sum, n), v| (sum + v, n + 1));
    sum / count as f64
}

impl RoundReport {
    /// The result entered under `model`.
    pub fn find(&self, model: &str) -> Option<&ModelReport> {
        self.results.iter().find(|r| r.model == model)
    }
}

impl Report {
    /// The part of that size.
    pub fn round(&self, size_px: usize) -> Option<&RoundReport> {
        self.rounds.iter().find(|r| r.size_px == size_px)
    }

    /// The report as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data")
    }
}
