//! Content as likeness between places (self-similarity; Kolkin et al. 2019, in LapStyle's form): keeps the drawing, and lets go of the colours.

use crate::walk::{Element, Map, dot};

/// Added to lengths and to sums of a row.
const EPS: f32 = 1e-6;

/// With `D_ij = 1 - cos(f_i, f_j)` over some places `i`, `j` and each row of it divided by its sum: the sum over all pairs of
/// `|D_y - D_x|`, over the number of places. The gradient goes to `dy`, added, or set unless `keep`; with `gate` it is 0 where `y` is.
///
/// Deviates from LapStyle by the epsilons, by dividing rows where that divides columns (`D` is symmetric), and by taking some places only.
pub fn self_similarity<E: Element>(
    y: &Map<E>,
    x: &Map<E>,
    places: &[(usize, usize)],
    weight: f32,
    (gate, keep): (bool, bool),
    dy: &mut Map<E>,
) -> f32 {
    if !keep {
        (0..y.shape().height).for_each(|v| dy.row_mut(v).fill(E::default()));
    }
    let (own, photo) = (Likeness::of(y, places), Likeness::of(x, places));
    let (n, channels) = (places.len(), y.shape().channels);
    let mut value = 0.0f64;
    // To the cosines: through the division of a row by its sum.
    let mut to_cosine = vec![0.0f32; n * n];
    for i in 0..n {
        let (row, wanted) = (&own.rows[i * n..][..n], &photo.rows[i * n..][..n]);
        let slope = |j: usize| {
            let away = row[j] - wanted[j];
            if away == 0.0 { 0.0 } else { weight * away.signum() / n as f32 }
        };
        value += row.iter().zip(wanted).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
        let along: f32 = (0..n).map(|j| slope(j) * row[j]).sum();
        for j in 0..n {
            to_cosine[i * n + j] = -(slope(j) - along) / own.sums[i];
        }
    }
    for (i, &(v, u)) in places.iter().enumerate() {
        let mut to_unit = vec![0.0f32; channels];
        for j in 0..n {
            let slope = to_cosine[i * n + j] + to_cosine[j * n + i];
            let other = &own.units[j * channels..][..channels];
            to_unit.iter_mut().zip(other).for_each(|(t, o)| *t += slope * o);
        }
        let unit = &own.units[i * channels..][..channels];
        let along = dot(&to_unit, unit);
        let start = u * y.lanes();
        let values = &y.row(v)[start..start + channels];
        let room = &mut dy.row_mut(v)[start..start + channels];
        for c in 0..channels {
            if !gate || values[c].wide() > 0.0 {
                let by = (to_unit[c] - along * unit[c]) / own.lengths[i];
                room[c] = E::narrow(room[c].wide() + by);
            }
        }
    }
    (value / n as f64) as f32
}

/// Similarity of places.
struct Likeness {
    /// `[n][C]`, of unit length.
    units: Vec<f32>,
    lengths: Vec<f32>,
    /// `D`, each row divided by its sum.
    rows: Vec<f32>,
    sums: Vec<f32>,
}

impl Likeness {
    fn of<E: Element>(f: &Map<E>, places: &[(usize, usize)]) -> Self {
        let (n, channels, lanes) = (places.len(), f.shape().channels, f.lanes());
        let (mut units, mut lengths) = (Vec::with_capacity(n * channels), Vec::with_capacity(n));
        for &(v, u) in places {
            let own: Vec<f32> = f.row(v)[u * lanes..][..channels].iter().map(|v| v.wide()).collect();
            let length = (dot(&own, &own) + EPS * EPS).sqrt();
            units.extend(own.iter().map(|v| v / length));
            lengths.push(length);
        }
        let (mut rows, mut sums) = (vec![0.0; n * n], vec![0.0; n]);
        for i in 0..n {
            for j in 0..n {
                let cosine = dot(&units[i * channels..][..channels], &units[j * channels..][..channels]);
                rows[i * n + j] = 1.0 - cosine;
            }
            let row = &mut rows[i * n..][..n];
            sums[i] = row.iter().sum::<f32>() + EPS;
            row.iter_mut().for_each(|d| *d /= sums[i]);
        }
        Self { units, lengths, rows, sums }
    }
}
