//! Convolutions in bf16 on the AMX tile unit (Intel, from Sapphire Rapids on): forward, gradient to the
//! input and gradient to the weights.
//!
//! A map lies in memory as `[height + 2][width + 2][channels]` bf16, channels padded to a multiple of
//! [`LANES`] with zeros, so that a 3x3 window never leaves it; what stands in the rim is up to the caller.
//! One tile holds 16 pixels of 32 channels, and four accumulators make 32 pixels of 32 channels at a time.
//! On machines without AMX [`Amx::detect`] gives `None`.

mod detect;
pub(crate) mod tile;

pub use detect::Amx;

mod convolve;
mod finish;
mod pack;
mod weights_gradient;

pub use convolve::{SLACK_PX, conv, conv_transposed, map_len};
pub use finish::Finish;
pub use pack::{LANES, PackedConv, padded};
pub use weights_gradient::{WeightsScratch, weights_gradient};
