//! The part of a picture that is painted, and its way up: turned, cropped and mirrored.

use crate::{Rotation, rotate};
use impasto_core::Image;
use std::fmt;
use std::str::FromStr;

/// Shortest side in px that a crop leaves.
const MIN_SIDE: usize = 16;

/// The part of a picture that is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Crop {
    /// All of it.
    #[default]
    Whole,
    /// The largest part of this shape in the middle, as width to height.
    Shape(u32, u32),
    /// A rectangle in px of the turned picture: width, height, left, top. It is moved and shrunk to lie inside.
    Part([u32; 4]),
}

/// A word that is no [`Crop`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no crop; write a shape such as 4:3, or WIDTHxHEIGHT+LEFT+TOP in px such as 640x480+100+0 (at least \
     {MIN_SIDE} px a side)"
)]
pub struct NoCrop(pub String);

impl fmt::Display for Crop {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Crop::Whole => Ok(()),
            Crop::Shape(width, height) => write!(f, "{width}:{height}"),
            Crop::Part([width, height, left, top]) => write!(f, "{width}x{height}+{left}+{top}"),
        }
    }
}

impl FromStr for Crop {
    type Err = NoCrop;

    /// `W:H`, `WxH+X+Y`, or nothing for the whole picture.
    fn from_str(word: &str) -> Result<Self, NoCrop> {
        if word.is_empty() {
            return Ok(Crop::Whole);
        }
        shape(word).or_else(|| part(word)).ok_or_else(|| NoCrop(word.into()))
    }
}

fn shape(word: &str) -> Option<Crop> {
    let (width, height) = word.split_once(':')?;
    let side = |word: &str| word.parse().ok().filter(|side| (1..=1000).contains(side));
    Some(Crop::Shape(side(width)?, side(height)?))
}

fn part(word: &str) -> Option<Crop> {
    let mut numbers = word.split(['x', '+']).map(|word| word.parse::<u32>().ok().filter(|n| *n <= 100_000));
    let mut next = || numbers.next().flatten();
    let part = [next()?, next()?, next()?, next()?];
    let whole = Crop::Part(part);
    (whole.to_string() == word && part[0] >= MIN_SIDE as u32 && part[1] >= MIN_SIDE as u32).then_some(whole)
}

impl Crop {
    /// Left, top, width and height inside a picture of that size.
    fn within(self, width: usize, height: usize) -> [usize; 4] {
        match self {
            Crop::Whole => [0, 0, width, height],
            Crop::Shape(w, h) => {
                let (w, h) = (w as usize, h as usize);
                let fitted =
                    if width * h > height * w { (height * w / h, height) } else { (width, width * h / w) };
                let (inner, tall) = (fitted.0.clamp(1, width), fitted.1.clamp(1, height));
                [(width - inner) / 2, (height - tall) / 2, inner, tall]
            }
            Crop::Part(part) => {
                let [w, h, left, top] = part.map(|n| n as usize);
                let (w, h) = (w.min(width), h.min(height));
                [left.min(width - w), top.min(height - h), w, h]
            }
        }
    }
}

/// A turn, then a crop, then a mirror.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Quarter turns clockwise.
    pub rotation: Rotation,
    /// The part of the turned picture.
    pub crop: Crop,
    /// Whether left and right change places.
    pub mirror: bool,
}

impl View {
    /// Whether pictures stay as they are.
    pub fn is_whole(self) -> bool {
        self == Self::default()
    }

    /// Width and height in px of what is left of a picture of that size.
    pub fn size(self, width: usize, height: usize) -> (usize, usize) {
        let (wide, tall) = if self.rotation.turns_sides() { (height, width) } else { (width, height) };
        let [_, _, inner, rows] = self.crop.within(wide, tall);
        (inner, rows)
    }

    /// The part of a picture that is kept.
    pub fn of(self, image: Image) -> Image {
        let image = rotate(image, self.rotation);
        let [left, top, width, height] = self.crop.within(image.width(), image.height());
        if !self.mirror && (width, height) == (image.width(), image.height()) {
            return image;
        }
        let column = |x: usize| left + if self.mirror { width - 1 - x } else { x };
        Image::from_fn(width, height, |x, y| image.pixel(column(x), top + y))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written_alike() {
        for word in ["", "9:16", "640x480+100+0"] {
            assert_eq!(word.parse::<Crop>().unwrap().to_string(), word);
        }
        for bad in ["4:0", "x", "640x480", "640x480+1", "640x480+1+2+3", "8x8+0+0", "-1x20+0+0", "16+16x0x0"]
        {
            let why = bad.parse::<Crop>().expect_err(bad).to_string();
            assert!(why.contains("640x480+100+0"), "{why}");
        }
    }

    #[test]
    fn crops_lie_inside_any_picture() {
        assert_eq!(Crop::Shape(1, 1).within(640, 360), [140, 0, 360, 360]);
        assert_eq!(Crop::Shape(9, 16).within(640, 360), [219, 0, 202, 360]);
        assert_eq!(Crop::Part([64, 48, 10, 20]).within(640, 360), [10, 20, 64, 48]);
        assert_eq!(Crop::Part([640, 480, 600, 300]).within(320, 200), [0, 0, 320, 200]);
        for crop in [Crop::Shape(1000, 1), Crop::Part([16, 16, 9999, 9999])] {
            let [left, top, width, height] = crop.within(5, 3);
            assert!(width > 0 && height > 0 && left + width <= 5 && top + height <= 3);
        }
    }

    #[test]
    fn a_picture_is_turned_then_cropped_then_mirrored() {
        let image = Image::from_fn(40, 20, |x, y| [x as u8, y as u8, 0]);
        let crop = Crop::Part([16, 18, 2, 3]);
        let view = View { rotation: Rotation::Quarter, crop, mirror: true };
        assert_eq!(view.size(40, 20), (16, 18));
        let found = view.of(image.clone());
        assert_eq!((found.width(), found.height()), (16, 18));
        // Turned, the column x and row y show the pixel of column y and row 19 - x.
        assert_eq!(found.pixel(15, 0), [3, 19 - 2, 0], "the left column of the part is on the right");
        assert_eq!(found.pixel(0, 17), [20, 19 - 17, 0]);
        assert_eq!(View::default().of(image.clone()), image);
        assert!(View::default().is_whole() && !view.is_whole());
    }
}
