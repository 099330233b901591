//! No special instructions: arrays of four, which the compiler turns into SSE2 or whatever the target always has.

use super::{DotKernel, Dots, Kernel, Simd};
use crate::kernel::gemm::{self, Columns, Prefetch, Windows};
use crate::train::sum::{self, Operands};

/// Needs no proof.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

/// Four lanes.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
pub(crate) struct F4([f32; 4]);

#[inline(always)]
fn zip(a: F4, b: F4, f: impl Fn(f32, f32) -> f32) -> F4 {
    F4([f(a.0[0], b.0[0]), f(a.0[1], b.0[1]), f(a.0[2], b.0[2]), f(a.0[3], b.0[3])])
}

impl Simd for Portable {
    const LANES: usize = 4;
    const MR: usize = 3;
    const NB: usize = 1;
    const ROWS: usize = 2;
    type F = F4;

    #[inline]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Out {
        kernel.run(self)
    }
    #[inline(always)]
    fn splat(self, x: f32) -> F4 {
        F4([x; 4])
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> F4 {
        // SAFETY: the caller gives 4 readable values.
        F4(unsafe { p.cast::<[f32; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: F4) {
        // SAFETY: the caller gives room for 4 values.
        unsafe { p.cast::<[f32; 4]>().write_unaligned(v.0) }
    }
    #[inline(always)]
    fn add(self, a: F4, b: F4) -> F4 {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: F4, b: F4) -> F4 {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: F4, b: F4) -> F4 {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn fma(self, a: F4, b: F4, c: F4) -> F4 {
        self.add(self.mul(a, b), c)
    }
    #[inline(always)]
    fn at_least(self, floor: F4, x: F4) -> F4 {
        zip(floor, x, |floor, x| if floor > x { floor } else { x })
    }
    #[inline(always)]
    fn sum(self, v: F4) -> f32 {
        (v.0[0] + v.0[1]) + (v.0[2] + v.0[3])
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

impl Dots for Portable {
    type I = [i32; 4];

    #[inline]
    fn vectorize_dots<K: DotKernel>(self, kernel: K) -> K::Out {
        kernel.run(self)
    }
    #[inline(always)]
    fn splat_word(self, word: i32) -> [i32; 4] {
        [word; 4]
    }
    #[inline(always)]
    unsafe fn load_words(self, p: *const i32) -> [i32; 4] {
        // SAFETY: the caller gives 4 readable words.
        unsafe { p.cast::<[i32; 4]>().read_unaligned() }
    }
    #[inline(always)]
    fn dot(self, sum: [i32; 4], a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        std::array::from_fn(|lane| {
            let pairs = a[lane].to_ne_bytes().into_iter().zip(b[lane].to_ne_bytes());
            pairs.fold(sum[lane], |sum, (a, b)| sum.wrapping_add(i32::from(a) * i32::from(b as i8)))
        })
    }
    #[inline(always)]
    fn float(self, v: [i32; 4]) -> F4 {
        F4(v.map(|word| word as f32))
    }
    #[inline(always)]
    unsafe fn dot_windows(self, _blocks: usize, windows: &Windows<u8>, columns: &Columns, c: *mut f32) {
        // SAFETY: passed on from the caller; there is only one width.
        unsafe { gemm::dots::<Self, 3, 4>(self, windows, columns, c) }
    }
}
