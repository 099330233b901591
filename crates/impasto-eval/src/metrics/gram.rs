//! Gram matrices of features, `G = F F^T / positions`, plain and centred, and how far two are apart.

use impasto_core::Tensor;

/// Positions whose products are summed in `f32` before they join the `f64` sums; as many of 512 channels fit a L2 cache.
const BLOCK: usize = 256;

/// Means and Gram matrix of the channels of some features.
#[derive(Clone, Debug, PartialEq)]
pub struct SecondMoments {
    /// `[C]`.
    mean: Vec<f64>,
    /// `F F^T / positions`, `[C, C]`.
    gram: Vec<f64>,
}

impl SecondMoments {
    /// Of features `[C, height, width]`.
    pub fn of(features: &Tensor) -> Self {
        let (channels, positions) = (features.shape().channels, features.shape().area());
        let mut gram = vec![0.0; channels * channels];
        for from in (0..positions).step_by(BLOCK) {
            let block = |c: usize| &features.channel(c)[from..(from + BLOCK).min(positions)];
            for i in 0..channels {
                let row = &mut gram[i * channels..][..=i];
                row.iter_mut().enumerate().for_each(|(j, sum)| *sum += f64::from(dot(block(i), block(j))));
            }
        }
        for i in 0..channels {
            for j in 0..=i {
                let value = gram[i * channels + j] / positions as f64;
                gram[i * channels + j] = value;
                gram[j * channels + i] = value;
            }
        }
        let mean =
            |c: usize| features.channel(c).iter().map(|&v| f64::from(v)).sum::<f64>() / positions as f64;
        Self { mean: (0..channels).map(mean).collect(), gram }
    }

    /// `F F^T / positions`, `[C, C]`.
    pub fn gram(&self) -> &[f64] {
        &self.gram
    }

    /// The Gram matrix of features less their means (their covariances over `n`), `[C, C]`.
    pub fn centred(&self) -> Vec<f64> {
        let channels = self.mean.len();
        let value = |n: usize| self.gram[n] - self.mean[n / channels] * self.mean[n % channels];
        (0..self.gram.len()).map(value).collect()
    }
}

/// `|A - B| / (|A| + |B|)` in Frobenius norms: 0 where they are equal, at most 1 for matrices without negative eigenvalues; 0 of two zeros.
///
/// # Panics
/// If the sizes differ.
pub fn matrix_distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "matrices of one size");
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let away = norm(&mut a.iter().zip(b).map(|(a, b)| a - b));
    let both = norm(&mut a.iter().copied()) + norm(&mut b.iter().copied());
    if both == 0.0 { 0.0 } else { away / both }
}

const LANES: usize = 16;

/// Dot product of two of one length.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        sums.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum += a * b);
    }
    sums.iter().sum::<f32>() + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Shape;

    #[test]
    fn two_channels_have_the_moments_of_the_textbook() {
        let values = vec![1.0, 2.0, 3.0, 4.0, 0.0, 1.0, 0.0, 1.0];
        let moments = SecondMoments::of(&Tensor::new(Shape::new(2, 2, 2), values));
        assert_eq!(moments.gram(), [7.5, 1.5, 1.5, 0.5]);
        assert_eq!(moments.centred(), [1.25, 0.25, 0.25, 0.25]);
    }

    #[test]
    fn many_channels_and_blocks_equal_the_plain_sum() {
        let shape = Shape::new(7, 33, 41);
        let features = Tensor::from_fn(shape, |c, y, x| ((c * 31 + y * 7 + x * 3) % 17) as f32 - 6.0);
        let moments = SecondMoments::of(&features);
        for (i, j) in [(0, 0), (6, 2), (3, 6), (5, 5)] {
            let products = features.channel(i).iter().zip(features.channel(j));
            let sum: f64 = products.map(|(a, b)| f64::from(a * b)).sum();
            assert!((moments.gram()[i * 7 + j] - sum / shape.area() as f64).abs() < 1e-5);
        }
    }

    #[test]
    fn the_distance_lies_between_nothing_and_one() {
        let (a, b) = ([4.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 3.0]);
        assert_eq!(matrix_distance(&a, &a), 0.0);
        assert_eq!(matrix_distance(&a, &b), 5.0 / 7.0);
        assert_eq!(matrix_distance(&a, &[0.0; 4]), 1.0);
        assert_eq!(matrix_distance(&[0.0; 4], &[0.0; 4]), 0.0);
        assert!(matrix_distance(&a, &[f64::NAN; 4]).is_nan());
    }
}
