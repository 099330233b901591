//! Sliced Wasserstein distances of features (Heitz et al. 2021): seen along any direction, the pastiche's features have the painting's
//! distribution.

use crate::walk::dot;
use impasto_core::Random;

/// Added to the variance of the target.
const EPS: f32 = 1e-6;

/// `count` directions of unit length, `[count][channels]`.
pub fn directions(count: usize, channels: usize, random: &mut Random) -> Vec<f32> {
    let mut all = Vec::with_capacity(count * channels);
    for _ in 0..count {
        let one: Vec<f32> = (0..channels).map(|_| random.normal()).collect();
        let length = dot(&one, &one).sqrt().max(1e-6);
        all.extend(one.iter().map(|v| v / length));
    }
    all
}

/// Over `directions`, `[K][channels]`: features `own`, `[n][channels]`, and `target`, `[m][channels]`, are projected and sorted, the target is
/// resampled to `n` by linear interpolation (its ends stay ends), and the mean squared difference divided by the target's variance; the
/// mean over directions. `weight` times the gradient is added to `gradient`, `[n][channels]`; the variance counts as a constant.
///
/// # Panics
/// If there is no feature on one side.
pub fn sliced(
    own: &[f32],
    target: &[f32],
    channels: usize,
    directions: &[f32],
    weight: f32,
    gradient: &mut [f32],
) -> f32 {
    let (n, count) = (own.len() / channels, directions.len() / channels);
    assert!(n > 0 && target.len() >= channels, "no features");
    let mut value = 0.0f64;
    for direction in directions.chunks_exact(channels) {
        let (order, mine) = sorted(own, channels, direction);
        let (_, theirs) = sorted(target, channels, direction);
        let theirs = resampled(&theirs, n);
        let centre = theirs.iter().sum::<f32>() / n as f32;
        let variance = theirs.iter().map(|t| (t - centre) * (t - centre)).sum::<f32>() / n as f32 + EPS;
        let scale = 1.0 / (variance * (n * count) as f32);
        for ((&at, z), t) in order.iter().zip(&mine).zip(&theirs) {
            let away = z - t;
            value += f64::from(scale * away * away);
            let slope = 2.0 * weight * scale * away;
            let to = &mut gradient[at as usize * channels..][..channels];
            to.iter_mut().zip(direction).for_each(|(g, d)| *g += slope * d);
        }
    }
    value as f32
}

/// Projections in ascending order, and which feature each belongs to. Numbers become integers of the same order, which sort quickly.
fn sorted(features: &[f32], channels: usize, direction: &[f32]) -> (Vec<u32>, Vec<f32>) {
    let key = |v: f32| {
        let bits = v.to_bits();
        if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
    };
    let value = |key: u32| f32::from_bits(if key >> 31 == 1 { key ^ 1 << 31 } else { !key });
    let mut all: Vec<u64> = features
        .chunks_exact(channels)
        .enumerate()
        .map(|(i, f)| u64::from(key(dot(f, direction))) << 32 | i as u64)
        .collect();
    all.sort_unstable();
    all.iter().map(|&both| (both as u32, value((both >> 32) as u32))).unzip()
}

/// `n` values along the line through `values`, the first and last included.
fn resampled(values: &[f32], n: usize) -> Vec<f32> {
    if values.len() == n {
        return values.to_vec();
    }
    let last = values.len() - 1;
    let step = if n > 1 { last as f64 / (n - 1) as f64 } else { 0.0 };
    (0..n)
        .map(|i| {
            let at = i as f64 * step;
            let low = (at as usize).min(last);
            let part = (at - low as f64) as f32;
            values[low] + part * (values[(low + 1).min(last)] - values[low])
        })
        .collect()
}
