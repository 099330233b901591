//! An 8-bit picture, and the one place where floats become bytes.

use crate::tensor::{Shape, Tensor};

/// An sRGB picture: interleaved `RGB8`, rows from the top, no padding between rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// Why bytes are not a picture of the claimed size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// A side is zero.
    #[error("a picture of {width}x{height} px has no pixels")]
    Empty {
        /// Claimed width in px.
        width: usize,
        /// Claimed height in px.
        height: usize,
    },
    /// The byte count does not fit the size.
    #[error("a picture of {width}x{height} px needs {expected} bytes of RGB, found {found}")]
    Length {
        /// Claimed width in px.
        width: usize,
        /// Claimed height in px.
        height: usize,
        /// `3 * width * height`.
        expected: usize,
        /// Bytes given.
        found: usize,
    },
}

impl Image {
    /// Wraps interleaved RGB bytes; `rgb.len()` must be `3 * width * height` and neither side zero.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self, ImageError> {
        if width == 0 || height == 0 {
            return Err(ImageError::Empty { width, height });
        }
        let expected = width.saturating_mul(height).saturating_mul(3);
        if rgb.len() != expected {
            return Err(ImageError::Length { width, height, expected, found: rgb.len() });
        }
        Ok(Self { width, height, rgb })
    }

    /// A black picture.
    ///
    /// # Panics
    /// If a side is zero.
    pub fn black(width: usize, height: usize) -> Self {
        assert!(width > 0 && height > 0, "a picture needs at least one pixel");
        Self { width, height, rgb: vec![0; 3 * width * height] }
    }

    /// A picture whose pixel at column `x`, row `y` is `pixel(x, y)`.
    pub fn from_fn(width: usize, height: usize, mut pixel: impl FnMut(usize, usize) -> [u8; 3]) -> Self {
        let mut image = Self::black(width, height);
        for (i, out) in image.rgb.chunks_exact_mut(3).enumerate() {
            out.copy_from_slice(&pixel(i % width, i / width));
        }
        image
    }

    /// Width in px.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in px.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The interleaved RGB bytes.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The interleaved RGB bytes, to write.
    pub fn rgb_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    /// Gives the bytes back.
    pub fn into_rgb(self) -> Vec<u8> {
        self.rgb
    }

    /// The pixel at column `x`, row `y`.
    ///
    /// # Panics
    /// If it lies outside the picture.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        assert!(x < self.width && y < self.height, "({x}, {y}) lies outside {}x{}", self.width, self.height);
        let at = 3 * (y * self.width + x);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// Planar RGB in `0..1`.
    pub fn to_tensor(&self) -> Tensor {
        let mut tensor = Tensor::zeros(Shape::new(3, self.height, self.width));
        self.write_tensor(&mut tensor);
        tensor
    }

    /// Writes planar RGB in `0..1` into a tensor of shape `[3, height, width]`.
    ///
    /// # Panics
    /// If the tensor has another shape.
    pub fn write_tensor(&self, tensor: &mut Tensor) {
        assert_eq!(tensor.shape(), Shape::new(3, self.height, self.width), "tensor does not fit the picture");
        let area = self.width * self.height;
        let data = tensor.data_mut();
        for (i, pixel) in self.rgb.chunks_exact(3).enumerate() {
            for (c, &byte) in pixel.iter().enumerate() {
                data[c * area + i] = f32::from(byte) / 255.0;
            }
        }
    }

    /// Reads planar RGB in `0..1`; values outside are clamped, NaN becomes 0.
    ///
    /// # Panics
    /// If the tensor does not have three channels and at least one pixel.
    pub fn from_tensor(tensor: &Tensor) -> Self {
        let mut image = Self::black(tensor.shape().width, tensor.shape().height);
        image.read_tensor(tensor);
        image
    }

    /// Reads planar RGB in `0..1` from a tensor of this picture's size.
    ///
    /// # Panics
    /// If the tensor's shape is not `[3, height, width]`.
    pub fn read_tensor(&mut self, tensor: &Tensor) {
        assert_eq!(tensor.shape(), Shape::new(3, self.height, self.width), "tensor does not fit the picture");
        let area = self.width * self.height;
        let data = tensor.data();
        for (i, pixel) in self.rgb.chunks_exact_mut(3).enumerate() {
            for (c, byte) in pixel.iter_mut().enumerate() {
                *byte = byte_from_unit(data[c * area + i]);
            }
        }
    }
}

/// An empty picture is refused.
#[cfg(feature = "image")]
impl TryFrom<::image::RgbImage> for Image {
    type Error = ImageError;

    fn try_from(picture: ::image::RgbImage) -> Result<Self, ImageError> {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        Image::new(width, height, picture.into_raw())
    }
}

#[cfg(feature = "image")]
impl From<Image> for ::image::RgbImage {
    /// # Panics
    /// If a side has 2^32 px or more.
    fn from(picture: Image) -> Self {
        let side = |px: usize| u32::try_from(px).expect("sides of pictures fit in 32 bits");
        let (width, height) = (side(picture.width), side(picture.height));
        ::image::RgbImage::from_raw(width, height, picture.rgb).expect("a picture has all its bytes")
    }
}

/// `0..1` to `0..=255`: clamped, then rounded to nearest with ties upwards; NaN becomes 0.
#[inline]
pub fn byte_from_unit(value: f32) -> u8 {
    // `as` saturates, and takes NaN to 0.
    (value * 255.0 + 0.5) as u8
}

/// Peak signal-to-noise ratio in dB between two pictures of one size; infinite when they are equal.
///
/// # Panics
/// If the sizes differ.
pub fn psnr_db(a: &Image, b: &Image) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height), "pictures of different size");
    let squared: f64 = a.rgb.iter().zip(&b.rgb).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum();
    let mse = squared / a.rgb.len() as f64;
    10.0 * (255.0 * 255.0 / mse).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_the_way_through_a_tensor() {
        let image = Image::from_fn(16, 16, |x, y| [(x * 16 + y) as u8, 255 - (x * 16 + y) as u8, 7]);
        assert_eq!(Image::from_tensor(&image.to_tensor()), image);
    }

    #[test]
    fn floats_are_rounded_and_clamped() {
        let cases = [(-1.0, 0), (0.0, 0), (0.4999 / 255.0, 0), (0.5001 / 255.0, 1), (1.0, 255), (9.0, 255)];
        for (value, byte) in cases {
            assert_eq!(byte_from_unit(value), byte, "{value}");
        }
        assert_eq!(byte_from_unit(f32::NAN), 0);
        assert_eq!(byte_from_unit(f32::INFINITY), 255);
    }

    #[test]
    fn sizes_are_checked() {
        assert!(Image::new(0, 3, vec![]).is_err());
        assert!(Image::new(2, 2, vec![0; 11]).is_err());
        assert!(Image::new(usize::MAX, 2, vec![0; 12]).is_err());
    }

    #[test]
    fn psnr_of_one_step_is_48_db() {
        let (a, b) = (Image::from_fn(4, 4, |_, _| [9; 3]), Image::from_fn(4, 4, |_, _| [10; 3]));
        assert!((psnr_db(&a, &b) - 48.13).abs() < 0.01);
        assert_eq!(psnr_db(&a, &a), f64::INFINITY);
    }
}
