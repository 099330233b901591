//! Convolutions in `f32` for the trainer, on any instruction set: forward, gradient to the input and gradient to the weights.
//!
//! A map lies in memory as `[height + 2][width + 2][channels]`, channels padded to a multiple of [`LANES`] with zeros, so
//! that a 3x3 window never leaves it; what stands in the rim is up to the caller. Calls work on the caller's thread alone: a
//! trainer has a sample for each of its threads.
//!
//! ```text
//! sum       the register tile that everything ends in
//! pack      weights, in the order in which it reads them
//! window    window by window: stride 2, few channels, 1x1
//! winograd  F(4x4, 3x3), for the rest
//! rim       gradients that would land beyond the edge, folded back
//! weights   the gradient to the weights
//! finish    bias, ReLU, its gate, adding
//! ```

mod finish;
mod pack;
mod rim;
mod room;
pub(crate) mod sum;
mod weights;
mod window;
mod winograd;

pub use finish::Finish;
pub use pack::PackedConv;
pub use weights::{WeightsShape, weights_gradient};

use crate::simd::Isa;
use impasto_core::Padding;

/// Channels of a map are padded to a multiple of this.
pub const LANES: usize = 32;

/// Pixels after the last row that a map must own, because register tiles always read several pixels.
pub const SLACK_PX: usize = 40;

/// Length of a map of `channels` (padded) with its rim and slack.
pub fn map_len(height: usize, width: usize, channels: usize) -> usize {
    ((height + 2) * (width + 2) + SLACK_PX) * channels
}

/// `y = finish(conv(x))`: `x` is `[height + 2][width + 2][inputs]`, its rim filled as the padding says;
/// `y` is `[ceil(height / stride) + 2][ceil(width / stride) + 2][outputs]`, whose rim is left alone.
///
/// # Panics
/// If a map is too short or the stride is neither 1 nor 2.
pub fn conv(
    isa: Isa,
    x: &[f32],
    (height, width): (usize, usize),
    weights: &PackedConv,
    stride: usize,
    finish: &Finish,
    y: &mut [f32],
) {
    assert!(stride == 1 || stride == 2, "strides are 1 or 2");
    let (out_h, out_w) = (height.div_ceil(stride), width.div_ceil(stride));
    assert!(x.len() >= map_len(height, width, weights.input_lanes()), "input map too short");
    assert!(y.len() >= map_len(out_h, out_w, weights.output_lanes()), "output map too short");
    finish.check(y.len(), weights.output_lanes());
    match &weights.winograd {
        Some(points) if stride == 1 => winograd::conv(isa, x, (height, width), weights, points, finish, y),
        _ => window::conv(isa, x, (height, width), weights, stride, finish, y),
    }
}

/// The gradient to the input of a 3x3 or 1x1 convolution of stride 1: `dx = finish(transposed conv(dy))`, with weights that were
/// [`PackedConv::transposed`]. `dy` has zeros in its rim. What would land in the rim of the input is folded back as `padding` says.
///
/// # Panics
/// If a map is too short.
pub fn conv_transposed(
    isa: Isa,
    dy: &[f32],
    (height, width): (usize, usize),
    weights: &PackedConv,
    padding: Padding,
    finish: &Finish,
    dx: &mut [f32],
) {
    conv(isa, dy, (height, width), weights, 1, finish, dx);
    if weights.kernel == 3 && padding != Padding::Zero {
        rim::fold(isa, dy, (height, width), weights, padding, finish, dx);
    }
}
