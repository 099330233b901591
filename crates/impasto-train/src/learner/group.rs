//! Work of one thread at a time.

use impasto_core::noise::PERIOD;
use impasto_core::{Field, Tensor};

/// A painting's crop.
#[derive(Clone, Debug, PartialEq)]
pub struct StylePicture {
    /// RGB in `0..1`.
    pub picture: Tensor,
    /// Names this very crop, so that its statistics need computing only once; `None` for crops that do not come back.
    pub key: Option<u64>,
}

/// The same place seen again, a few px aside: a film's next frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Twin {
    /// RGB in `0..1`, of the content's shape.
    pub picture: Tensor,
    /// Its pixel `(x, y)` is the content's `(x + moved[0], y + moved[1])`.
    pub moved: [isize; 2],
    /// Standard normal, of the content's shape.
    pub noise: Tensor,
}

impl Twin {
    /// The picture with noise of deviation `sigma`.
    pub(super) fn noisy(&self, sigma: f32) -> Tensor {
        let mut noisy = self.picture.clone();
        noisy.data_mut().iter_mut().zip(self.noise.data()).for_each(|(x, n)| *x += sigma * n);
        noisy
    }
}

/// A photo's crop, the paintings in whose styles it is painted, and how it is looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// RGB in `0..1`.
    pub content: Tensor,
    /// One or more.
    pub styles: Vec<StylePicture>,
    /// Painted too, and compared.
    pub twin: Twin,
    /// The part that the loss network sees, square. It changes from group to group, because a network whose grid always lies on the loss
    /// network's pooling grid learns to please that grid with a lattice.
    pub view: View,
    /// Groups next to each other in a batch with the same number have the same styles, and are judged together.
    pub pool: u64,
    /// For places that a loss looks at, which change from group to group.
    pub seed: u64,
}

impl Group {
    /// The noise field under the crop: another part of the one that painters are trained with, in whole cells of any resolution.
    pub(super) fn field(&self) -> Field {
        let cells = PERIOD as u64;
        let origin = [self.seed % cells, self.seed / cells % cells].map(|cell| 8 * cell as i32);
        Field { origin, ..Field::default() }
    }
}

/// A square part of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Left and upper edge, px.
    pub at: (usize, usize),
    /// Side, px.
    pub side: usize,
}

/// Overlap of two pictures of one place.
pub(super) struct Overlap {
    /// Left and upper edge in the content.
    pub here: (usize, usize),
    /// Left and upper edge in the twin.
    pub there: (usize, usize),
    /// Side, px.
    pub side: usize,
}

/// So near to an edge, px, what lies beyond it shows.
const EDGE_PX: usize = 8;

impl Overlap {
    /// Of two squares of `side` px, as far from their edges as [`EDGE_PX`] if one is moved at all.
    pub fn new([x, y]: [isize; 2], side: usize) -> Self {
        let most = x.unsigned_abs().max(y.unsigned_abs());
        let edge = if most > 0 { EDGE_PX } else { 0 };
        let from = |by: isize| by.max(0) as usize + edge;
        Self { here: (from(x), from(y)), there: (from(-x), from(-y)), side: side - most - 2 * edge }
    }
}
