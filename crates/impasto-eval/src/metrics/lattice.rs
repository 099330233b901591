//! Lattice: a pattern that repeats itself where there is nothing to draw.

use super::plane::Plane;

/// Share of a picture that counts as flat: that with the least deviation of luma around it.
const FLAT_SHARE: f64 = 0.25;
/// Half the side of the surroundings whose deviation decides, px.
const FLAT_RADIUS: usize = 16;
/// Half the side of the boxes whose mean is taken away, px.
const MEAN_RADIUS: usize = 24;
/// Lags that are looked at: the larger of both sides lies between these, px.
const LAGS: (usize, usize) = (4, 64);
/// A lag counts if at least this part of the flat pixels has a flat pixel there.
const LEAST_OVERLAP: f64 = 0.125;
/// Less variance than this is rounding: a hundredth of what bytes round away.
const LEAST_VARIANCE: f64 = 1e-8;

/// The flattest quarter of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct FlatPlaces {
    width: usize,
    height: usize,
    /// By row: ranges of columns.
    runs: Vec<Vec<(usize, usize)>>,
    /// 1 on flat pixels, else 0.
    weights: Vec<f64>,
}

impl FlatPlaces {
    /// The quarter of `luma`'s pixels around which (33 x 33 px) it deviates least, with all that deviate as little as the last of them.
    pub fn of(luma: &Plane) -> Self {
        let mean = luma.box_mean(FLAT_RADIUS);
        let square = Plane { values: luma.values.iter().map(|v| v * v).collect(), ..*luma };
        let deviations = square.box_mean(FLAT_RADIUS).values;
        // To a part of a byte, so that what is flat up to rounding is equally flat.
        let variance = deviations.iter().zip(&mean.values).map(|(s, m)| ((s - m * m) * 1e7).round());
        let variance: Vec<f64> = variance.collect();
        let mut sorted = variance.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let limit = sorted[((sorted.len() - 1) as f64 * FLAT_SHARE) as usize];
        let weights: Vec<f64> = variance.iter().map(|v| if *v <= limit { 1.0 } else { 0.0 }).collect();
        let runs = weights.chunks_exact(luma.width).map(runs).collect();
        Self { width: luma.width, height: luma.height, runs, weights }
    }

    fn count(&self) -> usize {
        self.runs.iter().flatten().map(|(from, to)| to - from).sum()
    }
}

/// Ranges of a row whose weight is 1.
fn runs(row: &[f64]) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = vec![];
    for (x, _) in row.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
        match found.last_mut() {
            Some((_, end)) if *end == x => *end = x + 1,
            _ => found.push((x, x + 1)),
        }
    }
    found
}

/// The largest local maximum, away from the centre, of the autocorrelation of `luma` on `flat` places, `0..1`: about 1 for a pattern that
/// repeats itself, about 0.1 for irregular strokes.
///
/// Luma less its mean over the flat pixels in 49 x 49 px; at each lag the correlation of all flat pixels that have a flat pixel there
/// with those; maxima among 5 x 5 lags, the larger side of the lag between 4 and 64 px. NaN where a flat value is NaN.
///
/// # Panics
/// If the sizes differ.
pub fn lattice(luma: &Plane, flat: &FlatPlaces) -> f64 {
    assert_eq!((luma.width, luma.height), (flat.width, flat.height), "pictures of one size");
    let values = levelled(luma, flat);
    if values.iter().any(|v| v.is_nan()) {
        return f64::NAN;
    }
    let reach = |side: usize| (LAGS.1 + 2).min(side - 1) as isize;
    let (down, across) = (reach(luma.height), reach(luma.width));
    let columns = (2 * across + 1) as usize;
    let least = LEAST_OVERLAP * flat.count() as f64;
    // The other half is the same, turned about the centre.
    let half: Vec<Option<f64>> = (0..=down)
        .flat_map(|v| (-across..=across).map(move |u| (v, u)))
        .map(|(v, u)| correlation(&values, flat, (v as usize, u), least))
        .collect();
    let at = |v: isize, u: isize| {
        let (v, u) = if v < 0 { (-v, -u) } else { (v, u) };
        (v <= down && u.abs() <= across).then(|| half[v as usize * columns + (u + across) as usize]).flatten()
    };
    let mut largest = 0.0;
    let most = LAGS.1 as isize;
    for v in 0..=down.min(most) {
        for u in -across.min(most)..=across.min(most) {
            let far = v.abs().max(u.abs()) >= LAGS.0 as isize;
            let Some(own) = at(v, u).filter(|own| far && *own > largest) else { continue };
            let around = (-2..=2).flat_map(|y| (-2..=2).map(move |x| (y, x)));
            if around.filter_map(|(y, x)| at(v + y, u + x)).all(|other| other <= own) {
                largest = own;
            }
        }
    }
    largest
}

/// Luma less its mean over flat pixels around; 0 elsewhere.
fn levelled(luma: &Plane, flat: &FlatPlaces) -> Vec<f32> {
    let plane = |values: Vec<f64>| Plane { width: luma.width, height: luma.height, values };
    let masked =
        plane(luma.values.iter().zip(&flat.weights).map(|(v, w)| if *w > 0.0 { *v } else { 0.0 }).collect());
    let (sums, counts) = (masked.box_mean(MEAN_RADIUS), plane(flat.weights.clone()).box_mean(MEAN_RADIUS));
    let value = |i: usize| match flat.weights[i] > 0.0 {
        true => (luma.values[i] - sums.values[i] / counts.values[i]) as f32,
        false => 0.0,
    };
    (0..luma.values.len()).map(value).collect()
}

/// Correlation of flat pixels with the flat pixels `lag` (down, across) away; `None` where fewer than `least` have one, or one side does not vary.
fn correlation(values: &[f32], flat: &FlatPlaces, lag: (usize, isize), least: f64) -> Option<f64> {
    let (mut products, mut squares, mut others, mut count) = (0.0f64, 0.0f64, 0.0f64, 0usize);
    for y in 0..flat.height - lag.0 {
        for &(from, to) in &flat.runs[y] {
            for &(other_from, other_to) in &flat.runs[y + lag.0] {
                let begin = (from as isize).max(other_from as isize - lag.1);
                let end = (to as isize).min(other_to as isize - lag.1);
                if begin >= end {
                    continue;
                }
                let row = |y: usize, shift: isize| {
                    let start = (y * flat.width) as isize + shift;
                    &values[(start + begin) as usize..(start + end) as usize]
                };
                let [product, square, other] = sums(row(y, 0), row(y + lag.0, lag.1));
                products += f64::from(product);
                squares += f64::from(square);
                others += f64::from(other);
                count += (end - begin) as usize;
            }
        }
    }
    let both = (squares * others).sqrt();
    (count as f64 >= least && both > LEAST_VARIANCE * count as f64).then(|| products / both)
}

const LANES: usize = 8;

/// Sums of `a b`, `a a` and `b b`.
fn sums(a: &[f32], b: &[f32]) -> [f32; 3] {
    let mut lanes = [[0.0f32; LANES]; 3];
    let whole = a.len() / LANES * LANES;
    for (a, b) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for (k, (a, b)) in a.iter().zip(b).enumerate() {
            lanes[0][k] += a * b;
            lanes[1][k] += a * a;
            lanes[2][k] += b * b;
        }
    }
    let mut sums = lanes.map(|lanes| lanes.iter().sum::<f32>());
    for (a, b) in a[whole..].iter().zip(&b[whole..]) {
        sums = [sums[0] + a * b, sums[1] + a * a, sums[2] + b * b];
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Random;

    fn plane(width: usize, height: usize, mut value: impl FnMut(usize, usize) -> f64) -> Plane {
        let values = (0..width * height).map(|i| value(i / width, i % width)).collect();
        Plane { width, height, values }
    }

    /// Flat on the left, noise on the right.
    fn photo() -> Plane {
        let mut random = Random::new(1);
        plane(240, 180, |_, x| if x < 100 { 0.5 } else { f64::from(random.unit()) })
    }

    #[test]
    fn the_flat_side_is_found() {
        let flat = FlatPlaces::of(&photo());
        assert!(flat.runs.iter().all(|runs| runs.len() == 1 && runs[0].0 == 0 && runs[0].1 <= 100));
        assert!(flat.count() > 240 * 180 / 4 && flat.count() < 240 * 180 / 2, "{}", flat.count());
    }

    #[test]
    fn a_weave_is_a_lattice_and_noise_is_none() {
        let flat = FlatPlaces::of(&photo());
        let weave = |amount: f64| {
            let mut random = Random::new(2);
            plane(240, 180, |y, x| {
                let on = if (x % 8 < 3) && (y % 8 < 3) { 1.0 } else { 0.0 };
                0.4 + amount * on + 0.02 * f64::from(random.normal()) + 0.001 * y as f64
            })
        };
        let (bold, faint, none) =
            (lattice(&weave(0.2), &flat), lattice(&weave(0.03), &flat), lattice(&weave(0.0), &flat));
        assert!(bold > 0.9 && none < 0.12 && faint > 2.0 * none && faint < bold, "{bold} {faint} {none}");
    }

    #[test]
    fn a_weave_beside_the_flat_places_does_not_count() {
        let flat = FlatPlaces::of(&photo());
        let mut random = Random::new(3);
        let elsewhere = plane(240, 180, |y, x| match x < 110 {
            true => 0.5 + 0.02 * f64::from(random.normal()),
            false => 0.4 + if (x % 8 < 3) && (y % 8 < 3) { 0.3 } else { 0.0 },
        });
        let found = lattice(&elsewhere, &flat);
        assert!(found < 0.15, "{found}");
        let spoilt = plane(240, 180, |_, x| if x == 5 { f64::NAN } else { 0.5 });
        assert!(lattice(&spoilt, &flat).is_nan());
        assert_eq!(lattice(&plane(240, 180, |_, _| 0.3), &flat), 0.0, "nothing painted, nothing repeats");
    }
}
