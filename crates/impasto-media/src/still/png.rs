//! PNG, through the `png` crate itself: gAMA, cHRM and cICP are heeded, and what a chunk may unfold to is bounded.

use std::io::Cursor;

use ::png::{BitDepth, ColorType, Decoder, DecodingError, Info, Transformations};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer};
use moxcms::{CicpProfile, MatrixCoefficients};

use super::colour::{MOST_ICC_BYTES, Primaries, Profile, from_gamma};
use super::decode::{Pixels, Raw};
use super::{Format, Limits, Note, exif};
use crate::error::{Error, Result, plain};

/// Decodes a PNG file; of an animated one, the picture that programs without animation show.
pub(super) fn decode(bytes: &[u8], name: &str, limits: Limits) -> Result<Raw> {
    let fail = |e: DecodingError| error_from(e, name);
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(fail)?;
    let (width, height) = (header.width as usize, header.height as usize);
    limits.check(name, width, height)?;
    decoder.set_limits(::png::Limits { bytes: MOST_ICC_BYTES + 24 * width + (1 << 20) });
    let mut reader = decoder.read_info().map_err(fail)?;
    let size = reader.output_buffer_size().ok_or_else(|| too_large(name))?;
    limits.check_bytes(name, (width, height), size as u64)?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(fail)?;
    let animated = reader.info().animation_control.is_some_and(|control| control.num_frames > 1);
    let mut notes: Vec<_> = animated.then_some(Note::FirstFrameOnly).into_iter().collect();
    // What follows the picture may hold its EXIF block; that it is whole is not needed.
    if !animated {
        let _ = reader.finish();
    }
    let info = reader.info();
    let profile = profile(info, bytes, &mut notes);
    let exif = info.exif_metadata.as_deref().map(exif::stripped);
    let orientation = exif.as_deref().map_or(1, exif::orientation);
    let picture = picture(samples, frame.color_type, frame.bit_depth, width as u32, height as u32);
    Ok(Raw {
        pixels: Pixels::Plain(picture.ok_or_else(|| too_large(name))?),
        profile,
        exif,
        orientation: Orientation::from_exif(orientation).unwrap_or(Orientation::NoTransforms),
        notes,
    })
}

fn too_large(name: &str) -> Error {
    Error::damaged(name, Format::Png.name(), "its size and its data do not fit each other")
}

/// The colours of a file, the most exact statement first (PNG 3, section 4.3).
fn profile(info: &Info, bytes: &[u8], notes: &mut Vec<Note>) -> Profile {
    if let Some(code) = info.coding_independent_code_points {
        return from_cicp([code.color_primaries, code.transfer_function], notes);
    }
    if let Some(icc) = &info.icc_profile {
        return Profile::of_icc(icc.to_vec());
    }
    if has_chunk(bytes, b"iCCP") {
        // The decoder has passed over it in silence.
        notes.push(Note::ProfileIgnored);
    }
    if info.srgb.is_some() {
        return Profile::None;
    }
    let gamma = info.gama_chunk.map(|gamma| gamma.into_value()).filter(|gamma| (0.05..=5.0).contains(gamma));
    let primaries = info.chrm_chunk.map(|c| Primaries {
        white: point(c.white),
        red: point(c.red),
        green: point(c.green),
        blue: point(c.blue),
    });
    from_gamma(gamma, primaries)
}

fn point((x, y): (::png::ScaledFloat, ::png::ScaledFloat)) -> [f32; 2] {
    [x.into_value(), y.into_value()]
}

/// Primaries and curve by the numbers of H.273; PQ and HLG are for brighter screens than sRGB describes.
fn from_cicp([primaries, transfer]: [u8; 2], notes: &mut Vec<Note>) -> Profile {
    const SRGB: [u8; 2] = [1, 13];
    if [primaries, transfer] == SRGB {
        return Profile::None;
    }
    if matches!(transfer, 16 | 18) {
        notes.push(Note::HighDynamicRange);
        return Profile::None;
    }
    match (primaries.try_into(), transfer.try_into()) {
        (Ok(color_primaries), Ok(transfer_characteristics)) => {
            Profile::Made(Box::new(moxcms::ColorProfile::new_from_cicp(CicpProfile {
                color_primaries,
                transfer_characteristics,
                matrix_coefficients: MatrixCoefficients::Identity,
                full_range: true,
            })))
        }
        _ => {
            notes.push(Note::ProfileIgnored);
            Profile::None
        }
    }
}

/// Whether a chunk of that name stands before the picture's data.
fn has_chunk(bytes: &[u8], wanted: &[u8; 4]) -> bool {
    let mut at = 8;
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        match &head[4..] {
            kind if kind == wanted => return true,
            b"IDAT" => return false,
            _ => at = at.saturating_add(length).saturating_add(12),
        }
    }
    false
}

fn picture(samples: Vec<u8>, colour: ColorType, depth: BitDepth, w: u32, h: u32) -> Option<DynamicImage> {
    if depth == BitDepth::Sixteen {
        let deep = samples.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect();
        return match colour {
            ColorType::Grayscale => ImageBuffer::from_raw(w, h, deep).map(DynamicImage::ImageLuma16),
            ColorType::GrayscaleAlpha => ImageBuffer::from_raw(w, h, deep).map(DynamicImage::ImageLumaA16),
            ColorType::Rgb => ImageBuffer::from_raw(w, h, deep).map(DynamicImage::ImageRgb16),
            ColorType::Rgba => ImageBuffer::from_raw(w, h, deep).map(DynamicImage::ImageRgba16),
            ColorType::Indexed => None,
        };
    }
    match colour {
        ColorType::Grayscale => ImageBuffer::from_raw(w, h, samples).map(DynamicImage::ImageLuma8),
        ColorType::GrayscaleAlpha => ImageBuffer::from_raw(w, h, samples).map(DynamicImage::ImageLumaA8),
        ColorType::Rgb => ImageBuffer::from_raw(w, h, samples).map(DynamicImage::ImageRgb8),
        ColorType::Rgba => ImageBuffer::from_raw(w, h, samples).map(DynamicImage::ImageRgba8),
        ColorType::Indexed => None,
    }
}

fn error_from(error: DecodingError, name: &str) -> Error {
    match error {
        DecodingError::IoError(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            Error::damaged(name, Format::Png.name(), "it ends in the middle of the picture")
        }
        DecodingError::LimitsExceeded => {
            Error::damaged(name, Format::Png.name(), "what is written beside the picture is too large")
        }
        other => Error::damaged(name, Format::Png.name(), plain(other)),
    }
}
