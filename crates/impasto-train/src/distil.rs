//! Makes the judge of our own: a small network that learns to see what VGG-19 sees.
//!
//! A step looks at some *families* of pictures: a photo, a painting, the photo painted in its style, and the same again but changed (noisier, softer,
//! halfway to the photo, with a lattice over it). Two losses teach the small network, the *student*:
//!
//! * **features**: a linear map of the student's channels gives VGG's at each of the four looks, each channel divided by its deviation;
//! * **distances**: any two pictures of a family are as far from each other in style, by balanced covariances and means
//!   ([`crate::loss::covariance`]), as they are to VGG. Steps between a photo, its pastiche and the changed pastiche are what a
//!   training walks along, so that this also teaches the direction of the style's gradient.

mod family;
mod pairs;
mod run;
mod student;

pub use run::{DistilConfig, DistilError, DistilProgress, DistilSettings, distil};

use serde::{Deserialize, Serialize};

/// Measurements of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DistilReport {
    /// Mean squared error of VGG's normalised features, by look: 1 is a student that knows nothing but the mean.
    pub features: [f32; 4],
    /// Mean squared error of distances between styles, over VGG's distance.
    pub distances: f32,
    /// Length of the gradient before clipping.
    pub gradient_norm: f32,
}

impl DistilReport {
    /// Adds `part` of another.
    pub fn add(&mut self, other: &Self, part: f32) {
        self.features.iter_mut().zip(other.features).for_each(|(own, other)| *own += part * other);
        self.distances += part * other.distances;
        self.gradient_norm += part * other.gradient_norm;
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        self.features.iter().chain([&self.distances, &self.gradient_norm]).all(|v| v.is_finite())
    }
}
