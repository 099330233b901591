//! Says why a training fails, in plain words and with a remedy.
//!
//! A [`Detector`] looks at what a validation has painted and at the last steps' losses. Thresholds are far from what sound runs show
//! (`docs/training.md` has the figures), so that a warning means something. What can be told of the loss network's file alone is told when it is
//! read: see [`crate::loss_network`].

mod grid;
mod losses;
mod pictures;
mod relus;

pub use grid::{lattice, rim};
pub(crate) use relus::ReluActivity;
pub use relus::Silent;

use crate::learner::{Recipe, StepReport};
use crate::progress::Validation;
use impasto_core::Tensor;

/// Pictures of a validation; all pictures are RGB in `0..1`, `photos[i]` in the style of `paintings[i]` became `pastiches[i]`.
#[derive(Clone, Debug, Default)]
pub struct Gallery {
    /// Contents.
    pub photos: Vec<Tensor>,
    /// Styles.
    pub paintings: Vec<Tensor>,
    /// Results, clamped.
    pub pastiches: Vec<Tensor>,
    /// The first photo in every painting's style.
    pub crossed: Vec<Tensor>,
    /// Mean style loss of the photos themselves, unpainted.
    pub unpainted_style: f32,
    /// ReLUs and how much of them never answers.
    pub silent: Vec<Silent>,
}

/// Data that detectors look at.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Held-out pairs.
    pub validation: &'a Validation,
    /// Means of the last steps.
    pub report: &'a StepReport,
    /// The recipe of the last step.
    pub recipe: &'a Recipe,
    /// Whether the style weight has reached its full value: before that, style is still to come.
    pub ramped: bool,
}

/// Looks for one kind of failure.
#[derive(Clone, Copy)]
pub struct Detector {
    /// A short name.
    pub name: &'static str,
    /// Fault, cause and remedy; `None` if all is well.
    pub look: fn(&Evidence) -> Option<String>,
}

/// All of them.
pub const DETECTORS: [Detector; 9] = [
    Detector { name: "collapse", look: pictures::collapse },
    Detector { name: "one picture for all styles", look: pictures::one_for_all },
    Detector { name: "content ignored", look: pictures::content_ignored },
    Detector { name: "style ignored", look: pictures::style_ignored },
    Detector { name: "red and blue exchanged", look: pictures::exchanged },
    Detector { name: "loss scale", look: losses::scale },
    Detector { name: "dying ReLUs", look: relus::dying },
    Detector { name: "checkerboard", look: grid::checkerboard },
    Detector { name: "border rim", look: grid::border },
];

/// The detectors that find something, and what they say.
pub fn findings(evidence: &Evidence) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> =
        DETECTORS.iter().filter_map(|d| (d.look)(evidence).map(|words| (d.name, words))).collect();
    // Opposites, each with a remedy that makes the other worse.
    if OPPOSITES.iter().all(|name| found.iter().any(|f| f.0 == *name)) {
        found.retain(|f| !OPPOSITES.contains(&f.0));
        found.push((
            "nothing learned",
            "pastiches resemble neither their photos nor the paintings: nothing has been learned yet. Go on; if it stays so for some \
             hundred steps, halve recipe.rate, or begin with more schedule.identity_steps"
                .into(),
        ));
    }
    found
}

/// Detectors that contradict each other.
const OPPOSITES: [&str; 2] = ["content ignored", "style ignored"];

/// Steps with the loss network before detectors are asked: the first pastiches say nothing.
pub(crate) const LEAST_STEPS: u64 = 40;

/// The mean of `f` over the items; 0 without any.
fn mean<T>(items: impl IntoIterator<Item = T>, f: impl Fn(T) -> f32) -> f32 {
    let (mut sum, mut count) = (0.0f64, 0);
    for item in items {
        sum += f64::from(f(item));
        count += 1;
    }
    (sum / f64::from(count.max(1))) as f32
}
