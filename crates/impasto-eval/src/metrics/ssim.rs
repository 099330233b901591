//! Structural similarity (Wang, Bovik, Sheikh and Simoncelli 2004): a Gaussian window of 11x11 and sigma 1.5,
//! C1 = 0.01^2, C2 = 0.03^2 for values in `0..1`, windows inside the picture only, mean over all of them.

use super::plane::Plane;

const SIDE: usize = 11;
const SIGMA: f64 = 1.5;
const C1: f64 = 1e-4;
const C2: f64 = 9e-4;

/// Structural similarity of two planes of one size, 1 where they are equal.
///
/// # Panics
/// If the sizes differ or a side is below 11 px.
pub fn ssim(a: &Plane, b: &Plane) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height), "pictures of different size");
    assert!(a.width >= SIDE && a.height >= SIDE, "the window needs {SIDE} px");
    let (mean_a, mean_b) = (smooth(a), smooth(b));
    let (aa, bb, ab) = (smooth(&product(a, a)), smooth(&product(b, b)), smooth(&product(a, b)));
    let one = |i: usize| {
        let (ma, mb) = (mean_a[i], mean_b[i]);
        let (va, vb, cov) = (aa[i] - ma * ma, bb[i] - mb * mb, ab[i] - ma * mb);
        (2.0 * ma * mb + C1) * (2.0 * cov + C2) / ((ma * ma + mb * mb + C1) * (va + vb + C2))
    };
    (0..mean_a.len()).map(one).sum::<f64>() / mean_a.len() as f64
}

fn product(a: &Plane, b: &Plane) -> Plane {
    Plane { values: a.values.iter().zip(&b.values).map(|(a, b)| a * b).collect(), ..*a }
}

fn window() -> [f64; SIDE] {
    let tap = |i: usize| (-(i as f64 - 5.0).powi(2) / (2.0 * SIGMA * SIGMA)).exp();
    let sum: f64 = (0..SIDE).map(tap).sum();
    std::array::from_fn(|i| tap(i) / sum)
}

/// Weighted means of all windows inside, row by row.
fn smooth(plane: &Plane) -> Vec<f64> {
    let taps = window();
    let (width, height) = (plane.width - SIDE + 1, plane.height - SIDE + 1);
    let across = |row: &[f64], x: usize| taps.iter().zip(&row[x..]).map(|(t, v)| t * v).sum::<f64>();
    let rows: Vec<f64> = plane
        .values
        .chunks_exact(plane.width)
        .flat_map(|row| (0..width).map(move |x| across(row, x)).collect::<Vec<_>>())
        .collect();
    let down = |y: usize, x: usize| taps.iter().enumerate().map(|(i, t)| t * rows[(y + i) * width + x]).sum();
    (0..height).flat_map(|y| (0..width).map(move |x| (y, x))).map(|(y, x)| down(y, x)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::luma;
    use impasto_core::{Shape, Tensor};

    fn picture(value: impl Fn(usize, usize) -> f32) -> Plane {
        luma(&Tensor::from_fn(Shape::new(3, 24, 31), |_, y, x| value(y, x)))
    }

    #[test]
    fn equal_pictures_are_alike_and_others_less() {
        let stripes = picture(|_, x| (x % 4) as f32 / 4.0);
        assert!((ssim(&stripes, &stripes) - 1.0).abs() < 1e-12);
        let moved = picture(|_, x| ((x + 2) % 4) as f32 / 4.0);
        let fainter = picture(|_, x| 0.2 + (x % 4) as f32 / 8.0);
        let (moved, fainter) = (ssim(&stripes, &moved), ssim(&stripes, &fainter));
        assert!(moved < 0.0 && fainter > 0.5 && fainter < 0.95, "{moved} {fainter}");
    }

    #[test]
    fn flat_pictures_follow_the_formula() {
        let (a, b) = (picture(|_, _| 0.2), picture(|_, _| 0.6));
        let expected = (2.0 * 0.2 * 0.6 + C1) / (0.04 + 0.36 + C1);
        assert!((ssim(&a, &b) - expected).abs() < 1e-6);
    }
}
