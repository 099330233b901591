//! Known motion of a still, whose flow is exact: two views of one photo, and how far two paintings of them
//! disagree where they show the same place.

use impasto_core::{Shape, Tensor};

/// Pixels at the border of a view that the error leaves out, so that interpolation sees the picture only.
const MARGIN_PX: f64 = 2.0;

/// From the first view to the second the camera pans, zooms and turns about the centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Name for tables.
    pub name: &'static str,
    /// Pan to the right and down, px.
    pub pan_px: (f64, f64),
    /// Width that the second view sees, of the first; 1 is the same.
    pub zoom: f64,
    /// Turn in degrees.
    pub turn_degrees: f64,
}

/// The motions that are judged: an uneven pan by whole pixels, a zoom and a turn.
pub const MOTIONS: [Motion; 3] = [
    Motion { name: "pan", pan_px: (5.0, 3.0), zoom: 1.0, turn_degrees: 0.0 },
    Motion { name: "zoom", pan_px: (0.0, 0.0), zoom: 1.03, turn_degrees: 0.0 },
    Motion { name: "turn", pan_px: (0.0, 0.0), zoom: 1.0, turn_degrees: 2.0 },
];

/// Width and height of the photo that views of a size are cut from.
pub fn photo_size((width, height): (usize, usize)) -> (usize, usize) {
    (width + 2 * (width / 8), height + 2 * (height / 8))
}

impl Motion {
    /// The position in the first view that position `(x, y)` of the second, of width and height `size`, shows; pixel centres are whole numbers.
    pub fn source(&self, x: usize, y: usize, size: (usize, usize)) -> (f64, f64) {
        let centre = |len: usize| (len as f64 - 1.0) / 2.0;
        let (dx, dy) = (x as f64 - centre(size.0), y as f64 - centre(size.1));
        let (sin, cos) = self.turn_degrees.to_radians().sin_cos();
        (
            centre(size.0) + self.zoom * (cos * dx - sin * dy) + self.pan_px.0,
            centre(size.1) + self.zoom * (sin * dx + cos * dy) + self.pan_px.1,
        )
    }

    /// The two views, `[3, height, width]`, of a photo of [`photo_size`].
    ///
    /// # Panics
    /// If the photo has another size.
    pub fn views(&self, photo: &Tensor, size: (usize, usize)) -> (Tensor, Tensor) {
        assert_eq!((photo.shape().width, photo.shape().height), photo_size(size));
        let (left, top) = (size.0 / 8, size.1 / 8);
        let shape = Shape::new(photo.shape().channels, size.1, size.0);
        let first = Tensor::from_fn(shape, |c, y, x| photo.row(c, y + top)[x + left]);
        let second = Tensor::from_fn(shape, |c, y, x| {
            let (u, v) = self.source(x, y, size);
            interpolated(photo, c, u + left as f64, v + top as f64).clamp(0.0, 1.0)
        });
        (first, second)
    }

    /// Mean absolute difference, in `0..255`, of the second painting from the first one moved along.
    pub fn warp_error(&self, first: &Tensor, second: &Tensor) -> f64 {
        let shape = second.shape();
        assert_eq!(first.shape(), shape);
        let inside = |at: f64, len: usize| (MARGIN_PX..=len as f64 - 1.0 - MARGIN_PX).contains(&at);
        let (mut sum, mut count) = (0.0, 0usize);
        for y in 0..shape.height {
            for x in 0..shape.width {
                let (u, v) = self.source(x, y, (shape.width, shape.height));
                if !inside(u, shape.width) || !inside(v, shape.height) {
                    continue;
                }
                for c in 0..shape.channels {
                    let moved = interpolated(first, c, u, v).clamp(0.0, 1.0);
                    sum += f64::from((moved - second.row(c, y)[x]).abs());
                }
                count += shape.channels;
            }
        }
        255.0 * sum / count as f64
    }
}

/// Catmull-Rom's cubic at column `u`, row `v`; the edge is repeated.
fn interpolated(picture: &Tensor, channel: usize, u: f64, v: f64) -> f32 {
    let Shape { height, width, .. } = picture.shape();
    let clamped =
        |at: f64, i: usize, len: usize| (at as isize + i as isize - 1).clamp(0, len as isize - 1) as usize;
    let ((x, across), (y, down)) = ((u.floor(), cubic(u - u.floor())), (v.floor(), cubic(v - v.floor())));
    let row = |j: usize| {
        let row = picture.row(channel, clamped(y, j, height));
        (0..4).map(|i| across[i] * f64::from(row[clamped(x, i, width)])).sum::<f64>()
    };
    (0..4).map(|j| down[j] * row(j)).sum::<f64>() as f32
}

/// Weights of the samples at -1, 0, 1, 2 for a position `t` in `0..1` between samples 0 and 1.
fn cubic(t: f64) -> [f64; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [
        0.5 * (-t3 + 2.0 * t2 - t),
        0.5 * (3.0 * t3 - 5.0 * t2 + 2.0),
        0.5 * (-3.0 * t3 + 4.0 * t2 + t),
        0.5 * (t3 - t2),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: (usize, usize) = (48, 40);

    fn photo() -> Tensor {
        let (width, height) = photo_size(SIZE);
        Tensor::from_fn(Shape::new(3, height, width), |c, y, x| {
            0.5 + 0.4 * ((x as f32 * 0.21 + c as f32).sin() * (y as f32 * 0.17).cos())
        })
    }

    #[test]
    fn the_interpolation_is_exact_on_pixels_and_on_ramps() {
        let ramp = Tensor::from_fn(Shape::new(1, 8, 9), |_, y, x| 0.1 * x as f32 + 0.05 * y as f32);
        for (u, v) in [(3.0, 4.0), (2.25, 3.5), (5.9, 1.1)] {
            let expected = 0.1 * u + 0.05 * v;
            assert!((f64::from(interpolated(&ramp, 0, u, v)) - expected).abs() < 1e-6, "{u} {v}");
        }
    }

    #[test]
    fn views_that_move_as_said_have_no_error_and_others_do() {
        let photo = photo();
        for motion in MOTIONS {
            let (first, second) = motion.views(&photo, SIZE);
            let error = motion.warp_error(&first, &second);
            assert!(error < 0.1, "{}: {error}", motion.name);
            let still = Motion { name: "still", pan_px: (0.0, 0.0), zoom: 1.0, turn_degrees: 0.0 };
            assert!(still.warp_error(&first, &second) > 0.5, "{}", motion.name);
        }
        let (first, second) = MOTIONS[0].views(&photo, SIZE);
        assert_eq!(MOTIONS[0].warp_error(&first, &second), 0.0, "whole pixels need no interpolation");
    }

    #[test]
    fn a_step_in_brightness_is_the_error() {
        let (first, second) = MOTIONS[2].views(&photo(), SIZE);
        let brighter = Tensor::new(second.shape(), second.data().iter().map(|v| v + 10.0 / 255.0).collect());
        assert!((MOTIONS[2].warp_error(&first, &brighter) - 10.0).abs() < 0.1);
    }

    #[test]
    fn a_pan_to_the_right_shows_what_stood_there() {
        let (first, second) = MOTIONS[0].views(&photo(), SIZE);
        assert_eq!(second.row(1, 10)[12], first.row(1, 13)[17]);
    }
}
