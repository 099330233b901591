//! What the loss network is asked, and what it says about a style, remembered.

use super::Recipe;
use crate::walk::Moments;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// At most this much is remembered: statistics take 8 KB a style, Gram matrices 1.4 MB.
const LIMIT_BYTES: usize = 480 << 20;

/// Places at which coherence is looked at, in each layer.
pub(super) const ANCHORS: usize = 8;
/// The first of the four layers at which coherence is asked for.
pub(super) const COHERENT_FROM: usize = 1;

/// The first of the four layers that the recipe needs of the photo.
pub(super) fn first_kept(recipe: &Recipe) -> usize {
    let content = 4 - recipe.content_layers.clamp(1, 4);
    if recipe.coherence > 0.0 { content.min(COHERENT_FROM) } else { content }
}

/// A style at one layer.
pub(super) struct Look {
    pub moments: Moments,
    /// `[C, C]`, where the recipe asks for it.
    pub gram: Option<Vec<f32>>,
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
        let values = |look: &Look| 2 * look.moments.mean.len() + look.gram.as_ref().map_or(0, Vec::len);
        let bytes = 4 * looks.iter().map(values).sum::<usize>();
        let mut known = self.known.lock().expect("nobody panics while holding it");
        if let (Some(key), true) = (key, known.1 + bytes <= LIMIT_BYTES) {
            known.1 += bytes;
            known.0.insert(key, looks.clone());
        }
    }
}
