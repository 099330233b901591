//! The matrix product every dense convolution ends in: a register tile of `MR` rows and `NV` registers of columns.
//!
//! ```text
//! c[j][r] = sum over i < k of a[i][r] * b[i][j]
//!
//! a  [k/16][MR][16]         rows are pixels or Winograd tiles; 16 channels of one row lie together, because that
//!                           is what the packing and the transforms can store with one instruction
//! b  [k][NV * LANES]        weights, columns are output channels
//! c  [NV * LANES / 16][MR][16]
//! ```
//!
//! Each step of `k` loads `NV` registers of `b` and broadcasts `MR` values of `a`: with AVX-512 28 products for 16
//! loads, so the two multipliers, not the two load ports, are what is busy. The tile never leaves the registers.

use crate::simd::{BLOCK, Dots, Simd, zero};

/// Start of the data to prefetch into L2, a line with each step of `k`. Both are prefetched into the second-level cache along the way, a
/// line of each for each step of `k`: all at once they would hold up the products.
#[derive(Clone, Copy)]
pub(crate) struct Prefetch {
    /// The next weights.
    pub weights: *const f32,
    /// Something else.
    pub other: *const f32,
}

/// One register tile, written (not added) to `c`. `k` is a multiple of 16.
///
/// # Safety
/// `a` must be readable for `k * MR` values, `b` for `k * NV * LANES`, `c` writable for `MR * NV * LANES`.
#[inline(always)]
pub(crate) unsafe fn tile<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    k: usize,
    mut a: *const f32,
    mut b: *const f32,
    c: *mut f32,
    mut soon: Prefetch,
) {
    let mut acc = [[zero(s); NV]; MR];
    // SAFETY: every offset stays below the lengths that the caller vouches for.
    unsafe {
        for _ in 0..k / BLOCK {
            for kk in 0..BLOCK {
                let mut columns = [zero(s); NV];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column = s.load(b.add(j * S::LANES));
                }
                for (r, row) in acc.iter_mut().enumerate() {
                    let value = s.splat(*a.add(r * BLOCK + kk));
                    for (sum, &column) in row.iter_mut().zip(&columns) {
                        *sum = s.fma(value, column, *sum);
                    }
                }
                b = b.add(NV * S::LANES);
                s.prefetch(soon.weights);
                s.prefetch(soon.other);
                soon.weights = soon.weights.wrapping_add(BLOCK);
                soon.other = soon.other.wrapping_add(BLOCK);
            }
            a = a.add(MR * BLOCK);
        }
        for (r, row) in acc.iter().enumerate() {
            for (j, &sum) in row.iter().enumerate() {
                let lane = j * S::LANES;
                s.store(c.add(lane / BLOCK * MR * BLOCK + r * BLOCK + lane % BLOCK), sum);
            }
        }
    }
}

/// The left side of a product where rows overlap: the windows of a convolution, read where they lie. A row is `lines` runs of
/// `run` values, `line` apart; the next row's lie `step` further.
#[derive(Clone, Copy)]
pub(crate) struct Windows<T = f32> {
    /// First value of the first row.
    pub first: *const T,
    /// Values from one line to the next.
    pub line: usize,
    /// Lines of a window.
    pub lines: usize,
    /// Values of a window in one line.
    pub run: usize,
    /// Values from one window to the next.
    pub step: usize,
}

/// [`tile`] with windows on the left; `b` is `[lines * run][NV * LANES]`.
///
/// # Safety
/// `MR` windows must be readable, `b` for `lines * run * NV * LANES` values, `c` be writable as for [`tile`].
#[inline(always)]
pub(crate) unsafe fn windows<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    windows: &Windows,
    mut b: *const f32,
    c: *mut f32,
) {
    let mut acc = [[zero(s); NV]; MR];
    let Windows { first, line, lines, run, step } = *windows;
    // SAFETY: every offset stays below the lengths that the caller vouches for.
    unsafe {
        for ky in 0..lines {
            let mut values = first.add(ky * line);
            for _ in 0..run {
                let mut columns = [zero(s); NV];
                for (j, column) in columns.iter_mut().enumerate() {
                    *column = s.load(b.add(j * S::LANES));
                }
                let mut value = values;
                for row in &mut acc {
                    let wide = s.splat(*value);
                    value = value.wrapping_add(step);
                    for (sum, &column) in row.iter_mut().zip(&columns) {
                        *sum = s.fma(wide, column, *sum);
                    }
                }
                b = b.add(NV * S::LANES);
                values = values.add(1);
            }
        }
        for (r, row) in acc.iter().enumerate() {
            for (j, &sum) in row.iter().enumerate() {
                let lane = j * S::LANES;
                s.store(c.add(lane / BLOCK * MR * BLOCK + r * BLOCK + lane % BLOCK), sum);
            }
        }
    }
}

/// [`windows`] over bytes, four to a word of 32 bits, whose products are added up as integers; what they mean is undone at the end:
/// `c[j][r] = scale[j] * sum over i of a[i][r] * b[i][j] + offset[j]`.
///
/// # Safety
/// As for [`windows`]: `b` is `[lines * run / 4][NV * LANES][4]`, `run` a multiple of 4, and there are as many scales and offsets
/// as columns.
#[inline(always)]
pub(crate) unsafe fn dots<S: Dots, const MR: usize, const NV: usize>(
    s: S,
    windows: &Windows<u8>,
    columns: &Columns,
    c: *mut f32,
) {
    let mut acc = [[s.splat_word(0); NV]; MR];
    let Windows { first, line, lines, run, step } = *windows;
    let mut b = columns.weights;
    // SAFETY: every offset stays below the lengths that the caller vouches for.
    unsafe {
        for ky in 0..lines {
            let mut values = first.add(ky * line);
            for _ in 0..run / 4 {
                let mut weights = [s.splat_word(0); NV];
                for (j, weights) in weights.iter_mut().enumerate() {
                    *weights = s.load_words(b.add(j * S::LANES));
                }
                let mut value = values;
                for row in &mut acc {
                    let wide = s.splat_word(value.cast::<i32>().read_unaligned());
                    value = value.wrapping_add(step);
                    for (sum, &weights) in row.iter_mut().zip(&weights) {
                        *sum = s.dot(*sum, wide, weights);
                    }
                }
                b = b.add(NV * S::LANES);
                values = values.add(4);
            }
        }
        for j in 0..NV {
            let lane = j * S::LANES;
            let (scale, offset) = (s.load(columns.scale.add(lane)), s.load(columns.offset.add(lane)));
            for (r, row) in acc.iter().enumerate() {
                let v = s.fma(s.float(row[j]), scale, offset);
                s.store(c.add(lane / BLOCK * MR * BLOCK + r * BLOCK + lane % BLOCK), v);
            }
        }
    }
}

/// One tile of columns in eight bits.
#[derive(Clone, Copy)]
pub(crate) struct Columns {
    /// Words of four weights.
    pub weights: *const i32,
    /// Scale of a sum of products.
    pub scale: *const f32,
    /// The summand.
    pub offset: *const f32,
}

/// Cut of a product's columns into register tiles: `(first block, blocks)`, widest first.
pub(crate) fn column_tiles<S: Simd>(blocks: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..blocks).step_by(S::NB).map(move |first| (first, S::NB.min(blocks - first)))
}

/// Packs a row-major `[k][columns]` matrix for [`tile`]: column tiles one after the other, each `[k][width]`.
/// `columns` is in blocks of 16; `widest` is [`Simd::NB`].
pub(crate) fn pack_columns(
    widest: usize,
    k: usize,
    blocks: usize,
    value: impl Fn(usize, usize) -> f32,
    out: &mut [f32],
) {
    let mut at = 0;
    for first in (0..blocks).step_by(widest) {
        let width = widest.min(blocks - first) * BLOCK;
        for i in 0..k {
            for j in 0..width {
                out[at] = value(i, first * BLOCK + j);
                at += 1;
            }
        }
    }
}
