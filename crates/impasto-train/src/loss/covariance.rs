//! Style as means and covariances of channels, balanced: each layer counts alike, whatever its scale (after arXiv 2104.10064, which has the
//! form for plain Gram matrices).

use crate::walk::{Finish, Kernels, Map, channel_sums};
use impasto_core::Padding;

/// Added to the squared norms, and to the sums of variances, so that flat pictures divide by something.
const EPS_COVARIANCE: f64 = 1e-6;
const EPS_VARIANCE: f64 = 1e-4;

/// Sums over the positions of one map or of several, which then count as one large picture.
pub struct FeatureSums {
    channels: usize,
    lanes: usize,
    count: usize,
    sums: Vec<f64>,
    /// `[lanes][lanes]`.
    products: Vec<f32>,
}

impl FeatureSums {
    /// Of no map yet.
    pub fn new(channels: usize) -> Self {
        let lanes = channels.next_multiple_of(crate::walk::LANES);
        Self { channels, lanes, count: 0, sums: vec![0.0; channels], products: vec![0.0; lanes * lanes] }
    }

    /// Adds all positions of `x`, `[C, H, W]`: `sum of f` and `sum of f f^T`, the latter on the convolution kernels.
    pub fn add<K: Kernels>(&mut self, kernels: K, x: &Map<K::Element>, scratch: &mut K::Scratch) {
        // A value's rim may be filled, and must not count.
        let mut clean = x.clone();
        clean.fill_rim(Padding::Zero);
        kernels.weights_gradient(&clean, &clean, (1, 1), scratch, &mut self.products);
        self.sums.iter_mut().zip(channel_sums(x)).for_each(|(s, x)| *s += f64::from(x));
        self.count += x.shape().area();
    }

    /// Adds what another counted.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sums.iter_mut().zip(&other.sums).for_each(|(s, o)| *s += o);
        self.products.iter_mut().zip(&other.products).for_each(|(s, o)| *s += o);
    }

    /// Means and covariances over everything that was added.
    pub fn covariance(&self) -> Covariance {
        let n = self.count.max(1) as f64;
        let mean: Vec<f64> = self.sums.iter().map(|s| s / n).collect();
        let one = |i: usize| {
            let row = &self.products[i * self.lanes..][..self.channels];
            let own = mean[i];
            row.iter().zip(&mean).map(move |(p, m)| (f64::from(*p) / n - own * m) as f32)
        };
        let matrix = (0..self.channels).flat_map(one).collect();
        Covariance { count: self.count, mean: mean.iter().map(|&m| m as f32).collect(), matrix }
    }
}

/// Means and covariances (over `n`) of the channels of some features.
#[derive(Clone, Debug, PartialEq)]
pub struct Covariance {
    /// Positions.
    pub count: usize,
    /// `[C]`.
    pub mean: Vec<f32>,
    /// `[C, C]`.
    pub matrix: Vec<f32>,
}

impl Covariance {
    /// Of one map.
    pub fn of<K: Kernels>(kernels: K, x: &Map<K::Element>, scratch: &mut K::Scratch) -> Self {
        let mut sums = FeatureSums::new(x.shape().channels);
        sums.add(kernels, x, scratch);
        sums.covariance()
    }

    /// Sum of the variances.
    pub fn trace(&self) -> f64 {
        self.matrix.iter().step_by(self.mean.len() + 1).map(|&v| f64::from(v)).sum()
    }

    fn square(&self) -> f64 {
        self.matrix.iter().map(|&v| f64::from(v) * f64::from(v)).sum()
    }
}

/// Distance of two styles at one layer, each part between 0 and about 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Distance {
    /// `|C - T|^2 / (|C|^2 + |T|^2)`.
    pub covariance: f32,
    /// `|m - m_t|^2 / (sum of variances of both)`.
    pub mean: f32,
}

/// A slope to means and covariances.
#[derive(Clone, Debug, PartialEq)]
pub struct Slope {
    /// `[C]`.
    pub mean: Vec<f32>,
    /// `[C, C]`, symmetric.
    pub matrix: Vec<f32>,
}

impl Slope {
    /// None.
    pub fn zeros(channels: usize) -> Self {
        Self { mean: vec![0.0; channels], matrix: vec![0.0; channels * channels] }
    }
}

/// The denominators of a [`Distance`].
pub(crate) fn norms(a: &Covariance, b: &Covariance) -> (f64, f64) {
    (a.square() + b.square() + EPS_COVARIANCE, a.trace() + b.trace() + EPS_VARIANCE)
}

/// The distance of two styles.
pub fn distance(a: &Covariance, b: &Covariance) -> Distance {
    let (norm, variances) = norms(a, b);
    let away = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum() };
    Distance {
        covariance: (away(&a.matrix, &b.matrix) / norm) as f32,
        mean: (away(&a.mean, &b.mean) / variances) as f32,
    }
}

/// `distance(own, target)`, both parts added, and `weight` times its slope to `own`, in which the denominators count as constants.
pub fn balanced(own: &Covariance, target: &Covariance, weight: f32) -> (f32, Slope) {
    let (norm, variances) = norms(own, target);
    let scaled = |a: &[f32], b: &[f32], by: f64| -> Vec<f32> {
        let scale = (2.0 * f64::from(weight) / by) as f32;
        a.iter().zip(b).map(|(a, b)| scale * (a - b)).collect()
    };
    let Distance { covariance, mean } = distance(own, target);
    let slope = Slope {
        mean: scaled(&own.mean, &target.mean, variances),
        matrix: scaled(&own.matrix, &target.matrix, norm),
    };
    (covariance + mean, slope)
}

/// Carries a slope to means and covariances back to the features `y`, which are some of those that `own` was taken from:
/// `dy = 2 / n * matrix * (y - mean) + d_mean / n`, a 1x1 convolution. It is added to `dy`, or set unless `keep`; with `gate` it is 0
/// where `y` is, for a `y` that a ReLU gave.
pub fn back<K: Kernels>(
    kernels: K,
    y: &Map<K::Element>,
    own: &Covariance,
    slope: &Slope,
    (gate, keep): (bool, bool),
    dy: &mut Map<K::Element>,
) {
    let (channels, n) = (own.mean.len(), own.count as f32);
    let matrix: Vec<f32> = slope.matrix.iter().map(|d| 2.0 * d / n).collect();
    let mut bias: Vec<f32> = (0..channels)
        .map(|i| {
            let row = &matrix[i * channels..][..channels];
            let through: f32 = row.iter().zip(&own.mean).map(|(a, m)| a * m).sum();
            slope.mean[i] / n - through
        })
        .collect();
    bias.resize(y.lanes(), 0.0);
    let packed = kernels.pack(&matrix, channels, channels, 1);
    let finish = Finish { bias: Some(&bias), relu: false, gate: gate.then_some(y), add: keep };
    kernels.conv(y, &packed, 1, &finish, dy);
}
