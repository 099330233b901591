//! From a file's pixels to sRGB and back, upright and of one size.
//!
//! YCbCr follows ITU-R BT.601, BT.709 or BT.2020 with the range that the file states, through the `yuv` crate. Chroma is
//! taken as lying in the middle of its pixels.

use super::alpha::{fill_unseen, on_white};
use super::frame::{Chroma, Color, Info, Layout, Matrix, Pixels, Planes, Rotation};
use crate::resize;
use impasto_core::Image;
use yuv::{
    BufferStoreMut, YuvChromaSubsampling, YuvConversionMode, YuvGrayImage, YuvPlanarImage, YuvPlanarImageMut,
    YuvRange, YuvStandardMatrix,
};

fn matrix_of(color: Color) -> YuvStandardMatrix {
    match color.matrix {
        Matrix::Bt601 => YuvStandardMatrix::Bt601,
        Matrix::Bt709 => YuvStandardMatrix::Bt709,
        Matrix::Bt2020 => YuvStandardMatrix::Bt2020,
    }
}

fn range_of(color: Color) -> YuvRange {
    if color.full { YuvRange::Full } else { YuvRange::Limited }
}

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

/// YCbCr to sRGB.
///
/// # Panics
/// If the planes do not have the length that their size asks for.
pub fn image_from_planes(planes: &Planes) -> Image {
    let (width, height) = (planes.width, planes.height);
    let mut image = Image::black(width, height);
    let stride = 3 * width as u32;
    let (range, matrix) = (range_of(planes.color), matrix_of(planes.color));
    let chroma_stride = planes.chroma.plane(width, height).0 as u32;
    let planar = YuvPlanarImage {
        y_plane: &planes.y,
        y_stride: width as u32,
        u_plane: &planes.u,
        u_stride: chroma_stride,
        v_plane: &planes.v,
        v_stride: chroma_stride,
        width: width as u32,
        height: height as u32,
    };
    let done = match planes.chroma {
        Chroma::C420 => yuv::yuv420_to_rgb(&planar, image.rgb_mut(), stride, range, matrix),
        Chroma::C422 => yuv::yuv422_to_rgb(&planar, image.rgb_mut(), stride, range, matrix),
        Chroma::C444 => yuv::yuv444_to_rgb(&planar, image.rgb_mut(), stride, range, matrix),
        Chroma::Mono => {
            let grey = YuvGrayImage {
                y_plane: &planes.y,
                y_stride: width as u32,
                width: width as u32,
                height: height as u32,
            };
            yuv::yuv400_to_rgb(&grey, image.rgb_mut(), stride, range, matrix)
        }
    };
    done.expect("planes of the stated size");
    image
}

/// sRGB to planar 4:2:0 of the same size; a chroma sample is the mean of its pixels.
pub fn planes_from_image(image: &Image, color: Color) -> Planes {
    let (width, height) = (image.width(), image.height());
    let mut planar = YuvPlanarImageMut::alloc(width as u32, height as u32, YuvChromaSubsampling::Yuv420);
    let (range, matrix) = (range_of(color), matrix_of(color));
    let mode = YuvConversionMode::Balanced;
    yuv::rgb_to_yuv420(&mut planar, image.rgb(), 3 * width as u32, range, matrix, mode)
        .expect("planes of the picture's size");
    let owned = |plane: BufferStoreMut<u8>| match plane {
        BufferStoreMut::Owned(bytes) => bytes,
        BufferStoreMut::Borrowed(bytes) => bytes.to_vec(),
    };
    let [y, u, v] = [planar.y_plane, planar.u_plane, planar.v_plane].map(owned);
    Planes { width, height, chroma: Chroma::C420, color, y, u, v }
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

    fn flat(rgb: [u8; 3]) -> Image {
        Image::from_fn(16, 16, |_, _| rgb)
    }

    /// Pure red in every standard, by the formulas of the recommendations.
    #[test]
    fn matrices_and_ranges_are_those_of_the_standards() {
        let red = [
            (Matrix::Bt601, false, [81, 90, 240]),
            (Matrix::Bt601, true, [76, 85, 255]),
            (Matrix::Bt709, false, [63, 102, 240]),
            (Matrix::Bt709, true, [54, 99, 255]),
            (Matrix::Bt2020, false, [74, 97, 240]),
        ];
        for (matrix, full, expected) in red {
            let color = Color { matrix, full };
            let planes = planes_from_image(&flat([255, 0, 0]), color);
            let found = [planes.y[20], planes.u[20], planes.v[20]];
            assert!(found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1), "{color:?}: {found:?}");
            let back = image_from_planes(&planes).pixel(3, 3);
            assert!(back[0] >= 252 && back[1] <= 3 && back[2] <= 3, "{color:?}: {back:?}");
        }
    }

    #[test]
    fn the_usual_colour_depends_on_the_size() {
        assert_eq!(Color::usual(720, 576).matrix, Matrix::Bt601);
        assert_eq!(Color::usual(1280, 720).matrix, Matrix::Bt709);
    }

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
