//! Distances between the styles of a family's pictures: the student's are held to VGG's.

use crate::loss::covariance::{Covariance, Slope, distance, norms};

/// Added to VGG's distance, by which errors are divided.
const NEAR: f32 = 0.1;

/// For one look: the mean over all pairs of pictures, and over the distance's two parts, of `(D - D_vgg)^2 / (D_vgg + 0.1)`, and `weight`
/// times its slope to each picture's statistics.
pub(super) fn pair_loss(student: &[Covariance], vgg: &[Covariance], weight: f32) -> (f32, Vec<Slope>) {
    let mut slopes: Vec<Slope> = student.iter().map(|own| Slope::zeros(own.mean.len())).collect();
    let count = (student.len() * (student.len() - 1)) as f32;
    let mut value = 0.0;
    for i in 0..student.len() {
        for j in i + 1..student.len() {
            let (own, wanted) = (distance(&student[i], &student[j]), distance(&vgg[i], &vgg[j]));
            let error = |own: f32, wanted: f32| {
                let away = own - wanted;
                (away * away / (wanted + NEAR) / count, 2.0 * weight * away / (wanted + NEAR) / count)
            };
            let (covariance, to_covariance) = error(own.covariance, wanted.covariance);
            let (mean, to_mean) = error(own.mean, wanted.mean);
            value += covariance + mean;
            let both = [&student[i], &student[j]];
            let [first, second] = distance_slopes(both, (own.covariance, own.mean), (to_covariance, to_mean));
            add(&mut slopes[i], &first);
            add(&mut slopes[j], &second);
        }
    }
    (value, slopes)
}

fn add(to: &mut Slope, from: &Slope) {
    to.mean.iter_mut().zip(&from.mean).for_each(|(t, f)| *t += f);
    to.matrix.iter_mut().zip(&from.matrix).for_each(|(t, f)| *t += f);
}

/// The slopes of `to_covariance * D_c + to_mean * D_m` to both sides, through the denominators too: with `S = |A|^2 + |B|^2` and `R` the
/// sum of variances, `dD_c/dA = 2 (A - B) / S - 2 D_c A / S`, `dD_m/dm_a = 2 (m_a - m_b) / R`, `dD_m/dA = -D_m I / R`.
fn distance_slopes(
    [a, b]: [&Covariance; 2],
    (covariance, mean): (f32, f32),
    (to_covariance, to_mean): (f32, f32),
) -> [Slope; 2] {
    let (norm, variances) = norms(a, b);
    let (cc, cm) = (2.0 * to_covariance / norm as f32, 2.0 * to_mean / variances as f32);
    let diagonal = to_mean * mean / variances as f32;
    let one = |a: &Covariance, b: &Covariance| {
        let channels = a.mean.len();
        let mut matrix: Vec<f32> =
            a.matrix.iter().zip(&b.matrix).map(|(x, y)| cc * (x - y - covariance * x)).collect();
        matrix.iter_mut().step_by(channels + 1).for_each(|d| *d -= diagonal);
        Slope { mean: a.mean.iter().zip(&b.mean).map(|(x, y)| cm * (x - y)).collect(), matrix }
    };
    [one(a, b), one(b, a)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Random;

    /// Statistics of random features of 3 channels.
    fn statistics(random: &mut Random) -> Covariance {
        let rows: Vec<[f32; 3]> = (0..9).map(|_| [(); 3].map(|()| random.normal())).collect();
        let mean = [0, 1, 2].map(|c| rows.iter().map(|r| r[c]).sum::<f32>() / 9.0);
        let one =
            |i: usize, j: usize| rows.iter().map(|r| (r[i] - mean[i]) * (r[j] - mean[j])).sum::<f32>() / 9.0;
        let matrix = (0..9).map(|n| one(n / 3, n % 3)).collect();
        Covariance { count: 9, mean: mean.to_vec(), matrix }
    }

    #[test]
    fn slopes_are_those_of_finite_differences() {
        let mut random = Random::new(5);
        let student: Vec<Covariance> = (0..3).map(|_| statistics(&mut random)).collect();
        let vgg: Vec<Covariance> = (0..3).map(|_| statistics(&mut random)).collect();
        let (_, slopes) = pair_loss(&student, &vgg, 1.0);
        let value = |changed: &dyn Fn(&mut Covariance, f32), by: f32, which: usize| {
            let mut student = student.clone();
            changed(&mut student[which], by);
            f64::from(pair_loss(&student, &vgg, 1.0).0)
        };
        for (which, slope) in slopes.iter().enumerate() {
            for n in 0..9 {
                let bump = |c: &mut Covariance, by: f32| c.matrix[n] += by;
                let found = (value(&bump, 1e-2, which) - value(&bump, -1e-2, which)) / 2e-2;
                assert!((found - f64::from(slope.matrix[n])).abs() < 2e-3, "matrix {which} {n}: {found}");
            }
            for n in 0..3 {
                let bump = |c: &mut Covariance, by: f32| c.mean[n] += by;
                let found = (value(&bump, 1e-2, which) - value(&bump, -1e-2, which)) / 2e-2;
                assert!((found - f64::from(slope.mean[n])).abs() < 2e-3, "mean {which} {n}: {found}");
            }
        }
    }
}
