//! Loss on what repeats with the painter's grid: a lattice has the same value at the same place of every cell.

use impasto_core::{Shape, Tensor};

/// The painter's largest stride, px.
const CELL_PX: usize = 8;
const PHASES: usize = CELL_PX * CELL_PX;

/// For each channel, the variance of the means over positions of equal phase modulo 8, minus the photo's `x`, at least 0; the mean over
/// channels. The gradient goes to `y`.
///
/// # Panics
/// If the pictures differ in size or are smaller than 8 px a side.
pub fn phase_variance(y: &Tensor, x: &Tensor, weight: f32, gradient: &mut Tensor) -> f32 {
    let Shape { channels, height, width } = y.shape();
    assert!(y.shape() == x.shape() && height >= CELL_PX && width >= CELL_PX, "too small");
    let mut value = 0.0;
    for c in 0..channels {
        let (own, centre, variance) = phases(y, c);
        let beyond = variance - phases(x, c).2;
        if beyond <= 0.0 {
            continue;
        }
        value += beyond / channels as f32;
        let slope: Vec<f32> = (0..PHASES)
            .map(|p| {
                let count = count(p / CELL_PX, height) * count(p % CELL_PX, width);
                weight * 2.0 * (own[p] - centre) / (channels * PHASES * count) as f32
            })
            .collect();
        for (i, g) in gradient.channel_mut(c).iter_mut().enumerate() {
            *g += slope[i / width % CELL_PX * CELL_PX + i % width % CELL_PX];
        }
    }
    value
}

/// Positions of `0..len` of one phase.
fn count(phase: usize, len: usize) -> usize {
    (len - phase).div_ceil(CELL_PX)
}

/// The 64 means of a channel, their mean, and their variance.
fn phases(picture: &Tensor, channel: usize) -> ([f32; PHASES], f32, f32) {
    let Shape { height, width, .. } = picture.shape();
    let mut sums = [0.0f64; PHASES];
    for (i, &v) in picture.channel(channel).iter().enumerate() {
        sums[i / width % CELL_PX * CELL_PX + i % width % CELL_PX] += f64::from(v);
    }
    let mut means = [0.0; PHASES];
    for (p, (mean, sum)) in means.iter_mut().zip(sums).enumerate() {
        *mean = (sum / (count(p / CELL_PX, height) * count(p % CELL_PX, width)) as f64) as f32;
    }
    let centre = means.iter().sum::<f32>() / PHASES as f32;
    let variance = means.iter().map(|m| (m - centre) * (m - centre)).sum::<f32>() / PHASES as f32;
    (means, centre, variance)
}
