//! The noise field on maps, see [`impasto_core::noise`], and the gradient through it.

use super::map::{Element, LANES, Map};
use super::simd::wide_fn;
use impasto_core::noise::MAX_PLANES;

/// One number for each plane and channel, `[MAX_PLANES][lanes]`.
pub(super) type PlaneSums = Vec<f32>;

wide_fn! {
    /// `y = x + sum over k of gains[k][c] * cells[k]`, along a row.
    fn add_row<E>(x: &[E], cells: &[f32], lanes: usize, gains: &[f32], y: &mut [E]) {
        let pixels = x.chunks_exact(lanes).zip(y.chunks_exact_mut(lanes)).zip(cells.chunks_exact(MAX_PLANES));
        for ((x, y), cell) in pixels {
            for first in (0..lanes).step_by(LANES) {
                let x: &[E; LANES] = x[first..first + LANES].try_into().expect("lanes");
                let y: &mut [E; LANES] = (&mut y[first..first + LANES]).try_into().expect("lanes");
                let mut values = [0.0f32; LANES];
                for c in 0..LANES {
                    values[c] = x[c].wide();
                }
                for k in 0..MAX_PLANES {
                    let gains: &[f32; LANES] = gains[k * lanes + first..][..LANES].try_into().expect("lanes");
                    for c in 0..LANES {
                        values[c] += gains[c] * cell[k];
                    }
                }
                for c in 0..LANES {
                    y[c] = E::narrow(values[c]);
                }
            }
        }
    }
}

wide_fn! {
    /// `sums[k][c] += sum over a row's pixels of dy[c] * cells[k]`.
    fn add_products<E>(dy: &[E], cells: &[f32], lanes: usize, sums: &mut [f32]) {
        for first in (0..lanes).step_by(LANES) {
            let mut own = [[0.0f32; LANES]; MAX_PLANES];
            for (dy, cell) in dy.chunks_exact(lanes).zip(cells.chunks_exact(MAX_PLANES)) {
                let dy: &[E; LANES] = dy[first..first + LANES].try_into().expect("lanes");
                for k in 0..MAX_PLANES {
                    for c in 0..LANES {
                        own[k][c] += dy[c].wide() * cell[k];
                    }
                }
            }
            for (k, own) in own.iter().enumerate() {
                let sums = &mut sums[k * lanes + first..][..LANES];
                sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
            }
        }
    }
}

/// `gain[c] * weight[c][k]` as `[MAX_PLANES][lanes]`, zeros behind.
pub(super) fn gains(weight: &[f32], gain: &[f32], lanes: usize) -> PlaneSums {
    let planes = weight.len() / gain.len();
    let mut gains = vec![0.0; MAX_PLANES * lanes];
    for (c, (weight, gain)) in weight.chunks_exact(planes).zip(gain).enumerate() {
        weight.iter().enumerate().for_each(|(k, weight)| gains[k * lanes + c] = gain * weight);
    }
    gains
}

/// `y = x + noise`; `cells` is `[height][width][MAX_PLANES]`.
pub(super) fn add<E: Element>(x: &Map<E>, cells: &[f32], gains: &[f32], y: &mut Map<E>) {
    let (lanes, row) = (x.lanes(), x.shape().width * MAX_PLANES);
    for (v, cells) in cells.chunks_exact(row).enumerate() {
        add_row(x.row(v), cells, lanes, gains, y.row_mut(v));
    }
}

/// Sums over all pixels of `dy[c] * cells[k]`.
pub(super) fn products<E: Element>(dy: &Map<E>, cells: &[f32]) -> PlaneSums {
    let (lanes, row) = (dy.lanes(), dy.shape().width * MAX_PLANES);
    let mut sums = vec![0.0; MAX_PLANES * lanes];
    for (v, cells) in cells.chunks_exact(row).enumerate() {
        add_products(dy.row(v), cells, lanes, &mut sums);
    }
    sums
}
