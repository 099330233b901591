//! Features of one picture that measures need, and the distances of two pictures by them.

use crate::metrics::{Histogram, Likeness, Projections, SecondMoments, matrix_distance, transport_distance};
use crate::report::mean;
use impasto_core::Tensor;
use impasto_core::reference::ops::Statistics;

/// A picture as a style.
#[derive(Clone, Debug)]
pub struct StyleFeatures {
    /// Mean and `sqrt(biased variance + 1e-5)` per channel, by layer of [`crate::judge::LAYERS`].
    pub statistics: Vec<Statistics>,
    /// Gram matrices, by layer.
    pub grams: Vec<Vec<f64>>,
    /// Centred Gram matrices of the picture's grey detail at all layers but the last.
    pub texture: Vec<Vec<f64>>,
    /// Projections at all layers but the first.
    pub projections: Vec<Projections>,
    /// Its colours.
    pub colours: Histogram,
}

/// A picture as a style and as a drawing.
#[derive(Clone, Debug)]
pub struct Features {
    /// As a style.
    pub style: StyleFeatures,
    /// Likeness between places at relu3_1.
    pub likeness: Likeness,
    /// Features at relu4_1.
    pub relu4_1: Tensor,
}

/// Distances of a picture to a painting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StyleDistance {
    /// By centred Gram matrices of grey detail.
    pub texture: f64,
    /// By Gram matrices.
    pub gram: f64,
    /// By sliced Wasserstein distances.
    pub transport: f64,
}

impl StyleFeatures {
    /// The distances to a painting.
    pub fn distance(&self, painting: &StyleFeatures) -> StyleDistance {
        let matrices =
            |a: &[Vec<f64>], b: &[Vec<f64>]| mean(a.iter().zip(b).map(|(a, b)| matrix_distance(a, b)));
        let projections = self.projections.iter().zip(&painting.projections);
        StyleDistance {
            texture: matrices(&self.texture, &painting.texture),
            gram: matrices(&self.grams, &painting.grams),
            transport: mean(projections.map(|(a, b)| transport_distance(a, b))),
        }
    }
}

impl StyleDistance {
    /// The part of the `photo`'s distance that is left: 1 for the photo itself, 0 for the painting.
    pub fn left_of(&self, photo: &StyleDistance) -> StyleDistance {
        StyleDistance {
            texture: self.texture / photo.texture,
            gram: self.gram / photo.gram,
            transport: self.transport / photo.transport,
        }
    }
}

/// Gram matrices of features, by layer.
pub(crate) fn grams(outputs: &[Tensor]) -> Vec<Vec<f64>> {
    outputs.iter().map(|features| SecondMoments::of(features).gram().to_vec()).collect()
}

/// The same of features less their means.
pub(crate) fn centred_grams(outputs: &[Tensor]) -> Vec<Vec<f64>> {
    outputs.iter().map(|features| SecondMoments::of(features).centred()).collect()
}
