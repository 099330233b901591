//! Results of [`crate::evaluate`], as plain data.

use crate::cost::Cost;
use crate::figures::Values;
use crate::film::ClipReport;
use crate::limit::LimitReport;
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
    /// One part a film.
    #[serde(default)]
    pub clips: Vec<ClipReport>,
}

/// All models at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoundReport {
    /// Width of the photos, px.
    pub width: usize,
    /// Height of the photos, px.
    pub height: usize,
    /// Number of pairs.
    pub pairs: usize,
    /// The paintings' own lattice, mean over pairs, as [`crate::Metric::Lattice`] in their flattest quarters.
    pub painting_lattice: f64,
    /// By model, in the order given.
    pub results: Vec<ModelReport>,
    /// The limit at some of the pairs.
    #[serde(default)]
    pub limit: Option<LimitReport>,
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

/// Means over pairs or pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Means over pairs.
    #[serde(flatten)]
    pub values: Values,
    /// PSNR of the photo painted in its own style, dB, mean over photos; higher is better.
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
    /// By metric.
    #[serde(flatten)]
    pub values: Values,
}

impl Figures {
    /// Means over `pairs`, with what is not measured by pair.
    pub(crate) fn new(pairs: &[PairFigures], identity_db: f64, warp: [f64; 3]) -> Self {
        Self { values: Values::mean(pairs.iter().map(|pair| &pair.values)), identity_db, warp }
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
    /// Width and height.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The result entered under `model`.
    pub fn find(&self, model: &str) -> Option<&ModelReport> {
        self.results.iter().find(|r| r.model == model)
    }
}

impl Report {
    /// The part of that width and height.
    pub fn round(&self, size: (usize, usize)) -> Option<&RoundReport> {
        self.rounds.iter().find(|r| r.size() == size)
    }

    /// The report as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain data")
    }
}
