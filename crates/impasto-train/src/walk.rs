//! Reverse mode over the network table: forward, gradient to the input, gradient to the weights and to the style.
//!
//! Maps are channels-last with a rim of one pixel; see [`Map`]. Three sets of [`Kernels`] walk the same [`Program`]:
//! [`Plain`] in `f32`, which is the one held against PyTorch's gradients, [`Fast`] in `f32` with Winograd's convolutions, and [`Tiles`] in bf16 on AMX.

mod fast;
mod field;
mod kernels;
mod map;
mod ops;
mod parameters;
mod plain;
mod program;
mod reverse;
pub(crate) mod simd;
mod statistics;
mod tape;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod tiles;

pub use fast::Fast;
pub use kernels::{Finish, Kernels};
pub(crate) use map::LANES;
pub use map::{Element, Map};
pub(crate) use ops::mixed;
pub use parameters::{Gradients, Layer, LayerKind, Packed, Parameters};
pub use plain::Plain;
pub use program::{Program, ProgramError};
pub use reverse::Wanted;
pub use statistics::{Moments, add_statistics_gradient, moments};
pub(crate) use statistics::{affine, channel_sums, products};
pub(crate) use tape::dot;
pub use tape::{Tape, Value};
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub use tiles::Tiles;
