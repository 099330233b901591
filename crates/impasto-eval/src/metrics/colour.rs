//! Distance of two pictures' colours, wherever they stand: histograms of RGB.

use impasto_core::Tensor;

/// Bins for each channel.
const BINS: usize = 8;

/// Share of the pixels of each colour; a pixel counts for the 8 bins around it, by its nearness to their centres.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram(Vec<f64>);

impl Histogram {
    /// Of a picture `[3, height, width]` in `0..1`; bin `k` of a channel has its centre at `k / 7`.
    ///
    /// # Panics
    /// If the picture has not three channels.
    pub fn of(picture: &Tensor) -> Self {
        assert_eq!(picture.shape().channels, 3, "colours are RGB");
        let mut shares = vec![0.0; BINS * BINS * BINS];
        let part = 1.0 / picture.shape().area() as f64;
        for i in 0..picture.shape().area() {
            let [r, g, b] = [0, 1, 2].map(|c| bins(picture.channel(c)[i]));
            for (r, share_r) in r {
                for (g, share_g) in g {
                    for (b, share_b) in b {
                        shares[(r * BINS + g) * BINS + b] += part * share_r * share_g * share_b;
                    }
                }
            }
        }
        Self(shares)
    }
}

/// The bins below and above a value, and its shares in them; both NaN for a value that is NaN.
fn bins(value: f32) -> [(usize, f64); 2] {
    let at = f64::from(value.clamp(0.0, 1.0)) * (BINS - 1) as f64;
    let low = (at as usize).min(BINS - 2);
    let above = at - low as f64;
    [(low, 1.0 - above), (low + 1, above)]
}

/// Hellinger distance, `sqrt(1 - sum of sqrt(p q))`: 0 for the same colours, 1 where no colour is in both.
pub fn colour_distance(a: &Histogram, b: &Histogram) -> f64 {
    let common: f64 = a.0.iter().zip(&b.0).map(|(p, q)| (p * q).sqrt()).sum();
    // Rounding may carry the sum beyond 1; `max` would make a good figure of NaN.
    let left = 1.0 - common;
    if left < 0.0 { 0.0 } else { left.sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Shape;

    fn picture(value: impl Fn(usize, usize) -> f32) -> Histogram {
        Histogram::of(&Tensor::from_fn(Shape::new(3, 8, 8), |c, _, x| value(c, x)))
    }

    #[test]
    fn colours_count_and_places_do_not() {
        let halves = picture(|_, x| if x < 4 { 0.0 } else { 1.0 });
        let turned = picture(|_, x| if x < 4 { 1.0 } else { 0.0 });
        let black = picture(|_, _| 0.0);
        assert!(colour_distance(&halves, &turned) < 1e-7);
        // Half of the pixels agree: 1 - sqrt(0.5).
        assert!((colour_distance(&halves, &black) - (1.0 - 0.5f64.sqrt()).sqrt()).abs() < 1e-9);
        let red = picture(|c, _| if c == 0 { 1.0 } else { 0.0 });
        assert_eq!(colour_distance(&black, &red), 1.0);
        assert!((red.0.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let nan = picture(|_, _| f32::NAN);
        assert!(colour_distance(&nan, &black).is_nan());
    }

    #[test]
    fn a_slight_change_is_a_slight_distance() {
        let base = picture(|c, x| 0.1 * c as f32 + 0.09 * x as f32);
        let near = picture(|c, x| 0.01 + 0.1 * c as f32 + 0.09 * x as f32);
        let far = picture(|c, x| 0.1 + 0.1 * c as f32 + 0.09 * x as f32);
        let (near, far) = (colour_distance(&base, &near), colour_distance(&base, &far));
        assert!(near < 0.1 && far > 2.0 * near, "{near} {far}");
    }
}
