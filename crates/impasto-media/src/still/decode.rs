//! WebP, BMP and GIF, through the `image` crate; and how every decoder's work becomes a still.

use std::io::Cursor;

use image::codecs::{bmp::BmpDecoder, gif::GifDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{AnimationDecoder, DynamicImage, GrayImage, ImageDecoder, ImageError, RgbImage};
use impasto_core::Image;

use super::colour::Profile;
use super::{Format, Limits, Note, Still, colour, cutout, exif, jpeg, jxl, png, tiff};
use crate::error::{Error, Result, plain};

/// What a decoder found, before colours and orientation are put right.
pub(super) struct Raw {
    pub pixels: Pixels,
    pub profile: Profile,
    pub exif: Option<Vec<u8>>,
    pub orientation: Orientation,
    pub notes: Vec<Note>,
}

/// Pixels in the file's own colours.
pub(super) enum Pixels {
    /// Grey or RGB, with or without alpha.
    Plain(DynamicImage),
    /// Cyan, magenta, yellow, black, interleaved; 255 is full ink.
    Cmyk { width: usize, height: usize, inks: Vec<u8> },
}

impl Raw {
    /// Colours to sRGB, then the right way up.
    pub(super) fn into_still(self, format: Format) -> Still {
        let mut notes = self.notes;
        let (mut rgb, mut alpha) = match self.pixels {
            Pixels::Plain(picture) => colour::from_plain(picture, &self.profile, &mut notes),
            Pixels::Cmyk { width, height, inks } => {
                let rgb = colour::from_cmyk(&inks, &self.profile, &mut notes);
                (rgb_image(width, height, rgb), None)
            }
        };
        rgb = upright(DynamicImage::ImageRgb8(rgb), self.orientation).into_rgb8();
        alpha = alpha.map(|a| upright(DynamicImage::ImageLuma8(a), self.orientation).into_luma8());
        let opaque = |a: &GrayImage| a.iter().all(|&a| a == 255);
        let (width, height) = (rgb.width() as usize, rgb.height() as usize);
        let alpha = alpha.filter(|a| !opaque(a)).map(GrayImage::into_raw);
        let mut image =
            Image::new(width, height, rgb.into_raw()).expect("sizes were checked before decoding");
        if let Some(alpha) = &alpha {
            image = cutout::fill(&image, alpha);
        }
        Still { image, alpha, format, exif: self.exif.and_then(exif::for_upright), xmp: None, notes }
    }
}

fn rgb_image(width: usize, height: usize, rgb: Vec<u8>) -> RgbImage {
    RgbImage::from_raw(width as u32, height as u32, rgb).expect("three bytes a pixel")
}

fn upright(mut picture: DynamicImage, orientation: Orientation) -> DynamicImage {
    picture.apply_orientation(orientation);
    picture
}

/// Decodes a file of `format`.
pub(super) fn decode(bytes: &[u8], name: &str, format: Format, limits: Limits) -> Result<Raw> {
    let fail = |e| error_from(e, name, format);
    let open = Cursor::new(bytes);
    match format {
        Format::Jpeg => jpeg::decode(bytes, name, limits),
        Format::Png => png::decode(bytes, name, limits),
        Format::Tiff => tiff::decode(bytes, name, limits),
        Format::Jxl => jxl::decode(bytes, name, limits),
        Format::WebP => {
            let decoder = WebPDecoder::new(open).map_err(fail)?;
            let animated = decoder.has_animation();
            take(decoder, animated, name, format, limits)
        }
        Format::Bmp => take(BmpDecoder::new(open).map_err(fail)?, false, name, format, limits),
        Format::Gif => gif(GifDecoder::new(open).map_err(fail)?, name, limits),
        Format::Avif | Format::Heif => Err(super::external::not_read_here(name, format)),
    }
}

/// Checks the claimed size, then reads metadata and pixels.
fn take(
    mut decoder: impl ImageDecoder,
    animated: bool,
    name: &str,
    format: Format,
    limits: Limits,
) -> Result<Raw> {
    let fail = |e| error_from(e, name, format);
    let (width, height) = decoder.dimensions();
    limits.check(name, width as usize, height as usize)?;
    limits.check_bytes(name, (width as usize, height as usize), decoder.total_bytes())?;
    decoder.set_limits(caps(limits)).map_err(fail)?;
    let profile = Profile::of_option(decoder.icc_profile().ok().flatten());
    let exif = decoder.exif_metadata().ok().flatten().map(|exif| exif::stripped(&exif));
    let orientation = exif.as_deref().map_or(1, exif::orientation);
    let notes = animated.then_some(Note::FirstFrameOnly).into_iter().collect();
    let pixels = Pixels::Plain(DynamicImage::from_decoder(decoder).map_err(fail)?);
    let orientation = Orientation::from_exif(orientation).unwrap_or(Orientation::NoTransforms);
    Ok(Raw { pixels, profile, exif, orientation, notes })
}

/// The first frame on the whole canvas.
fn gif(mut decoder: GifDecoder<Cursor<&[u8]>>, name: &str, limits: Limits) -> Result<Raw> {
    let fail = |e| error_from(e, name, Format::Gif);
    let (width, height) = decoder.dimensions();
    limits.check(name, width as usize, height as usize)?;
    limits.check_bytes(name, (width as usize, height as usize), decoder.total_bytes())?;
    decoder.set_limits(caps(limits)).map_err(fail)?;
    let profile = Profile::of_option(decoder.icc_profile().ok().flatten());
    let mut frames = decoder.into_frames();
    let first = frames.next().ok_or_else(|| Error::damaged(name, Format::Gif.name(), "it has no frame"))?;
    let pixels = Pixels::Plain(DynamicImage::ImageRgba8(first.map_err(fail)?.into_buffer()));
    let animated = matches!(frames.next(), Some(Ok(_)));
    let notes = animated.then_some(Note::FirstFrameOnly).into_iter().collect();
    Ok(Raw { pixels, profile, exif: None, orientation: Orientation::NoTransforms, notes })
}

/// Our limits as the decoders know them: 16 bytes a pixel is RGBA of 32-bit floats; they need some memory besides the pixels.
fn caps(limits: Limits) -> image::Limits {
    let mut caps = image::Limits::no_limits();
    caps.max_alloc = Some(limits.pixels.saturating_mul(16).min(2 * limits.decoded_bytes).max(64 << 20));
    caps
}

fn error_from(error: ImageError, name: &str, format: Format) -> Error {
    match error {
        ImageError::Unsupported(e) => {
            Error::Unsupported { name: name.into(), format: format.name(), why: plain(e) }
        }
        e => Error::damaged(name, format.name(), e),
    }
}
