//! Square crops of random place and scale.

use impasto_core::conformance::Random;
use impasto_core::{Image, Shape, Tensor};

/// How crops vary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augment {
    /// Smallest side of a crop, as part of the picture's shorter side.
    pub smallest: f32,
    /// Largest side of a crop, as part of the picture's shorter side.
    pub largest: f32,
    /// Largest change of each channel's gain and of the hue's mix; 0 keeps colours.
    pub colour: f32,
}

/// A crop of `side` px, mirrored half of the time, RGB in `0..1`.
pub fn crop(image: &Image, side: usize, augment: &Augment, random: &mut Random) -> Tensor {
    let (w, h) = (image.width() as f32, image.height() as f32);
    let cut = (w.min(h) * random.range(augment.smallest, augment.largest)).max(1.0);
    let (left, top) = (random.unit() * (w - cut), random.unit() * (h - cut));
    let mirrored = random.unit() < 0.5;
    let mut picture = resampled(image, [left, top, cut], side, mirrored);
    if augment.colour > 0.0 {
        recolour(&mut picture, augment.colour, random);
    }
    picture
}

/// The largest square in the middle, as `side` x `side` px, RGB in `0..1`.
pub fn centre_square(image: &Image, side: usize) -> Tensor {
    let (w, h) = (image.width() as f32, image.height() as f32);
    let cut = w.min(h);
    resampled(image, [(w - cut) / 2.0, (h - cut) / 2.0, cut], side, false)
}

/// The square at `[left, top]` of side `cut`, by a triangle filter as wide as the scale asks, at least one px.
fn resampled(image: &Image, [left, top, cut]: [f32; 3], side: usize, mirrored: bool) -> Tensor {
    let columns = taps(left, cut, side, image.width());
    let rows = taps(top, cut, side, image.height());
    let mut lines: Vec<Option<Vec<f32>>> = vec![None; image.height()];
    let mut out = Tensor::zeros(Shape::new(3, side, side));
    for (y, row) in rows.iter().enumerate() {
        let mut sums = vec![0.0; 3 * side];
        for &(source, weight) in row {
            let line = lines[source].get_or_insert_with(|| across(image, source, &columns));
            sums.iter_mut().zip(&*line).for_each(|(s, v)| *s += weight * v);
        }
        for x in 0..side {
            let to = y * side + if mirrored { side - 1 - x } else { x };
            for c in 0..3 {
                out.channel_mut(c)[to] = sums[3 * x + c] / 255.0;
            }
        }
    }
    out
}

/// One row of the image, resampled: `[side][3]`, still in `0..255`.
fn across(image: &Image, y: usize, columns: &[Vec<(usize, f32)>]) -> Vec<f32> {
    let row = &image.rgb()[3 * y * image.width()..3 * (y + 1) * image.width()];
    let mut line = vec![0.0; 3 * columns.len()];
    for (out, taps) in line.chunks_exact_mut(3).zip(columns) {
        for &(x, weight) in taps {
            out.iter_mut().zip(&row[3 * x..]).for_each(|(o, &v)| *o += weight * f32::from(v));
        }
    }
    line
}

/// For each output position, the source positions and their weights, which sum to 1.
fn taps(start: f32, cut: f32, side: usize, length: usize) -> Vec<Vec<(usize, f32)>> {
    let scale = cut / side as f32;
    let reach = scale.max(1.0);
    let one = |i: usize| {
        let centre = start + (i as f32 + 0.5) * scale - 0.5;
        let first = (centre - reach).ceil() as isize;
        let last = (centre + reach).floor() as isize;
        let mut taps: Vec<(usize, f32)> = (first..=last)
            .map(|at| {
                let weight = 1.0 - (at as f32 - centre).abs() / reach;
                (at.clamp(0, length as isize - 1) as usize, weight.max(0.0))
            })
            .collect();
        let sum: f32 = taps.iter().map(|t| t.1).sum();
        taps.iter_mut().for_each(|t| t.1 /= sum);
        taps
    };
    (0..side).map(one).collect()
}

/// Scales channels, and mixes each with its neighbour.
fn recolour(picture: &mut Tensor, most: f32, random: &mut Random) {
    let gains: [f32; 3] = std::array::from_fn(|_| 1.0 + random.range(-most, most));
    let mix = random.range(0.0, most);
    for i in 0..picture.shape().area() {
        let old: [f32; 3] = std::array::from_fn(|c| picture.channel(c)[i]);
        for c in 0..3 {
            let value = (1.0 - mix) * old[c] + mix * old[(c + 1) % 3];
            picture.channel_mut(c)[i] = (gains[c] * value).clamp(0.0, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize) -> Image {
        let bytes = (0..width * height).flat_map(|i| [(i % width) as u8, (i / width) as u8, 7]).collect();
        Image::new(width, height, bytes).unwrap()
    }

    #[test]
    fn the_whole_picture_at_its_own_size_is_itself() {
        let picture = resampled(&ramp(40, 40), [0.0, 0.0, 40.0], 40, false);
        for y in 0..40 {
            for x in 0..40 {
                assert!((picture.row(0, y)[x] * 255.0 - x as f32).abs() < 1e-3);
                assert!((picture.row(1, y)[x] * 255.0 - y as f32).abs() < 1e-3);
            }
        }
        let mirrored = resampled(&ramp(40, 40), [0.0, 0.0, 40.0], 40, true);
        assert!((mirrored.row(0, 3)[0] * 255.0 - 39.0).abs() < 1e-3);
    }

    #[test]
    fn halving_averages_and_doubling_interpolates() {
        let half = resampled(&ramp(64, 64), [0.0, 0.0, 64.0], 32, false);
        assert!((half.row(0, 9)[10] * 255.0 - 20.5).abs() < 1e-3);
        let double = resampled(&ramp(64, 64), [10.0, 10.0, 32.0], 64, false);
        assert!((double.row(0, 9)[10] * 255.0 - (10.0 + 10.5 / 2.0 - 0.5)).abs() < 1e-3);
    }

    #[test]
    fn a_seed_names_a_crop() {
        let augment = Augment { smallest: 0.4, largest: 0.9, colour: 0.1 };
        let one = |seed| crop(&ramp(90, 50), 32, &augment, &mut Random::new(seed));
        assert_eq!(one(1), one(1));
        assert_ne!(one(1), one(2));
        assert!(one(3).data().iter().all(|v| (0.0..=1.0).contains(v)));
    }
}
