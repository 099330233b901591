//! Sliced Wasserstein distance of features (Heitz et al. 2021): projected on many directions and sorted, how far values must be carried.

use super::gram::dot;
use impasto_core::{Random, Tensor};

/// Directions for each layer, whatever its channels.
pub const DIRECTIONS: usize = 64;
/// Points at which a projection's distribution is kept.
pub const QUANTILES: usize = 1024;
/// Seed of the directions: they are the same for all pictures, models and runs.
const SEED: u64 = 0x5EED;

/// `count` directions of unit length in `channels` dimensions, `[count][channels]`, the same each time.
pub fn directions(count: usize, channels: usize) -> Vec<f32> {
    let mut random = Random::new(SEED ^ channels as u64);
    let mut one = || {
        let values: Vec<f32> = (0..channels).map(|_| random.normal()).collect();
        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        values.into_iter().map(|v| v / length).collect::<Vec<f32>>()
    };
    (0..count).flat_map(|_| one()).collect()
}

/// Distribution of features along each of some directions.
#[derive(Clone, Debug, PartialEq)]
pub struct Projections {
    /// `[directions][QUANTILES]`, ascending.
    quantiles: Vec<f32>,
}

impl Projections {
    /// Features `[C, height, width]` along `directions`, `[K][C]`: sorted projections, at `(k + 0.5) / QUANTILES` of their length, by linear interpolation.
    ///
    /// # Panics
    /// If a direction is not `C` long, or there is no position.
    pub fn of(features: &Tensor, directions: &[f32]) -> Self {
        let (channels, positions) = (features.shape().channels, features.shape().area());
        assert!(directions.len().is_multiple_of(channels) && positions > 0, "directions of `C` values");
        let mut projected = vec![vec![0.0f32; positions]; directions.len() / channels];
        for from in (0..positions).step_by(64) {
            let to = (from + 64).min(positions);
            let columns: Vec<Vec<f32>> =
                (from..to).map(|p| (0..channels).map(|c| features.channel(c)[p]).collect()).collect();
            for (direction, out) in directions.chunks_exact(channels).zip(&mut projected) {
                let dots = columns.iter().map(|column| dot(direction, column));
                out[from..to].iter_mut().zip(dots).for_each(|(out, dot)| *out = dot);
            }
        }
        let quantiles = projected.into_iter().flat_map(quantiles).collect();
        Self { quantiles }
    }

    /// Variance of a projection, mean over directions.
    fn variance(&self) -> f64 {
        let one = |values: &[f32]| {
            let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / QUANTILES as f64;
            values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / QUANTILES as f64
        };
        let directions = self.quantiles.len() / QUANTILES;
        self.quantiles.chunks_exact(QUANTILES).map(one).sum::<f64>() / directions as f64
    }
}

/// Values sorted and resampled.
fn quantiles(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_unstable_by(f32::total_cmp);
    let last = values.len() - 1;
    let at = |k: usize| {
        let place = ((k as f64 + 0.5) / QUANTILES as f64 * values.len() as f64 - 0.5).clamp(0.0, last as f64);
        let (low, part) = (place as usize, place.fract() as f32);
        values[low] + part * (values[(low + 1).min(last)] - values[low])
    };
    (0..QUANTILES).map(at).collect()
}

/// `sqrt(mean over directions of the mean squared difference of quantiles)`, in deviations of `target`'s projections. A target
/// without any variance gives infinity, or NaN where it equals.
///
/// # Panics
/// If the directions differ in number.
pub fn transport_distance(own: &Projections, target: &Projections) -> f64 {
    assert_eq!(own.quantiles.len(), target.quantiles.len(), "projections of one layer");
    let squares = own.quantiles.iter().zip(&target.quantiles);
    let sum: f64 = squares.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    (sum / own.quantiles.len() as f64 / target.variance()).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Shape;

    fn ramp(scale: f32, shift: f32, len: usize) -> Projections {
        let value = |_: usize, _: usize, x: usize| shift + scale * (x as f32 + 0.5) / len as f32;
        Projections::of(&Tensor::from_fn(Shape::new(1, 1, len), value), &[1.0])
    }

    #[test]
    fn moving_and_widening_a_distribution_costs_as_much_as_by_hand() {
        // Uniform on 0..1, of deviation 1 / sqrt(12).
        let target = ramp(1.0, 0.0, 4096);
        let moved = transport_distance(&ramp(1.0, 0.5, 2048), &target);
        assert!((moved - 0.5 * 12f64.sqrt()).abs() < 1e-3, "{moved}");
        let wider = transport_distance(&ramp(2.0, 0.0, 4096), &target);
        assert!((wider - 1.0 / 3f64.sqrt() * 12f64.sqrt()).abs() < 1e-3, "{wider}");
        assert!(
            transport_distance(&target, &ramp(1.0, 0.0, 8192)) < 1e-3,
            "the number of positions does not matter"
        );
    }

    #[test]
    fn order_of_positions_does_not_matter_and_directions_have_unit_length() {
        let values = vec![3.0, -1.0, 0.5, 2.0, 7.0, 0.0];
        let mut turned = values.clone();
        turned.reverse();
        let of = |v: Vec<f32>| Projections::of(&Tensor::new(Shape::new(1, 2, 3), v), &[1.0]);
        assert_eq!(of(values), of(turned));
        for direction in directions(5, 48).chunks_exact(48) {
            assert!((direction.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
        }
        assert_eq!(directions(3, 64), directions(3, 64));
    }
}
