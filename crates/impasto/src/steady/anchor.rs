//! Painting on the scene's own grid.
//!
//! A painter with strides of 8 answers a shift of the photo by 8 px exactly, and any other shift with another painting. So a frame
//! is laid on a larger canvas at an offset that follows the camera's motion modulo 8, and the noise field is moved along by whole
//! cells: strokes then stay where they are in the scene. What remains of the motion, less than a pixel, is taken out of the frame
//! before painting and put back after.

use super::motion::Pyramid;
use impasto_core::Image;

/// Period of the grid, px: the product of the painter's strides.
pub(crate) const GRID: usize = 8;
/// A camera that has moved by less than this stands still, px.
const DEAD: f32 = 0.15;
/// Fractions of a pixel below this are left as they are.
const LEAST_FRACTION: f32 = 0.08;
/// The frame that motion is measured from is renewed once the view has moved by this share of its shorter side,
const FAR: f32 = 0.25;
/// or once so few pixels agree.
const FEW: f32 = 0.6;

/// Follows the camera from frame to frame.
#[derive(Default)]
pub(crate) struct Anchor {
    /// The frame that motion is measured from, and where the scene was then.
    key: Option<(Pyramid, [f32; 2])>,
    /// The motion of things since the first frame, px `[x, y]`.
    at: [f32; 2],
}

/// A frame's place on its canvas.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Place {
    /// The frame's left upper corner on the canvas, `[x, y]`, each below [`GRID`].
    pub offset: [usize; 2],
    /// The noise field's position under the canvas' left upper corner, px; multiples of [`GRID`].
    pub origin: [i32; 2],
    /// The rest of the motion, px.
    pub fraction: [f32; 2],
}

impl Anchor {
    /// Place of `frame`; after a `cut` the scene begins anew.
    pub fn follow(&mut self, frame: &Image, cut: bool) -> Place {
        let now = Pyramid::new(frame);
        let comparable = self.key.as_ref().is_some_and(|(key, _)| !cut && key.size() == now.size());
        if !comparable {
            self.at = [0.0; 2];
        }
        let mut renew = true;
        if let Some((key, origin)) = self.key.as_ref().filter(|_| comparable) {
            let since = [self.at[0] - origin[0], self.at[1] - origin[1]];
            if let Some(shift) = now.shift_since(key, since) {
                let wanted = [origin[0] + shift.by[0], origin[1] + shift.by[1]];
                if largest([wanted[0] - self.at[0], wanted[1] - self.at[1]]) > DEAD {
                    self.at = wanted;
                }
                let far = FAR * now.size().0.min(now.size().1) as f32;
                renew = largest(shift.by) > far || shift.agreeing < FEW;
            }
        }
        if renew {
            self.key = Some((now, self.at));
        }
        place(self.at)
    }
}

fn largest([x, y]: [f32; 2]) -> f32 {
    x.abs().max(y.abs())
}

fn place(at: [f32; 2]) -> Place {
    let whole = at.map(|px| px.round());
    let part = |axis: usize| match at[axis] - whole[axis] {
        small if small.abs() < LEAST_FRACTION => 0.0,
        fraction => fraction,
    };
    let fraction = [part(0), part(1)];
    let whole = whole.map(|px| px as i32);
    let offset = whole.map(|px| (-px).rem_euclid(GRID as i32) as usize);
    let origin = [0, 1].map(|axis| -(whole[axis] + offset[axis] as i32));
    Place { offset, origin, fraction }
}

impl Place {
    /// Lays the frame on a canvas of [`GRID`] px more a side, whose border repeats the frame's.
    pub fn lay(&self, frame: &Image, canvas: &mut Image) {
        let (width, height) = (frame.width(), frame.height());
        let size = (width + GRID, height + GRID);
        if (canvas.width(), canvas.height()) != size {
            *canvas = Image::black(size.0, size.1);
        }
        let moved = shifted(frame, self.fraction.map(|f| -f));
        let frame = moved.as_ref().unwrap_or(frame);
        let [left, top] = self.offset;
        for (y, row) in canvas.rgb_mut().chunks_exact_mut(3 * size.0).enumerate() {
            let from = &frame.rgb()[3 * width * y.saturating_sub(top).min(height - 1)..][..3 * width];
            let (before, rest) = row.split_at_mut(3 * left);
            let (inside, after) = rest.split_at_mut(3 * width);
            inside.copy_from_slice(from);
            before.as_chunks_mut::<3>().0.fill(from.first_chunk().copied().unwrap_or_default());
            after.as_chunks_mut::<3>().0.fill(from.last_chunk().copied().unwrap_or_default());
        }
    }

    /// Cuts what was painted of a frame of `out`'s size out of the painted canvas.
    pub fn cut(&self, canvas: &Image, out: &mut Image) {
        let (width, [left, top]) = (out.width(), self.offset);
        for (y, row) in out.rgb_mut().chunks_exact_mut(3 * width).enumerate() {
            let at = 3 * ((y + top) * canvas.width() + left);
            row.copy_from_slice(&canvas.rgb()[at..at + 3 * width]);
        }
        if let Some(moved) = shifted(out, self.fraction) {
            *out = moved;
        }
    }
}

/// The picture with everything moved by `by` px `[x, y]`, each within a pixel, by cubic interpolation (Keys 1981, a = -1/2); `None`
/// where nothing moves.
fn shifted(image: &Image, by: [f32; 2]) -> Option<Image> {
    if by == [0.0; 2] {
        return None;
    }
    let (width, height) = (image.width(), image.height());
    let mut moved = image.clone();
    if by[0] != 0.0 {
        let weights = weights(by[0]);
        let mut line = vec![0u8; 3 * (width + 4)];
        for row in moved.rgb_mut().chunks_exact_mut(3 * width) {
            line[6..6 + 3 * width].copy_from_slice(row);
            for k in 0..2 {
                line.copy_within(6..9, 3 * k);
                line.copy_within(3 * (width + 1)..3 * (width + 2), 3 * (width + 2 + k));
            }
            // Position x reads x - 2 to x + 1 where things move right, x - 1 to x + 2 where they move left.
            let line = &line[if by[0] > 0.0 { 0 } else { 3 }..];
            interpolate([line, &line[3..], &line[6..], &line[9..]], weights, row);
        }
    }
    if by[1] != 0.0 {
        let weights = weights(by[1]);
        let source = moved.clone();
        let line = |y: isize| {
            let y = y.clamp(0, height as isize - 1) as usize;
            &source.rgb()[3 * width * y..][..3 * width]
        };
        let first = if by[1] > 0.0 { -2 } else { -1 };
        for (y, row) in moved.rgb_mut().chunks_exact_mut(3 * width).enumerate() {
            let y = y as isize + first;
            interpolate([line(y), line(y + 1), line(y + 2), line(y + 3)], weights, row);
        }
    }
    Some(moved)
}

/// Weights of four neighbours in 1/256; they sum to 256.
fn weights(by: f32) -> [i32; 4] {
    // Where things move right, a position lies `1 - by` behind the second of its four neighbours.
    let t = if by > 0.0 { 1.0 - by } else { -by };
    let near = |t: f32| 1.5 * t * t * t - 2.5 * t * t + 1.0;
    let far = |t: f32| -0.5 * t * t * t + 2.5 * t * t - 4.0 * t + 2.0;
    let mut weights =
        [far(1.0 + t), near(t), near(1.0 - t), far(2.0 - t)].map(|w| (256.0 * w).round() as i32);
    weights[if t < 0.5 { 1 } else { 2 }] += 256 - weights.iter().sum::<i32>();
    weights
}

fn interpolate(lines: [&[u8]; 4], weights: [i32; 4], out: &mut [u8]) {
    let n = out.len();
    let [a, b, c, d] = lines.map(|line| &line[..n]);
    for i in 0..n {
        let four = [a[i], b[i], c[i], d[i]].map(i32::from);
        let sum: i32 = four.iter().zip(weights).map(|(v, w)| v * w).sum();
        out[i] = ((sum + 128) >> 8).clamp(0, 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene;

    fn largest_difference(a: &Image, b: &Image, edge: usize) -> u8 {
        let inside = |x: usize, y: usize| {
            (edge..a.width() - edge).contains(&x) && (edge..a.height() - edge).contains(&y)
        };
        let points = (0..a.height()).flat_map(|y| (0..a.width()).map(move |x| (x, y)));
        let difference = |(x, y)| (0..3).map(|c| a.pixel(x, y)[c].abs_diff(b.pixel(x, y)[c])).max().unwrap();
        points.filter(|&(x, y)| inside(x, y)).map(difference).max().unwrap()
    }

    #[test]
    fn places_follow_the_scene() {
        for at in [[0.0, 0.0], [3.0, -5.0], [-17.0, 8.0], [100.4, -0.3], [0.05, 7.96]] {
            let Place { offset, origin, fraction } = place(at);
            for axis in 0..2 {
                assert!(offset[axis] < GRID && origin[axis] % GRID as i32 == 0);
                let seen = -(origin[axis] + offset[axis] as i32) as f32 + fraction[axis];
                assert!(
                    (seen - at[axis]).abs() <= LEAST_FRACTION,
                    "{at:?}: {offset:?} {origin:?} {fraction:?}"
                );
                assert!(fraction[axis].abs() <= 0.5);
            }
        }
    }

    #[test]
    fn a_frame_comes_back_from_its_canvas() {
        let frame = scene::draw(53, 31, 0.0);
        let (mut canvas, mut out) = (Image::black(1, 1), Image::black(53, 31));
        for offset in [[0, 0], [3, 7], [7, 1]] {
            let place = Place { offset, ..Place::default() };
            place.lay(&frame, &mut canvas);
            assert_eq!((canvas.width(), canvas.height()), (61, 39));
            assert_eq!(canvas.pixel(0, 0), frame.pixel(0, 0));
            assert_eq!(canvas.pixel(60, 38), frame.pixel(52, 30));
            place.cut(&canvas, &mut out);
            assert_eq!(out, frame);
        }
    }

    #[test]
    fn fractions_go_out_and_come_back() {
        let smooth = |x: f32, y: f32| {
            [(128.0 + 90.0 * (x / 5.0).sin()) as u8, (128.0 + 90.0 * (y / 6.0).cos()) as u8, 7]
        };
        let image = Image::from_fn(60, 40, |x, y| smooth(x as f32, y as f32));
        for by in [[0.3, 0.0], [0.0, -0.45], [-0.25, 0.5]] {
            let expected = Image::from_fn(60, 40, |x, y| smooth(x as f32 - by[0], y as f32 - by[1]));
            let moved = shifted(&image, by).unwrap();
            assert!(largest_difference(&moved, &expected, 3) <= 3, "{by:?}");
            let back = shifted(&moved, by.map(|f| -f)).unwrap();
            assert!(largest_difference(&back, &image, 4) <= 4, "{by:?}");
        }
        assert_eq!(shifted(&image, [0.0; 2]), None);
    }

    #[test]
    fn a_still_camera_never_moves_the_grid_and_a_pan_is_followed() {
        let large = scene::draw(420, 230, 0.0);
        let view = |x: usize, y: usize| Image::from_fn(256, 144, |u, v| large.pixel(x + u, y + v));
        let mut anchor = Anchor::default();
        for _ in 0..5 {
            assert_eq!(anchor.follow(&view(40, 40), false), Place::default());
        }
        for step in 0..30 {
            let place = anchor.follow(&view(40 + 4 * step, 40 + step), false);
            let moved =
                [0, 1].map(|i| -(place.origin[i] + place.offset[i] as i32) as f32 + place.fraction[i]);
            let expected = [-4.0 * step as f32, -(step as f32)];
            assert!(
                largest([moved[0] - expected[0], moved[1] - expected[1]]) < 0.3,
                "{moved:?} {expected:?}"
            );
        }
        assert_eq!(anchor.follow(&view(0, 0), true), Place::default(), "a cut begins a new scene");
        let small = Image::from_fn(100, 60, |x, y| large.pixel(x, y));
        assert_eq!(anchor.follow(&small, false), Place::default(), "so does another size");
    }
}
