//! The motion of a camera between two frames: one translation, to a part of a pixel.
//!
//! Both frames are taken as luma at about a quarter of their size. A search over whole pixels, from a coarse pyramid level to the
//! finest, finds the translation with the least robust difference. Gauss-Newton steps (Lucas and Kanade 1981) over the pixels that
//! have a gradient, with weights that fall off for those that move otherwise (Geman and McClure 1987), then find its fraction, and by
//! how much the frame as a whole has become brighter.

use impasto_core::Image;

/// The finest level's shorter side, about, px.
const FINEST: usize = 90;
/// One of its px stands for at most so many of the frame's, along each axis.
const LARGEST_STEP: usize = 6;
/// The coarsest level's shorter side is not below this.
const COARSEST: usize = 20;
/// Radius of the search around the guess at the coarsest level, in its own px.
const REACH: i32 = 8;
/// A difference counts for no more than this, of 255.
const ROBUST: f32 = 24.0;
/// Scale of the weights of Gauss-Newton steps, of 255.
const SCALE: f32 = 6.0;
const ITERATIONS: usize = 12;
/// A pixel agrees with a motion if it differs by less than this, of 255.
const AGREES: f32 = 9.0;
/// Share of pixels that must agree.
const LEAST_AGREEING: f32 = 0.4;
/// Square of a gradient, of 255 a px, from which on a pixel is followed.
const LEAST_SLOPE: f32 = 4.0;
/// Mean square of the gradient, of 255 squared, below which nothing can be followed.
const LEAST_TEXTURE: f32 = 0.04;
/// A motion other than the guess must leave at most this part of the guess's difference, or it is taken for noise.
const LEAST_GAIN: f32 = 0.97;

/// Luma of a frame made smaller, and the same halved again and again.
pub(crate) struct Pyramid {
    /// Px of the frame for one of the finest level, along each axis.
    step: usize,
    levels: Vec<Plane>,
    /// Width and height of the frame, px.
    size: (usize, usize),
}

struct Plane {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

/// A pixel that can be followed: where it is, its value and its gradient.
struct Slope {
    x: f32,
    y: f32,
    value: f32,
    gx: f32,
    gy: f32,
}

/// A camera's motion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Shift {
    /// The motion of things, px of the frame: `[x, y]`.
    pub by: [f32; 2],
    /// Share of the pixels that moved so.
    pub agreeing: f32,
}

impl Pyramid {
    pub fn new(frame: &Image) -> Self {
        let size = (frame.width(), frame.height());
        let step = (size.0.min(size.1) / FINEST).clamp(1, LARGEST_STEP);
        let mut levels = vec![luma(frame, step)];
        while let Some(half) = levels.last().expect("there is one").halved() {
            levels.push(half);
        }
        Self { step, levels, size }
    }

    /// Width and height of the frame, px.
    pub fn size(&self) -> (usize, usize) {
        self.size
    }

    /// Motion from `before` to here, probably near `guess` px. `None` where too little agrees on any motion, or
    /// where there is nothing to follow.
    ///
    /// # Panics
    /// If the frames' sizes differ.
    pub fn shift_since(&self, before: &Pyramid, guess: [f32; 2]) -> Option<Shift> {
        assert_eq!(self.size, before.size, "frames of one size");
        let coarsest = self.levels.len() - 1;
        let scale = |level: usize| (self.step << level) as f32;
        let mut at = guess.map(|px| (px / scale(coarsest)).round() as i32);
        for level in (0..=coarsest).rev() {
            if level < coarsest {
                at = at.map(|px| 2 * px);
            }
            let reach = if level == coarsest { REACH } else { 2 };
            at = self.levels[level].best_near(&before.levels[level], at, reach);
        }
        let (now, then) = (&self.levels[0], &before.levels[0]);
        let (mut fine, brighter) = now.refined(then, at.map(|px| px as f32))?;
        let guess = guess.map(|px| px / self.step as f32);
        if now.left(then, fine, brighter) > LEAST_GAIN * now.left(then, guess, brighter) {
            fine = guess;
        }
        let agreeing = now.agreeing(then, fine, brighter);
        (agreeing >= LEAST_AGREEING).then(|| Shift { by: fine.map(|px| px * self.step as f32), agreeing })
    }
}

/// BT.601 luma of boxes of `step` x `step` px.
fn luma(frame: &Image, step: usize) -> Plane {
    let (width, height) = ((frame.width() / step).max(1), (frame.height() / step).max(1));
    let mut sums = vec![0u32; width * height];
    for (y, row) in frame.rgb().chunks_exact(3 * frame.width()).enumerate().take(height * step) {
        let sums = &mut sums[y / step * width..][..width];
        for (sum, pixels) in sums.iter_mut().zip(row.chunks_exact(3 * step)) {
            *sum += pixels
                .chunks_exact(3)
                .map(|p| 77 * u32::from(p[0]) + 150 * u32::from(p[1]) + 29 * u32::from(p[2]))
                .sum::<u32>();
        }
    }
    let values: Vec<f32> = sums.into_iter().map(|sum| sum as f32 / (256 * step * step) as f32).collect();
    Plane { width, height, values }.smoothed()
}

impl Plane {
    /// Blurred by (1 2 1) along both axes, so that noise and sharp edges do not bias the motion's fraction.
    fn smoothed(&self) -> Plane {
        let (width, height) = (self.width, self.height);
        let along = |values: &[f32], at: usize, before: usize, after: usize| {
            0.25 * values[before] + 0.5 * values[at] + 0.25 * values[after]
        };
        let row = |i: usize| {
            let x = i % width;
            along(&self.values, i, i - usize::from(x > 0), i + usize::from(x + 1 < width))
        };
        let rows: Vec<f32> = (0..width * height).map(row).collect();
        let column = |i: usize| {
            let y = i / width;
            let (up, down) = (if y > 0 { width } else { 0 }, if y + 1 < height { width } else { 0 });
            along(&rows, i, i - up, i + down)
        };
        Plane { width, height, values: (0..width * height).map(column).collect() }
    }

    /// Means of 2x2; `None` where that would be too small.
    fn halved(&self) -> Option<Plane> {
        let (width, height) = (self.width / 2, self.height / 2);
        if width.min(height) < COARSEST {
            return None;
        }
        let at = |x: usize, y: usize| self.values[y * self.width + x];
        let mean = |i: usize| {
            let (x, y) = (2 * (i % width), 2 * (i / width));
            (at(x, y) + at(x + 1, y) + at(x, y + 1) + at(x + 1, y + 1)) / 4.0
        };
        Some(Plane { width, height, values: (0..width * height).map(mean).collect() })
    }

    /// The whole translation around `at` that changes least. Where several are as good, the nearest to `at`.
    fn best_near(&self, before: &Plane, at: [i32; 2], reach: i32) -> [i32; 2] {
        let mut best = (self.difference(before, at), at);
        for y in -reach..=reach {
            for x in -reach..=reach {
                let tried = [at[0] + x, at[1] + y];
                let difference = self.difference(before, tried);
                if difference < 0.98 * best.0 {
                    best = (difference, tried);
                }
            }
        }
        best.1
    }

    /// Mean robust difference to `before` moved by `by`; infinite where less than a third overlaps.
    fn difference(&self, before: &Plane, [dx, dy]: [i32; 2]) -> f32 {
        let span = |len: usize, d: i32| d.max(0)..(len as i32 + d.min(0)).max(d.max(0));
        let (columns, rows) = (span(self.width, dx), span(self.height, dy));
        let count = columns.len() * rows.len();
        if 3 * count < self.values.len() {
            return f32::INFINITY;
        }
        let mut sum = 0.0;
        for y in rows {
            let row = &self.values[y as usize * self.width..][..self.width];
            let then = &before.values[(y - dy) as usize * self.width..][..self.width];
            let now = &row[columns.start as usize..columns.end as usize];
            let then = &then[(columns.start - dx) as usize..(columns.end - dx) as usize];
            sum += now.iter().zip(then).map(|(a, b)| (a - b).abs().min(ROBUST)).sum::<f32>();
        }
        sum / count as f32
    }

    /// The value between four positions; `None` outside.
    fn between(&self, u: f32, v: f32) -> Option<f32> {
        if u < 0.0 || v < 0.0 || u >= (self.width - 1) as f32 || v >= (self.height - 1) as f32 {
            return None;
        }
        let (left, top) = (u as usize, v as usize);
        let (fx, fy) = (u - left as f32, v - top as f32);
        let i = top * self.width + left;
        let [a, b, c, d] = [i, i + 1, i + self.width, i + self.width + 1].map(|i| self.values[i]);
        let (upper, lower) = (a + fx * (b - a), c + fx * (d - c));
        Some(upper + fy * (lower - upper))
    }

    /// Positions whose gradient, by central differences, is worth following, with it.
    fn slopes(&self) -> Vec<Slope> {
        let mut slopes = Vec::new();
        for y in 1..self.height.saturating_sub(1) {
            for x in 1..self.width - 1 {
                let i = y * self.width + x;
                let gx = (self.values[i + 1] - self.values[i - 1]) / 2.0;
                let gy = (self.values[i + self.width] - self.values[i - self.width]) / 2.0;
                if gx * gx + gy * gy > LEAST_SLOPE {
                    slopes.push(Slope { x: x as f32, y: y as f32, value: self.values[i], gx, gy });
                }
            }
        }
        slopes
    }

    /// Gauss-Newton steps from `by`, and the mean difference in brightness; `None` where there is no texture or they run away.
    fn refined(&self, before: &Plane, by: [f32; 2]) -> Option<([f32; 2], f32)> {
        let (slopes, mut at, mut brighter) = (self.slopes(), by, 0.0f32);
        for _ in 0..ITERATIONS {
            let (mut xx, mut xy, mut yy, mut rx, mut ry) = (0.0f32, 0.0, 0.0, 0.0, 0.0);
            let (mut weight, mut weighed) = (0.0f32, 0.0f32);
            for &Slope { x, y, value, gx, gy } in &slopes {
                let Some(then) = before.between(x - at[0], y - at[1]) else { continue };
                let r = value - then - brighter;
                let w = 1.0 / (1.0 + (r / SCALE).powi(2)).powi(2);
                (xx, xy, yy) = (xx + w * gx * gx, xy + w * gx * gy, yy + w * gy * gy);
                // Moving further by d changes what is seen here by minus the gradient times d.
                (rx, ry) = (rx - w * gx * r, ry - w * gy * r);
                (weight, weighed) = (weight + w, weighed + w * r);
            }
            let determinant = xx * yy - xy * xy;
            let least = (LEAST_TEXTURE * weight).powi(2);
            if determinant.is_nan() || determinant <= least || weight <= 0.0 {
                return None;
            }
            let step = [(yy * rx - xy * ry) / determinant, (xx * ry - xy * rx) / determinant];
            at = [at[0] + step[0].clamp(-1.0, 1.0), at[1] + step[1].clamp(-1.0, 1.0)];
            brighter += weighed / weight;
            if step.iter().all(|s| s.abs() < 0.002) {
                break;
            }
        }
        let away = (at[0] - by[0]).abs().max((at[1] - by[1]).abs());
        (away <= 2.0).then_some((at, brighter))
    }

    /// Mean robust difference to `before` moved by `by`, as [`Plane::difference`], between pixels.
    fn left(&self, before: &Plane, by: [f32; 2], brighter: f32) -> f32 {
        let (mut sum, mut seen) = (0.0f32, 0u32);
        for y in 0..self.height {
            for x in 0..self.width {
                if let Some(then) = before.between(x as f32 - by[0], y as f32 - by[1]) {
                    seen += 1;
                    sum += (self.values[y * self.width + x] - then - brighter).abs().min(ROBUST);
                }
            }
        }
        sum / seen.max(1) as f32
    }

    /// Share of the pixels seen in both that agree with a motion.
    fn agreeing(&self, before: &Plane, by: [f32; 2], brighter: f32) -> f32 {
        let (mut agreeing, mut seen) = (0u32, 0u32);
        for y in 0..self.height {
            for x in 0..self.width {
                if let Some(then) = before.between(x as f32 - by[0], y as f32 - by[1]) {
                    seen += 1;
                    let away = self.values[y * self.width + x] - then - brighter;
                    agreeing += u32::from(away.abs() < AGREES);
                }
            }
        }
        agreeing as f32 / seen.max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene;
    use impasto_core::Random;

    /// The part of a larger scene that is seen from `(x, y)`, in thirds of a px, with a camera's noise.
    fn view(large: &Image, (x, y): (usize, usize), seed: u64) -> Image {
        let mut random = Random::new(seed);
        Image::from_fn(256, 144, |u, v| {
            let mut sums = [0u32; 3];
            for dy in 0..3 {
                for dx in 0..3 {
                    let pixel = large.pixel(x + 3 * u + dx, y + 3 * v + dy);
                    sums.iter_mut().zip(pixel).for_each(|(sum, byte)| *sum += u32::from(byte));
                }
            }
            sums.map(|sum| (sum as f32 / 9.0 + 1.5 * random.normal()).round().clamp(0.0, 255.0) as u8)
        })
    }

    #[test]
    fn a_pan_is_measured_to_a_part_of_a_pixel() {
        let large = scene::draw(900, 560, 0.0);
        let before = Pyramid::new(&view(&large, (60, 60), 1));
        for (x, y) in [(60, 60), (61, 60), (62, 58), (75, 64), (30, 66), (110, 20)] {
            let now = Pyramid::new(&view(&large, (x, y), 2));
            let shift = now.shift_since(&before, [0.0, 0.0]).expect("it can be followed");
            let expected = [(60.0 - x as f32) / 3.0, (60.0 - y as f32) / 3.0];
            for axis in 0..2 {
                assert!(
                    (shift.by[axis] - expected[axis]).abs() < 0.2,
                    "{:?} instead of {expected:?}",
                    shift.by
                );
            }
            assert!(shift.agreeing > 0.6);
        }
    }

    #[test]
    fn what_moves_by_itself_does_not_count() {
        let large = scene::draw(900, 560, 0.0);
        let before = view(&large, (60, 60), 1);
        let panned = view(&large, (75, 60), 2);
        let person = |image: &Image, left: usize| {
            Image::from_fn(256, 144, |x, y| match (left..left + 70).contains(&x) && y > 30 {
                true => [((x - left) * 3) as u8, (y * 5 % 256) as u8, 90],
                false => image.pixel(x, y),
            })
        };
        let shift = Pyramid::new(&person(&panned, 120))
            .shift_since(&Pyramid::new(&person(&before, 100)), [0.0; 2])
            .unwrap();
        assert!((shift.by[0] + 5.0).abs() < 0.3 && shift.by[1].abs() < 0.3, "{:?}", shift.by);
    }

    #[test]
    fn nothing_is_followed_where_nothing_can_be() {
        let flat = Pyramid::new(&Image::from_fn(256, 144, |_, _| [90; 3]));
        assert_eq!(flat.shift_since(&flat, [0.0; 2]), None, "a wall");
        let noise = |seed| {
            let mut random = Random::new(seed);
            let dots: Vec<u8> = (0..64 * 36).map(|_| (255.0 * random.unit()) as u8).collect();
            Pyramid::new(&Image::from_fn(256, 144, |x, y| [dots[y / 4 * 64 + x / 4]; 3]))
        };
        assert_eq!(noise(1).shift_since(&noise(2), [0.0; 2]), None, "a cut");
        let tiny = Pyramid::new(&Image::from_fn(3, 2, |x, _| [x as u8; 3]));
        assert_eq!(tiny.shift_since(&tiny, [0.0; 2]), None, "next to no picture");
    }
}
