//! The losses of [`crate::loss`] over burn's tensors: formulas, constants and means are the same. Each gives the sum over the samples of
//! what the loss is for one.

use crate::loss::ssim::{C1, C2, LUMA, STEP_PX, WINDOW_PX};
use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::module::avg_pool2d;
use burn::tensor::ops::AvgPoolOptions;
use burn::tensor::{Int, Tensor, TensorData};

/// Mean and `sqrt(variance + eps)` of each sample's channels, `[samples, channels]`.
#[derive(Clone)]
pub(super) struct Moments {
    pub mean: Tensor<2>,
    pub std: Tensor<2>,
}

/// Two passes: the mean, then the squares around it.
pub(super) fn moments(x: Tensor<4>, eps: f32, unbiased: bool) -> Moments {
    let [samples, channels, height, width] = x.dims();
    let area = height * width;
    let divisor = if unbiased { (area - 1).max(1) } else { area } as f32;
    let flat: Tensor<3> = x.reshape([samples, channels, area]);
    let mean = flat.clone().mean_dim(2);
    let away = flat - mean.clone();
    let std = ((away.clone() * away).sum_dim(2) / divisor + eps).sqrt();
    Moments { mean: mean.squeeze_dim(2), std: std.squeeze_dim(2) }
}

/// The sum over samples of the mean over all else.
fn means<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    let samples = x.dims()[0] as f32;
    x.mean() * samples
}

fn squared<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.clone() * x
}

/// `mean |a - b|`.
pub(super) fn l1(a: Tensor<4>, b: Tensor<4>) -> Tensor<1> {
    means((a - b).abs())
}

/// `mean of max(y - 1, 0)^2 + max(-y, 0)^2`.
pub(super) fn range(y: Tensor<4>) -> Tensor<1> {
    means(squared(relu(y.clone() - 1.0)) + squared(relu(-y)))
}

/// `mean |right neighbour - y| + mean |lower neighbour - y|`.
pub(super) fn total_variation(y: Tensor<4>) -> Tensor<1> {
    let one = |side: usize| {
        let length = y.dims()[side] - 1;
        means((y.clone().narrow(side, 1, length) - y.clone().narrow(side, 0, length)).abs())
    };
    one(3) + one(2)
}

/// Brightness, `[samples, 1, height, width]`.
fn luma(picture: Tensor<4>) -> Tensor<4> {
    let channel = |c: usize| picture.clone().narrow(1, c, 1) * LUMA[c];
    channel(0) + channel(1) + channel(2)
}

/// `1 - mean SSIM` of luma, over windows of 8x8 px at steps of 2.
pub(super) fn ssim_loss(y: Tensor<4>, x: Tensor<4>) -> Tensor<1> {
    let (p, q) = (luma(y), luma(x));
    let boxed = |t: Tensor<4>| avg_pool2d(t, AvgPoolOptions::new([WINDOW_PX; 2]).with_stride([STEP_PX; 2]));
    let (ma, mb) = (boxed(p.clone()), boxed(q.clone()));
    let both = ma.clone() * mb.clone();
    let (aa, bb) = (squared(ma), squared(mb));
    let va = boxed(squared(p.clone())) - aa.clone();
    let vb = boxed(squared(q.clone())) - bb.clone();
    let cov = boxed(p * q) - both.clone();
    let above = (both * 2.0 + C1) * (cov * 2.0 + C2);
    let below = (aa + bb + C1) * (va + vb + C2);
    means(-(above / below) + 1.0)
}

/// `mean |L(y) - L(x)|`, where `L` is the Laplacian of the luma averaged over 2x2 px.
pub(super) fn laplacian(y: Tensor<4>, x: Tensor<4>) -> Tensor<1> {
    let halved = |t: Tensor<4>| avg_pool2d(luma(t), AvgPoolOptions::new([2; 2]).with_stride([2; 2]));
    let away = halved(y) - halved(x);
    let [_, _, height, width] = away.dims();
    let part = |v: usize, u: usize| away.clone().narrow(2, v, height - 2).narrow(3, u, width - 2);
    let around = part(0, 1) + part(1, 0) + part(1, 2) + part(2, 1);
    means((around - part(1, 1) * 4.0).abs())
}

/// Squares of differences of means and of deviations.
pub(super) fn style_mean_std(own: Moments, target: Moments) -> Tensor<1> {
    means(squared(own.mean - target.mean)) + means(squared(own.std - target.std))
}

/// Their roots, `sqrt(MSE + 1e-8)`.
pub(super) fn style_mean_std_sqrt(own: Moments, target: Moments) -> Tensor<1> {
    let root = |away: Tensor<2>| (squared(away).mean_dim(1) + 1e-8).sqrt().sum();
    root(own.mean - target.mean) + root(own.std - target.std)
}

/// `F F^T / (C H W)` of features `[samples, C, H, W]`.
pub(super) fn gram(x: Tensor<4>) -> Tensor<3> {
    let [samples, channels, height, width] = x.dims();
    let flat: Tensor<3> = x.reshape([samples, channels, height * width]);
    flat.clone().matmul(flat.transpose()) / (channels * height * width) as f32
}

/// Mean of `(own - target)^2`.
pub(super) fn style_gram(own: Tensor<3>, target: Tensor<3>) -> Tensor<1> {
    means(squared(own - target))
}

/// Mean of `(y - target)^2`.
pub(super) fn content_mse(y: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    means(squared(y - target))
}

/// Temperature of the contrast.
const TAU: f32 = crate::loss::coherence::TAU;

/// Contrastive coherence; `places` has for each sample the same number of anchors, row and column.
pub(super) fn coherence(y: Tensor<4>, x: Tensor<4>, places: &[Vec<(usize, usize)>]) -> Tensor<1> {
    let samples = places.iter().enumerate().map(|(n, anchors)| {
        let units = |features: &Tensor<4>| units(features.clone().narrow(0, n, 1), anchors);
        let logits = units(&y).matmul(units(&x).transpose()) / TAU;
        let count = logits.dims()[0];
        let same = Tensor::<2>::eye(count, &logits.device());
        -(log_softmax(logits, 1) * same).sum() / count as f32
    });
    samples.reduce(|a, b| a + b).expect("a batch has samples")
}

/// The differences between anchors and their neighbours, of unit length: `[differences, channels]`.
fn units(features: Tensor<4>, anchors: &[(usize, usize)]) -> Tensor<2> {
    let [_, channels, height, width] = features.dims();
    let flat: Tensor<2> = features.reshape([channels, height * width]);
    let places = crate::loss::coherence::neighbours(anchors);
    let at = |end: usize| {
        let indices: Vec<i64> =
            places.iter().map(|pair| pair[end]).map(|(v, u)| (v * width + u) as i64).collect();
        let count = indices.len();
        let indices = Tensor::<1, Int>::from_data(TensorData::new(indices, [count]), &flat.device().inner());
        flat.clone().select(1, indices)
    };
    let away = (at(0) - at(1)).transpose();
    let length = squared(away.clone()).sum_dim(1).clamp_min(1e-24).sqrt();
    away / length
}
