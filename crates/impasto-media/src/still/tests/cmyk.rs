//! Inks: four ways to store them, and a profile.

use super::*;

/// Cyan, magenta, yellow, black with 255 as full ink: each quadrant leans to one of them.
fn inks(width: usize, height: usize) -> Vec<u8> {
    let quadrants = [[200, 20, 10, 0], [10, 180, 30, 20], [0, 10, 220, 40], [30, 20, 10, 180]];
    let at = |i: usize| quadrants[2 * ((i / width) * 2 / height) + (i % width) * 2 / width];
    (0..width * height).flat_map(at).collect()
}

/// What the inks look like without a profile: (1 - ink)(1 - black).
fn expected(width: usize, height: usize) -> Image {
    let inks = inks(width, height);
    Image::from_fn(width, height, |x, y| {
        let p = &inks[4 * (y * width + x)..][..4];
        [p[0], p[1], p[2]].map(|c| ((255 - u32::from(c)) * (255 - u32::from(p[3])) / 255) as u8)
    })
}

fn inverted(inks: &[u8]) -> Vec<u8> {
    inks.iter().map(|ink| 255 - ink).collect()
}

/// `jpeg-encoder` inverts the inks and writes Adobe's marker, for both kinds.
fn adobe_jpeg(kind: ColorType, icc: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, 98);
    if let Some(icc) = icc {
        encoder.add_icc_profile(icc).unwrap();
    }
    encoder.encode(&inks(32, 32), 32, 32, kind).unwrap();
    out
}

/// The file without its APP14 segment.
fn without_adobe(jpeg: &[u8]) -> Vec<u8> {
    let at = jpeg.windows(9).position(|w| w[..2] == [0xff, 0xee] && &w[4..] == b"Adobe").unwrap();
    let length = usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
    [&jpeg[..at], &jpeg[at + 2 + length..]].concat()
}

#[test]
fn adobe_cmyk_and_ycck_look_the_same() {
    for kind in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let still = read_named(&adobe_jpeg(kind, None));
        assert_near(&still.image, &expected(32, 32), 6);
    }
}

#[test]
fn inks_without_adobes_marker_are_not_inverted() {
    let mut out = Vec::new();
    Encoder::new(&mut out, 98).encode(&inverted(&inks(32, 32)), 32, 32, ColorType::Cmyk).unwrap();
    assert_near(&read_named(&without_adobe(&out)).image, &expected(32, 32), 6);
}

#[test]
fn a_cmyk_profile_decides_the_colours() {
    let still = read_named(&adobe_jpeg(ColorType::Cmyk, Some(&profile())));
    // The profile says: lightness follows black alone, no ink has a colour.
    for (x, y, black) in [(8, 8, 0), (24, 8, 20), (8, 24, 40), (24, 24, 180)] {
        let p = still.image.pixel(x, y);
        let grey = grey_of_lightness(100.0 * (1.0 - f64::from(black) / 255.0));
        assert!(p.iter().all(|&v| v.abs_diff(grey) <= 6), "black {black}: found {p:?}, expected {grey}");
    }
    assert!(still.notes.is_empty());
}

#[test]
fn an_rgb_profile_on_inks_is_said_and_passed_over() {
    let icc = ColorProfile::new_srgb().encode().unwrap();
    let still = read_named(&adobe_jpeg(ColorType::Cmyk, Some(&icc)));
    assert_eq!(still.notes, [Note::ProfileIgnored]);
    assert_near(&still.image, &expected(32, 32), 6);
}

/// CIE L* to an sRGB byte.
fn grey_of_lightness(l: f64) -> u8 {
    let f = (l + 16.0) / 116.0;
    let y = if l > 8.0 { f.powi(3) } else { l / 903.3 };
    let v = if y <= 0.003_130_8 { 12.92 * y } else { 1.055 * y.powf(1.0 / 2.4) - 0.055 };
    (v * 255.0).round() as u8
}

/// A CMYK profile with one table, `A2B0` as lut8 (ICC.1:2001-04, 6.5.8): two points a side, L* from black alone.
fn profile() -> Vec<u8> {
    let mut lut = b"mft1\0\0\0\0".to_vec();
    lut.extend([4, 3, 2, 0]);
    for i in 0..9 {
        lut.extend((if i % 4 == 0 { 65_536u32 } else { 0 }).to_be_bytes());
    }
    (0..4).for_each(|_| lut.extend(0..=255u8));
    for corner in 0..16 {
        let black = corner % 2 == 1;
        lut.extend([if black { 0 } else { 255 }, 128, 128]);
    }
    (0..3).for_each(|_| lut.extend(0..=255u8));

    let mut icc = vec![0; 128];
    icc[8] = 2;
    icc[12..16].copy_from_slice(b"prtr");
    icc[16..20].copy_from_slice(b"CMYK");
    icc[20..24].copy_from_slice(b"Lab ");
    icc[36..40].copy_from_slice(b"acsp");
    for (at, v) in [(68, 0xf6d6u32), (72, 0x1_0000), (76, 0xd32d)] {
        icc[at..at + 4].copy_from_slice(&v.to_be_bytes());
    }
    icc.extend(1u32.to_be_bytes());
    icc.extend(b"A2B0");
    icc.extend(144u32.to_be_bytes());
    icc.extend((lut.len() as u32).to_be_bytes());
    icc.extend(lut);
    let length = (icc.len() as u32).to_be_bytes();
    icc[..4].copy_from_slice(&length);
    icc
}
