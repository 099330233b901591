//! Turning and cropping a camera's picture before it is painted.

use crate::StudioError;
use crate::picture::Picture;
use impasto_core::Image;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Shortest side in px that a crop leaves.
const MIN_SIDE: usize = 16;

/// The part of a picture that is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Crop {
    /// All of it.
    #[default]
    Whole,
    /// The largest part of this shape in the middle, as width to height.
    Shape(u32, u32),
    /// A rectangle in px of the turned picture: width, height, left, top. It is moved and shrunk to lie inside.
    Part([u32; 4]),
}

impl fmt::Display for Crop {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Crop::Whole => Ok(()),
            Crop::Shape(width, height) => write!(f, "{width}:{height}"),
            Crop::Part([width, height, left, top]) => write!(f, "{width}x{height}+{left}+{top}"),
        }
    }
}

impl From<Crop> for String {
    fn from(crop: Crop) -> String {
        crop.to_string()
    }
}

impl TryFrom<String> for Crop {
    type Error = StudioError;

    fn try_from(word: String) -> Result<Self, StudioError> {
        word.parse()
    }
}

impl FromStr for Crop {
    type Err = StudioError;

    /// `W:H`, `WxH+X+Y`, or nothing for the whole picture.
    fn from_str(word: &str) -> Result<Self, StudioError> {
        if word.is_empty() {
            return Ok(Crop::Whole);
        }
        shape(word).or_else(|| part(word)).ok_or_else(|| StudioError::Setting {
            name: "crop".into(),
            what: format!(
                "`{word}` is no crop; write a shape such as 4:3, or WIDTHxHEIGHT+LEFT+TOP in px such as 640x480+100+0 \
                 (at least {MIN_SIDE} px a side)"
            ),
        })
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

/// The picture turned clockwise by `degrees` (0, 90, 180 or 270), then cropped; as it came where neither is asked.
pub fn turned(picture: Picture, degrees: u16, crop: Crop) -> Picture {
    if degrees == 0 && crop == Crop::Whole {
        return picture;
    }
    let image = picture.image();
    let (width, height) = (image.width(), image.height());
    let upright = degrees.is_multiple_of(180);
    let (wide, tall) = if upright { (width, height) } else { (height, width) };
    let [left, top, inner, rows] = crop.within(wide, tall);
    let pixel = |x: usize, y: usize| {
        let (x, y) = (x + left, y + top);
        match degrees {
            90 => image.pixel(y, height - 1 - x),
            180 => image.pixel(width - 1 - x, height - 1 - y),
            270 => image.pixel(width - 1 - y, x),
            _ => image.pixel(x, y),
        }
    };
    Image::from_fn(inner, rows, pixel).into()
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
    fn pictures_are_turned_clockwise() {
        let image = Image::from_fn(3, 2, |x, y| [x as u8, y as u8, 0]);
        let found = |degrees| turned(image.clone().into(), degrees, Crop::Whole).image().clone();
        // The left column from the bottom up becomes the top row.
        assert_eq!((found(90).width(), found(90).height()), (2, 3));
        assert_eq!((found(90).pixel(0, 0), found(90).pixel(1, 0)), ([0, 1, 0], [0, 0, 0]));
        assert_eq!(found(180).pixel(0, 0), [2, 1, 0]);
        assert_eq!(found(270).pixel(0, 0), [2, 0, 0]);
        assert_eq!(found(0), image);
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
}
