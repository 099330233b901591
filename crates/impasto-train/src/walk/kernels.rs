//! Convolutions, the one thing that a walker needs from a machine. Everything else is written once, over [`Element`].

use super::map::{Element, Map};
use impasto_core::Padding;

/// Operations on a convolution's sum before it is stored, in this order.
#[derive(Clone, Copy, Debug)]
pub struct Finish<'a, E> {
    /// Added, one for each (padded) channel.
    pub bias: Option<&'a [f32]>,
    /// `max(sum, 0)`.
    pub relu: bool,
    /// The sum is kept where this map is positive, and 0 elsewhere.
    pub gate: Option<&'a Map<E>>,
    /// Adds to the output instead of replacing it.
    pub add: bool,
}

/// Convolutions of 3x3 or 1x1 over maps, forward and back.
pub trait Kernels: Copy + Send + Sync + 'static {
    /// Number type of maps.
    type Element: Element;
    /// Weights in the kernels' own order.
    type Weights: Send + Sync;
    /// Room kept from call to call.
    type Scratch: Default + Send;

    /// Packs `[outputs][inputs][kernel][kernel]` for the way forward.
    fn pack(&self, weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> Self::Weights;

    /// Packs the same weights for the way back.
    fn pack_transposed(&self, weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> Self::Weights;

    /// `y = finish(conv(x))`; the rim of `x` is filled.
    fn conv(
        &self,
        x: &Map<Self::Element>,
        weights: &Self::Weights,
        stride: usize,
        finish: &Finish<Self::Element>,
        y: &mut Map<Self::Element>,
    );

    /// `dx = finish(gradient to the input)` of a convolution of stride 1; the rim of `dy` is zero.
    fn conv_transposed(
        &self,
        dy: &Map<Self::Element>,
        weights: &Self::Weights,
        padding: Padding,
        finish: &Finish<Self::Element>,
        dx: &mut Map<Self::Element>,
    );

    /// `gradient[tap][i][o] += sum over pixels of x[p + tap][i] * dy[p][o]`, channels padded, for a `window` of (side, stride). `dy` has the
    /// size of `x`; only every `stride`-th row and pixel of it can be other than zero.
    fn weights_gradient(
        &self,
        x: &Map<Self::Element>,
        dy: &Map<Self::Element>,
        window: (usize, usize),
        scratch: &mut Self::Scratch,
        gradient: &mut [f32],
    );
}
