//! JPEG, through `zune-jpeg` itself: the `image` crate would lose CMYK profiles and not notice a file cut short.

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::colour::Profile;
use super::decode::{Pixels, Raw};
use super::{Format, Limits, exif};
use crate::error::{Error, Result, plain};

/// Decodes a JPEG file.
pub(super) fn decode(bytes: &[u8], name: &str, limits: Limits) -> Result<Raw> {
    let fail = |e| error_from(e, name);
    // Lenient, for cameras write odd headers; what matters (an end) is checked by `ends`.
    let options =
        DecoderOptions::default().set_strict_mode(false).set_max_width(usize::MAX).set_max_height(usize::MAX);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(fail)?;
    let (width, height) = decoder.dimensions().expect("headers were decoded");
    limits.check(name, width, height)?;
    limits.check_bytes(name, (width, height), 3 * (width as u64) * (height as u64))?;
    if !ends(bytes) {
        // Decoded again with the end that it lacks, if nothing else is missing.
        return match is_whole_but_for_its_end(bytes, limits) {
            true => decode(&with_end(bytes, &[]), name, limits),
            false => Err(Error::damaged(name, Format::Jpeg.name(), "it ends in the middle of the picture")),
        };
    }
    let stored = decoder.input_colorspace().expect("headers were decoded");
    let wanted = match stored {
        ColorSpace::Luma | ColorSpace::CMYK | ColorSpace::YCCK => stored,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    let scans = wanted == ColorSpace::RGB && in_several_scans(bytes);
    let data = if scans { decode_scans(bytes, name)? } else { decoder.decode().map_err(fail)? };
    let profile = Profile::of_option(decoder.icc_profile());
    let exif = decoder.exif().map(|exif| exif::stripped(exif));
    let orientation = exif.as_deref().map_or(1, exif::orientation);
    Ok(Raw {
        pixels: pixels(data, width, height, wanted, adobe(bytes)),
        profile,
        exif,
        orientation: Orientation::from_exif(orientation).unwrap_or(Orientation::NoTransforms),
        notes: Vec::new(),
    })
}

fn pixels(mut data: Vec<u8>, width: usize, height: usize, space: ColorSpace, adobe: bool) -> Pixels {
    let (w, h) = (width as u32, height as u32);
    match space {
        ColorSpace::Luma => Pixels::Plain(DynamicImage::ImageLuma8(
            GrayImage::from_raw(w, h, data).expect("one byte a pixel"),
        )),
        ColorSpace::CMYK | ColorSpace::YCCK => {
            if space == ColorSpace::YCCK {
                data.chunks_exact_mut(4).for_each(cmy_from_ycc);
            }
            // Adobe stores 255 minus the ink and marks the file; who does not mark it stores the ink.
            if adobe {
                data.iter_mut().for_each(|ink| *ink = 255 - *ink);
            }
            Pixels::Cmyk { width, height, inks: data }
        }
        _ => Pixels::Plain(DynamicImage::ImageRgb8(
            RgbImage::from_raw(w, h, data).expect("three bytes a pixel"),
        )),
    }
}

/// YCCK to CMYK in place: C, M, Y are 255 minus the R, G, B of full-range BT.601 (JFIF); K stays.
fn cmy_from_ycc(p: &mut [u8]) {
    let (y, cb, cr) = (f32::from(p[0]), f32::from(p[1]) - 128.0, f32::from(p[2]) - 128.0);
    let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
    for (ink, light) in p.iter_mut().zip(rgb) {
        // `as` saturates at 0 and 255.
        *ink = (255.0 - light + 0.5) as u8;
    }
}

/// Whether the file carries Adobe's APP14 marker.
fn adobe(bytes: &[u8]) -> bool {
    segments(bytes).any(|(marker, body)| marker == 0xee && body.starts_with(b"Adobe"))
}

/// Whether this is a sequential JPEG (SOF0 or SOF1) whose colours come one after another.
/// (A scan's header starts with the count of its components, a frame's has it after depth and size.)
fn in_several_scans(bytes: &[u8]) -> bool {
    let components =
        segments(bytes).find(|(m, _)| matches!(m, 0xc0 | 0xc1)).and_then(|(_, b)| b.get(5).copied());
    let in_scan = segments(bytes).find(|(m, _)| *m == 0xda).and_then(|(_, b)| b.first().copied());
    matches!((components, in_scan), (Some(all), Some(some)) if some < all)
}

/// RGB of a JPEG of three components, by another decoder: `zune-jpeg` loses rows of such files.
fn decode_scans(bytes: &[u8], name: &str) -> Result<Vec<u8>> {
    let fail = |e| Error::damaged(name, Format::Jpeg.name(), e);
    jpeg_decoder::Decoder::new(bytes).decode().map_err(fail)
}

/// Whether the picture data runs up to an end marker (EOI).
fn ends(bytes: &[u8]) -> bool {
    segments(bytes).any(|(marker, _)| marker == 0xd9)
}

/// The file with `filler` after its last byte, and then an end marker.
fn with_end(bytes: &[u8], filler: &[u8]) -> Vec<u8> {
    // Half of the marker may be there.
    let bytes = bytes.strip_suffix(b"\xff").unwrap_or(bytes);
    [bytes, filler, b"\xff\xd9"].concat()
}

/// Whether a file without an end marker holds the whole picture: what comes after the last of its data cannot change it.
fn is_whole_but_for_its_end(bytes: &[u8], limits: Limits) -> bool {
    if !all_scans_are_there(bytes) {
        return false;
    }
    let decoded = |filler: &[u8]| {
        let file = with_end(bytes, filler);
        // Where a segment is cut, it swallows the end that is put behind it.
        if !ends(&file) {
            return None;
        }
        decode(&file, "a file without its end", limits).ok().map(|raw| match raw.pixels {
            Pixels::Plain(picture) => picture.into_bytes(),
            Pixels::Cmyk { inks, .. } => inks,
        })
    };
    // No two bytes of these are a marker, and all of them have codes of every length.
    let (one, other) = ([0x5a; 64], [0xa7, 0x13, 0xd8, 0x6c].repeat(16));
    let plain = decoded(&[]);
    plain.is_some() && plain == decoded(&one) && plain == decoded(&other)
}

/// Whether every colour of a progressive JPEG (SOF2) has had the last of its scans; always true of the others.
fn all_scans_are_there(bytes: &[u8]) -> bool {
    let Some((_, frame)) = segments(bytes).find(|(marker, _)| *marker == 0xc2) else { return true };
    let ids = frame.get(6..).unwrap_or_default().chunks_exact(3).map(|component| component[0]);
    let finest = |id: u8| {
        segments(bytes).filter(|(marker, _)| *marker == 0xda).any(|(_, scan)| {
            // Count, then an id and its tables for each, then the first and last coefficient and the bits.
            let count = usize::from(scan.first().copied().unwrap_or(0));
            let of_id = (0..count).any(|i| scan.get(1 + 2 * i) == Some(&id));
            let [_, last, bits] = [1, 2, 3].map(|i| scan.get(2 * count + i).copied().unwrap_or(0));
            of_id && last == 63 && bits & 0x0f == 0
        })
    };
    ids.into_iter().all(finest)
}

/// Every marker of the file with its body, from SOI to EOI; entropy-coded data is skipped.
/// (In it 0xff is followed by 0 or a restart marker, so that no marker can be mistaken. ITU-T T.81, B.1.1.)
fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut at = 2;
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        while bytes.get(at) != Some(&0xff) || matches!(bytes.get(at + 1)?, 0 | 0xff | 0xd0..=0xd7) {
            at += 1;
            bytes.get(at)?;
        }
        let marker = bytes[at + 1];
        done = marker == 0xd9;
        at += 2;
        if matches!(marker, 0x01 | 0xd8 | 0xd9) {
            return Some((marker, &[][..]));
        }
        let length = usize::from(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        let body = bytes.get(at + 2..(at + length.max(2)))?;
        at += length.max(2);
        Some((marker, body))
    })
}

fn error_from(error: DecodeErrors, name: &str) -> Error {
    match error {
        DecodeErrors::Unsupported(what) => Error::Unsupported {
            name: name.into(),
            format: Format::Jpeg.name(),
            why: plain(format!("{what:?}")),
        },
        // Its `Display` prints like a debugger.
        DecodeErrors::Format(why) => Error::damaged(name, Format::Jpeg.name(), why),
        DecodeErrors::FormatStatic(why) => Error::damaged(name, Format::Jpeg.name(), why),
        e => Error::damaged(name, Format::Jpeg.name(), e),
    }
}
