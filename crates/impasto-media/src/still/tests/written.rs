//! What is written can be read again, says nothing it should not, and appears whole or not at all.

use super::*;

fn still(image: Image) -> Still {
    Still::from_image(image)
}

#[test]
fn every_output_format_comes_back() {
    let folder = Folder::new("still_written");
    let image = quadrants(33, 17);
    for (name, tolerance) in [("a.png", 0), ("a.tif", 0), ("a.webp", 8), ("a.jpg", 5), ("a.JPEG", 5)] {
        let path = folder.join(name);
        write(&path, &still(image.clone()), WriteOptions::default()).unwrap();
        let back = read(&path).unwrap();
        assert_near(&back.image, &image, tolerance);
        assert_eq!(back.format.name(), OutputFormat::of(&path).unwrap().name());
    }
}

#[test]
fn transparency_is_written_or_laid_on_white() {
    let mut half = still(Image::from_fn(32, 32, |_, _| [200, 0, 0]));
    half.alpha = Some((0..1024).map(|i| if i % 32 < 16 { 0 } else { 255 }).collect());
    for format in [OutputFormat::Png, OutputFormat::Tiff, OutputFormat::WebP] {
        let back = read_named(&encode(&half, format, WriteOptions::default()).unwrap());
        assert_eq!(back.alpha, half.alpha, "{}", format.name());
    }
    let back = read_named(&encode(&half, OutputFormat::Jpeg, WriteOptions::default()).unwrap());
    assert!(back.image.pixel(4, 16).iter().all(|&v| v > 250), "see-through becomes white");
    assert!(back.image.pixel(28, 16)[1] < 5, "opaque stays red");
}

#[test]
fn quality_is_heeded() {
    let detail =
        still(Image::from_fn(64, 64, |x, y| [(x * 37 + y * 91) as u8, (x * y) as u8, (x ^ y) as u8]));
    for format in [OutputFormat::Jpeg, OutputFormat::WebP] {
        let size =
            |quality| encode(&detail, format, WriteOptions { quality, ..Default::default() }).unwrap().len();
        assert!(size(30) < size(80) && size(80) < size(100), "{}", format.name());
        assert_eq!(size(0), size(1), "out of range is clamped");
        assert_eq!(size(255), size(100));
    }
}

#[test]
fn metadata_is_dropped_unless_asked_for() {
    let photo = jpeg_with(&quadrants(16, 32), |e| e.add_exif_metadata(&block(6, true)).unwrap());
    let photo = read_named(&photo);
    for format in [OutputFormat::Jpeg, OutputFormat::Png, OutputFormat::WebP] {
        let says_camera = |keep_metadata| {
            let bytes = encode(&photo, format, WriteOptions { keep_metadata, ..Default::default() }).unwrap();
            let back = read_named(&bytes);
            assert_eq!((back.image.width(), back.image.height()), (32, 16), "upright, once");
            assert_near(&back.image, &photo.image, 8);
            (bytes.windows(3).any(|w| w == b"Cam"), back.exif.is_some())
        };
        assert_eq!(says_camera(false), (false, false), "{}", format.name());
        assert_eq!(says_camera(true), (true, true), "{}", format.name());
        assert!(format.keeps_metadata());
    }
    assert!(!OutputFormat::Tiff.keeps_metadata());
}

#[test]
fn an_unknown_ending_and_a_missing_folder_are_said() {
    let folder = Folder::new("still_unwritable");
    let image = still(quadrants(8, 8));
    let failed = |name: &str| write(&folder.join(name), &image, WriteOptions::default()).unwrap_err();
    let unknown = failed("a.heic").to_string();
    assert!(unknown.contains("a.heic") && unknown.contains(".png"), "{unknown}");
    assert!(matches!(failed("plain"), Error::UnknownExtension { .. }));
    let missing = failed("no/a.png").to_string();
    assert!(missing.contains("Create the folder first"), "{missing}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was left behind");
}

#[test]
fn a_picture_too_wide_for_its_format_is_refused() {
    let wide = still(Image::black(16_384, 1));
    let error = encode(&wide, OutputFormat::WebP, WriteOptions::default()).unwrap_err();
    assert!(matches!(error, Error::FormatTooSmall { max_side: 16_383, .. }), "{error}");
    assert!(encode(&wide, OutputFormat::Jpeg, WriteOptions::default()).is_ok());
}
