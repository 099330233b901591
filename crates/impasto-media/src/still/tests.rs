//! Every colour case, limit and fault, on files made here.

use std::io::Cursor;

use image::codecs::gif::GifEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, Frame, ImageEncoder, ImageFormat, RgbImage, RgbaImage};
use impasto_core::Image;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use moxcms::ColorProfile;

use super::exif::tests::block;
use super::*;
use crate::testing::Folder;

mod cmyk;
mod faults;
mod kinds;
mod written;

/// Four flat quadrants of known colours, large enough for JPEG blocks.
fn quadrants(width: usize, height: usize) -> Image {
    let colours = [[200, 40, 40], [40, 180, 60], [50, 60, 190], [220, 210, 60]];
    Image::from_fn(width, height, |x, y| colours[2 * (y * 2 / height) + x * 2 / width])
}

fn rgb_image(image: &Image) -> RgbImage {
    RgbImage::from_raw(image.width() as u32, image.height() as u32, image.rgb().to_vec()).unwrap()
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn jpeg_with(image: &Image, add: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 98);
    add(&mut encoder);
    encoder.encode(image.rgb(), image.width() as u16, image.height() as u16, ColorType::Rgb).unwrap();
    out
}

fn read_named(bytes: &[u8]) -> Still {
    read_bytes(bytes, "test picture", Limits::default()).unwrap()
}

/// The middle of each quadrant lies within `tolerance` steps.
fn assert_near(found: &Image, expected: &Image, tolerance: u8) {
    assert_eq!((found.width(), found.height()), (expected.width(), expected.height()));
    let (w, h) = (found.width(), found.height());
    for (x, y) in [(w / 4, h / 4), (3 * w / 4, h / 4), (w / 4, 3 * h / 4), (3 * w / 4, 3 * h / 4)] {
        let (a, b) = (found.pixel(x, y), expected.pixel(x, y));
        let near = a.iter().zip(b).all(|(&a, b)| a.abs_diff(b) <= tolerance);
        assert!(near, "at {x},{y}: found {a:?}, expected {b:?}");
    }
}

#[test]
fn every_format_is_read_whatever_its_name() {
    let folder = Folder::new("still_formats");
    let image = quadrants(32, 24);
    let picture = DynamicImage::ImageRgb8(rgb_image(&image));
    let cases = [
        (ImageFormat::Png, Format::Png, 0),
        (ImageFormat::Tiff, Format::Tiff, 0),
        (ImageFormat::Bmp, Format::Bmp, 0),
        (ImageFormat::WebP, Format::WebP, 0),
        (ImageFormat::Gif, Format::Gif, 2),
        (ImageFormat::Jpeg, Format::Jpeg, 6),
    ];
    for (written, format, tolerance) in cases {
        let path = folder.join("picture.misnamed.jpg");
        std::fs::write(&path, encoded(&picture, written)).unwrap();
        let still = read(&path).unwrap();
        assert_eq!(still.format, format);
        assert!(still.alpha.is_none() && still.notes.is_empty(), "{format}: {:?}", still.notes);
        assert_near(&still.image, &image, tolerance);
    }
}

#[test]
fn grey_becomes_equal_channels() {
    let image = Image::from_fn(32, 24, |x, _| [(x * 8) as u8; 3]);
    let grey = DynamicImage::ImageRgb8(rgb_image(&image)).into_luma8();
    let png = encoded(&DynamicImage::ImageLuma8(grey.clone()), ImageFormat::Png);
    assert_eq!(read_named(&png).image, image);
    let mut jpeg = Vec::new();
    Encoder::new(&mut jpeg, 98).encode(&grey, 32, 24, ColorType::Luma).unwrap();
    assert_near(&read_named(&jpeg).image, &image, 3);
}

#[test]
fn a_jpeg_whose_colours_come_one_after_another_is_whole() {
    // `jpeg-encoder` writes one scan a colour when it fits the tables to the picture.
    for sampling in [SamplingFactor::R_4_4_4, SamplingFactor::R_4_2_0] {
        for (w, h) in [(16, 16), (32, 32), (33, 47)] {
            let jpeg = jpeg_with(&quadrants(w, h), |e| {
                e.set_sampling_factor(sampling);
                e.set_optimized_huffman_tables(true);
            });
            assert_near(&read_named(&jpeg).image, &quadrants(w, h), 12);
        }
    }
}

#[test]
fn sixteen_bits_are_rounded_not_cut() {
    let deep =
        image::ImageBuffer::from_fn(4, 1, |x, _| image::Rgb([[0u16, 128, 129, 65_535][x as usize]; 3]));
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let still = read_named(&encoded(&DynamicImage::ImageRgb16(deep.clone()), format));
        assert_eq!(still.image.rgb(), [0, 0, 0, 0, 0, 0, 1, 1, 1, 255, 255, 255], "{format:?}");
        assert_eq!(still.notes, [Note::RoundedTo8Bit]);
    }
}

#[test]
fn transparency_is_kept_beside_the_colours() {
    let rgba = RgbaImage::from_fn(6, 4, |x, y| image::Rgba([250, 100, 7, (x * 40 + y) as u8]));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        let still = read_named(&encoded(&DynamicImage::ImageRgba8(rgba.clone()), format));
        let alpha = still.alpha.expect("the file has alpha");
        assert_eq!(alpha, rgba.pixels().map(|p| p[3]).collect::<Vec<_>>(), "{format:?}");
        assert_eq!(still.image.pixel(3, 2), [250, 100, 7], "{format:?}");
    }
    let opaque = RgbaImage::from_pixel(6, 4, image::Rgba([1, 2, 3, 255]));
    assert!(read_named(&encoded(&DynamicImage::ImageRgba8(opaque), ImageFormat::Png)).alpha.is_none());
}

#[test]
fn all_eight_orientations_come_out_upright() {
    // The upright picture has one red corner, top left; each orientation says where a camera had put it.
    let corner_of = [(0, 0), (15, 0), (15, 7), (0, 7), (0, 0), (0, 15), (7, 15), (7, 0)];
    for (orientation, (cx, cy)) in (1..).zip(corner_of) {
        let (w, h) = if orientation < 5 { (16, 8) } else { (8, 16) };
        let stored = Image::from_fn(w, h, |x, y| if (x, y) == (cx, cy) { [255, 0, 0] } else { [0, 0, 90] });
        let mut png = Vec::new();
        let mut encoder = PngEncoder::new(&mut png);
        encoder.set_exif_metadata(block(orientation, orientation % 2 == 0)).unwrap();
        encoder.write_image(stored.rgb(), w as u32, h as u32, ExtendedColorType::Rgb8).unwrap();
        let still = read_named(&png);
        assert_eq!((still.image.width(), still.image.height()), (16, 8), "orientation {orientation}");
        assert_eq!(still.image.pixel(0, 0), [255, 0, 0], "orientation {orientation}");
    }
}

#[test]
fn a_jpeg_from_a_phone_is_turned_upright() {
    let jpeg = jpeg_with(&quadrants(32, 48), |e| e.add_exif_metadata(&block(6, false)).unwrap());
    let still = read_named(&jpeg);
    assert_eq!((still.image.width(), still.image.height()), (48, 32));
    // Turned clockwise, the lower left quadrant comes to the upper left.
    let blue = still.image.pixel(12, 8);
    assert!(blue[2] > 150 && blue[0] < 90, "{blue:?}");
}

#[test]
fn wide_gamut_profiles_are_converted_to_srgb() {
    // (0, 200, 0) in Display P3 lies outside sRGB: green clips upwards and red to 0; greys stay.
    let image = Image::from_fn(32, 16, |x, _| if x < 16 { [60, 160, 60] } else { [128, 128, 128] });
    let icc = ColorProfile::new_display_p3().encode().unwrap();
    let jpeg = jpeg_with(&image, |e| e.add_icc_profile(&icc).unwrap());
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_icc_profile(icc).unwrap();
    encoder.write_image(image.rgb(), 32, 16, ExtendedColorType::Rgb8).unwrap();
    for (bytes, tolerance) in [(png, 2), (jpeg, 5)] {
        let still = read_named(&bytes);
        // Linear P3 to linear sRGB by the published matrix: (0.0452, 0.3515, 0.0452) to (-0.0237, 0.3644, 0.0211).
        let expected = Image::from_fn(32, 16, |x, _| if x < 16 { [0, 163, 38] } else { [128; 3] });
        assert_near(&still.image, &expected, tolerance);
        assert!(still.notes.is_empty());
    }
}

#[test]
fn a_grey_profile_bends_the_curve() {
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_icc_profile(ColorProfile::new_gray_with_gamma(1.0).encode().unwrap()).unwrap();
    encoder.write_image(&[55; 16], 4, 4, ExtendedColorType::L8).unwrap();
    // Linear 55/255 = 0.2157 is sRGB 0.502, which is 128.
    let pixel = read_named(&png).image.pixel(1, 1);
    assert!(pixel.iter().all(|&v| v.abs_diff(128) <= 1), "{pixel:?}");
}

#[test]
fn deep_pictures_keep_their_profile() {
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_icc_profile(ColorProfile::new_adobe_rgb().encode().unwrap()).unwrap();
    let samples: Vec<u8> = [100u16, 100, 100].iter().flat_map(|v| (v * 257).to_ne_bytes()).collect();
    encoder.write_image(&samples, 1, 1, ExtendedColorType::Rgb16).unwrap();
    let still = read_named(&png);
    // Adobe RGB is a pure 2.2 power: 100 is linear 0.1275, which is sRGB 100.5.
    assert!(still.image.rgb().iter().all(|&v| (99..=102).contains(&v)), "{:?}", still.image.rgb());
    assert_eq!(still.notes, [Note::RoundedTo8Bit]);
}

#[test]
fn a_broken_profile_is_said_and_passed_over() {
    let jpeg = jpeg_with(&quadrants(32, 32), |e| e.add_icc_profile(b"no profile at all").unwrap());
    let still = read_named(&jpeg);
    assert_eq!(still.notes, [Note::ProfileIgnored]);
    assert_near(&still.image, &quadrants(32, 32), 6);
}

#[test]
fn an_animation_gives_its_first_frame_and_says_so() {
    let frame = |colour| Frame::new(RgbaImage::from_pixel(8, 8, image::Rgba(colour)));
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    encoder.encode_frames([frame([250, 0, 0, 255]), frame([0, 0, 250, 255])]).unwrap();
    drop(encoder);
    let still = read_named(&gif);
    assert_eq!(still.notes, [Note::FirstFrameOnly]);
    assert!(still.image.pixel(4, 4)[0] > 240);
}
