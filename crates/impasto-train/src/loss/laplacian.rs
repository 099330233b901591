//! The Laplacian of brightness (Li et al. 2017): lines stay where the photo has them.

use super::ssim::{LUMA, luma};
use impasto_core::{Shape, Tensor};

/// `mean |L(y) - L(x)|`, where `L` is the 4-neighbour Laplacian, without padding, of the luma averaged over 2x2 px; the gradient goes to `y`.
///
/// # Panics
/// If the pictures differ in size or are smaller than 6 px a side.
pub fn laplacian(y: &Tensor, x: &Tensor, weight: f32, gradient: &mut Tensor) -> f32 {
    let Shape { height, width, .. } = y.shape();
    assert!(y.shape() == x.shape() && height >= 6 && width >= 6, "too small");
    let (h, w) = (height / 2, width / 2);
    let halved = |picture: &Tensor| {
        let luma = luma(picture);
        let at = |v: usize, u: usize| luma[v * width + u];
        (0..h * w)
            .map(|i| {
                let (v, u) = (2 * (i / w), 2 * (i % w));
                0.25 * (at(v, u) + at(v, u + 1) + at(v + 1, u) + at(v + 1, u + 1))
            })
            .collect::<Vec<f32>>()
    };
    let away: Vec<f32> = halved(y).iter().zip(halved(x)).map(|(a, b)| a - b).collect();
    let count = ((h - 2) * (w - 2)) as f32;
    let (mut value, mut to_half) = (0.0f64, vec![0.0f32; h * w]);
    for v in 1..h - 1 {
        for u in 1..w - 1 {
            let at = v * w + u;
            let around = [at - w, at - 1, at + 1, at + w];
            let own = around.iter().map(|&n| away[n]).sum::<f32>() - 4.0 * away[at];
            value += f64::from(own.abs() / count);
            let slope = if own == 0.0 { 0.0 } else { weight * own.signum() / count };
            around.iter().for_each(|&n| to_half[n] += slope);
            to_half[at] -= 4.0 * slope;
        }
    }
    for (c, part) in LUMA.iter().enumerate() {
        let channel = gradient.channel_mut(c);
        for (i, d) in to_half.iter().enumerate() {
            let first = 2 * (i / w) * width + 2 * (i % w);
            [first, first + 1, first + width, first + width + 1]
                .iter()
                .for_each(|&at| channel[at] += 0.25 * part * d);
        }
    }
    value as f32
}
