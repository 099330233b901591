//! A file's colours to 8-bit sRGB: ICC profiles (through `moxcms`), grey, 16 bit, inks.

use image::{DynamicImage, GrayImage, RgbImage};
use moxcms::{
    Chromaticity, ColorPrimaries, ColorProfile, DataColorSpace, Layout, ToneReprCurve, TransformOptions,
};

use super::Note;

/// The largest ICC profile that is read. Those of printers have some 2 MiB.
pub(super) const MOST_ICC_BYTES: usize = 16 << 20;

/// Which colours a file's numbers stand for.
pub(super) enum Profile {
    /// It says nothing, or sRGB.
    None,
    /// An ICC profile, as it stands in the file.
    Icc(Vec<u8>),
    /// A profile that is too large to be one.
    TooLarge,
    /// Made from other words of the file.
    Made(Box<ColorProfile>),
}

impl Profile {
    /// A file's ICC profile.
    pub(super) fn of_icc(icc: Vec<u8>) -> Self {
        match icc.len() {
            0 => Profile::None,
            1..=MOST_ICC_BYTES => Profile::Icc(icc),
            _ => Profile::TooLarge,
        }
    }

    /// The same, where there may be none.
    pub(super) fn of_option(icc: Option<Vec<u8>>) -> Self {
        icc.map_or(Profile::None, Profile::of_icc)
    }

    /// The profile if it can be read and is for one of these; a note where it cannot be used.
    fn readable(&self, fits: impl Fn(DataColorSpace) -> bool, notes: &mut Vec<Note>) -> Option<ColorProfile> {
        let profile = match self {
            Profile::None => return None,
            Profile::TooLarge => None,
            Profile::Icc(icc) => ColorProfile::new_from_slice(icc).ok().filter(|p| fits(p.color_space)),
            Profile::Made(made) => Some((**made).clone()).filter(|p| fits(p.color_space)),
        };
        if profile.is_none() {
            notes.push(Note::ProfileIgnored);
        }
        profile
    }
}

/// White and primaries in CIE 1931 x and y.
#[derive(Clone, Copy, Debug)]
pub(super) struct Primaries {
    pub white: [f32; 2],
    pub red: [f32; 2],
    pub green: [f32; 2],
    pub blue: [f32; 2],
}

/// The profile of PNG's gAMA (the power by which light becomes numbers) and cHRM. A gamma of 1/2.2 without primaries
/// is how programs wrote sRGB before there was a word for it.
pub(super) fn from_gamma(gamma: Option<f32>, primaries: Option<Primaries>) -> Profile {
    let usual = gamma.is_none_or(|gamma| (gamma - 0.45455).abs() < 0.002);
    let primaries = primaries.filter(|p| !is_srgb(p) && is_sound(p));
    if usual && primaries.is_none() {
        return Profile::None;
    }
    let mut profile = ColorProfile::new_srgb();
    if let Some(p) = primaries {
        let at = |[x, y]: [f32; 2]| Chromaticity { x, y };
        let colours = ColorPrimaries { red: at(p.red), green: at(p.green), blue: at(p.blue) };
        profile.update_rgb_colorimetry(at(p.white).to_xyyb(), colours);
    }
    profile.cicp = None;
    if let Some(gamma) = gamma.filter(|_| !usual) {
        let light = |i: u32| ((i as f32 / 4095.0).powf(1.0 / gamma) * 65_535.0 + 0.5) as u16;
        let curve = Some(ToneReprCurve::Lut((0..4096).map(light).collect()));
        (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
    }
    Profile::Made(Box::new(profile))
}

fn is_srgb(p: &Primaries) -> bool {
    let near = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).abs() < 0.002 && (a[1] - b[1]).abs() < 0.002;
    near(p.white, [0.3127, 0.329])
        && near(p.red, [0.64, 0.33])
        && near(p.green, [0.3, 0.6])
        && near(p.blue, [0.15, 0.06])
}

/// Whether the primaries span a triangle with the white in reach, so that their matrix can be inverted.
fn is_sound(p: &Primaries) -> bool {
    let all = [p.white, p.red, p.green, p.blue];
    let area =
        (p.green[0] - p.red[0]) * (p.blue[1] - p.red[1]) - (p.blue[0] - p.red[0]) * (p.green[1] - p.red[1]);
    all.iter().flatten().all(|v| v.is_finite() && (-1.0..=2.0).contains(v))
        && area.abs() > 0.001
        && p.white[1] > 0.01
}

/// Grey or RGB of any depth to RGB8 and an alpha plane (where the picture has one).
pub(super) fn from_plain(
    picture: DynamicImage,
    profile: &Profile,
    notes: &mut Vec<Note>,
) -> (RgbImage, Option<GrayImage>) {
    let bytes = picture.color().bytes_per_pixel() / picture.color().channel_count();
    if bytes == 2 && !notes.contains(&Note::RoundedTo8Bit) {
        notes.push(Note::RoundedTo8Bit);
    }
    let colour = picture.color().has_color();
    // A grey profile on a colour picture is of no use.
    let fits =
        |space| matches!(space, DataColorSpace::Rgb) || (matches!(space, DataColorSpace::Gray) && !colour);
    let profile = profile.readable(fits, notes);
    let (width, height) = (picture.width(), picture.height());
    let alpha = picture.color().has_alpha();
    let converted = profile.and_then(|p| {
        let rgba = through_profile(&picture, &p);
        if rgba.is_none() {
            notes.push(Note::ProfileIgnored);
        }
        rgba
    });
    let mut rgba = match converted {
        Some(rgba) => rgba,
        None if alpha => picture.into_rgba8().into_raw(),
        None => return (picture.into_rgb8(), None),
    };
    let opacity: Option<Vec<u8>> = alpha.then(|| rgba.chunks_exact(4).map(|p| p[3]).collect());
    drop_fourth(&mut rgba);
    (
        RgbImage::from_raw(width, height, rgba).expect("three bytes a pixel"),
        opacity.map(|plane| GrayImage::from_raw(width, height, plane).expect("one byte a pixel")),
    )
}

/// Four bytes a pixel become three, in place.
fn drop_fourth(rgba: &mut Vec<u8>) {
    let pixels = rgba.len() / 4;
    for i in 1..pixels {
        rgba.copy_within(4 * i..4 * i + 3, 3 * i);
    }
    rgba.truncate(3 * pixels);
}

/// Inks (255 is full) to RGB8: through the profile where there is a CMYK one, else (1 - ink)(1 - black).
pub(super) fn from_cmyk(inks: &[u8], profile: &Profile, notes: &mut Vec<Note>) -> Vec<u8> {
    let is_cmyk = |space| matches!(space, DataColorSpace::Cmyk);
    if let Some(profile) = profile.readable(is_cmyk, notes) {
        match cmyk_through_profile(inks, &profile) {
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

fn cmyk_through_profile(inks: &[u8], profile: &ColorProfile) -> Option<Vec<u8>> {
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

/// RGBA8 in sRGB; `None` when the profile cannot be applied. Computed with 16 bits, whatever the picture has,
/// for 8 bits would band.
fn through_profile(picture: &DynamicImage, profile: &ColorProfile) -> Option<Vec<u8>> {
    const CHUNK_PX: usize = 1 << 14;
    let grey = profile.color_space == DataColorSpace::Gray;
    let (layout, channels) = if grey { (Layout::GrayAlpha, 2) } else { (Layout::Rgba, 4) };
    let transform = profile
        .create_transform_16bit(layout, &ColorProfile::new_srgb(), Layout::Rgba, TransformOptions::default())
        .ok()?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let mut rgba = Vec::with_capacity(width * height * 4);
    let rows = (CHUNK_PX / width.max(1)).max(1);
    let mut out = Vec::new();
    for top in (0..height).step_by(rows) {
        // A band of rows at a time: a copy of the whole picture with 16 bits would be its largest.
        let band = picture.crop_imm(0, top as u32, width as u32, rows.min(height - top) as u32);
        let samples = if grey { band.into_luma_alpha16().into_raw() } else { band.into_rgba16().into_raw() };
        out.resize(samples.len() / channels * 4, 0);
        transform.transform(&samples, &mut out).ok()?;
        rgba.extend(out.iter().copied().map(byte_from_u16));
    }
    Some(rgba)
}

/// 0..=65535 to 0..=255, rounded to nearest.
pub(super) fn byte_from_u16(v: u16) -> u8 {
    ((u32::from(v) + 128) / 257) as u8
}
