//! Style as Gram matrices (Gatys et al. 2015), on the convolution kernels: `F F^T` is a weight gradient, and the way back a 1x1 convolution.

use crate::walk::{Finish, Kernels, Map};
use impasto_core::Padding;

/// `F F^T / (C H W)` of features `[C, H, W]`, as `[C, C]`.
pub fn gram<K: Kernels>(kernels: K, x: &Map<K::Element>, scratch: &mut K::Scratch) -> Vec<f32> {
    let (shape, lanes) = (x.shape(), x.lanes());
    // A value's rim may be filled, and must not count.
    let mut clean = x.clone();
    clean.fill_rim(Padding::Zero);
    let mut sums = vec![0.0; lanes * lanes];
    kernels.weights_gradient(&clean, &clean, (1, 1), scratch, &mut sums);
    let rows = sums.chunks_exact(lanes).take(shape.channels);
    rows.flat_map(|row| row[..shape.channels].iter().map(|s| s / shape.len() as f32)).collect()
}

/// Mean of `(own - target)^2`, where `own` is the Gram matrix of `y`. With the two as `G` and `T`, the gradient
/// `4 weight (G - T) F / (C^2 * C H W)` is added to `dy`, or set unless `keep`; with `gate` it is 0 where `y` is.
pub fn style_gram<K: Kernels>(
    kernels: K,
    y: &Map<K::Element>,
    own: &[f32],
    target: &[f32],
    weight: f32,
    (gate, keep): (bool, bool),
    dy: &mut Map<K::Element>,
) -> f32 {
    let channels = y.shape().channels;
    let away: Vec<f32> = own.iter().zip(target).map(|(a, b)| a - b).collect();
    let scale = 4.0 * weight / (own.len() as f32 * y.shape().len() as f32);
    let scaled: Vec<f32> = away.iter().map(|a| scale * a).collect();
    let packed = kernels.pack(&scaled, channels, channels, 1);
    let finish = Finish { bias: None, relu: false, gate: gate.then_some(y), add: keep };
    kernels.conv(y, &packed, 1, &finish, dy);
    away.iter().map(|a| a * a).sum::<f32>() / own.len() as f32
}
