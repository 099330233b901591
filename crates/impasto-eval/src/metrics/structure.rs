//! Structure as likeness between places (self-similarity; Kolkin et al. 2019, in LapStyle's form), which keeps the drawing whatever its colours.

use super::gram::dot;
use impasto_core::Tensor;

/// Places a side of the grid that is compared; features with fewer rows or columns give all that they have.
const GRID: usize = 32;
/// Added to lengths and to sums of a row.
const EPS: f32 = 1e-6;

/// `1 - cosine` of features at every two of some places, each row divided by its sum.
#[derive(Clone, Debug, PartialEq)]
pub struct Likeness {
    /// Places.
    count: usize,
    /// `[count][count]`.
    rows: Vec<f32>,
}

impl Likeness {
    /// Of features `[C, height, width]` at up to 32 x 32 places in the middles of as many equal cells.
    pub fn of(features: &Tensor) -> Self {
        let shape = features.shape();
        let spread = |len: usize| {
            let count = len.min(GRID);
            (0..count).map(move |k| (2 * k + 1) * len / (2 * count))
        };
        let places = spread(shape.height).flat_map(|y| spread(shape.width).map(move |x| (y, x)));
        let units: Vec<Vec<f32>> = places
            .map(|(y, x)| {
                let own: Vec<f32> = (0..shape.channels).map(|c| features.row(c, y)[x]).collect();
                let length = own.iter().map(|v| v * v).sum::<f32>().sqrt() + EPS;
                own.into_iter().map(|v| v / length).collect()
            })
            .collect();
        let rows = units.iter().flat_map(|unit| row(unit, &units)).collect();
        Self { count: units.len(), rows }
    }
}

fn row(unit: &[f32], units: &[Vec<f32>]) -> Vec<f32> {
    let mut row: Vec<f32> = units.iter().map(|other| 1.0 - dot(unit, other)).collect();
    let sum = row.iter().sum::<f32>() + EPS;
    row.iter_mut().for_each(|d| *d /= sum);
    row
}

/// Sum over all pairs of places of the difference of their likeness, over the number of places: 0 where the drawing is the same, 2 at most.
///
/// # Panics
/// If the places differ in number.
pub fn structure_distance(a: &Likeness, b: &Likeness) -> f64 {
    assert_eq!(a.count, b.count, "pictures of one size");
    let sum: f64 = a.rows.iter().zip(&b.rows).map(|(a, b)| f64::from((a - b).abs())).sum();
    sum / a.count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Shape;

    fn features(value: impl Fn(usize, usize) -> [f32; 2]) -> Likeness {
        Likeness::of(&Tensor::from_fn(Shape::new(2, 40, 6), |c, y, x| value(y, x)[c]))
    }

    #[test]
    fn brightness_does_not_count_and_another_drawing_does() {
        let halves = features(|y, _| if y < 20 { [1.0, 0.0] } else { [0.0, 1.0] });
        let brighter = features(|y, _| if y < 20 { [7.0, 0.0] } else { [0.0, 3.0] });
        let exchanged = features(|y, _| if y < 20 { [0.0, 1.0] } else { [1.0, 0.0] });
        assert!(structure_distance(&halves, &brighter) < 1e-4);
        assert!(structure_distance(&halves, &exchanged) < 1e-4, "colours may change");
        let upright = features(|_, x| if x < 3 { [1.0, 0.0] } else { [0.0, 1.0] });
        // Half of the places of each row are as far as before; a quarter came, a quarter went.
        let other = structure_distance(&halves, &upright);
        assert!((other - 1.0).abs() < 1e-3, "{other}");
    }
}
