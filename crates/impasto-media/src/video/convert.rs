//! From a file's pixels to sRGB and back, upright and of one size.
//!
//! YCbCr goes through [`impasto_pixel::convert`], with the matrix and the range that the file states.

use super::alpha::{fill_unseen, on_white};
use super::frame::{Info, Layout, Pixels};
use crate::resize;
use impasto_core::Image;
pub use impasto_pixel::convert::{image_from_planes, planes_from_image};
pub use impasto_pixel::rotate;
/// The pixels as sRGB, as stored. What is not there is white.
///
/// # Panics
/// If the planes do not have the length that their size asks for.
pub fn image_from_pixels(pixels: Pixels) -> Image {
    match pixels {
        Pixels::Rgb(image) => image,
        Pixels::Rgba(image, alpha) => on_white(image, &alpha),
        Pixels::Yuv(planes) => image_from_planes(&planes),
    }
}

/// What a sink wants of an sRGB picture.
pub fn pixels_for(layout: Layout, image: Image) -> Pixels {
    match layout {
        Layout::Rgb | Layout::Rgba => Pixels::Rgb(image),
        Layout::Yuv420(color) => Pixels::Yuv(planes_from_image(&image, color)),
        Layout::EvenYuv420(color) => Pixels::Yuv(planes_from_image(&even(image), color)),
    }
}

/// The picture with even sides: the last column or row once more.
fn even(image: Image) -> Image {
    let (width, height) = (image.width(), image.height());
    if width % 2 == 0 && height % 2 == 0 {
        return image;
    }
    let (last_x, last_y) = (width - 1, height - 1);
    Image::from_fn(width + width % 2, height + height % 2, |x, y| image.pixel(x.min(last_x), y.min(last_y)))
}

/// The frame as it is painted: sRGB, upright, `width` x `height` px. What is not there is white.
pub fn upright(pixels: Pixels, info: &Info, width: usize, height: usize) -> Image {
    let image = rotate(screen(image_from_pixels(pixels), info), info.rotation);
    sized(info.view.of(image), width, height)
}

/// The same with the opacity beside it. Pixels that nobody sees have the mean colour of those that are seen.
pub fn upright_with_alpha(
    pixels: Pixels,
    info: &Info,
    width: usize,
    height: usize,
) -> (Image, Option<Vec<u8>>) {
    let Pixels::Rgba(mut image, alpha) = pixels else { return (upright(pixels, info, width, height), None) };
    fill_unseen(&mut image, &alpha);
    let place = |image: Image| sized(info.view.of(rotate(image, info.rotation)), width, height);
    let plane = alpha.iter().flat_map(|&a| [a; 3]).collect();
    let plane = Image::new(image.width(), image.height(), plane).expect("a byte for each pixel");
    let alpha = place(plane).rgb().iter().step_by(3).copied().collect();
    (place(screen(image, info)), Some(alpha))
}

/// HDR and wide colours as a screen shows them.
fn screen(mut image: Image, info: &Info) -> Image {
    if let Some(tone) = &info.tone {
        tone.mapper(256).map_8(image.rgb_mut());
    }
    image
}

fn sized(image: Image, width: usize, height: usize) -> Image {
    if (image.width(), image.height()) == (width, height) {
        return image;
    }
    resize::resize(&image, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::image::psnr_db;
    use impasto_pixel::Color;

    #[test]
    fn odd_sizes_stay_or_become_even() {
        let image = Image::from_fn(17, 9, |x, y| [(10 * x) as u8, (20 * y) as u8, 90]);
        let color = Color::usual(17, 9);
        let planes = planes_from_image(&image, color);
        assert_eq!((planes.y.len(), planes.u.len(), planes.v.len()), (17 * 9, 9 * 5, 9 * 5));
        assert!(psnr_db(&image_from_planes(&planes), &image) > 28.0);
        let Pixels::Yuv(padded) = pixels_for(Layout::EvenYuv420(color), image) else { panic!() };
        assert_eq!((padded.width, padded.height, padded.u.len()), (18, 10, 45));
        assert_eq!(padded.y[16], padded.y[17], "the last column is repeated");
    }
}
