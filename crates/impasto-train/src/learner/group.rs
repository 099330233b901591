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

/// A photo's crop, the paintings in whose styles it is painted, and noise.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// RGB in `0..1`.
    pub content: Tensor,
    /// One or more.
    pub styles: Vec<StylePicture>,
    /// Standard normal, of the content's shape.
    pub noise: Tensor,
}
