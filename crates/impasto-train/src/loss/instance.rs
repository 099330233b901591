//! Content as drawing alone: channels of mean 0 and deviation 1, so that colours and contrast are free.

use crate::walk::{Element, Map, Moments, mixed, products};

/// Mean over all elements of `(y^ - x^)^2`, with `f^ = (f - mean) / sqrt(variance + eps)` by channel; `own` and `photo` are the moments of `y`
/// and of `x`, over `n`. The gradient is added to `dy`, or set unless `keep`.
///
/// It goes through the pastiche's own statistics: with `e = 2 weight / N (y^ - x^)`,
/// `dy = (e - mean(e) - y^ mean(e y^)) / deviation`.
pub fn instance_content<E: Element>(
    (y, own): (&Map<E>, &Moments),
    (x, photo): (&Map<E>, &Moments),
    weight: f32,
    keep: bool,
    dy: &mut Map<E>,
) -> f32 {
    let (channels, area) = (y.shape().channels, y.shape().area() as f32);
    let count = y.shape().len() as f32;
    // Sums of x - mean (0 but for rounding) and of products, by channel.
    let (_, across) = products(x, y, &own.mean);
    let (_, within) = products(y, y, &own.mean);
    let (_, photos) = products(x, x, &photo.mean);
    let mut value = 0.0;
    let (mut to_x, mut to_y, mut shift) = (vec![0.0; channels], vec![0.0; channels], vec![0.0; channels]);
    for c in 0..channels {
        let (s, t) = (own.std[c], photo.std[c]);
        let (yy, xy, xx) = (within[c] / (s * s), across[c] / (s * t), photos[c] / (t * t));
        value += (yy - 2.0 * xy + xx) / count;
        let scale = 2.0 * weight / (count * s);
        // e - y^ mean(e y^) = a y^ - x^, without the scale.
        let a = 1.0 - (yy - xy) / area;
        to_y[c] = scale * a / s;
        to_x[c] = -scale / t;
        shift[c] = -to_y[c] * own.mean[c] - to_x[c] * photo.mean[c];
    }
    mixed(x, y, [&to_x, &to_y, &shift], keep, dy);
    value
}
