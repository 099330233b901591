//! From the frame's picture into memory and back, where no convolution does it along.

use super::step::{Canvas, Frame, Picture, Step};
use super::view::{Element, Half, Map, View};
use crate::simd::{Isa, Kernel, Simd};
use impasto_core::image::byte_from_unit;
use std::marker::PhantomData;

/// Size of the frame's picture or canvas.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Picture<'_> {
    /// One value; bytes stand for `0..1`.
    #[inline(always)]
    pub(crate) fn value(&self, size: Size, channel: usize, at: usize) -> f32 {
        match self {
            Picture::Planar(data) => data[channel * size.height * size.width + at],
            Picture::Bytes(data) => f32::from(data[at * size.channels + channel]) * (1.0 / 255.0),
        }
    }
}

impl Canvas {
    /// Writes one value.
    ///
    /// # Safety
    /// The canvas must have that size, the place be inside and written by nobody else now.
    #[inline(always)]
    pub(crate) unsafe fn put(&self, size: Size, channel: usize, at: usize, value: f32) {
        // SAFETY: as the caller says.
        unsafe {
            match *self {
                Canvas::Planar(data) => *data.add(channel * size.height * size.width + at) = value,
                Canvas::Bytes(data) => *data.add(at * size.channels + channel) = byte_from_unit(value),
            }
        }
    }
}

/// Picture to memory, extended at the bottom and right by repeating its edge: `mul * x + add`. One job is one row.
pub(crate) struct Import {
    pub size: Size,
    pub mul: f32,
    pub add: f32,
    pub out: Map,
}

impl Step for Import {
    fn label(&self) -> String {
        format!("import {} at {}x{}", self.size.channels, self.out.width, self.out.height)
    }

    fn jobs(&self) -> usize {
        self.out.height
    }

    unsafe fn job(&self, y: usize, _scratch: *mut f32, frame: &Frame<'_>) {
        let Size { channels, height, width } = self.size;
        for x in 0..self.out.width {
            let at = y.min(height - 1) * width + x.min(width - 1);
            for c in 0..self.out.channels {
                let inside = c < channels;
                let value =
                    if inside { self.mul * frame.input.value(self.size, c, at) + self.add } else { 0.0 };
                // SAFETY: inside the output, whose rows belong to one job each.
                unsafe {
                    match self.out.half {
                        false => *self.out.at::<f32>(y, x).add(c) = value,
                        true => {
                            *self.out.at::<Half>(y, x).add(c) = Half(half::bf16::from_f32(value).to_bits())
                        }
                    }
                };
            }
        }
    }
}

/// Memory to canvas, cropped at the bottom and right. One job is one row.
pub(crate) struct Export {
    pub isa: Isa,
    pub view: View,
    pub size: Size,
}

impl Step for Export {
    fn label(&self) -> String {
        format!("export {} at {}x{}", self.size.channels, self.size.width, self.size.height)
    }

    fn jobs(&self) -> usize {
        self.size.height
    }

    unsafe fn job(&self, y: usize, _scratch: *mut f32, frame: &Frame<'_>) {
        let (step, canvas) = (self, frame.output);
        match self.view.map.half {
            false => self.isa.run(Row::<f32> { step, y, canvas, element: PhantomData }),
            true => self.isa.run(Row::<Half> { step, y, canvas, element: PhantomData }),
        }
    }
}

struct Row<'a, E> {
    step: &'a Export,
    y: usize,
    canvas: Canvas,
    element: PhantomData<E>,
}

impl<E: Element> Kernel for Row<'_, E> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Export { view, size, .. } = self.step;
        for x in 0..size.width {
            for lane in (0..size.channels).step_by(S::LANES) {
                let mut values = [0.0; 16];
                // SAFETY: inside the view; the canvas has this size and its rows belong to one job each.
                unsafe {
                    s.store(values.as_mut_ptr(), view.read::<S, E>(s, self.y, x, lane));
                    for (i, &v) in values.iter().enumerate().take(S::LANES.min(size.channels - lane)) {
                        self.canvas.put(*size, lane + i, self.y * size.width + x, v);
                    }
                }
            }
        }
    }
}
