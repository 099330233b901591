//! One function a layer, on `CHW` tensors; sums in `f64`. Shapes stand in each comment.

use crate::network::Padding;
use crate::noise::MAX_PLANES;
use crate::tensor::{Shape, Tensor};

/// `[C, H, W]` to `[out, ceil(H / stride), ceil(W / stride)]`. `weight` is `[out, C / groups, kernel, kernel]`, `bias` `[out]`:
/// `y[o, v, u] = bias[o] + sum over c, j, i of weight[o, c, j, i] * x[c, v * stride + j - r, u * stride + i - r]`,
/// `r = (kernel - 1) / 2`.
///
/// # Panics
/// If a slice has another length.
pub fn conv(
    x: &Tensor,
    weight: &[f32],
    bias: &[f32],
    kernel: usize,
    stride: usize,
    groups: usize,
    padding: Padding,
) -> Tensor {
    let Shape { channels, height, width } = x.shape();
    let (inner, outer) = (channels / groups, bias.len() / groups);
    assert_eq!(weight.len(), bias.len() * inner * kernel * kernel, "weight does not fit bias and input");
    let (out_h, out_w) = (height.div_ceil(stride), width.div_ceil(stride));
    let r = (kernel / 2) as isize;
    let source = |o: usize, tap: usize, len: usize| padding.source((o * stride + tap) as isize - r, len);
    let columns: Vec<Vec<Option<usize>>> =
        (0..kernel).map(|i| (0..out_w).map(|u| source(u, i, width)).collect()).collect();
    let mut y = Tensor::zeros(Shape::new(bias.len(), out_h, out_w));
    let mut sums = vec![0.0f64; out_w];
    for o in 0..bias.len() {
        for v in 0..out_h {
            sums.fill(f64::from(bias[o]));
            for c in 0..inner {
                for j in 0..kernel {
                    let Some(row) = source(v, j, height) else { continue };
                    let row = x.row(o / outer * inner + c, row);
                    for (i, columns) in columns.iter().enumerate() {
                        let w = f64::from(weight[((o * inner + c) * kernel + j) * kernel + i]);
                        for (sum, column) in sums.iter_mut().zip(columns) {
                            *sum += column.map_or(0.0, |column| w * f64::from(row[column]));
                        }
                    }
                }
            }
            let out = &mut y.channel_mut(o)[v * out_w..(v + 1) * out_w];
            out.iter_mut().zip(&sums).for_each(|(y, &sum)| *y = sum as f32);
        }
    }
    y
}

/// `max(x, 0)`; NaN stays NaN.
pub fn relu(x: &Tensor) -> Tensor {
    mapped(x, |v| if v < 0.0 { 0.0 } else { v })
}

/// `mul * x + add`.
pub fn scale(x: &Tensor, mul: f32, add: f32) -> Tensor {
    mapped(x, |v| mul * v + add)
}

fn mapped(x: &Tensor, f: impl Fn(f32) -> f32) -> Tensor {
    Tensor::new(x.shape(), x.data().iter().map(|&v| f(v)).collect())
}

/// `[C, H, W]` to `[C, ceil(H / 2), ceil(W / 2)]`.
pub fn max_pool2(x: &Tensor) -> Tensor {
    let Shape { channels, height, width } = x.shape();
    Tensor::from_fn(Shape::new(channels, height.div_ceil(2), width.div_ceil(2)), |c, v, u| {
        let (bottom, right) = ((2 * v + 1).min(height - 1), (2 * u + 1).min(width - 1));
        let (upper, lower) = (x.row(c, 2 * v), x.row(c, bottom));
        upper[2 * u].max(upper[right]).max(lower[2 * u].max(lower[right]))
    })
}

/// `[C, H, W]` to `[C, ceil(H / 2), ceil(W / 2)]`. A position repeated at an odd edge leaves the mean of what there is.
pub fn avg_pool2(x: &Tensor) -> Tensor {
    let Shape { channels, height, width } = x.shape();
    Tensor::from_fn(Shape::new(channels, height.div_ceil(2), width.div_ceil(2)), |c, v, u| {
        let (bottom, right) = ((2 * v + 1).min(height - 1), (2 * u + 1).min(width - 1));
        let (upper, lower) = (x.row(c, 2 * v), x.row(c, bottom));
        let four = [upper[2 * u], upper[right], lower[2 * u], lower[right]];
        (four.into_iter().map(f64::from).sum::<f64>() / 4.0) as f32
    })
}

/// `[C, H, W]` to `[C, 2 H, 2 W]`: each position four times.
pub fn upsample2(x: &Tensor) -> Tensor {
    let Shape { channels, height, width } = x.shape();
    Tensor::from_fn(Shape::new(channels, 2 * height, 2 * width), |c, v, u| x.row(c, v / 2)[u / 2])
}

/// `a + b`.
///
/// # Panics
/// If the shapes differ.
pub fn add(a: &Tensor, b: &Tensor) -> Tensor {
    assert_eq!(a.shape(), b.shape());
    Tensor::new(a.shape(), a.data().iter().zip(b.data()).map(|(a, b)| a + b).collect())
}

/// Channels of all inputs, one input after another.
///
/// # Panics
/// If there is none, or heights and widths differ.
pub fn concat(inputs: &[&Tensor]) -> Tensor {
    let Shape { height, width, .. } = inputs[0].shape();
    assert!(inputs.iter().all(|x| (x.shape().height, x.shape().width) == (height, width)));
    let channels = inputs.iter().map(|x| x.shape().channels).sum();
    Tensor::new(
        Shape::new(channels, height, width),
        inputs.iter().flat_map(|x| x.data().iter().copied()).collect(),
    )
}

/// Mean and standard deviation of each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// Mean, `[C]`.
    pub mean: Vec<f64>,
    /// `sqrt(variance + eps)`, `[C]`.
    pub std: Vec<f64>,
}

impl Statistics {
    /// `(1 - t) * self + t * other`.
    pub fn toward(&self, other: &Self, t: f64) -> Self {
        let lerp = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (1.0 - t) * a + t * b).collect();
        Self { mean: lerp(&self.mean, &other.mean), std: lerp(&self.std, &other.std) }
    }

    /// `[2 C, 1, 1]`: means, then standard deviations.
    pub fn to_tensor(&self) -> Tensor {
        let values: Vec<f32> = self.mean.iter().chain(&self.std).map(|&v| v as f32).collect();
        Tensor::new(Shape::new(values.len(), 1, 1), values)
    }
}

/// Two-pass mean and `sqrt(var + eps)`; the variance of one position is 0, also when `unbiased`.
pub fn statistics(x: &Tensor, eps: f32, unbiased: bool) -> Statistics {
    let n = x.shape().area() as f64;
    let divisor = if unbiased { (n - 1.0).max(1.0) } else { n };
    let one = |c: usize| {
        let mean = x.channel(c).iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let var = x.channel(c).iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / divisor;
        (mean, (var + f64::from(eps)).sqrt())
    };
    let (mean, std) = (0..x.shape().channels).map(one).unzip();
    Statistics { mean, std }
}

/// `std * (x - content.mean) / content.std + mean`, where mean and std go from the content's own
/// (`strength` 0) to the style's (1). `style` is `[mean[C], std[C]]`.
///
/// # Panics
/// If the style has another length.
pub fn adain(x: &Tensor, content: &Statistics, style: &[f32], strength: f32) -> Tensor {
    let channels = x.shape().channels;
    let wanted = Statistics {
        mean: style[..channels].iter().map(|&v| f64::from(v)).collect(),
        std: style[channels..].iter().map(|&v| f64::from(v)).collect(),
    };
    assert_eq!(wanted.std.len(), channels, "the style does not fit {}", x.shape());
    let target = content.toward(&wanted, f64::from(strength));
    affine(x, |c| {
        let gain = target.std[c] / content.std[c];
        (gain, target.mean[c] - gain * content.mean[c])
    })
}

/// `gain * x + bias`; `style` is `[bias[C], gain[C]]`.
///
/// # Panics
/// If the style has another length.
pub fn modulate(x: &Tensor, style: &[f32]) -> Tensor {
    assert_eq!(style.len(), 2 * x.shape().channels, "the style does not fit {}", x.shape());
    let (bias, gain) = style.split_at(x.shape().channels);
    affine(x, |c| (f64::from(gain[c]), f64::from(bias[c])))
}

/// `x + amount * gain * sum of weight_k * n_k`; `weight` is `[C, planes]`, `gain` `[C]`, `cells` the field as `[H][W][MAX_PLANES]`.
///
/// # Panics
/// If a slice has another length.
pub fn noise(x: &Tensor, weight: &[f32], gain: &[f32], cells: &[f32], amount: f32) -> Tensor {
    let Shape { channels, width, .. } = x.shape();
    let planes = weight.len() / channels;
    assert!(gain.len() == channels && cells.len() == x.shape().area() * MAX_PLANES && planes <= MAX_PLANES);
    Tensor::from_fn(x.shape(), |c, v, u| {
        let cell = &cells[(v * width + u) * MAX_PLANES..][..planes];
        let own = weight[c * planes..][..planes].iter().zip(cell);
        let sum: f64 = own.map(|(&w, &n)| f64::from(w) * f64::from(n)).sum();
        (f64::from(x.row(c, v)[u]) + f64::from(amount) * f64::from(gain[c]) * sum) as f32
    })
}

fn affine(x: &Tensor, gain_bias: impl Fn(usize) -> (f64, f64)) -> Tensor {
    let mut y = x.clone();
    for c in 0..x.shape().channels {
        let (gain, bias) = gain_bias(c);
        y.channel_mut(c).iter_mut().for_each(|v| *v = (gain * f64::from(*v) + bias) as f32);
    }
    y
}
