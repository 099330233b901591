//! Pictures larger and smaller, through `fast_image_resize`.

use fast_image_resize::images::{Image as Buffer, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use impasto_core::Image;

/// The size of a picture whose shorter side becomes `shorter_px`, its shape kept; 0 keeps the size.
/// The longer side is rounded to nearest.
pub fn size_for_shorter_side(width: usize, height: usize, shorter_px: usize) -> (usize, usize) {
    let short = width.min(height);
    if shorter_px == 0 || short == 0 {
        return (width, height);
    }
    let scaled = |side: usize| ((side * shorter_px + short / 2) / short).max(1);
    (scaled(width), scaled(height))
}

/// The picture at `width` x `height` px (neither 0): Lanczos with three lobes, which averages when it makes smaller.
pub fn resize(image: &Image, width: usize, height: usize) -> Image {
    if (image.width(), image.height()) == (width, height) {
        return image.clone();
    }
    let rgbx = scale(widened(image), (image.width(), image.height()), (width, height));
    narrowed(&rgbx, width, height)
}

/// The part `[left, top, width, height]` of a picture, in px and fractions of them, as a square of `side` px: Lanczos with three lobes.
///
/// # Panics
/// If the part does not lie within the picture, or is empty.
pub fn resize_part(image: &Image, [left, top, width, height]: [f64; 4], side: usize) -> Image {
    let options = lanczos().crop(left, top, width, height);
    let rgbx = scale_with(widened(image), (image.width(), image.height()), (side, side), &options);
    narrowed(&rgbx, side, side)
}

/// The picture with its shorter side at `shorter_px`; 0 keeps it.
pub fn resize_shorter_side(image: &Image, shorter_px: usize) -> Image {
    let (width, height) = size_for_shorter_side(image.width(), image.height(), shorter_px);
    resize(image, width, height)
}

/// A plane of one byte a pixel, `from` its (width, height) `to` another.
pub fn resize_plane(plane: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    if from == to {
        return plane.to_vec();
    }
    let four = plane.iter().flat_map(|&v| [v; 4]).collect();
    scale(four, from, to).into_iter().step_by(4).collect()
}

/// A fourth byte a pixel, of no meaning.
fn widened(image: &Image) -> Vec<u8> {
    image.rgb().chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect()
}

fn narrowed(rgbx: &[u8], width: usize, height: usize) -> Image {
    let rgb = rgbx.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    Image::new(width, height, rgb).expect("the size was asked for")
}

fn lanczos() -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).use_alpha(false)
}

/// Four independent channels.
fn scale(pixels: Vec<u8>, from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    scale_with(pixels, from, to, &lanczos())
}

fn scale_with(pixels: Vec<u8>, from: (usize, usize), to: (usize, usize), options: &ResizeOptions) -> Vec<u8> {
    let source =
        ImageRef::new(from.0 as u32, from.1 as u32, &pixels, PixelType::U8x4).expect("four bytes a pixel");
    let mut target = Buffer::new(to.0 as u32, to.1 as u32, PixelType::U8x4);
    Resizer::new()
        .resize(&source, &mut target, options)
        .expect("four bytes a pixel, and a part of the picture");
    target.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_side_rules_and_the_longer_is_rounded() {
        assert_eq!(size_for_shorter_side(1920, 1080, 512), (910, 512));
        assert_eq!(size_for_shorter_side(1080, 1920, 512), (512, 910));
        assert_eq!(size_for_shorter_side(300, 200, 0), (300, 200));
        assert_eq!(size_for_shorter_side(10_000, 1, 3), (30_000, 3));
        assert_eq!(size_for_shorter_side(7, 7, 1), (1, 1));
    }

    #[test]
    fn flat_stays_flat_and_channels_stay_apart() {
        let image = Image::from_fn(50, 30, |_, _| [10, 120, 250]);
        for (w, h) in [(25, 15), (100, 60), (1, 1), (33, 77)] {
            let small = resize(&image, w, h);
            assert_eq!((small.width(), small.height()), (w, h));
            assert!(small.rgb().chunks_exact(3).all(|p| p == [10, 120, 250]), "{w}x{h}");
        }
    }

    #[test]
    fn halving_averages_instead_of_dropping() {
        let stripes = Image::from_fn(64, 64, |x, _| if x % 2 == 0 { [0; 3] } else { [200; 3] });
        let half = resize(&stripes, 32, 32);
        assert!((4..28).all(|x| (95..=105).contains(&half.pixel(x, 9)[0])), "{:?}", &half.rgb()[..12]);
    }

    #[test]
    fn a_part_is_cut_where_it_was_asked_for() {
        let image = Image::from_fn(60, 40, |x, y| [x as u8, y as u8, 7]);
        let same = resize_part(&image, [10.0, 5.0, 16.0, 16.0], 16);
        assert_eq!((same.pixel(0, 0), same.pixel(15, 9)), ([10, 5, 7], [25, 14, 7]));
        let half = resize_part(&image, [4.0, 0.0, 32.0, 32.0], 16);
        assert!((half.pixel(8, 8)[0] as i32 - 20).abs() <= 1, "{:?}", half.pixel(8, 8));
    }
}
