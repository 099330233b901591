//! The commonest first layer: 3x3 windows over a picture of RGB bytes.
//!
//! The three lines under neighbouring windows become `f32` once; then a window's row of 32 values is four registers:
//!
//! ```text
//! line 0   a a a a a a a a a
//! line 1   b b b b b b b b b          packed   a a a a a a a a a b b b b b b b | b b c c c c c c c c c . . . . .
//! line 2   c c c c c c c c c
//! ```
//! Registers reach further than what they bring. What they write too much lies in the row behind, which is packed next, and
//! behind the 27 values, where weights are zero.

use super::{Feed, Job, Packed, Size, Walk};
use crate::simd::{BLOCK, Simd};

/// Values of a window's line: three pixels.
const RUN: usize = 9;
/// Values of a packed row.
const K: usize = 2 * BLOCK;

/// Whether a layer's windows are of this kind.
pub(super) fn fits(layer: &Packed) -> bool {
    layer.kernel == 3
        && layer.k == K
        && matches!(layer.feed, Feed::Picture { size, .. } if size.channels == 3)
}

/// Values of one line under all windows of a job, and what a register reads beyond them.
fn line(layer: &Packed) -> usize {
    ((layer.panels * layer.mr - 1) * layer.stride + 3) * 3 + 2 * BLOCK
}

/// Scratch for the lines.
pub(super) fn lines(layer: &Packed) -> usize {
    if fits(layer) { 3 * line(layer) } else { 0 }
}

impl Job<'_> {
    /// Packs all windows of the job.
    ///
    /// # Safety
    /// As for [`super::Step::job`]; the layer must be one that [`fits`].
    #[inline(always)]
    pub(super) unsafe fn pack_bytes<S: Simd>(&self, s: S, data: &[u8], size: Size, (mul, add): (f32, f32)) {
        let mut r = 0;
        while r < self.count {
            let Walk { y, x, width } = self.walk(r);
            let straight = self.straight(x, (self.count - r).min(width - x));
            // SAFETY: rows below `count` are the job's.
            unsafe {
                if straight == 0 {
                    self.pack_picture::<S>(size, (mul, add), (y, x), self.row::<S>(r));
                } else {
                    self.fill_lines(data, size, (mul * (1.0 / 255.0), add), (y, x), straight);
                    (r..r + straight).for_each(|row| self.pack_window(s, row, row - r));
                }
            }
            r += straight.max(1);
        }
    }

    /// Windows from column `x` on, `most` at most, whose pixels lie side by side in the picture.
    fn straight(&self, x: usize, most: usize) -> usize {
        let columns = &self.layer.columns[x * 3..];
        let first = columns[0];
        let fits = |i: &usize| {
            let from = first + (i * self.layer.stride) as i32;
            columns[3 * i] == from && columns[3 * i + 2] == from + 2
        };
        if first < 0 { 0 } else { (0..most).take_while(fits).count() }
    }

    /// The three lines under `count` windows from `(y, x)` on as `mul * byte + add`, or zeros.
    ///
    /// # Safety
    /// As for [`Job::pack_bytes`]; the windows must be [`Job::straight`].
    #[inline(always)]
    unsafe fn fill_lines(
        &self,
        data: &[u8],
        size: Size,
        (mul, add): (f32, f32),
        (y, x): (usize, usize),
        count: usize,
    ) {
        let length = ((count - 1) * self.layer.stride + 3) * 3;
        for (ky, &row) in self.layer.rows[y * 3..][..3].iter().enumerate() {
            // SAFETY: `scratch()` has room for three lines of all the job's windows, and a register behind each.
            let line = unsafe { std::slice::from_raw_parts_mut(self.line(ky), length + BLOCK) };
            // What the last window reads beyond its end: zero weights would not silence a NaN left from elsewhere.
            let (line, behind) = line.split_at_mut(length);
            behind.fill(0.0);
            if row < 0 {
                line.fill(0.0);
                continue;
            }
            let from = (row as usize * size.width + self.layer.columns[x * 3] as usize) * 3;
            for (out, &byte) in line.iter_mut().zip(&data[from..][..length]) {
                *out = mul * f32::from(byte) + add;
            }
        }
    }

    /// Where line `ky` of three begins.
    ///
    /// # Safety
    /// The layer must be one that [`fits`].
    #[inline(always)]
    unsafe fn line(&self, ky: usize) -> *mut f32 {
        // SAFETY: the lines lie behind the products in scratch.
        unsafe { self.c.add(2 * self.layer.mr * BLOCK + ky * line(self.layer)) }
    }

    /// Packs row `r` of the job from the window `i` of the lines.
    ///
    /// # Safety
    /// The lines must hold that window.
    #[inline(always)]
    unsafe fn pack_window<S: Simd>(&self, s: S, r: usize, i: usize) {
        // SAFETY: lines and packed rows are as long as the copies, or the row behind takes what is too much; the last
        // row of a panel has none behind it, and is copied exactly.
        unsafe {
            let at = i * self.layer.stride * 3;
            let [a, b, c] = [self.line(0).add(at), self.line(1).add(at), self.line(2).add(at)];
            let low = self.row::<S>(r);
            let high = low.add(S::MR * BLOCK);
            if r % S::MR < S::MR - 1 {
                copy(s, a, low);
                copy(s, b, low.add(RUN));
                copy(s, b.add(BLOCK - RUN), high);
                copy(s, c, high.add(2 * RUN - BLOCK));
            } else {
                std::ptr::copy_nonoverlapping(a, low, RUN);
                std::ptr::copy_nonoverlapping(b, low.add(RUN), BLOCK - RUN);
                std::ptr::copy_nonoverlapping(b.add(BLOCK - RUN), high, 2 * RUN - BLOCK);
                std::ptr::copy_nonoverlapping(c, high.add(2 * RUN - BLOCK), RUN);
                std::ptr::write_bytes(high.add(3 * RUN - BLOCK), 0, K - 3 * RUN);
            }
        }
    }
}

/// Copies 16 values.
///
/// # Safety
/// They must be readable and writable.
#[inline(always)]
unsafe fn copy<S: Simd>(s: S, from: *const f32, to: *mut f32) {
    for lane in (0..BLOCK).step_by(S::LANES) {
        // SAFETY: as the caller says.
        unsafe { s.store(to.add(lane), s.load(from.add(lane))) };
    }
}
