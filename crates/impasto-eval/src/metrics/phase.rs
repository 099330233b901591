//! A pattern locked to a painter's grid has the same value at the same place of every cell.

use impasto_core::{Shape, Tensor};

/// The largest stride of the painters here, px.
const CELL_PX: usize = 8;
const PHASES: usize = CELL_PX * CELL_PX;

/// Variance of the 64 means over positions of equal phase modulo 8, mean over channels, of 255 squared. The photo's own is what
/// chance gives.
///
/// # Panics
/// If a side is below 8 px.
pub fn phase_variance(picture: &Tensor) -> f64 {
    let Shape { channels, height, width } = picture.shape();
    assert!(height >= CELL_PX && width >= CELL_PX, "a side is below {CELL_PX} px");
    255.0 * 255.0 * (0..channels).map(|c| channel_variance(picture, c)).sum::<f64>() / channels as f64
}

fn channel_variance(picture: &Tensor, channel: usize) -> f64 {
    let (mut sums, mut counts) = ([0.0f64; PHASES], [0u32; PHASES]);
    for y in 0..picture.shape().height {
        for (x, v) in picture.row(channel, y).iter().enumerate() {
            let phase = y % CELL_PX * CELL_PX + x % CELL_PX;
            sums[phase] += f64::from(*v);
            counts[phase] += 1;
        }
    }
    let means: [f64; PHASES] = std::array::from_fn(|p| sums[p] / f64::from(counts[p]));
    let centre = means.iter().sum::<f64>() / PHASES as f64;
    means.iter().map(|m| (m - centre).powi(2)).sum::<f64>() / PHASES as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(value: impl Fn(usize, usize) -> f32) -> Tensor {
        Tensor::from_fn(Shape::new(3, 45, 61), |_, y, x| value(y, x))
    }

    #[test]
    fn a_grid_of_eight_counts_in_full_and_others_hardly() {
        let every =
            |period: usize| phase_variance(&picture(|_, x| if x % period < period / 2 { 0.1 } else { 0.5 }));
        assert!((every(8) - (0.2f64 * 255.0).powi(2)).abs() < 0.1, "{}", every(8));
        assert!((every(4) - every(8)).abs() < 0.1, "a divisor is locked too");
        assert!(every(10) < 0.15 * every(8), "{}", every(10));
        assert!(phase_variance(&picture(|_, _| 0.4)) < 1e-9);
        assert!(phase_variance(&picture(|_, _| f32::NAN)).is_nan());
    }
}
