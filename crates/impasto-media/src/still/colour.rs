//! A file's colours to 8-bit sRGB: ICC profiles (through `moxcms`), grey, 16 bit, inks.

use image::{DynamicImage, GrayImage, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

use super::Note;

/// Grey or RGB of any depth to RGB8 and an alpha plane (where the picture has one).
pub(super) fn from_plain(
    picture: DynamicImage,
    icc: Option<&[u8]>,
    notes: &mut Vec<Note>,
) -> (RgbImage, Option<GrayImage>) {
    let deep = picture.color().bytes_per_pixel() / picture.color().channel_count() > 1;
    if deep {
        notes.push(Note::RoundedTo8Bit);
    }
    let profile = icc.and_then(|icc| readable(icc, picture.color().has_color(), notes));
    let (width, height) = (picture.width(), picture.height());
    let alpha = picture.color().has_alpha();
    let converted = profile.and_then(|p| {
        let rgba = through_profile(&picture, &p);
        if rgba.is_none() {
            notes.push(Note::ProfileIgnored);
        }
        rgba
    });
    let rgba = match converted {
        Some(rgba) => rgba,
        None if alpha => picture.into_rgba8().into_raw(),
        None => return (picture.into_rgb8(), None),
    };
    let rgb = rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let opacity = || rgba.chunks_exact(4).map(|p| p[3]).collect();
    (
        RgbImage::from_raw(width, height, rgb).expect("three bytes a pixel"),
        alpha.then(|| GrayImage::from_raw(width, height, opacity()).expect("one byte a pixel")),
    )
}

/// Inks (255 is full) to RGB8: through the profile where there is a CMYK one, else (1 - ink)(1 - black).
pub(super) fn from_cmyk(inks: &[u8], icc: Option<&[u8]>, notes: &mut Vec<Note>) -> Vec<u8> {
    if let Some(icc) = icc {
        match cmyk_through_profile(inks, icc) {
            Some(rgb) => return rgb,
            None => notes.push(Note::ProfileIgnored),
        }
    }
    let light = |ink: u8, black: u8| {
        let product = u32::from(255 - ink) * u32::from(255 - black);
        ((product + 127) / 255) as u8
    };
    inks.chunks_exact(4).flat_map(|p| [light(p[0], p[3]), light(p[1], p[3]), light(p[2], p[3])]).collect()
}

fn cmyk_through_profile(inks: &[u8], icc: &[u8]) -> Option<Vec<u8>> {
    let profile = ColorProfile::new_from_slice(icc).ok()?;
    if profile.color_space != DataColorSpace::Cmyk {
        return None;
    }
    let mut rgb = vec![0; inks.len() / 4 * 3];
    profile
        .create_transform_8bit(
            Layout::Rgba,
            &ColorProfile::new_srgb(),
            Layout::Rgb,
            TransformOptions::default(),
        )
        .ok()?
        .transform(inks, &mut rgb)
        .ok()?;
    Some(rgb)
}

/// The profile, if it can be read and speaks of grey or RGB. A grey profile on a colour picture is of no use.
fn readable(icc: &[u8], colour: bool, notes: &mut Vec<Note>) -> Option<ColorProfile> {
    let fits = |p: &ColorProfile| match p.color_space {
        DataColorSpace::Rgb => true,
        DataColorSpace::Gray => !colour,
        _ => false,
    };
    let profile = ColorProfile::new_from_slice(icc).ok().filter(fits);
    if profile.is_none() {
        notes.push(Note::ProfileIgnored);
    }
    profile
}

/// RGBA8 in sRGB; `None` when the profile cannot be applied. Computed with 16 bits, whatever the picture has,
/// for 8 bits would band.
fn through_profile(picture: &DynamicImage, profile: &ColorProfile) -> Option<Vec<u8>> {
    const CHUNK_PX: usize = 1 << 14;
    let grey = profile.color_space == DataColorSpace::Gray;
    let (layout, channels) = if grey { (Layout::GrayAlpha, 2) } else { (Layout::Rgba, 4) };
    let transform = profile
        .create_transform_16bit(layout, &ColorProfile::new_srgb(), Layout::Rgba, TransformOptions::default())
        .ok()?;
    let samples = if grey { picture.to_luma_alpha16().into_raw() } else { picture.to_rgba16().into_raw() };
    let mut rgba = Vec::with_capacity(samples.len() / channels * 4);
    let mut out = vec![0; 4 * CHUNK_PX];
    for chunk in samples.chunks(channels * CHUNK_PX) {
        let out = &mut out[..chunk.len() / channels * 4];
        transform.transform(chunk, out).ok()?;
        rgba.extend(out.iter().copied().map(byte_from_u16));
    }
    Some(rgba)
}

/// 0..=65535 to 0..=255, rounded to nearest.
fn byte_from_u16(v: u16) -> u8 {
    ((u32::from(v) + 128) / 257) as u8
}
