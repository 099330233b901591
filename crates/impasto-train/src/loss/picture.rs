//! Losses over pictures; plain means over all elements of one sample.

use impasto_core::Tensor;

fn slope(x: f32) -> f32 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// `mean |y - target|`.
pub fn l1(y: &Tensor, target: &Tensor, weight: f32, gradient: &mut Tensor) -> f32 {
    let scale = weight / y.data().len() as f32;
    let pairs = y.data().iter().zip(target.data()).zip(gradient.data_mut());
    let sum: f64 = pairs
        .map(|((y, t), g)| {
            *g += scale * slope(y - t);
            f64::from((y - t).abs())
        })
        .sum();
    (sum / y.data().len() as f64) as f32
}

/// `mean |a - b|` with the gradient to both.
pub fn l1_both(a: &Tensor, b: &Tensor, weight: f32, to_a: &mut Tensor, to_b: &mut Tensor) -> f32 {
    let value = l1(a, b, weight, to_a);
    l1(b, a, weight, to_b);
    value
}

/// `mean of max(y - 1, 0)^2 + max(-y, 0)^2`: keeps a picture inside `0..1`.
pub fn range(y: &Tensor, weight: f32, gradient: &mut Tensor) -> f32 {
    let scale = weight / y.data().len() as f32;
    let pairs = y.data().iter().zip(gradient.data_mut());
    let sum: f64 = pairs
        .map(|(y, g)| {
            let over = (y - 1.0).max(0.0) - (-y).max(0.0);
            *g += 2.0 * scale * over;
            f64::from(over * over)
        })
        .sum();
    (sum / y.data().len() as f64) as f32
}

/// `mean |right neighbour - y| + mean |lower neighbour - y|`.
pub fn total_variation(y: &Tensor, weight: f32, gradient: &mut Tensor) -> f32 {
    let shape = y.shape();
    let (w, area) = (shape.width, shape.area());
    let (across, down) =
        ((shape.channels * shape.height * (w - 1)) as f32, (shape.channels * (shape.height - 1) * w) as f32);
    let mut value = 0.0f64;
    for i in 0..y.data().len() {
        let (row, column) = (i % area / w, i % w);
        for (step, inside, count) in [(1, column + 1 < w, across), (w, row + 1 < shape.height, down)] {
            if inside {
                let away = y.data()[i + step] - y.data()[i];
                value += f64::from(away.abs() / count);
                let slope = weight * slope(away) / count;
                gradient.data_mut()[i + step] += slope;
                gradient.data_mut()[i] -= slope;
            }
        }
    }
    value as f32
}
