//! AVX-512: 32 registers of 16 lanes. Needs AVX512F, and FMA and AVX2 for what the compiler adds around it.

use super::{DotKernel, Dots, Kernel, Simd};
use crate::kernel::gemm::{self, Columns, Prefetch, Windows};
use crate::train::sum::{self, Operands};
use std::arch::x86_64::*;

/// [`Avx512`] and nothing more.
pub(super) const PLAIN: u8 = 0;
/// With AVX512-BF16.
pub(super) const BF16: u8 = 1;
/// With AVX512-VNNI.
pub(super) const VNNI: u8 = 2;

/// Proof that AVX512F is there, and with it what `MORE` says.
#[derive(Clone, Copy)]
pub(crate) struct Avx512<const MORE: u8>(());

impl<const MORE: u8> Avx512<MORE> {
    /// # Safety
    /// The CPU must have AVX512F, AVX512BW, AVX512DQ, AVX512VL, AVX2 and FMA, and what `MORE` says.
    pub(super) unsafe fn new() -> Self {
        Avx512(())
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn enter<K: Kernel>(token: Avx512<PLAIN>, kernel: K) -> K::Out {
    kernel.run(token)
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
fn enter_bf16<K: Kernel>(token: Avx512<BF16>, kernel: K) -> K::Out {
    kernel.run(token)
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
fn enter_dots<K: DotKernel>(token: Avx512<VNNI>, kernel: K) -> K::Out {
    kernel.run(token)
}

// SAFETY (every block below): `self` exists only where the CPU has AVX512F; pointers are as the trait demands.
impl<const MORE: u8> Simd for Avx512<MORE> {
    const LANES: usize = 16;
    const MR: usize = 14;
    const NB: usize = 2;
    const ROWS: usize = 8;
    type F = __m512;

    #[inline]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Out {
        // SAFETY: `self` proves the features.
        unsafe { if MORE == BF16 { enter_bf16(Avx512(()), kernel) } else { enter(Avx512(()), kernel) } }
    }
    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: `self` proves AVX512F.
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn load(self, p: *const f32) -> __m512 {
        // SAFETY: `self` proves AVX512F; the caller gives 16 readable values.
        unsafe { _mm512_loadu_ps(p) }
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32, v: __m512) {
        // SAFETY: `self` proves AVX512F; the caller gives room for 16 values.
        unsafe { _mm512_storeu_ps(p, v) }
    }
    #[inline(always)]
    unsafe fn load_half(self, p: *const u16) -> __m512 {
        // SAFETY: `self` proves AVX512F; the caller gives 16 readable values.
        unsafe {
            let bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(p.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits))
        }
    }
    #[inline(always)]
    unsafe fn store_half(self, p: *mut u16, v: __m512) {
        // SAFETY: `self` proves AVX512F, and AVX512-BF16 where it is used; the caller gives room for 16 values.
        unsafe {
            if MORE == BF16 {
                let rounded = std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(v));
                return _mm256_storeu_si256(p.cast(), rounded);
            }
            let bits = _mm512_castps_si512(v);
            let odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
            let rounded = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7fff));
            // NaN keeps its upper bits, made quiet: rounding could turn it into an infinity.
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(v, v);
            let quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x0040_0000));
            let kept = _mm512_srli_epi32::<16>(_mm512_mask_mov_epi32(rounded, nan, quiet));
            _mm256_storeu_si256(p.cast(), _mm512_cvtepi32_epi16(kept));
        }
    }
    #[inline(always)]
    unsafe fn store_bytes(self, p: *mut u8, v: __m512) {
        // SAFETY: `self` proves AVX512F; the caller gives room for 16 bytes. MAXPS gives its second operand, zero, when
        // the first is not a number; what is left is from 0 to 255.
        unsafe {
            let scaled = _mm512_add_ps(_mm512_mul_ps(v, _mm512_set1_ps(255.0)), _mm512_set1_ps(0.5));
            let clamped = _mm512_min_ps(_mm512_max_ps(scaled, _mm512_setzero_ps()), _mm512_set1_ps(255.0));
            _mm_storeu_si128(p.cast(), _mm512_cvtepi32_epi8(_mm512_cvttps_epi32(clamped)));
        }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX512F.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX512F.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX512F.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` proves AVX512F.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn at_least(self, floor: __m512, x: __m512) -> __m512 {
        // SAFETY: `self` proves AVX512F. MAXPS gives its second operand when either is not a number.
        unsafe { _mm512_max_ps(floor, x) }
    }
    #[inline(always)]
    fn sum(self, v: __m512) -> f32 {
        // SAFETY: `self` proves AVX512F.
        unsafe { _mm512_reduce_add_ps(v) }
    }
    #[inline(always)]
    fn prefetch(self, p: *const f32) {
        // SAFETY: a prefetch of any address is harmless.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(p.cast()) }
    }
    #[inline(always)]
    unsafe fn gemm_tile(
        self,
        blocks: usize,
        k: usize,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        soon: Prefetch,
    ) {
        // SAFETY: passed on from the caller.
        unsafe {
            match blocks {
                2 => gemm::tile::<Self, 14, 2>(self, k, a, b, c, soon),
                _ => gemm::tile::<Self, 14, 1>(self, k, a, b, c, soon),
            }
        }
    }
    #[inline(always)]
    fn where_positive(self, gate: __m512, v: __m512) -> __m512 {
        // SAFETY: `self` proves AVX512F.
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(gate, _mm512_setzero_ps()), v) }
    }
    #[inline(always)]
    unsafe fn sum_tile(self, blocks: usize, operands: &Operands, a: *const f32, b: *const f32, c: *mut f32) {
        // SAFETY: passed on from the caller.
        unsafe {
            match blocks {
                2 => sum::tile::<Self, 8, 2>(self, operands, a, b, c),
                _ => sum::tile::<Self, 8, 1>(self, operands, a, b, c),
            }
        }
    }
    #[inline(always)]
    unsafe fn gemm_windows(self, blocks: usize, windows: &Windows, b: *const f32, c: *mut f32) {
        // SAFETY: passed on from the caller.
        unsafe {
            match blocks {
                2 => gemm::windows::<Self, 14, 2>(self, windows, b, c),
                _ => gemm::windows::<Self, 14, 1>(self, windows, b, c),
            }
        }
    }
}

impl Dots for Avx512<VNNI> {
    type I = __m512i;

    #[inline]
    fn vectorize_dots<K: DotKernel>(self, kernel: K) -> K::Out {
        // SAFETY: `self` proves the features.
        unsafe { enter_dots(self, kernel) }
    }
    #[inline(always)]
    fn splat_word(self, word: i32) -> __m512i {
        // SAFETY: `self` proves AVX512F.
        unsafe { _mm512_set1_epi32(word) }
    }
    #[inline(always)]
    unsafe fn load_words(self, p: *const i32) -> __m512i {
        // SAFETY: `self` proves AVX512F; the caller gives 16 readable words.
        unsafe { _mm512_loadu_si512(p.cast()) }
    }
    #[inline(always)]
    fn dot(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` proves AVX512-VNNI.
        unsafe { _mm512_dpbusd_epi32(sum, a, b) }
    }
    #[inline(always)]
    fn float(self, v: __m512i) -> __m512 {
        // SAFETY: `self` proves AVX512F.
        unsafe { _mm512_cvtepi32_ps(v) }
    }
    #[inline(always)]
    unsafe fn dot_windows(self, blocks: usize, windows: &Windows<u8>, columns: &Columns, c: *mut f32) {
        // SAFETY: passed on from the caller.
        unsafe {
            match blocks {
                2 => gemm::dots::<Self, 14, 2>(self, windows, columns, c),
                _ => gemm::dots::<Self, 14, 1>(self, windows, columns, c),
            }
        }
    }
}
