//! The nearest matrix of a small rank.

use impasto_core::Random;

/// Rounds of subspace iteration; the spectra of weight changes fall slowly, and a few rounds come within a thousandth of the best.
const ROUNDS: usize = 6;

/// `up [rows, rank]` and `down [rank, columns]` whose product is about the best of that rank for `matrix [rows, columns]`, by
/// subspace iteration (Halko, Martinsson and Tropp 2011): `up` is orthonormal, `down` is `up^T matrix`.
pub(super) fn factors(matrix: &[f32], rows: usize, columns: usize, rank: usize) -> (Vec<f32>, Vec<f32>) {
    assert_eq!(matrix.len(), rows * columns);
    let mut random = Random::new(1);
    let mut down: Vec<f32> = (0..rank * columns).map(|_| random.normal()).collect();
    let mut up = vec![0.0; rows * rank];
    for _ in 0..ROUNDS {
        for (row, up) in matrix.chunks_exact(columns).zip(up.chunks_exact_mut(rank)) {
            for (up, down) in up.iter_mut().zip(down.chunks_exact(columns)) {
                *up = dot(row, down);
            }
        }
        orthonormalise(&mut up, rows, rank);
        down.fill(0.0);
        for (row, up) in matrix.chunks_exact(columns).zip(up.chunks_exact(rank)) {
            for (up, down) in up.iter().zip(down.chunks_exact_mut(columns)) {
                down.iter_mut().zip(row).for_each(|(d, v)| *d += up * v);
            }
        }
    }
    (up, down)
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>() as f32
}

/// Columns of `[rows, rank]` by Gram and Schmidt, twice; a column that nothing is left of becomes 0.
fn orthonormalise(up: &mut [f32], rows: usize, rank: usize) {
    let column = |up: &[f32], k: usize| -> Vec<f32> { (0..rows).map(|r| up[r * rank + k]).collect() };
    for k in 0..rank {
        let mut own = column(up, k);
        let before = dot(&own, &own);
        for _ in 0..2 {
            for other in (0..k).map(|other| column(up, other)) {
                let along = dot(&own, &other);
                own.iter_mut().zip(&other).for_each(|(v, o)| *v -= along * o);
            }
        }
        let length = dot(&own, &own);
        let scale = if length > 1e-10 * before { 1.0 / length.sqrt() } else { 0.0 };
        (0..rows).for_each(|r| up[r * rank + k] = scale * own[r]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(up: &[f32], down: &[f32], rank: usize, columns: usize) -> Vec<f32> {
        up.chunks_exact(rank)
            .flat_map(|up| {
                (0..columns).map(move |c| (0..rank).map(|k| up[k] * down[k * columns + c]).sum::<f32>())
            })
            .collect()
    }

    fn error(a: &[f32], b: &[f32]) -> f32 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
    }

    #[test]
    fn a_matrix_of_the_rank_comes_back() {
        let (rows, columns, rank) = (7, 11, 3);
        let mut random = Random::new(4);
        let mut any = |n: usize| -> Vec<f32> { (0..n).map(|_| random.normal()).collect() };
        let matrix = product(&any(rows * rank), &any(rank * columns), rank, columns);
        let (up, down) = factors(&matrix, rows, columns, rank);
        assert!(error(&product(&up, &down, rank, columns), &matrix) < 1e-4);
        let (up, down) = factors(&matrix, rows, columns, rank + 2);
        assert!(
            error(&product(&up, &down, rank + 2, columns), &matrix) < 1e-4,
            "more than the rank is no harm"
        );
        let (up, down) = factors(&vec![0.0; rows * columns], rows, columns, 2);
        assert!(up.iter().chain(&down).all(|v| *v == 0.0), "nothing stays nothing");
    }

    #[test]
    fn the_largest_part_is_kept() {
        // Singular values 5, 3 and 1 along the axes.
        let matrix = [5.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 1.0];
        let (up, down) = factors(&matrix, 3, 3, 2);
        assert!((error(&product(&up, &down, 2, 3), &matrix) - 1.0).abs() < 1e-3);
    }
}
