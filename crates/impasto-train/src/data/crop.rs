//! Square crops of random place and scale.

use impasto_core::Random;
use impasto_core::{Image, Shape, Tensor};
use impasto_media::resize::resize_part;

/// Variation of crops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Augment {
    /// Smallest side of a crop, as part of the picture's shorter side. Crops are not enlarged, as far as the picture allows: that would
    /// make them soft, and a network that has seen soft pictures only paints sharp ones badly.
    pub smallest: f32,
    /// Largest side of a crop, as part of the picture's shorter side.
    pub largest: f32,
    /// Largest change of each channel's gain and of the hue's mix; 0 keeps colours.
    pub colour: f32,
}

/// A crop of `side` px, mirrored half of the time, RGB in `0..1`.
pub fn crop(image: &Image, side: usize, augment: &Augment, random: &mut Random) -> Tensor {
    let (w, h) = (image.width() as f32, image.height() as f32);
    let whole = w.min(h);
    let smallest = (whole * augment.smallest).max(side as f32).min(whole);
    let cut = random.range(smallest, (whole * augment.largest).max(smallest));
    let (left, top) = (random.unit() * (w - cut), random.unit() * (h - cut));
    let mirrored = random.unit() < 0.5;
    let mut picture = square(image, [left, top, cut], side);
    if mirrored {
        mirror(&mut picture);
    }
    if augment.colour > 0.0 {
        recolour(&mut picture, augment.colour, random);
    }
    picture
}

/// The largest square in the middle, as `side` x `side` px, RGB in `0..1`.
pub fn centre_square(image: &Image, side: usize) -> Tensor {
    let (w, h) = (image.width(), image.height());
    let cut = w.min(h);
    square(image, [((w - cut) / 2) as f32, ((h - cut) / 2) as f32, cut as f32], side)
}

/// The square at `[left, top]` of side `cut`, by the filter that shrinks pictures everywhere in this program.
fn square(image: &Image, [left, top, cut]: [f32; 3], side: usize) -> Tensor {
    let part = [left, top, cut, cut].map(f64::from);
    resize_part(image, part, side).to_tensor()
}

fn mirror(picture: &mut Tensor) {
    let width = picture.shape().width;
    picture.data_mut().chunks_exact_mut(width).for_each(<[f32]>::reverse);
}

/// The part of `picture` at `(x, y)` of `side` x `side` px.
pub fn window(picture: &Tensor, (x, y): (usize, usize), side: usize) -> Tensor {
    Tensor::from_fn(Shape::new(picture.shape().channels, side, side), |c, v, u| picture.row(c, y + v)[x + u])
}

/// Adds `part` to `picture` at `(x, y)`: the way back from [`window`].
pub fn add_window(picture: &mut Tensor, part: &Tensor, (x, y): (usize, usize)) {
    let (width, shape) = (picture.shape().width, part.shape());
    for c in 0..shape.channels {
        let channel = picture.channel_mut(c);
        for v in 0..shape.height {
            let at = (y + v) * width + x;
            channel[at..at + shape.width].iter_mut().zip(part.row(c, v)).for_each(|(p, g)| *p += g);
        }
    }
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
        let picture = centre_square(&ramp(60, 40), 40);
        for y in 0..40 {
            for x in 0..40 {
                assert!((picture.row(0, y)[x] * 255.0 - (x + 10) as f32).abs() < 1e-3);
                assert!((picture.row(1, y)[x] * 255.0 - y as f32).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn crops_are_not_enlarged_where_there_is_room() {
        let augment = Augment { smallest: 0.1, largest: 0.2, colour: 0.0 };
        let picture = crop(&ramp(90, 50), 32, &augment, &mut Random::new(4));
        let step = (picture.row(0, 9)[20] - picture.row(0, 9)[10]).abs() * 25.5;
        assert!((step - 1.0).abs() < 0.02, "{step} px a px");
    }

    #[test]
    fn a_seed_names_a_crop() {
        let augment = Augment { smallest: 0.4, largest: 0.9, colour: 0.1 };
        let one = |seed| crop(&ramp(90, 50), 32, &augment, &mut Random::new(seed));
        assert_eq!(one(1), one(1));
        assert_ne!(one(1), one(2));
        assert!(one(3).data().iter().all(|v| (0.0..=1.0).contains(v)));
    }

    #[test]
    fn the_gradient_of_a_window_goes_back_where_it_came_from() {
        let mut picture = Tensor::from_fn(Shape::new(2, 6, 7), |c, y, x| (100 * c + 10 * y + x) as f32);
        let part = window(&picture, (3, 1), 4);
        assert_eq!((part.row(0, 0)[0], part.row(1, 3)[3]), (13.0, 146.0));
        add_window(&mut picture, &part, (3, 1));
        assert_eq!((picture.row(0, 0)[3], picture.row(0, 1)[2], picture.row(1, 4)[6]), (3.0, 12.0, 292.0));
    }
}
