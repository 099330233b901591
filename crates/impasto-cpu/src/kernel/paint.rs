//! From a convolution's sums to the frame's canvas, for at most four channels.

use super::picture::Size;
use super::step::Canvas;
use impasto_core::image::byte_from_unit;

/// Positions in one call, doubled.
const LONGEST: usize = 32;

/// What happens to sums before they are pixels, and how they lie.
#[derive(Clone, Copy)]
pub(crate) struct Painter {
    /// The canvas.
    pub size: Size,
    /// Added.
    pub bias: [f32; 4],
    /// ReLU after that.
    pub relu: bool,
    /// Whether each position has the sums of 2x2 pixels, one pixel after the other.
    pub up: bool,
}

impl Painter {
    /// Paints `count` (at most 16) neighbouring positions from `(y, x)` on; what lies beyond the canvas is cropped.
    /// The sums of a position lie together, those of the next `stride` later.
    ///
    /// # Safety
    /// The canvas must have the painter's size, the sums be readable, and nobody else paint there now.
    #[inline(always)]
    pub(crate) unsafe fn span(
        &self,
        canvas: Canvas,
        sums: *const f32,
        stride: usize,
        place: (usize, usize),
        count: usize,
    ) {
        // SAFETY: as the caller says.
        unsafe {
            match self.size.channels {
                1 => self.span_of::<1>(canvas, sums, stride, place, count),
                2 => self.span_of::<2>(canvas, sums, stride, place, count),
                3 => self.span_of::<3>(canvas, sums, stride, place, count),
                _ => self.span_of::<4>(canvas, sums, stride, place, count),
            }
        }
    }

    /// # Safety
    /// As for [`Painter::span`].
    #[inline(always)]
    unsafe fn span_of<const O: usize>(
        &self,
        canvas: Canvas,
        sums: *const f32,
        stride: usize,
        (y, x): (usize, usize),
        count: usize,
    ) {
        let scale = if self.up { 2 } else { 1 };
        for dy in 0..scale {
            let (y, x) = (y * scale + dy, x * scale);
            if y >= self.size.height || x >= self.size.width {
                continue;
            }
            let mut line = [[0.0f32; O]; LONGEST];
            for column in 0..count.min(LONGEST / scale) {
                for dx in 0..scale {
                    for (o, v) in line[column * scale + dx].iter_mut().enumerate() {
                        // SAFETY: a position has the sums of all its pixels.
                        let sum = unsafe { *sums.add(column * stride + (dy * scale + dx) * O + o) };
                        let sum = sum + self.bias[o];
                        *v = if self.relu && sum < 0.0 { 0.0 } else { sum };
                    }
                }
            }
            let line = &line[..(count * scale).min(self.size.width - x)];
            // SAFETY: the line ends on the canvas.
            unsafe { self.write(canvas, line, y * self.size.width + x) };
        }
    }

    /// # Safety
    /// The line must be on the canvas from pixel `at` on.
    #[inline(always)]
    unsafe fn write<const O: usize>(&self, canvas: Canvas, line: &[[f32; O]], at: usize) {
        match canvas {
            Canvas::Bytes(data) => {
                // SAFETY: as the caller says.
                let out = unsafe { std::slice::from_raw_parts_mut(data.add(at * O), line.len() * O) };
                for (out, &v) in out.iter_mut().zip(line.as_flattened()) {
                    *out = byte_from_unit(v);
                }
            }
            Canvas::Planar(data) => {
                let area = self.size.height * self.size.width;
                for o in 0..O {
                    // SAFETY: as the caller says.
                    let out = unsafe { std::slice::from_raw_parts_mut(data.add(o * area + at), line.len()) };
                    for (out, pixel) in out.iter_mut().zip(line) {
                        *out = pixel[o];
                    }
                }
            }
        }
    }
}
