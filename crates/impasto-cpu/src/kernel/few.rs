//! The last convolution, to at most four channels, written straight to the canvas.
//!
//! With so few results registers run over input channels instead: each tap multiplies 16 channels of a position
//! with the tap's weights, and the lanes are added up at the end of the window.

use super::picture::Size;
use super::step::{Canvas, Frame, Step};
use super::view::{Axis, View, window_axis};
use crate::memory::Arena;
use crate::simd::{Isa, Kernel, Simd, zero};
use impasto_core::Padding;

/// Neighbouring positions that share the loads of weights.
const WIDE: usize = 4;

/// A planned layer. One job is one row of the canvas.
pub(crate) struct Few {
    isa: Isa,
    view: View,
    size: Size,
    kernel: usize,
    rows: Axis,
    columns: Axis,
    /// `[tap][in][out]`, `in` in registers.
    weights: Arena,
    bias: [f32; 4],
    relu: bool,
    macs: u64,
}

/// Weights, bias and geometry of one convolution.
pub(crate) struct Layer<'a> {
    /// `weight(out, in, tap)`.
    pub weight: &'a dyn Fn(usize, usize, usize) -> f32,
    /// One per output channel.
    pub bias: &'a [f32],
    /// Its input.
    pub view: View,
    /// Channels of the input in the table.
    pub inputs: usize,
    /// The canvas.
    pub size: Size,
    /// Window, stride, what stands outside.
    pub window: (usize, usize, Padding),
    /// ReLU at the end.
    pub relu: bool,
}

impl Few {
    pub(crate) fn new(isa: Isa, layer: &Layer<'_>) -> Few {
        let Layer { view, size, window: (kernel, stride, padding), .. } = *layer;
        let taps = kernel * kernel;
        let stored = view.map.channels;
        let mut weights = Arena::new(taps * stored * size.channels);
        let out = weights.as_mut_slice();
        for o in 0..size.channels {
            for c in 0..layer.inputs {
                for tap in 0..taps {
                    out[(tap * size.channels + o) * stored + c] = (layer.weight)(o, c, tap);
                }
            }
        }
        let mut bias = [0.0; 4];
        bias[..size.channels].copy_from_slice(layer.bias);
        let axis = |len, out| window_axis(len, view.up, out, kernel, stride, padding);
        Few {
            isa,
            view,
            size,
            kernel,
            rows: axis(view.height(), size.height),
            columns: axis(view.width(), size.width),
            weights,
            bias,
            relu: layer.relu,
            macs: (size.height * size.width * taps * layer.inputs * size.channels) as u64,
        }
    }
}

impl Step for Few {
    fn label(&self) -> String {
        let Size { channels, height, width } = self.size;
        format!("few {0}x{0} {1}>{channels} at {width}x{height}", self.kernel, self.view.map.channels)
    }

    fn jobs(&self) -> usize {
        self.size.height
    }

    fn macs(&self) -> u64 {
        self.macs
    }

    unsafe fn job(&self, job: usize, _scratch: *mut f32, frame: &Frame<'_>) {
        self.isa.run(Row { layer: self, y: job, canvas: frame.output });
    }
}

struct Row<'a> {
    layer: &'a Few,
    y: usize,
    canvas: Canvas,
}

impl Kernel for Row<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match self.layer.size.channels {
            1 => self.line::<S, 1>(s),
            2 => self.line::<S, 2>(s),
            3 => self.line::<S, 3>(s),
            _ => self.line::<S, 4>(s),
        }
    }
}

impl Row<'_> {
    #[inline(always)]
    fn line<S: Simd, const O: usize>(&self, s: S) {
        let size = self.layer.size;
        for first in (0..size.width).step_by(WIDE) {
            let count = WIDE.min(size.width - first);
            // SAFETY: positions below the width are on the canvas.
            let sums = unsafe { self.windows::<S, O>(s, first, count) };
            for (i, sums) in sums.iter().enumerate().take(count) {
                for (o, &sum) in sums.iter().enumerate() {
                    let v = s.sum(sum) + self.layer.bias[o];
                    let v = if self.layer.relu && v < 0.0 { 0.0 } else { v };
                    // SAFETY: on the canvas; its rows belong to one job each.
                    unsafe { self.canvas.put(size, o, self.y * size.width + first + i, v) };
                }
            }
        }
    }

    /// Sums over the windows of `count` positions from column `first` on, lane by lane.
    ///
    /// # Safety
    /// The positions must be on the canvas.
    #[inline(always)]
    unsafe fn windows<S: Simd, const O: usize>(&self, s: S, first: usize, count: usize) -> [[S::F; O]; WIDE] {
        let Few { view, kernel: n, rows, columns, weights, .. } = self.layer;
        let stored = view.map.channels;
        let mut sums = [[zero(s); O]; WIDE];
        for (j, &row) in rows[self.y * n..][..*n].iter().enumerate() {
            if row < 0 {
                continue;
            }
            for i in 0..*n {
                let mut from = [0i32; WIDE];
                for (p, from) in from.iter_mut().enumerate() {
                    *from = columns[(first + p.min(count - 1)) * n + i];
                }
                for lane in (0..stored).step_by(S::LANES) {
                    // SAFETY: indices of the axes are inside the map; there are weights for every tap.
                    unsafe {
                        let transform = view.load_transform(s, lane);
                        let at = weights.ptr().add((j * n + i) * O * stored + lane);
                        let mut weight = [zero(s); O];
                        for (o, weight) in weight.iter_mut().enumerate() {
                            *weight = s.load(at.add(o * stored));
                        }
                        for (&from, sums) in from.iter().zip(&mut sums) {
                            if from < 0 {
                                continue;
                            }
                            let (y, x) = (row as usize, from as usize);
                            let v = s.load(view.map.at::<f32>(y, x).add(lane));
                            let v = transform.apply(s, v, view.cell(y, x));
                            for (sum, &weight) in sums.iter_mut().zip(&weight) {
                                *sum = s.fma(v, weight, *sum);
                            }
                        }
                    }
                }
            }
        }
        sums
    }
}
