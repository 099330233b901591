//! One number a pixel: luma, its detail, and means over boxes.

use impasto_core::{Shape, Tensor};

/// One value a pixel, row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Values, row by row.
    pub values: Vec<f64>,
}

/// Luma of a picture: 0.299 R + 0.587 G + 0.114 B (BT.601), in the picture's range.
///
/// # Panics
/// If the picture has not three channels.
pub fn luma(picture: &Tensor) -> Plane {
    let shape = picture.shape();
    assert_eq!(shape.channels, 3, "luma is of RGB");
    let [r, g, b] = [0, 1, 2].map(|c| picture.channel(c));
    let value = |i: usize| 0.299 * f64::from(r[i]) + 0.587 * f64::from(g[i]) + 0.114 * f64::from(b[i]);
    Plane { width: shape.width, height: shape.height, values: (0..shape.area()).map(value).collect() }
}

/// Deviation of the blur that [`detail`] takes away, px.
const DETAIL_SIGMA_PX: f64 = 12.0;

/// Strokes without palette and shading: a grey picture `[3, height, width]` of luma minus its Gaussian blur of sigma 12 px, plus 0.5. The blur
/// is cut off at 3 sigma, and near the border its weights inside the picture sum to 1.
pub fn detail(picture: &Tensor) -> Tensor {
    let luma = luma(picture);
    let blurred = luma.blurred(DETAIL_SIGMA_PX);
    let grey: Vec<f32> = luma.values.iter().zip(&blurred.values).map(|(v, b)| (v - b + 0.5) as f32).collect();
    Tensor::new(Shape::new(3, luma.height, luma.width), grey.repeat(3))
}

impl Plane {
    /// The plane with rows and columns exchanged.
    fn transposed(&self) -> Self {
        let mut values = vec![0.0; self.values.len()];
        for (y, row) in self.values.chunks_exact(self.width).enumerate() {
            row.iter().enumerate().for_each(|(x, v)| values[x * self.height + y] = *v);
        }
        Self { width: self.height, height: self.width, values }
    }

    /// Each row, as `filter(row, out)` makes it, and then each column.
    pub(super) fn filtered(&self, filter: impl Fn(&[f64], &mut [f64])) -> Self {
        let along_rows = |plane: &Self| {
            let mut out = plane.clone();
            let rows = plane.values.chunks_exact(plane.width);
            rows.zip(out.values.chunks_exact_mut(plane.width)).for_each(|(row, out)| filter(row, out));
            out
        };
        along_rows(&along_rows(self).transposed()).transposed()
    }

    /// Means of boxes of `2 * radius + 1` px a side, cut off at the border.
    pub(super) fn box_mean(&self, radius: usize) -> Self {
        self.filtered(|row, out| {
            let sums: Vec<f64> = std::iter::once(0.0)
                .chain(row.iter().scan(0.0, |sum, v| {
                    *sum += v;
                    Some(*sum)
                }))
                .collect();
            for (x, out) in out.iter_mut().enumerate() {
                let (from, to) = (x.saturating_sub(radius), (x + radius + 1).min(row.len()));
                *out = (sums[to] - sums[from]) / (to - from) as f64;
            }
        })
    }

    /// A Gaussian blur, cut off at 3 sigma; near the border the weights inside sum to 1.
    fn blurred(&self, sigma_px: f64) -> Self {
        let radius = (3.0 * sigma_px).round() as usize;
        let taps: Vec<f64> =
            (0..=radius).map(|i| (-(i as f64).powi(2) / (2.0 * sigma_px * sigma_px)).exp()).collect();
        self.filtered(|row, out| {
            for (x, out) in out.iter_mut().enumerate() {
                let (from, to) = (x.saturating_sub(radius), (x + radius + 1).min(row.len()));
                let (mut sum, mut weights) = (0.0, 0.0);
                for (i, v) in row[from..to].iter().enumerate() {
                    let tap = taps[(from + i).abs_diff(x)];
                    sum += tap * v;
                    weights += tap;
                }
                *out = sum / weights;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(height: usize, width: usize, value: impl Fn(usize, usize) -> f32) -> Tensor {
        Tensor::from_fn(Shape::new(3, height, width), |_, y, x| value(y, x))
    }

    #[test]
    fn detail_keeps_strokes_and_loses_shading_and_colour() {
        let shaded = detail(&grey(90, 80, |y, _| 0.2 + 0.006 * y as f32));
        let inside = |t: &Tensor| t.row(0, 45)[40];
        assert!((inside(&shaded) - 0.5).abs() < 1e-5, "{}", inside(&shaded));
        let striped = detail(&grey(90, 80, |_, x| 0.4 + 0.2 * (x / 2 % 2) as f32));
        let stripes = striped.row(0, 45)[42] - striped.row(0, 45)[40];
        assert!((stripes.abs() - 0.2).abs() < 1e-3, "{stripes}");
        let blue = Tensor::from_fn(Shape::new(3, 40, 40), |c, _, _| [0.1, 0.3, 0.9][c]);
        assert!(detail(&blue).data().iter().all(|v| (v - 0.5).abs() < 1e-6));
    }

    #[test]
    fn box_means_are_cut_off_at_the_border() {
        let plane = Plane { width: 3, height: 2, values: vec![1.0, 2.0, 6.0, 3.0, 4.0, 8.0] };
        let mean = plane.box_mean(1);
        let expected = [2.5, 4.0, 5.0, 2.5, 4.0, 5.0];
        assert!(mean.values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{mean:?}");
    }
}
