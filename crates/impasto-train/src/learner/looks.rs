//! Statistics of styles in the loss network, remembered.

use super::{Recipe, StyleKind};
use crate::loss::covariance::Covariance;
use crate::walk::Moments;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// At most this much is remembered: with VGG-19 statistics take 8 KB a style, Gram matrices and covariances 1.4 MB.
const LIMIT_BYTES: usize = 480 << 20;

/// Places at which coherence is looked at, in each layer.
pub(super) const ANCHORS: usize = 8;
/// The first of the four layers at which coherence is asked for.
pub(super) const COHERENT_FROM: usize = 1;
/// The first of the four layers between whose places likeness is compared.
pub(super) const SIMILAR_FROM: usize = 2;
/// Places whose likeness is compared, in each layer.
pub(super) const SIMILAR_PLACES: usize = 256;
/// Layers of which sliced Wasserstein distances are taken.
pub(super) const SLICED: [bool; 4] = [false, true, true, false];
/// Places whose features are projected: of a painting, and of all pastiches that share it.
pub(super) const SLICED_PLACES: usize = 2048;
/// Directions, at most; fewer if there are fewer channels.
pub(super) const DIRECTIONS: usize = 64;

/// The first of the four layers that the recipe needs of the photo.
pub(super) fn first_kept(recipe: &Recipe) -> usize {
    let mut first = 4 - recipe.content_layers.clamp(1, 4);
    if recipe.coherence > 0.0 {
        first = first.min(COHERENT_FROM);
    }
    if recipe.self_similarity > 0.0 {
        first = first.min(SIMILAR_FROM);
    }
    first
}

/// Parts of a painting to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    pub gram: bool,
    pub covariance: bool,
    pub samples: bool,
}

impl Asked {
    pub fn of(recipe: &Recipe) -> Self {
        Self {
            gram: recipe.style_kind == StyleKind::Gram,
            covariance: recipe.style_kind == StyleKind::Balanced,
            samples: recipe.wasserstein > 0.0,
        }
    }
}

/// A style at one layer.
pub(super) struct Look {
    pub moments: Moments,
    /// `[C, C]`, where the recipe asks for it.
    pub gram: Option<Vec<f32>>,
    /// The same.
    pub covariance: Option<Covariance>,
    /// Features of some places, `[n][C]`, the same.
    pub samples: Option<Vec<f32>>,
}

/// A style at the four layers.
pub(super) type Looks = Arc<[Look; 4]>;

/// Statistics by the key of their crop. What is remembered equals what would be computed, so the memory changes nothing but time.
#[derive(Default)]
pub(super) struct Memo {
    known: Mutex<(HashMap<u64, Looks>, usize)>,
}

impl Memo {
    pub fn get(&self, key: Option<u64>) -> Option<Looks> {
        self.known.lock().expect("nobody panics while holding it").0.get(&key?).cloned()
    }

    pub fn keep(&self, key: Option<u64>, looks: &Looks) {
        let values = |look: &Look| {
            let optional = |values: &Option<Vec<f32>>| values.as_ref().map_or(0, Vec::len);
            2 * look.moments.mean.len()
                + optional(&look.gram)
                + optional(&look.samples)
                + look.covariance.as_ref().map_or(0, |c| c.matrix.len() + c.mean.len())
        };
        let bytes = 4 * looks.iter().map(values).sum::<usize>();
        let mut known = self.known.lock().expect("nobody panics while holding it");
        if let (Some(key), true) = (key, known.1 + bytes <= LIMIT_BYTES) {
            known.1 += bytes;
            known.0.insert(key, looks.clone());
        }
    }
}
