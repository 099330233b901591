//! Bad input: one message that names the file and the remedy, and never a panic.

use super::*;

fn error(bytes: &[u8]) -> Error {
    read_bytes(bytes, "holiday.jpg", Limits::default()).expect_err("this is no good picture")
}

#[test]
fn missing_folder_empty_and_text() {
    let folder = Folder::new("still_faults");
    let missing = read(&folder.join("no.jpg")).unwrap_err().to_string();
    assert!(missing.contains("no.jpg") && missing.contains("Check the spelling"), "{missing}");
    assert!(matches!(read(folder.path()), Err(Error::IsFolder { .. })));
    assert!(matches!(error(b""), Error::Empty { .. }));
    let text = error(b"this is a letter to a friend").to_string();
    assert!(text.starts_with("holiday.jpg is not a picture") && text.contains("a text file"), "{text}");
    let video = error(b"\0\0\0\x20ftypisom\0\0\x02\0isom").to_string();
    assert!(video.contains("impasto video"), "{video}");
}

/// A file of each format, all with detail so that the data is longer than its headers.
fn samples() -> Vec<(Format, Vec<u8>)> {
    let image = Image::from_fn(64, 48, |x, y| [(x * 37 + y * 11) as u8, (x * y) as u8, (y * 91) as u8]);
    let picture = DynamicImage::ImageRgb8(rgb_image(&image));
    let made = |kind| encoded(&picture, kind);
    let progressive = jpeg_with(&image, |e| e.set_progressive(true));
    vec![
        (Format::Jpeg, made(ImageFormat::Jpeg)),
        (Format::Jpeg, progressive),
        (Format::Png, made(ImageFormat::Png)),
        (Format::WebP, made(ImageFormat::WebP)),
        (Format::WebP, webp::encode(image.rgb(), false, 64, 48, 80).unwrap()),
        (Format::Tiff, made(ImageFormat::Tiff)),
        (Format::Bmp, made(ImageFormat::Bmp)),
        (Format::Gif, made(ImageFormat::Gif)),
    ]
}

#[test]
fn a_file_cut_short_is_damaged_not_half_grey() {
    for (format, bytes) in samples() {
        for percent in [20, 50, 90] {
            let cut = &bytes[..bytes.len() * percent / 100];
            let error = error(cut);
            let is_damage = matches!(&error, Error::Damaged { format: f, .. } if *f == format.name());
            assert!(is_damage, "{format} cut at {percent} %: {error}");
            assert!(error.to_string().starts_with("holiday.jpg is a damaged"), "{error}");
        }
    }
}

#[test]
fn no_cut_and_no_flipped_byte_panics() {
    for (format, bytes) in samples() {
        let step = bytes.len() / 150 + 1;
        for at in (0..bytes.len()).step_by(step) {
            let _ = read_bytes(&bytes[..at], "cut", Limits::default());
            let mut flipped = bytes.clone();
            flipped[at] ^= 0xff;
            let small = Limits { pixels: 1 << 20, ..Limits::default() };
            if let Ok(still) = read_bytes(&flipped, "flipped", small) {
                assert!(still.image.width() * still.image.height() <= 1 << 20, "{format} at {at}");
            }
        }
    }
}

/// The file with its stated size set to 60,000 x 60,000.
fn bomb(format: Format, mut bytes: Vec<u8>) -> Vec<u8> {
    let side = 60_000u32;
    match format {
        Format::Png => {
            bytes[16..20].copy_from_slice(&side.to_be_bytes());
            bytes[20..24].copy_from_slice(&side.to_be_bytes());
            let crc = crc32(&bytes[12..29]);
            bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        }
        Format::Jpeg => {
            let sof = bytes.windows(2).position(|w| w == [0xff, 0xc0] || w == [0xff, 0xc2]).unwrap();
            bytes[sof + 5..sof + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
        }
        Format::Gif => bytes[6..10].copy_from_slice(&[0x60, 0xea, 0x60, 0xea]),
        Format::Bmp => {
            bytes[18..22].copy_from_slice(&side.to_le_bytes());
            bytes[22..26].copy_from_slice(&side.to_le_bytes());
        }
        Format::Tiff => {
            let ifd = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
            let count = u16::from_le_bytes([bytes[ifd], bytes[ifd + 1]]) as usize;
            for entry in (0..count).map(|i| ifd + 2 + 12 * i) {
                if matches!(u16::from_le_bytes([bytes[entry], bytes[entry + 1]]), 256 | 257 | 278) {
                    // Width, height, rows in the one strip.
                    bytes[entry + 2..entry + 4].copy_from_slice(&4u16.to_le_bytes());
                    bytes[entry + 8..entry + 12].copy_from_slice(&side.to_le_bytes());
                }
            }
        }
        Format::Jxl | Format::Avif | Format::Heif => unreachable!("no such sample is made here"),
        // VP8L: each side less one in 14 bits, after one signature byte. 16,383 is as far as it goes.
        Format::WebP => bytes[21..25].copy_from_slice(&(0x3ffeu32 | 0x3ffe << 14).to_le_bytes()),
    }
    bytes
}

pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &b| {
        (0..8).fold(crc ^ u32::from(b), |c, _| (c >> 1) ^ (0xedb8_8320 & (c & 1).wrapping_neg()))
    })
}

#[test]
fn a_small_file_that_claims_to_be_huge_is_refused_before_decoding() {
    for (format, bytes) in samples() {
        if format == Format::WebP && &bytes[12..16] == b"VP8 " {
            continue;
        }
        // A TIFF small enough to have one strip.
        let one_strip = || encoded(&DynamicImage::ImageRgb8(rgb_image(&quadrants(8, 8))), ImageFormat::Tiff);
        let bytes = if format == Format::Tiff { one_strip() } else { bytes };
        let error = error(&bomb(format, bytes));
        let Error::TooLarge { width, .. } = error else { panic!("{format}: {error}") };
        assert_eq!(width, if format == Format::WebP { 16_383 } else { 60_000 }, "{format}");
        let text = error.to_string();
        assert!(text.contains("60000x60000") || format == Format::WebP, "{text}");
        assert!(text.contains("the limit is 134.2 megapixels"), "{text}");
    }
}

#[test]
fn the_limit_is_exact() {
    let png = encoded(&DynamicImage::ImageRgb8(rgb_image(&quadrants(20, 10))), ImageFormat::Png);
    let within = |pixels| read_bytes(&png, "p", Limits { pixels, ..Limits::default() });
    assert!(within(200).is_ok());
    assert!(matches!(within(199), Err(Error::TooLarge { width: 20, height: 10, limit_px: 199, .. })));
    let small = Limits { file_bytes: png.len() as u64 - 1, ..Limits::default() };
    assert!(matches!(read_bytes(&png, "p", small), Err(Error::FileTooLarge { .. })));
}

#[test]
fn deep_pixels_count_by_their_bytes() {
    let picture = DynamicImage::ImageRgb8(rgb_image(&quadrants(20, 10)));
    let deep = encoded(&DynamicImage::ImageRgba16(picture.to_rgba16()), ImageFormat::Png);
    let jpeg = encoded(&picture, ImageFormat::Jpeg);
    for (bytes, bytes_per_px) in [(deep, 8), (jpeg, 3)] {
        let within = |decoded_bytes| read_bytes(&bytes, "p", Limits { decoded_bytes, ..Limits::default() });
        assert!(within(200 * bytes_per_px).is_ok());
        assert!(matches!(within(200 * bytes_per_px - 1), Err(Error::TooLarge { limit_px: 199, .. })));
    }
}

#[test]
fn one_pixel_is_a_picture() {
    let png = encoded(
        &DynamicImage::ImageRgb8(rgb_image(&Image::from_fn(1, 1, |_, _| [3, 2, 1]))),
        ImageFormat::Png,
    );
    assert_eq!(read_named(&png).image.rgb(), [3, 2, 1]);
}
