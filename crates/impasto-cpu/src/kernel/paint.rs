//! From a convolution's sums to the frame's canvas, for at most four channels.

use super::finish::floor;
use super::picture::Size;
use super::step::Canvas;
use crate::simd::{BLOCK, Simd};

/// Values of one line in one call: 16 positions, doubled, of 4 channels, and what a last register writes beyond them.
const LINE: usize = 16 * 2 * 4 + BLOCK;

/// The way from sums to pixels, and the layout of the sums.
#[derive(Clone, Copy)]
pub(crate) struct Painter {
    /// The canvas.
    pub size: Size,
    /// Added: one value per channel, over and over.
    pub bias: [f32; 2 * BLOCK],
    /// ReLU after that.
    pub relu: bool,
    /// Whether each position has the sums of 2x2 pixels, one pixel after the other.
    pub up: bool,
    /// With `up`: whether those begin one pixel above and to the left.
    pub shifted: bool,
}

impl Painter {
    /// Paints `count` (at most 16) neighbouring positions from `(y, x)` on; what lies beyond the canvas is cropped.
    /// The sums of a position lie together, those of the next `stride` later.
    ///
    /// # Safety
    /// The canvas must have the painter's size, and nobody else paint there now. After the first of each position's sums
    /// 24 values must be readable.
    #[inline(always)]
    pub(crate) unsafe fn span<S: Simd>(
        &self,
        s: S,
        canvas: Canvas,
        sums: *const f32,
        stride: usize,
        (y, x): (usize, usize),
        count: usize,
    ) {
        let scale = if self.up { 2 } else { 1 };
        // Values of a position in one line.
        let run = scale * self.size.channels;
        let before = usize::from(self.shifted);
        // The first pixel of a line may lie before the canvas.
        let skipped = before.saturating_sub(x * scale);
        let x = x * scale + skipped - before;
        for dy in 0..scale {
            let Some(y) = (y * scale + dy).checked_sub(before) else { continue };
            if y >= self.size.height || x >= self.size.width {
                continue;
            }
            let pixels = (count * scale - skipped).min(self.size.width - x);
            let at = y * self.size.width + x;
            // SAFETY: as the caller says; a line holds 16 positions of up to 8 values, and the pixels are on the canvas.
            unsafe {
                let sums = sums.add(dy * run);
                match canvas {
                    Canvas::Bytes(data) => {
                        let mut line = [0; LINE];
                        let bytes = line.as_mut_ptr();
                        self.line(s, sums, stride, run, count.min(16), |i, v| s.store_bytes(bytes.add(i), v));
                        let n = self.size.channels;
                        std::ptr::copy_nonoverlapping(bytes.add(skipped * n), data.add(at * n), pixels * n);
                    }
                    Canvas::Planar(data) => {
                        let mut line = [0.0; LINE];
                        let values = line.as_mut_ptr();
                        self.line(s, sums, stride, run, count.min(16), |i, v| s.store(values.add(i), v));
                        self.spread(&line[skipped * self.size.channels..], pixels, data.add(at));
                    }
                }
            }
        }
    }

    /// Gives `put` one line's values one after another. Registers are wider than a position's `run` of values: each
    /// position's are put over what the one before put too much.
    ///
    /// # Safety
    /// As for [`Painter::span`].
    #[inline(always)]
    unsafe fn line<S: Simd>(
        &self,
        s: S,
        sums: *const f32,
        stride: usize,
        run: usize,
        count: usize,
        put: impl Fn(usize, S::F),
    ) {
        let floor = floor(s, self.relu);
        for column in 0..count {
            for lane in (0..run).step_by(S::LANES) {
                // SAFETY: `lane` is below 8, so reads end within 24 values.
                unsafe {
                    let sum = s.load(sums.add(column * stride + lane));
                    let v = s.at_least(floor, s.add(sum, s.load(self.bias.as_ptr().add(lane))));
                    put(column * run + lane, v);
                }
            }
        }
    }

    /// Writes a line's pixels, channel by channel.
    ///
    /// # Safety
    /// That many pixels must be on the canvas from `to` on.
    #[inline(always)]
    unsafe fn spread(&self, line: &[f32], pixels: usize, to: *mut f32) {
        let Size { channels, height, width } = self.size;
        for c in 0..channels {
            for (i, pixel) in line.chunks_exact(channels).take(pixels).enumerate() {
                // SAFETY: as the caller says.
                unsafe { *to.add(c * height * width + i) = pixel[c] };
            }
        }
    }
}
