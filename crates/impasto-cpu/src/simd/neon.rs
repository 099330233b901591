//! NEON: 32 registers of 4 lanes, part of every 64-bit ARM.

use super::{Kernel, Simd};
use crate::kernel::gemm::{self, Prefetch, Windows};
use crate::train::sum::{self, Operands};
use std::arch::aarch64::*;

/// Proof that NEON is there.
#[derive(Clone, Copy)]
pub(crate) struct Neon(());

impl Neon {
    /// # Safety
    /// The CPU must have NEON.
    pub(super) unsafe fn new() -> Self {
        Neon(())
    }
}

#[target_feature(enable = "neon")]
fn enter<K: Kernel>(token: Neon, kernel: K) -> K::Out {
    kernel.run(token)
}

impl Simd for Neon {
    const LANES: usize = 4;
    const MR: usize = 6;
    const NB: usize = 1;
    const ROWS: usize = 4;
    type F = float32x4_t;

    #[inline]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Out {
        // SAFETY: `self` proves the feature.
        unsafe { enter(self, kernel) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vdupq_n_f32(x) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> float32x4_t {
        // SAFETY: `self` proves NEON; the caller gives 4 readable values.
        unsafe { vld1q_f32(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: float32x4_t) {
        // SAFETY: `self` proves NEON; the caller gives room for 4 values.
        unsafe { vst1q_f32(p, v) }
    }
    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vaddq_f32(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vsubq_f32(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vmulq_f32(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON.
        unsafe { vfmaq_f32(c, a, b) }
    }
    #[inline(always)]
    fn at_least(self, floor: float32x4_t, x: float32x4_t) -> float32x4_t {
        // SAFETY: `self` proves NEON. FMAX gives NaN when either operand is one.
        unsafe { vmaxq_f32(floor, x) }
    }
    #[inline(always)]
    fn sum(self, v: float32x4_t) -> f32 {
        // SAFETY: `self` proves NEON.
        unsafe { vaddvq_f32(v) }
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
        unsafe { gemm::tile::<Self, 6, 4>(self, k, a, b, c, soon) }
    }
    #[inline(always)]
    unsafe fn sum_tile(self, _blocks: usize, operands: &Operands, a: *const f32, b: *const f32, c: *mut f32) {
        // SAFETY: passed on from the caller; there is only one width.
        unsafe { sum::tile::<Self, 4, 4>(self, operands, a, b, c) }
    }
    #[inline(always)]
    unsafe fn gemm_windows(self, _blocks: usize, windows: &Windows, b: *const f32, c: *mut f32) {
        // SAFETY: passed on from the caller; there is only one width.
        unsafe { gemm::windows::<Self, 6, 4>(self, windows, b, c) }
    }
}
