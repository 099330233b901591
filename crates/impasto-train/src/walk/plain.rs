//! Kernels in `f32`, for every machine: loops over pixels, taps and inputs with the outputs innermost.

use super::kernels::{Finish, Kernels};
use super::map::{LANES, Map};
use super::simd::wide_fn;
use impasto_core::Padding;

/// `f32` maps and sums.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

/// Weights `[tap][input][output]`, padded.
#[derive(Clone, Debug)]
pub struct PlainWeights {
    kernel: usize,
    inputs: usize,
    outputs: usize,
    values: Vec<f32>,
}

impl PlainWeights {
    fn pack(
        outputs: usize,
        inputs: usize,
        kernel: usize,
        value: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let (wide, taps) = (outputs.next_multiple_of(LANES), kernel * kernel);
        let mut values = vec![0.0; taps * inputs * wide];
        for t in 0..taps {
            for i in 0..inputs {
                let row = &mut values[(t * inputs + i) * wide..][..outputs];
                row.iter_mut().enumerate().for_each(|(o, v)| *v = value(o, i, t));
            }
        }
        Self { kernel, inputs, outputs: wide, values }
    }

    fn taps(&self) -> Vec<(usize, isize, isize)> {
        match self.kernel {
            1 => vec![(0, 0, 0)],
            _ => (0..9).map(|t| (t, t as isize / 3 - 1, t as isize % 3 - 1)).collect(),
        }
    }
}

wide_fn! {
    /// `sums[o] += sum over i of x[i] * weights[i][o]`.
    fn gather<E>(x: &[E], weights: &[f32], sums: &mut [f32]) {
        for (x, row) in x.iter().zip(weights.chunks_exact(sums.len())) {
            let x = x.wide();
            sums.iter_mut().zip(row).for_each(|(s, w)| *s += x * w);
        }
    }
}

wide_fn! {
    /// `gradient[i][o] += x[i] * dy[o]`.
    fn outer<E>(x: &[E], dy: &[E], gradient: &mut [f32]) {
        for (x, row) in x.iter().zip(gradient.chunks_exact_mut(dy.len())) {
            let x = x.wide();
            row.iter_mut().zip(dy).for_each(|(g, dy)| *g += x * dy.wide());
        }
    }
}

fn store(sums: &mut [f32], finish: &Finish<f32>, at: usize, y: &mut [f32]) {
    if let Some(bias) = finish.bias {
        sums.iter_mut().zip(bias).for_each(|(s, b)| *s += b);
    }
    if finish.relu {
        sums.iter_mut().for_each(|s| *s = s.max(0.0));
    }
    if let Some(gate) = finish.gate {
        let gate = &gate.data()[at..at + sums.len()];
        sums.iter_mut().zip(gate).for_each(|(s, g)| *s = if *g > 0.0 { *s } else { 0.0 });
    }
    let out = &mut y[at..at + sums.len()];
    match finish.add {
        true => out.iter_mut().zip(sums).for_each(|(y, s)| *y += *s),
        false => out.copy_from_slice(sums),
    }
}

impl Kernels for Plain {
    type Element = f32;
    type Weights = PlainWeights;
    type Scratch = ();

    fn pack(&self, weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> PlainWeights {
        PlainWeights::pack(outputs, inputs, kernel, |o, i, t| weight[(o * inputs + i) * kernel * kernel + t])
    }

    fn pack_transposed(&self, weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> PlainWeights {
        PlainWeights::pack(inputs, outputs, kernel, |i, o, t| weight[(o * inputs + i) * kernel * kernel + t])
    }

    fn conv(&self, x: &Map<f32>, w: &PlainWeights, stride: usize, finish: &Finish<f32>, y: &mut Map<f32>) {
        let (row, out_row) = (x.shape().width + 2, y.shape().width + 2);
        let mut sums = vec![0.0; w.outputs];
        for v in 0..y.shape().height {
            for u in 0..y.shape().width {
                sums.fill(0.0);
                let centre = ((v * stride + 1) * row + u * stride + 1) as isize;
                for (t, dv, du) in w.taps() {
                    let at = (centre + dv * row as isize + du) as usize * x.lanes();
                    let rows = &w.values[t * w.inputs * w.outputs..][..w.inputs * w.outputs];
                    gather(&x.data()[at..at + w.inputs], rows, &mut sums);
                }
                let at = ((v + 1) * out_row + u + 1) * w.outputs;
                store(&mut sums, finish, at, y.data_mut());
            }
        }
    }

    fn conv_transposed(
        &self,
        dy: &Map<f32>,
        w: &PlainWeights,
        padding: Padding,
        finish: &Finish<f32>,
        dx: &mut Map<f32>,
    ) {
        let (h, width) = (dy.shape().height, dy.shape().width);
        let row = width + 2;
        let rim = if w.kernel == 3 && padding != Padding::Zero { 1 } else { 0 };
        let mut sums = vec![0.0; w.outputs];
        let inside = |at: isize, len: usize| (0..len as isize).contains(&at);
        if !finish.add {
            (0..h).for_each(|v| dx.row_mut(v).fill(0.0));
        }
        let finish = Finish { add: true, ..*finish };
        for v in -rim..h as isize + rim {
            for u in -rim..width as isize + rim {
                sums.fill(0.0);
                for (t, dv, du) in w.taps() {
                    let (sv, su) = (v - dv, u - du);
                    if !(inside(sv, h) && inside(su, width)) {
                        continue;
                    }
                    let at = ((sv + 1) as usize * row + (su + 1) as usize) * dy.lanes();
                    let rows = &w.values[t * w.inputs * w.outputs..][..w.inputs * w.outputs];
                    gather(&dy.data()[at..at + w.inputs], rows, &mut sums);
                }
                let source = |at, len| padding.source(at, len).expect("the rim is copied from inside");
                let at = ((source(v, h) + 1) * row + source(u, width) + 1) * w.outputs;
                store(&mut sums, &finish, at, dx.data_mut());
            }
        }
    }

    fn weights_gradient(
        &self,
        x: &Map<f32>,
        dy: &Map<f32>,
        (kernel, _): (usize, usize),
        _scratch: &mut (),
        gradient: &mut [f32],
    ) {
        let row = x.shape().width + 2;
        let size = x.lanes() * dy.lanes();
        for v in 0..dy.shape().height {
            for u in 0..dy.shape().width {
                let centre = (v + 1) * row + u + 1;
                let dy = &dy.data()[centre * dy.lanes()..(centre + 1) * dy.lanes()];
                for (t, gradient) in gradient.chunks_exact_mut(size).enumerate() {
                    let at = if kernel == 3 { centre + t / 3 * row + t % 3 - row - 1 } else { centre };
                    let x = &x.data()[at * x.lanes()..][..x.shape().channels];
                    outer(x, dy, gradient);
                }
            }
        }
    }
}
