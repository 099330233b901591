//! Turning and cropping a camera's picture before it is painted.

use crate::picture::Picture;
use impasto_pixel::Rotation;
use impasto_pixel::view::{Crop, View};

/// A [`Crop`] as a word of JSON.
pub(crate) mod crop_word {
    use super::Crop;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(crop: &Crop, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(crop)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Crop, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// The picture turned clockwise by `degrees` (0, 90, 180 or 270), then cropped; as it came where neither is asked.
pub fn turned(picture: Picture, degrees: u16, crop: Crop) -> Picture {
    let view = View { rotation: Rotation::of_degrees(degrees).unwrap_or_default(), crop, mirror: false };
    if view.is_whole() {
        return picture;
    }
    view.of(picture.image().clone()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Image;

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
}
