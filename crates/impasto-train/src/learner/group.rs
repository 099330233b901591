//! What one thread works on at a time.

use impasto_core::Tensor;

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
    /// For places that a loss looks at, which change from group to group.
    pub seed: u64,
}

/// A square part of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Left and upper edge, px.
    pub at: (usize, usize),
    /// Side, px.
    pub side: usize,
}
