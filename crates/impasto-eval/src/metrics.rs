//! The figures: losses seen by the VGG, and differences between pictures.

mod colour;
mod gram;
mod lattice;
mod phase;
mod plane;
mod ssim;
mod structure;
mod transport;

pub use colour::{Histogram, colour_distance};
pub use gram::{SecondMoments, matrix_distance};
pub use lattice::{FlatPlaces, lattice};
pub use phase::phase_variance;
pub use plane::{Plane, detail, luma};
pub use ssim::ssim;
pub use structure::{Likeness, structure_distance};
pub use transport::{DIRECTIONS, Projections, QUANTILES, directions, transport_distance};

use impasto_core::Tensor;
use impasto_core::reference::ops::Statistics;

/// Mean of `(a - b)^2` over all values.
///
/// # Panics
/// If the shapes differ.
pub fn mse(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.shape(), b.shape());
    let sum: f64 = a.data().iter().zip(b.data()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    sum / a.data().len() as f64
}

/// Sum over layers of the mean squared differences of means and of standard deviations over channels
/// (Huang and Belongie 2017, eq. 13, with mean squares for norms).
///
/// # Panics
/// If the layers differ in number or channels.
pub fn style_loss(a: &[Statistics], b: &[Statistics]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| mean_square(&a.mean, &b.mean) + mean_square(&a.std, &b.std)).sum()
}

fn mean_square(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / a.len() as f64
}

/// Mean absolute difference of two pictures in `0..1`, given in `0..255`.
///
/// # Panics
/// If the shapes differ.
pub fn mean_difference(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.shape(), b.shape());
    let sum: f64 = a.data().iter().zip(b.data()).map(|(a, b)| f64::from((a - b).abs())).sum();
    255.0 * sum / a.data().len() as f64
}

/// More than this is not told apart: 8-bit pictures that are equal in all but a pixel are below it.
pub const HIGHEST_PSNR_DB: f64 = 100.0;

/// Peak signal-to-noise ratio of two pictures in `0..1`, in dB, at most [`HIGHEST_PSNR_DB`].
///
/// # Panics
/// If the shapes differ.
pub fn psnr_db(a: &Tensor, b: &Tensor) -> f64 {
    let db = -10.0 * mse(a, b).log10();
    // Not `min`, which would make a good figure of NaN.
    if db > HIGHEST_PSNR_DB { HIGHEST_PSNR_DB } else { db }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Shape;

    fn flat(value: f32) -> Tensor {
        Tensor::from_fn(Shape::new(3, 4, 5), |_, _, _| value)
    }

    #[test]
    fn a_known_difference_gives_its_figures() {
        let (a, b) = (flat(0.5), flat(0.6));
        assert!((mse(&a, &b) - 0.01).abs() < 1e-7);
        assert!((psnr_db(&a, &b) - 20.0).abs() < 1e-4);
        assert!((mean_difference(&a, &b) - 25.5).abs() < 1e-4);
        assert_eq!(psnr_db(&a, &a), HIGHEST_PSNR_DB);
        assert_eq!(mean_difference(&a, &a), 0.0);
    }

    #[test]
    fn nan_is_never_a_good_figure() {
        let (a, bad) = (flat(0.5), flat(f32::NAN));
        assert!(mse(&a, &bad).is_nan() && mean_difference(&a, &bad).is_nan());
        assert!(psnr_db(&a, &bad).is_nan());
    }

    #[test]
    fn style_loss_sums_layers_and_averages_channels() {
        let layer = |mean: &[f64], std: &[f64]| Statistics { mean: mean.to_vec(), std: std.to_vec() };
        let a = [layer(&[1.0, 2.0], &[1.0, 1.0]), layer(&[0.0], &[2.0])];
        let b = [layer(&[1.0, 4.0], &[1.0, 1.0]), layer(&[3.0], &[1.0])];
        assert_eq!(style_loss(&a, &b), 2.0 + 9.0 + 1.0);
        assert_eq!(style_loss(&a, &a), 0.0);
    }
}
