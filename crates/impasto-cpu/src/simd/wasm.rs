//! WebAssembly simd128: registers of 4 lanes. Chosen when the crate is compiled with `-C target-feature=+simd128`;
//! WebAssembly has no way to ask at run time. With the feature `relaxed-simd` products are added by relaxed SIMD's
//! `f32x4.relaxed_madd`, which is fused where the processor can.

use super::{Kernel, Simd};
use crate::kernel::gemm::{self, Prefetch, Windows};
use crate::train::sum::{self, Operands};
use std::arch::wasm32::*;

/// Proof that simd128 is there, which compiling this file already gives.
#[derive(Clone, Copy)]
pub(crate) struct Wasm;

#[cfg_attr(feature = "relaxed-simd", target_feature(enable = "relaxed-simd"))]
fn enter<K: Kernel>(simd: Wasm, kernel: K) -> K::Out {
    kernel.run(simd)
}

impl Simd for Wasm {
    const LANES: usize = 4;
    const MR: usize = 3;
    const NB: usize = 1;
    const ROWS: usize = 2;
    type F = v128;

    #[inline]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Out {
        enter(self, kernel)
    }
    #[inline(always)]
    fn splat(self, x: f32) -> v128 {
        f32x4_splat(x)
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> v128 {
        // SAFETY: the caller gives 4 readable values.
        unsafe { v128_load(p.cast()) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: v128) {
        // SAFETY: the caller gives room for 4 values.
        unsafe { v128_store(p.cast(), v) }
    }
    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }
    #[inline(always)]
    fn sub(self, a: v128, b: v128) -> v128 {
        f32x4_sub(a, b)
    }
    #[inline(always)]
    fn mul(self, a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }
    #[inline(always)]
    fn fma(self, a: v128, b: v128, c: v128) -> v128 {
        #[cfg(feature = "relaxed-simd")]
        return f32x4_relaxed_madd(a, b, c);
        #[cfg(not(feature = "relaxed-simd"))]
        f32x4_add(f32x4_mul(a, b), c)
    }
    #[inline(always)]
    fn at_least(self, floor: v128, x: v128) -> v128 {
        f32x4_max(floor, x)
    }
    #[inline(always)]
    fn sum(self, v: v128) -> f32 {
        (f32x4_extract_lane::<0>(v) + f32x4_extract_lane::<1>(v))
            + (f32x4_extract_lane::<2>(v) + f32x4_extract_lane::<3>(v))
    }
    #[inline(always)]
    unsafe fn gemm_tile(
        self,
        _blocks: usize,
        k: usize,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        soon: Prefetch,
    ) {
        // SAFETY: passed on from the caller; there is only one width.
        unsafe { gemm::tile::<Self, 3, 4>(self, k, a, b, c, soon) }
    }
    #[inline(always)]
    unsafe fn sum_tile(self, _blocks: usize, operands: &Operands, a: *const f32, b: *const f32, c: *mut f32) {
        // SAFETY: passed on from the caller; there is only one width.
        unsafe { sum::tile::<Self, 2, 4>(self, operands, a, b, c) }
    }
    #[inline(always)]
    unsafe fn gemm_windows(self, _blocks: usize, windows: &Windows, b: *const f32, c: *mut f32) {
        // SAFETY: passed on from the caller; there is only one width.
        unsafe { gemm::windows::<Self, 3, 4>(self, windows, b, c) }
    }
}
