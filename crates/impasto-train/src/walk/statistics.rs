//! Mean and standard deviation of each channel, and the gradient through them.

use super::map::{Element, LANES, Map};
use super::simd::wide_fn;

/// Mean and `sqrt(variance + eps)` of each channel of a map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// Mean, `[C]`.
    pub mean: Vec<f32>,
    /// `sqrt(variance + eps)`, `[C]`.
    pub std: Vec<f32>,
    /// Divisor of the sum of squares: the number of pixels, or one less.
    pub divisor: f32,
}

wide_fn! {
    /// `sums[c] += sum over a row's pixels of x[c] - shift[c]`, squared if `square`.
    fn add_row<E>(row: &[E], lanes: usize, shift: &[f32], square: bool, sums: &mut [f32]) {
        for first in (0..lanes).step_by(LANES) {
            let shift: &[f32; LANES] = shift[first..first + LANES].try_into().expect("lanes");
            let mut own = [0.0f32; LANES];
            for pixel in row.chunks_exact(lanes) {
                let pixel: &[E; LANES] = pixel[first..first + LANES].try_into().expect("lanes");
                for c in 0..LANES {
                    let away = pixel[c].wide() - shift[c];
                    own[c] += if square { away * away } else { away };
                }
            }
            sums[first..first + LANES].iter_mut().zip(own).for_each(|(s, o)| *s += o);
        }
    }
}

wide_fn! {
    /// Over a row's pixels: `plain[c] += sum of dy[c]`, `along[c] += sum of dy[c] * (x[c] - shift[c])`.
    fn add_products<E>(
        dy: &[E], x: &[E], lanes: usize, shift: &[f32], plain: &mut [f32], along: &mut [f32],
    ) {
        for first in (0..lanes).step_by(LANES) {
            let shift: &[f32; LANES] = shift[first..first + LANES].try_into().expect("lanes");
            let (mut one, mut two) = ([0.0f32; LANES], [0.0f32; LANES]);
            for (dy, x) in dy.chunks_exact(lanes).zip(x.chunks_exact(lanes)) {
                let dy: &[E; LANES] = dy[first..first + LANES].try_into().expect("lanes");
                let x: &[E; LANES] = x[first..first + LANES].try_into().expect("lanes");
                for c in 0..LANES {
                    let g = dy[c].wide();
                    one[c] += g;
                    two[c] += g * (x[c].wide() - shift[c]);
                }
            }
            plain[first..first + LANES].iter_mut().zip(one).for_each(|(s, o)| *s += o);
            along[first..first + LANES].iter_mut().zip(two).for_each(|(s, o)| *s += o);
        }
    }
}

fn sums<E: Element>(x: &Map<E>, shift: &[f32], square: bool) -> Vec<f32> {
    let mut sums = vec![0.0; x.lanes()];
    (0..x.shape().height).for_each(|y| add_row(x.row(y), x.lanes(), shift, square, &mut sums));
    sums
}

/// Two passes: the mean, then the squares around it.
pub fn moments<E: Element>(x: &Map<E>, eps: f32, unbiased: bool) -> Moments {
    let n = x.shape().area() as f32;
    let divisor = if unbiased { (n - 1.0).max(1.0) } else { n };
    let mut mean = sums(x, &vec![0.0; x.lanes()], false);
    mean.iter_mut().for_each(|m| *m /= n);
    let mut std = sums(x, &mean, true);
    std.iter_mut().for_each(|v| *v = (*v / divisor + eps).sqrt());
    mean.truncate(x.shape().channels);
    std.truncate(x.shape().channels);
    Moments { mean, std, divisor }
}

/// `[lanes]` with zeros behind.
pub(super) fn to_lanes(values: &[f32], lanes: usize) -> Vec<f32> {
    let mut wide = values.to_vec();
    wide.resize(lanes, 0.0);
    wide
}

/// `(sum of dy, sum of dy * (x - mean))` of each channel.
pub(crate) fn products<E: Element>(dy: &Map<E>, x: &Map<E>, mean: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let shift = to_lanes(mean, x.lanes());
    let (mut plain, mut along) = (vec![0.0; x.lanes()], vec![0.0; x.lanes()]);
    for y in 0..x.shape().height {
        add_products(dy.row(y), x.row(y), x.lanes(), &shift, &mut plain, &mut along);
    }
    plain.truncate(x.shape().channels);
    along.truncate(x.shape().channels);
    (plain, along)
}

/// The sum over all pixels of each channel.
pub(crate) fn channel_sums<E: Element>(x: &Map<E>) -> Vec<f32> {
    let mut sums = sums(x, &vec![0.0; x.lanes()], false);
    sums.truncate(x.shape().channels);
    sums
}

wide_fn! {
    /// `out = (keep ? out : 0) + scale[c] * x + shift[c]`, kept only where `x > 0` if `gate`.
    fn affine_row<E>(x: &[E], lanes: usize, scale: &[f32], shift: &[f32], gate: bool, keep: bool, out: &mut [E]) {
        for (x, out) in x.chunks_exact(lanes).zip(out.chunks_exact_mut(lanes)) {
            for first in (0..lanes).step_by(LANES) {
                let block = first..first + LANES;
                let x: &[E; LANES] = x[block.clone()].try_into().expect("lanes");
                let scale: &[f32; LANES] = scale[block.clone()].try_into().expect("lanes");
                let shift: &[f32; LANES] = shift[block.clone()].try_into().expect("lanes");
                let out: &mut [E; LANES] = (&mut out[block]).try_into().expect("lanes");
                let mut values = [0.0f32; LANES];
                for c in 0..LANES {
                    values[c] = scale[c] * x[c].wide() + shift[c];
                }
                if gate {
                    for c in 0..LANES {
                        values[c] = if x[c].wide() > 0.0 { values[c] } else { 0.0 };
                    }
                }
                if keep {
                    for c in 0..LANES {
                        values[c] += out[c].wide();
                    }
                }
                for c in 0..LANES {
                    out[c] = E::narrow(values[c]);
                }
            }
        }
    }
}

/// `out = scale * x + shift` per channel, added to what `out` holds if `keep`, only where `x > 0` if `gate`.
pub(crate) fn affine<E: Element>(
    x: &Map<E>,
    scale: &[f32],
    shift: &[f32],
    gate: bool,
    keep: bool,
    out: &mut Map<E>,
) {
    let lanes = x.lanes();
    let (scale, shift) = (to_lanes(scale, lanes), to_lanes(shift, lanes));
    for y in 0..x.shape().height {
        affine_row(x.row(y), lanes, &scale, &shift, gate, keep, out.row_mut(y));
    }
}

/// Adds to (or sets, unless `keep`) `dx` the gradient that arrives at `x` through its mean (`d_mean`) and deviation (`d_std`):
/// `d_mean / n + d_std * (x - mean) / (divisor * std)`. With `gate` only where `x > 0`, for an `x` that a ReLU gave.
pub fn add_statistics_gradient<E: Element>(
    x: &Map<E>,
    own: &Moments,
    d_mean: &[f32],
    d_std: &[f32],
    gate: bool,
    keep: bool,
    dx: &mut Map<E>,
) {
    let n = x.shape().area() as f32;
    let scale: Vec<f32> = d_std.iter().zip(&own.std).map(|(d, s)| d / (own.divisor * s)).collect();
    let shift: Vec<f32> =
        d_mean.iter().zip(&own.mean).zip(&scale).map(|((d, mean), scale)| d / n - scale * mean).collect();
    affine(x, &scale, &shift, gate, keep, dx);
}
