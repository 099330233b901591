//! The kernels' abilities, which the planner asks for.

use impasto_core::lower::{Fusion, Geometry};

/// The kernels of every adapter.
pub(crate) struct Kernels;

impl Fusion for Kernels {
    fn takes_pool(&self, conv: &Geometry) -> bool {
        fits_tiles(conv)
    }

    fn reads_picture(&self, _conv: &Geometry, _mul: f32) -> bool {
        false
    }

    fn scales_picture(&self) -> bool {
        false
    }

    fn reads_doubled(&self, _conv: &Geometry, _pool: bool) -> bool {
        true
    }

    fn adds_doubled(&self) -> bool {
        true
    }
}

/// Whether `conv.wgsl` takes such a convolution; else it is `direct.wgsl`.
pub(crate) fn fits_tiles(conv: &Geometry) -> bool {
    conv.kernel <= 9 && conv.stride <= 2 && conv.groups == 1
}
