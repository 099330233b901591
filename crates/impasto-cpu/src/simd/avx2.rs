//! AVX2 with FMA: 16 registers of 8 lanes.

use super::{DotKernel, Dots, Kernel, Simd};
use crate::kernel::gemm::{self, Columns, Prefetch, Windows};
use crate::train::sum::{self, Operands};
use std::arch::x86_64::*;

/// Proof that AVX2 and FMA are there, and with `VNNI` also AVX-VNNI.
#[derive(Clone, Copy)]
pub(crate) struct Avx2<const VNNI: bool>(());

impl<const VNNI: bool> Avx2<VNNI> {
    /// # Safety
    /// The CPU must have AVX2 and FMA, with `VNNI` also AVX-VNNI.
    pub(super) unsafe fn new() -> Self {
        Avx2(())
    }
}

#[target_feature(enable = "avx2,fma")]
fn enter<K: Kernel>(token: Avx2<false>, kernel: K) -> K::Out {
    kernel.run(token)
}

#[target_feature(enable = "avx2,fma,avxvnni")]
fn enter_dots<K: DotKernel>(token: Avx2<true>, kernel: K) -> K::Out {
    kernel.run(token)
}

impl<const VNNI: bool> Simd for Avx2<VNNI> {
    const LANES: usize = 8;
    const MR: usize = 6;
    const NB: usize = 1;
    const ROWS: usize = 4;
    type F = __m256;

    #[inline]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Out {
        // SAFETY: `self` proves the features.
        unsafe { enter(Avx2(()), kernel) }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m256 {
        // SAFETY: `self` proves AVX2; the caller gives 8 readable values.
        unsafe { _mm256_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m256) {
        // SAFETY: `self` proves AVX2; the caller gives room for 8 values.
        unsafe { _mm256_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, p: *mut u8, v: __m256) {
        // SAFETY: `self` proves AVX2; the caller gives room for 8 bytes. MAXPS gives its second operand, zero, when the
        // first is not a number; what is left is from 0 to 255, which both packings keep.
        unsafe {
            let scaled = _mm256_add_ps(_mm256_mul_ps(v, _mm256_set1_ps(255.0)), _mm256_set1_ps(0.5));
            let clamped = _mm256_min_ps(_mm256_max_ps(scaled, _mm256_setzero_ps()), _mm256_set1_ps(255.0));
            let whole = _mm256_cvttps_epi32(clamped);
            let words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256::<1>(whole));
            _mm_storel_epi64(p.cast(), _mm_packus_epi16(words, words));
        }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: `self` proves FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn at_least(self, floor: __m256, x: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2. MAXPS gives its second operand when either is not a number.
        unsafe { _mm256_max_ps(floor, x) }
    }
    #[inline(always)]
    fn sum(self, v: __m256) -> f32 {
        // SAFETY: `self` proves AVX2.
        unsafe {
            let half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
            let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(pair, _mm_shuffle_ps(pair, pair, 1)))
        }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: a prefetch of any address is harmless.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
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
        unsafe { gemm::tile::<Self, 6, 2>(self, k, a, b, c, soon) }
    }
    #[inline(always)]
    fn where_positive(self, gate: __m256, v: __m256) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_and_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(gate, _mm256_setzero_ps()), v) }
    }
    #[inline(always)]
    unsafe fn sum_tile(self, _blocks: usize, operands: &Operands, a: *const f32, b: *const f32, c: *mut f32) {
        // SAFETY: passed on from the caller; there is only one width.
        unsafe { sum::tile::<Self, 4, 2>(self, operands, a, b, c) }
    }
    #[inline(always)]
    unsafe fn gemm_windows(self, _blocks: usize, windows: &Windows, b: *const f32, c: *mut f32) {
        // SAFETY: passed on from the caller; there is only one width.
        unsafe { gemm::windows::<Self, 6, 2>(self, windows, b, c) }
    }
}

impl Dots for Avx2<true> {
    type I = __m256i;

    #[inline]
    fn vectorize_dots<K: DotKernel>(self, kernel: K) -> K::Out {
        // SAFETY: `self` proves the features.
        unsafe { enter_dots(self, kernel) }
    }
    #[inline(always)]
    fn splat_word(self, word: i32) -> __m256i {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_set1_epi32(word) }
    }
    #[inline(always)]
    unsafe fn load_words(self, p: *const i32) -> __m256i {
        // SAFETY: `self` proves AVX2; the caller gives 8 readable words.
        unsafe { _mm256_loadu_si256(p.cast()) }
    }
    #[inline(always)]
    fn dot(self, sum: __m256i, a: __m256i, b: __m256i) -> __m256i {
        // SAFETY: `self` proves AVX-VNNI.
        unsafe { _mm256_dpbusd_avx_epi32(sum, a, b) }
    }
    #[inline(always)]
    fn float(self, v: __m256i) -> __m256 {
        // SAFETY: `self` proves AVX2.
        unsafe { _mm256_cvtepi32_ps(v) }
    }
    #[inline(always)]
    unsafe fn dot_windows(self, _blocks: usize, windows: &Windows<u8>, columns: &Columns, c: *mut f32) {
        // SAFETY: passed on from the caller; there is only one width.
        unsafe { gemm::dots::<Self, 6, 2>(self, windows, columns, c) }
    }
}
