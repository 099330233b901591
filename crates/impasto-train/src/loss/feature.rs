//! Losses over the loss network's features; the target of the content is AdaIN's.

use crate::walk::{Element, Map, Moments};

/// Value of a loss over means and deviations, and its gradients to both.
#[derive(Clone, Debug, PartialEq)]
pub struct StyleTerm {
    /// Unweighted.
    pub value: f32,
    /// To the mean of each channel.
    pub d_mean: Vec<f32>,
    /// To the deviation of each channel.
    pub d_std: Vec<f32>,
}

/// Mean over channels of `(mean - target mean)^2`, plus the same of deviations (Huang and Belongie 2017, eq. 13, with squares for roots).
pub fn style_mean_std(own: &Moments, target: &Moments, weight: f32) -> StyleTerm {
    let (mean, d_mean) = squares(&own.mean, &target.mean, weight);
    let (std, d_std) = squares(&own.std, &target.std, weight);
    StyleTerm { value: mean + std, d_mean, d_std }
}

/// The founding write-up's variant: the root of each of the two means, `sqrt(MSE + 1e-8)`.
pub fn style_mean_std_sqrt(own: &Moments, target: &Moments, weight: f32) -> StyleTerm {
    let root = |(value, gradient): (f32, Vec<f32>)| {
        let root = (value + 1e-8).sqrt();
        (root, gradient.iter().map(|g| g / (2.0 * root)).collect::<Vec<_>>())
    };
    let (mean, d_mean) = root(squares(&own.mean, &target.mean, weight));
    let (std, d_std) = root(squares(&own.std, &target.std, weight));
    StyleTerm { value: mean + std, d_mean, d_std }
}

fn squares(own: &[f32], target: &[f32], weight: f32) -> (f32, Vec<f32>) {
    let n = own.len() as f32;
    let away: Vec<f32> = own.iter().zip(target).map(|(a, b)| a - b).collect();
    (away.iter().map(|a| a * a).sum::<f32>() / n, away.iter().map(|a| 2.0 * weight * a / n).collect())
}

/// AdaIN's target for the content: features times `gain` plus `shift`, per channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ContentTarget {
    /// `min(style std / content std, limit)`.
    pub gain: Vec<f32>,
    /// `style mean - content mean * gain`.
    pub shift: Vec<f32>,
}

impl ContentTarget {
    /// Flat crops have channels whose deviation is nearly 0; `limit` (5 in our recipe) bounds what AdaIN makes of them.
    pub fn new(content: &Moments, style: &Moments, limit: f32) -> Self {
        let gain: Vec<f32> = style.std.iter().zip(&content.std).map(|(s, c)| (s / c).min(limit)).collect();
        let means = style.mean.iter().zip(&content.mean);
        let shift = means.zip(&gain).map(|((s, c), gain)| s - c * gain).collect();
        Self { gain, shift }
    }

    /// The features themselves.
    pub fn features(channels: usize) -> Self {
        Self { gain: vec![1.0; channels], shift: vec![0.0; channels] }
    }
}

crate::walk::simd::wide_fn! {
    /// One row of [`content_mse`]; the sum of squares is added to `sum`.
    fn content_row<E>(
        y: &[E], f: &[E], gain: &[f32], shift: &[f32], scale: f32, gate: bool, keep: bool, dy: &mut [E], sums: &mut [f32],
    ) {
        let lanes = gain.len();
        for ((y, f), dy) in y.chunks_exact(lanes).zip(f.chunks_exact(lanes)).zip(dy.chunks_exact_mut(lanes)) {
            for c in 0..lanes {
                let y = y[c].wide();
                let away = y - (gain[c] * f[c].wide() + shift[c]);
                sums[c] += away * away;
                let before = if keep { dy[c].wide() } else { 0.0 };
                dy[c] = E::narrow(before + if gate && (y <= 0.0 || y.is_nan()) { 0.0 } else { scale * away });
            }
        }
    }
}

/// Mean over all elements of `(y - (gain * content + shift))^2`. The gradient is added to `dy`, or set unless `keep`; with
/// `gate` it is 0 where `y` is, for a `y` that a ReLU gave.
pub fn content_mse<E: Element>(
    y: &Map<E>,
    content: &Map<E>,
    target: &ContentTarget,
    weight: f32,
    (gate, keep): (bool, bool),
    dy: &mut Map<E>,
) -> f32 {
    let (shape, lanes) = (y.shape(), y.lanes());
    let n = shape.len() as f32;
    let wide = |v: &[f32]| [v, &vec![0.0; lanes - v.len()]].concat();
    let (gain, shift) = (wide(&target.gain), wide(&target.shift));
    let mut sums = vec![0.0; lanes];
    for v in 0..shape.height {
        let scale = 2.0 * weight / n;
        content_row(y.row(v), content.row(v), &gain, &shift, scale, gate, keep, dy.row_mut(v), &mut sums);
    }
    sums.iter().sum::<f32>() / n
}
