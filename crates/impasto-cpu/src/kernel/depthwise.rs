//! Convolution of each channel by itself: registers run over channels, every tap is one multiply and add.

use super::finish::Finish;
use super::step::{Frame, Step};
use super::sums::{SLOT, Sums};
use super::view::{Axis, View, window_axis};
use crate::memory::Arena;
use crate::simd::{Isa, Kernel, Simd};
use impasto_core::Padding;

/// A planned layer. One job is one row.
pub(crate) struct Depthwise {
    isa: Isa,
    view: View,
    finish: Finish,
    kernel: usize,
    rows: Axis,
    columns: Axis,
    /// `[tap][channels]`
    weights: Arena,
    channels: usize,
}

impl Depthwise {
    /// `weight` is `[channels][1][kernel][kernel]`.
    pub(crate) fn new(
        isa: Isa,
        view: View,
        finish: Finish,
        weight: &[f32],
        (kernel, stride, padding): (usize, usize, Padding),
    ) -> Depthwise {
        let taps = kernel * kernel;
        let mut weights = Arena::new(taps * view.map.channels);
        for (i, &w) in weight.iter().enumerate() {
            weights.as_mut_slice()[i % taps * view.map.channels + i / taps] = w;
        }
        let axis = |len, out| window_axis(len, view.up, out, kernel, stride, padding);
        Depthwise {
            isa,
            view,
            finish,
            kernel,
            rows: axis(view.height(), finish.out.height),
            columns: axis(view.width(), finish.out.width),
            weights,
            channels: weight.len() / taps,
        }
    }
}

impl Step for Depthwise {
    fn label(&self) -> String {
        let out = self.finish.out;
        format!("depthwise {0}x{0} {1} at {2}x{3}", self.kernel, out.channels, out.width, out.height)
    }

    fn jobs(&self) -> usize {
        self.finish.out.height
    }

    fn macs(&self) -> u64 {
        let out = self.finish.out;
        (out.height * out.width * self.channels * self.kernel * self.kernel) as u64
    }

    fn positions(&self, _job: usize) -> usize {
        self.finish.out.width
    }

    fn finish_mut(&mut self) -> Option<&mut Finish> {
        Some(&mut self.finish)
    }

    unsafe fn job(&self, job: usize, _scratch: *mut f32, _: &Frame<'_>) {
        self.isa.run(Row { layer: self, y: job });
    }
}

struct Row<'a> {
    layer: &'a Depthwise,
    y: usize,
}

impl Kernel for Row<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let finish = &self.layer.finish;
        let channels = finish.out.channels;
        for channel in (0..channels).step_by(S::LANES) {
            let mut sums = Sums::new(s);
            for x in 0..finish.out.width {
                // SAFETY: the position and channel are inside the output.
                unsafe {
                    let sum = self.window(s, x, channel);
                    let v = finish.lane(s, channel).value::<f32>(s, sum, self.y, x);
                    s.store(finish.out.at::<f32>(self.y, x).add(channel), v);
                    if finish.sums.is_some() {
                        sums.add(s, v);
                    }
                }
            }
            if let Some(slots) = finish.sums {
                // SAFETY: there is one slot for every row.
                unsafe { sums.store(s, slots.0.add(self.y * SLOT * channels), channel, channels) };
            }
        }
    }
}

impl Row<'_> {
    /// The sum over one window.
    ///
    /// # Safety
    /// Column and channels must be inside the output.
    #[inline(always)]
    unsafe fn window<S: Simd>(&self, s: S, x: usize, channel: usize) -> S::F {
        let Depthwise { kernel: n, view, weights, rows, columns, .. } = self.layer;
        let mut sum = s.splat(0.0);
        for (j, &row) in rows[self.y * n..][..*n].iter().enumerate() {
            for (i, &column) in columns[x * n..][..*n].iter().enumerate() {
                if row < 0 || column < 0 {
                    continue;
                }
                // SAFETY: indices of the axes are inside the map; there is a weight for every tap and channel.
                unsafe {
                    let (row, column) = (row as usize, column as usize);
                    let value = s.load(view.map.at::<f32>(row, column).add(channel));
                    let value = view.load_transform(s, channel).apply(s, value, view.cell(row, column));
                    let weight = s.load(weights.ptr().add((j * n + i) * view.map.channels + channel));
                    sum = s.fma(value, weight, sum);
                }
            }
        }
        sum
    }
}
