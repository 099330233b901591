//! The encoder's first fully connected layer, started so that the statistics it reads arrive decorrelated and of unit size.
//!
//! Raw means and deviations differ by orders of magnitude and say much the same; a perceptron on them learns slowly.

use crate::learner::LearnerError;
use crate::walk::{Packed, Parameters, Plain, Program, Tape};
use impasto_core::network::{Network, Op};
use impasto_core::{Tensor, Weights};

/// Added to the covariance's diagonal, as part of its mean: directions that hardly vary are not blown up.
const RIDGE: f64 = 0.02;

/// Replaces layer `layer` (1x1, on a vector) by its weights times the whitening of what it reads over `pictures`: with the
/// covariance `L L^T`, `weight * L^-1` and the bias that takes the mean away.
///
/// # Panics
/// If there is no such layer, or no picture.
pub fn whiten(
    network: &Network,
    weights: &mut Weights,
    layer: &str,
    pictures: &[Tensor],
) -> Result<(), LearnerError> {
    let id = network.find(layer).expect("the encoder has this layer");
    let Op::Conv { input, .. } = network.nodes[id].op else { panic!("`{layer}` is no convolution") };
    let rows = statistics(network, weights, input, pictures)?;
    let n = rows[0].len();
    let mean: Vec<f64> =
        (0..n).map(|i| rows.iter().map(|r| f64::from(r[i])).sum::<f64>() / rows.len() as f64).collect();
    let mut covariance = vec![0.0f64; n * n];
    for row in &rows {
        let away: Vec<f64> = row.iter().zip(&mean).map(|(&v, m)| f64::from(v) - m).collect();
        for (i, a) in away.iter().enumerate() {
            covariance[i * n..=i * n + i]
                .iter_mut()
                .zip(&away)
                .for_each(|(c, b)| *c += a * b / rows.len() as f64);
        }
    }
    let ridge = RIDGE * (0..n).map(|i| covariance[i * n + i]).sum::<f64>() / n as f64;
    (0..n).for_each(|i| covariance[i * n + i] += ridge + 1e-12);
    cholesky(&mut covariance, n);

    let weight = weights.get_mut(&format!("{layer}.weight")).expect("the network has been checked");
    let scale = (n as f32 / weight.shape[0] as f32).sqrt().min(1.0) * 0.5f32.sqrt();
    let mut bias = Vec::new();
    for row in weight.values.chunks_exact_mut(n) {
        let mut solved: Vec<f64> = row.iter().map(|&w| f64::from(scale * w)).collect();
        solve_transposed(&covariance, n, &mut solved);
        row.iter_mut().zip(&solved).for_each(|(w, s)| *w = *s as f32);
        bias.push(-solved.iter().zip(&mean).map(|(s, m)| s * m).sum::<f64>() as f32);
    }
    weights.get_mut(&format!("{layer}.bias")).expect("the network has been checked").values = bias;
    Ok(())
}

fn statistics(
    network: &Network,
    weights: &Weights,
    node: usize,
    pictures: &[Tensor],
) -> Result<Vec<Vec<f32>>, LearnerError> {
    let program = Program::new(&network.truncated(node))?;
    let parameters = Parameters::from_weights(&program, weights)?;
    let packed = Packed::new(Plain, &parameters, &parameters.values);
    let shape = pictures[0].shape();
    let mut tape = Tape::new(Plain, &program, shape.height, shape.width)?;
    let mut look = |picture: &Tensor| {
        tape.run(&program, &packed, picture, &[]);
        tape.output().vector().to_vec()
    };
    Ok(pictures.iter().map(&mut look).collect())
}

/// `A = L L^T` in place, lower triangle.
fn cholesky(a: &mut [f64], n: usize) {
    for i in 0..n {
        for j in 0..=i {
            let (head, tail) = a.split_at(i * n);
            let row_j = if i == j { &tail[..j] } else { &head[j * n..j * n + j] };
            let sum: f64 = tail[..j].iter().zip(row_j).map(|(x, y)| x * y).sum();
            let value = a[i * n + j] - sum;
            a[i * n + j] = if i == j { value.max(1e-30).sqrt() } else { value / a[j * n + j] };
        }
    }
}

/// Turns row `w` into `w L^-1`: solves `x L = w` from the last column on.
fn solve_transposed(l: &[f64], n: usize, w: &mut [f64]) {
    for j in (0..n).rev() {
        w[j] /= l[j * n + j];
        let x = w[j];
        let row = &l[j * n..j * n + j];
        w[..j].iter_mut().zip(row).for_each(|(w, l)| *w -= x * l);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Random;
    use impasto_core::{Shape, light};

    #[test]
    fn what_the_layer_gives_is_centred_and_of_unit_size() {
        let shape = light::LightShape::tiny();
        let (painter, encoder) = (light::painter(&shape), light::encoder(&shape));
        let mut random = Random::new(1);
        let mut weights = crate::init::encoder(&encoder, &painter, &mut random);
        let mut picture = || {
            let (a, b) = (random.range(0.0, 0.5), random.range(0.1, 0.5));
            random.tensor(Shape::new(3, 32, 32), a, a + b)
        };
        let pictures: Vec<Tensor> = (0..60).map(|_| picture()).collect();
        whiten(&encoder, &mut weights, "code1", &pictures).unwrap();
        let node = encoder.find("code1").unwrap();
        let rows = statistics(&encoder, &weights, node, &pictures).unwrap();
        let values: Vec<f32> = rows.iter().flatten().copied().collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let square = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        assert!(mean.abs() < 0.02, "mean {mean}");
        assert!((0.02..4.0).contains(&square), "mean square {square}");
    }
}
