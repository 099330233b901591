//! Kernels, one idea a file. All are generic over the instruction set ([`crate::simd`]).

pub(crate) mod blend;
pub(crate) mod depthwise;
pub(crate) mod direct;
pub(crate) mod eight;
pub(crate) mod few;
pub(crate) mod finish;
pub(crate) mod gemm;
pub(crate) mod paint;
pub(crate) mod peak;
pub(crate) mod picture;
pub(crate) mod pool;
pub(crate) mod site;
pub(crate) mod statistics;
pub(crate) mod step;
pub(crate) mod sums;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(crate) mod tiled;
pub(crate) mod view;
