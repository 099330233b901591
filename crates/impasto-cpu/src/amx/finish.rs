//! The way of 32 pixels of 32 channels from the tiles to the map.

use super::Amx;
use super::pack::LANES;
use super::tile::Block;
use half::bf16;
use std::arch::x86_64::{
    __m512, __m512i, _CMP_GT_OQ, _mm512_add_ps, _mm512_castsi512_ps, _mm512_castsi512_si256,
    _mm512_cmp_ps_mask, _mm512_cvtepu16_epi32, _mm512_extracti64x4_epi64, _mm512_loadu_ps,
    _mm512_loadu_si512, _mm512_maskz_mov_ps, _mm512_max_ps, _mm512_setzero_ps, _mm512_slli_epi32,
    _mm512_storeu_si512,
};

/// Operations on a sum before it is stored, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finish<'a> {
    /// Added, one for each (padded) channel.
    pub bias: Option<&'a [f32]>,
    /// `max(sum, 0)`.
    pub relu: bool,
    /// The sum is kept where this map, of the output's shape, is positive, and 0 elsewhere: the gradient of a ReLU that gave it.
    pub gate: Option<&'a [bf16]>,
    /// Adds to the output map instead of replacing it.
    pub add: bool,
}

/// Destination of a block's rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    /// Pixel of the map that takes the block's row `origin`; the next row goes to the next pixel.
    pub pixel: usize,
    /// See `pixel`.
    pub origin: usize,
    /// First row of the block that counts.
    pub first: usize,
    /// (Padded) channels of the map.
    pub channels: usize,
    /// Block of 32 channels.
    pub block: usize,
}

/// Stores rows `goal.first..rows` of a block.
pub(super) fn store(_amx: Amx, block: &Block, rows: usize, finish: &Finish, y: &mut [bf16], goal: Goal) {
    // SAFETY: `Amx` proves AVX-512 with bf16.
    unsafe { store_avx512(block, rows, finish, y, goal) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn store_avx512(block: &Block, rows: usize, finish: &Finish, y: &mut [bf16], goal: Goal) {
    let channel = goal.block * LANES;
    let zero = _mm512_setzero_ps();
    let bias = finish.bias.map_or((zero, zero), |b| {
        let b: &[f32; 32] = b[channel..channel + LANES].try_into().expect("32 channels");
        load(b)
    });
    let start = goal.pixel * goal.channels + channel;
    for row in goal.first..rows {
        let sums: &[f32; 32] = block.0[row * LANES..(row + 1) * LANES].try_into().expect("32 channels");
        let (mut low, mut high) = load(sums);
        (low, high) = (_mm512_add_ps(low, bias.0), _mm512_add_ps(high, bias.1));
        if finish.relu {
            (low, high) = (_mm512_max_ps(low, zero), _mm512_max_ps(high, zero));
        }
        let at = start + (row - goal.origin) * goal.channels;
        if let Some(gate) = finish.gate {
            let (a, b) = wide(&gate[at..at + LANES]);
            low = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, zero), low);
            high = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(b, zero), high);
        }
        let out = &mut y[at..at + LANES];
        if finish.add {
            let (a, b) = wide(out);
            (low, high) = (_mm512_add_ps(low, a), _mm512_add_ps(high, b));
        }
        let out: &mut [bf16; 32] = out.try_into().expect("32 channels");
        // SAFETY: `out` holds 64 bytes.
        unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), narrowed(low, high)) };
    }
}

#[target_feature(enable = "avx512f")]
fn load(from: &[f32; 32]) -> (__m512, __m512) {
    // SAFETY: `from` holds 128 bytes.
    unsafe { (_mm512_loadu_ps(from.as_ptr()), _mm512_loadu_ps(from.as_ptr().add(16))) }
}

/// 32 values of bf16 as `f32`.
#[target_feature(enable = "avx512f,avx512bw")]
fn wide(from: &[bf16]) -> (__m512, __m512) {
    let from: &[bf16; 32] = from.try_into().expect("32 channels");
    // SAFETY: `from` holds 64 bytes.
    let raw = unsafe { _mm512_loadu_si512(from.as_ptr().cast()) };
    let low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(raw));
    let high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64::<1>(raw));
    let shifted = |half| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(half));
    (shifted(low), shifted(high))
}

/// 32 values rounded to bf16, nearest even. The compiler does not offer the instruction yet.
#[target_feature(enable = "avx512f")]
fn narrowed(low: __m512, high: __m512) -> __m512i {
    let packed: __m512i;
    // SAFETY: one instruction on registers; `Amx` proves that it is there.
    unsafe {
        std::arch::asm!("vcvtne2ps2bf16 {}, {}, {}", out(zmm_reg) packed, in(zmm_reg) high, in(zmm_reg) low,
            options(pure, nomem, nostack, preserves_flags));
    }
    packed
}
