//! Structural similarity (Wang et al. 2004) of luma, as a loss.

use impasto_core::{Shape, Tensor};

/// Weights of red, green and blue in luma (BT.601).
pub(crate) const LUMA: [f32; 3] = [0.299, 0.587, 0.114];
/// Side of a window and step between windows, px.
pub(crate) const WINDOW_PX: usize = 8;
pub(crate) const STEP_PX: usize = 2;
/// `(0.01)^2` and `(0.03)^2`, for pictures in `0..1`.
pub(crate) const C1: f32 = 1e-4;
pub(crate) const C2: f32 = 9e-4;

/// Brightness of each pixel.
pub(crate) fn luma(picture: &Tensor) -> Vec<f32> {
    let [r, g, b] = [0, 1, 2].map(|c| picture.channel(c));
    (0..r.len()).map(|i| LUMA[0] * r[i] + LUMA[1] * g[i] + LUMA[2] * b[i]).collect()
}

/// `1 - mean SSIM(y, x)` over box windows of 8x8 px at steps of 2 px, without padding; the gradient goes to `y`.
///
/// # Panics
/// If the pictures differ in size or are smaller than a window.
pub fn ssim_loss(y: &Tensor, x: &Tensor, weight: f32, gradient: &mut Tensor) -> f32 {
    let Shape { height, width, .. } = y.shape();
    assert_eq!(y.shape(), x.shape());
    assert!(height >= WINDOW_PX && width >= WINDOW_PX, "smaller than a window");
    let (p, q) = (luma(y), luma(x));
    let (rows, columns) = ((height - WINDOW_PX) / STEP_PX + 1, (width - WINDOW_PX) / STEP_PX + 1);
    let scale = weight / (rows * columns) as f32;
    let mut to_luma = vec![0.0f32; p.len()];
    let mut total = 0.0f64;
    for v in 0..rows {
        for u in 0..columns {
            let start = STEP_PX * (v * width + u);
            let (value, [one, own, other]) = window(&p, &q, start, width);
            total += f64::from(value);
            for row in 0..WINDOW_PX {
                let at = start + row * width..start + row * width + WINDOW_PX;
                let pairs = to_luma[at.clone()].iter_mut().zip(p[at.clone()].iter().zip(&q[at]));
                pairs.for_each(|(g, (p, q))| *g -= scale * (one + own * p + other * q));
            }
        }
    }
    for (c, luma) in LUMA.iter().enumerate() {
        gradient.channel_mut(c).iter_mut().zip(&to_luma).for_each(|(g, d)| *g += luma * d);
    }
    (1.0 - total / (rows * columns) as f64) as f32
}

/// One window's SSIM, and its gradient to each of its pixels `p` as `one + own * p + other * q`.
fn window(p: &[f32], q: &[f32], start: usize, width: usize) -> (f32, [f32; 3]) {
    let n = (WINDOW_PX * WINDOW_PX) as f32;
    let (mut sums, mut squares, mut both) = ([0.0f32; 2], [0.0f32; 2], 0.0f32);
    for row in 0..WINDOW_PX {
        let at = start + row * width;
        for (p, q) in p[at..at + WINDOW_PX].iter().zip(&q[at..at + WINDOW_PX]) {
            sums = [sums[0] + p, sums[1] + q];
            squares = [squares[0] + p * p, squares[1] + q * q];
            both += p * q;
        }
    }
    let (ma, mb) = (sums[0] / n, sums[1] / n);
    let (va, vb, cov) = (squares[0] / n - ma * ma, squares[1] / n - mb * mb, both / n - ma * mb);
    let (a, b) = (2.0 * ma * mb + C1, 2.0 * cov + C2);
    let (c, d) = (ma * ma + mb * mb + C1, va + vb + C2);
    let value = a * b / (c * d);
    // d ma = 1/n, d va = 2 (p - ma) / n, d cov = (q - mb) / n.
    let by_mean = value * (2.0 * mb / a - 2.0 * ma / c) / n;
    let (by_cov, by_var) = (value * 2.0 / b / n, -value * 2.0 / d / n);
    (value, [by_mean - by_cov * mb - by_var * ma, by_var, by_cov])
}
