//! The register tile of all training kernels: sums of products of a strided column and a row.
//!
//! ```text
//! c[r][j] = sum over steps (da, db) and k < length of  a[da + k * a_k + r * a_row] * b[db + k * b_k + j]
//! ```
//!
//! For a convolution `r` are pixels or Winograd tiles, `k` input channels and steps the taps; for the gradient to the weights `r` are
//! input channels, `k` the pixels of a row and steps the rows. Eight rows of two registers keep AVX-512's two multipliers busy
//! (16 products for 10 loads), and divide the 16 tiles of a 16x16 map, which the engine's 14 rows do not.

use crate::simd::{Simd, zero};

/// Offsets of the operands of [`tile`], in values.
pub(crate) struct Operands<'a> {
    /// Offsets of `a` and `b`.
    pub steps: &'a [(isize, isize)],
    /// Products in a step.
    pub length: usize,
    /// From one product to the next.
    pub a_k: usize,
    /// From one row to the next.
    pub a_row: usize,
    /// From one product to the next.
    pub b_k: usize,
    /// From one row of the result to the next.
    pub c_row: usize,
}

/// One register tile, written (not added) to `c`.
///
/// # Safety
/// Every place that the formula above names must be readable, with `r < R` and `j < NV * LANES`, and `c` writable.
#[inline(always)]
pub(crate) unsafe fn tile<S: Simd, const R: usize, const NV: usize>(
    s: S,
    operands: &Operands,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    let mut acc = [[zero(s); NV]; R];
    let Operands { length, a_k, a_row, b_k, c_row, .. } = *operands;
    // SAFETY: the caller vouches for every offset.
    unsafe {
        for &(da, db) in operands.steps {
            let (mut a, mut b) = (a.offset(da), b.offset(db));
            for _ in 0..length {
                let mut row = [zero(s); NV];
                for (j, v) in row.iter_mut().enumerate() {
                    *v = s.load(b.add(j * S::LANES));
                }
                for (r, sums) in acc.iter_mut().enumerate() {
                    let value = s.splat(*a.add(r * a_row));
                    for (sum, &v) in sums.iter_mut().zip(&row) {
                        *sum = s.fma(value, v, *sum);
                    }
                }
                (a, b) = (a.add(a_k), b.add(b_k));
            }
        }
        for (r, sums) in acc.iter().enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                s.store(c.add(r * c_row + j * S::LANES), sum);
            }
        }
    }
}
