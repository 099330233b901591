//! Quarter turns.

use impasto_core::Image;

/// Quarter turns clockwise that bring a stored picture upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rotation {
    /// Stored upright.
    #[default]
    None,
    /// One quarter.
    Quarter,
    /// Half a turn.
    Half,
    /// Three quarters.
    ThreeQuarters,
}

impl Rotation {
    /// The turn by so many degrees clockwise: 0, 90, 180 or 270.
    pub fn of_degrees(degrees: u16) -> Option<Self> {
        [Self::None, Self::Quarter, Self::Half, Self::ThreeQuarters]
            .into_iter()
            .zip([0, 90, 180, 270])
            .find_map(|(rotation, known)| (known == degrees).then_some(rotation))
    }

    /// Whether width and height change places.
    pub fn turns_sides(self) -> bool {
        matches!(self, Rotation::Quarter | Rotation::ThreeQuarters)
    }
}

/// The picture turned clockwise.
pub fn rotate(image: Image, rotation: Rotation) -> Image {
    let (width, height) = (image.width(), image.height());
    match rotation {
        Rotation::None => image,
        Rotation::Quarter => Image::from_fn(height, width, |x, y| image.pixel(y, height - 1 - x)),
        Rotation::Half => Image::from_fn(width, height, |x, y| image.pixel(width - 1 - x, height - 1 - y)),
        Rotation::ThreeQuarters => Image::from_fn(height, width, |x, y| image.pixel(width - 1 - y, x)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_turns_go_clockwise() {
        let image = Image::from_fn(3, 2, |x, y| [x as u8, y as u8, 0]);
        let turned = rotate(image.clone(), Rotation::Quarter);
        assert_eq!((turned.width(), turned.height()), (2, 3));
        assert_eq!(turned.pixel(1, 0), image.pixel(0, 0), "the top left goes to the top right");
        assert_eq!(turned.pixel(0, 0), image.pixel(0, 1));
        let back = rotate(turned, Rotation::ThreeQuarters);
        assert_eq!(back, image);
        assert_eq!(rotate(rotate(image.clone(), Rotation::Half), Rotation::Half), image);
    }
}
