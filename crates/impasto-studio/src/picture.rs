//! A picture in the form in which it came; the other form is made once, when somebody asks for it.

use impasto_core::Image;
use impasto_pixel::{Color, Matrix, Planes, convert};
use std::sync::OnceLock;

/// How pictures that come as RGB are written as YCbCr: BT.709 in limited range.
const COLOR: Color = Color { matrix: Matrix::Bt709, full: false };

/// A picture as sRGB, as planar 4:2:0, or both.
#[derive(Clone, Debug)]
pub struct Picture {
    width: usize,
    height: usize,
    image: OnceLock<Image>,
    planes: OnceLock<Planes>,
}

impl Picture {
    /// Width in px.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in px.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Whether it is there as YCbCr already.
    pub(crate) fn has_planes(&self) -> bool {
        self.planes.get().is_some()
    }

    /// As sRGB.
    pub fn image(&self) -> &Image {
        self.image.get_or_init(|| convert::image_from_planes(self.planes.get().expect("one form is there")))
    }

    /// As YCbCr in 4:2:0: of the colour in which it came, or BT.709 in limited range where it came as sRGB.
    pub fn planes(&self) -> &Planes {
        self.planes.get_or_init(|| convert::planes_from_image(self.image(), COLOR))
    }
}

impl From<Image> for Picture {
    fn from(image: Image) -> Self {
        let (width, height) = (image.width(), image.height());
        Self { width, height, image: image.into(), planes: OnceLock::new() }
    }
}

/// Planes must be 4:2:0.
impl From<Planes> for Picture {
    fn from(planes: Planes) -> Self {
        let (width, height) = (planes.width, planes.height);
        Self { width, height, image: OnceLock::new(), planes: planes.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::image::psnr_db;

    #[test]
    fn the_other_form_shows_the_same() {
        let image = impasto::scene::draw(33, 21, 0.0);
        let first = Picture::from(image.clone());
        assert_eq!(first.image(), &image);
        let second = Picture::from(first.planes().clone());
        assert_eq!((second.width(), second.height()), (33, 21));
        assert!(psnr_db(second.image(), &image) > 24.0);
    }
}
