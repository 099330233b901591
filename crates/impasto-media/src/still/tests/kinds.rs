//! Kinds of files that people have: odd TIFFs, colours by other words, cut ends, animations, pictures of other programs.

use super::*;
use std::process::Command;

/// A little-endian TIFF of one page: entries `(tag, values)` as LONG or, up to 16 bits each, SHORT.
fn tiff(entries: &[(u16, &[u32])], data: &[&[u8]], tiled: bool) -> Vec<u8> {
    let mut file = b"II*\0\0\0\0\0".to_vec();
    let mut places = Vec::new();
    for part in data {
        places.push(file.len() as u32);
        file.extend(*part);
        file.resize(file.len().next_multiple_of(4), 0);
    }
    let lengths: Vec<u32> = data.iter().map(|part| part.len() as u32).collect();
    let chunks: [(u16, &[u32]); 2] =
        if tiled { [(324, &places), (325, &lengths)] } else { [(273, &places), (279, &lengths)] };
    let mut all: Vec<_> = entries.iter().copied().chain(chunks).collect();
    all.sort_by_key(|(tag, _)| *tag);
    let mut directory = (all.len() as u16).to_le_bytes().to_vec();
    for (tag, values) in all {
        let long = values.iter().any(|&v| v > 65_535) || matches!(tag, 273 | 279 | 324 | 325);
        let bytes: Vec<u8> = match long {
            true => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            false => values.iter().flat_map(|&v| (v as u16).to_le_bytes()).collect(),
        };
        directory.extend(tag.to_le_bytes());
        directory.extend(if long { 4u16 } else { 3 }.to_le_bytes());
        directory.extend((values.len() as u32).to_le_bytes());
        if bytes.len() <= 4 {
            directory.extend(bytes.iter().copied().chain([0; 4]).take(4));
        } else {
            directory.extend((file.len() as u32).to_le_bytes());
            file.extend(bytes);
            file.resize(file.len().next_multiple_of(4), 0);
        }
    }
    directory.extend([0; 4]);
    let start = file.len() as u32;
    file[4..8].copy_from_slice(&start.to_le_bytes());
    file.extend(directory);
    file
}

/// Width, height, bits, compression, colours, samples.
fn base<'a>(bits: &'a [u32], colours: &'a [u32], samples: &'a [u32]) -> Vec<(u16, &'a [u32])> {
    vec![(256, &[6]), (257, &[4]), (258, bits), (259, &[1]), (262, colours), (277, samples), (278, &[4])]
}

fn refused(bytes: &[u8]) -> String {
    read_bytes(bytes, "scan.tif", Limits::default()).unwrap_err().to_string()
}

#[test]
fn palettes_of_every_depth_are_looked_up() {
    let map: Vec<u32> = [[0u32, 255, 10], [0, 20, 200], [0, 30, 90]]
        .iter()
        .flat_map(|channel| (0..256).map(|i| channel[i.min(2)] * 257))
        .collect();
    let expected = Image::from_fn(6, 4, |x, _| [[0, 0, 0], [255, 20, 30], [10, 200, 90]][x % 3]);
    let mut entries = base(&[8], &[3], &[1]);
    entries.push((320, &map));
    let indices: Vec<u8> = (0..24).map(|i| (i % 6 % 3) as u8).collect();
    assert_eq!(read_named(&tiff(&entries, &[&indices], false)).image, expected);
    let small: Vec<u32> = [0, 1, 2].iter().flat_map(|c| map[c * 256..c * 256 + 16].to_vec()).collect();
    let mut entries = base(&[4], &[3], &[1]);
    entries.push((320, &small));
    let packed: Vec<u8> = indices.chunks(2).map(|p| p[0] << 4 | p[1]).collect();
    assert_eq!(read_named(&tiff(&entries, &[&packed], false)).image, expected);
}

#[test]
fn planes_that_lie_apart_come_together_in_strips_and_tiles() {
    let image = Image::from_fn(20, 18, |x, y| [(x * 12) as u8, (y * 14) as u8, 77]);
    let plane = |c: usize| -> Vec<u8> { image.rgb().chunks(3).map(|p| p[c]).collect() };
    let planes = [plane(0), plane(1), plane(2)];
    let mut entries: Vec<(u16, &[u32])> = vec![
        (256, &[20]),
        (257, &[18]),
        (258, &[8, 8, 8]),
        (259, &[1]),
        (262, &[2]),
        (277, &[3]),
        (284, &[2]),
    ];
    let strips: Vec<&[u8]> = planes.iter().flat_map(|p| [&p[..200], &p[200..]]).collect();
    entries.push((278, &[10]));
    assert_eq!(read_named(&tiff(&entries, &strips, false)).image, image);
    entries.pop();
    entries.extend([(322, &[16u32][..]), (323, &[16][..])]);
    let tile = |p: &[u8], left: usize, top: usize| -> Vec<u8> {
        let at = |x: usize, y: usize| if x < 20 && y < 18 { p[y * 20 + x] } else { 0 };
        (0..256).map(|i| at(left + i % 16, top + i / 16)).collect()
    };
    let tiles: Vec<Vec<u8>> = planes
        .iter()
        .flat_map(|p| [(0, 0), (16, 0), (0, 16), (16, 16)].map(|(left, top)| tile(p, left, top)))
        .collect();
    let tiles: Vec<&[u8]> = tiles.iter().map(Vec::as_slice).collect();
    assert_eq!(read_named(&tiff(&entries, &tiles, true)).image, image);
}

#[test]
fn floats_and_ycbcr_are_read_and_named_rightly() {
    let floats: Vec<u8> = (0..72).flat_map(|i| [0.0f32, 0.5, 1.5][i % 3].to_le_bytes()).collect();
    let mut entries = base(&[32, 32, 32], &[2], &[3]);
    entries.push((339, &[3, 3, 3]));
    let still = read_named(&tiff(&entries, &[&floats], false));
    assert_eq!((still.image.pixel(1, 1), still.notes), ([0, 128, 255], vec![Note::FloatsTo8Bit]));
    let mut entries = base(&[8, 8, 8], &[6], &[3]);
    entries.push((530, &[1, 1]));
    // Pure red in full-range BT.601.
    let red: Vec<u8> = [76u8, 85, 255].repeat(24);
    let pixel = read_named(&tiff(&entries, &[&red], false)).image.pixel(2, 2);
    assert!(pixel[0] > 250 && pixel[1] < 4 && pixel[2] < 4, "{pixel:?}");
}

#[test]
fn alpha_that_is_multiplied_in_is_taken_out() {
    let straight: Vec<u8> = [200u8, 100, 50, 128].repeat(24);
    let multiplied: Vec<u8> = [100u8, 50, 25, 128].repeat(24);
    let of = |kind: &[u32], data: &[u8]| {
        let mut entries = base(&[8, 8, 8, 8], &[2], &[4]);
        entries.push((338, kind));
        read_named(&tiff(&entries, &[data], false))
    };
    let (a, b) = (of(&[2], &straight), of(&[1], &multiplied));
    assert_eq!(a.alpha, b.alpha);
    let near = a.image.rgb().iter().zip(b.image.rgb()).all(|(a, b)| a.abs_diff(*b) <= 1);
    assert!(near, "{:?} {:?}", a.image.pixel(0, 0), b.image.pixel(0, 0));
    assert!(of(&[0], &straight).alpha.is_none(), "an extra channel that is no alpha");
}

#[test]
fn what_a_tiff_has_and_we_have_not_is_said_in_plain_words() {
    let with = |tag: u16, value: u32| {
        let value = [value];
        let mut entries = base(&[8], &[1], &[1]);
        entries.retain(|(t, _)| *t != tag);
        entries.push((tag, &value));
        refused(&tiff(&entries, &[&[9; 24]], false))
    };
    for (tag, value, words) in [
        (259, 50_000, "Zstandard"),
        (259, 6, "old kind of JPEG"),
        (262, 8, "L*a*b*"),
        (262, 999, "not known"),
    ] {
        let said = with(tag, value);
        assert!(said.contains(words) && said.contains("Convert it to PNG or JPEG"), "{said}");
    }
    let mut entries = base(&[8, 8, 8], &[6], &[3]);
    entries.push((530, &[2, 2]));
    let said = refused(&tiff(&entries, &[&[9; 72]], false));
    assert!(said.contains("another size than its brightness"), "{said}");
}

#[test]
fn raw_photos_are_refused_instead_of_painting_their_thumbnails() {
    let with = |entry: (u16, &[u32])| {
        let mut entries = base(&[8], &[1], &[1]);
        entries.retain(|(tag, _)| *tag != entry.0);
        entries.push(entry);
        refused(&tiff(&entries, &[&[9; 24]], false))
    };
    for said in [with((50706, &[1, 4, 0, 0])), with((262, &[32803])), with((259, &[34713]))] {
        assert!(said.contains("raw photo") && said.contains("Develop it first"), "{said}");
    }
}

/// A PNG of grey `level` with chunks in front of its data.
fn png_with(level: u8, chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut png = encoded(
        &DynamicImage::ImageRgb8(RgbImage::from_pixel(8, 8, image::Rgb([level; 3]))),
        ImageFormat::Png,
    );
    let mut extra = Vec::new();
    for (name, body) in chunks {
        extra.extend((body.len() as u32).to_be_bytes());
        let named = [&name[..], body].concat();
        extra.extend(&named);
        extra.extend(faults::crc32(&named).to_be_bytes());
    }
    png.splice(33..33, extra);
    png
}

#[test]
fn png_says_its_colours_in_several_ways() {
    let grey = |chunks: &[(&[u8; 4], Vec<u8>)]| {
        let still = read_named(&png_with(55, chunks));
        (still.image.pixel(4, 4)[1], still.notes)
    };
    let number = |values: &[u32]| values.iter().flat_map(|v| v.to_be_bytes()).collect::<Vec<u8>>();
    // Linear 55/255 is sRGB 128.
    let (level, notes) = grey(&[(b"gAMA", number(&[100_000]))]);
    assert!(level.abs_diff(128) <= 1 && notes.is_empty(), "{level}");
    assert_eq!(grey(&[(b"gAMA", number(&[45_455]))]).0, 55, "the usual gamma is sRGB");
    assert_eq!(grey(&[(b"sRGB", vec![0]), (b"gAMA", number(&[100_000]))]).0, 55, "sRGB goes first");
    assert!(grey(&[(b"cICP", vec![1, 8, 0, 1])]).0.abs_diff(128) <= 1, "linear by its code point");
    assert_eq!(grey(&[(b"cICP", vec![9, 16, 0, 1])]).1, [Note::HighDynamicRange]);
    let p3 = [31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000];
    let mut green = png_with(0, &[(b"gAMA", number(&[45_455])), (b"cHRM", number(&p3))]);
    let plain = read_named(&green).image.pixel(0, 0);
    assert_eq!(plain, [0; 3], "black is black");
    green.truncate(20);
    assert!(read_bytes(&green, "cut", Limits::default()).is_err());
}

#[test]
fn a_profile_that_unfolds_without_end_is_left_out_and_said() {
    // Zeros deflate to a thousandth: `png`'s own writer makes the stream.
    let mut bomb = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bomb, 4096, 5120);
    encoder.set_color(::png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&vec![0; 4096 * 5120]).unwrap();
    let at = bomb.windows(4).position(|w| w == b"IDAT").unwrap();
    let length = u32::from_be_bytes(bomb[at - 4..at].try_into().unwrap()) as usize;
    let stream = &bomb[at + 4..at + 4 + length];
    let still = read_named(&png_with(90, &[(b"iCCP", [b"x\0\0", stream].concat())]));
    assert_eq!((still.image.pixel(3, 3), still.notes), ([90; 3], vec![Note::ProfileIgnored]));
}

#[test]
fn a_jpeg_without_its_end_marker_is_whole() {
    let image = quadrants(64, 48);
    for progressive in [false, true] {
        let jpeg = jpeg_with(&image, |e| e.set_progressive(progressive));
        for missing in [1, 2] {
            let still = read_named(&jpeg[..jpeg.len() - missing]);
            assert_eq!(
                still.image,
                read_named(&jpeg).image,
                "progressive {progressive}, {missing} bytes less"
            );
        }
    }
}

#[test]
fn exif_in_webp_is_read_with_and_without_jpegs_six_bytes() {
    let image = quadrants(48, 32);
    let plain = webp::encode(image.rgb(), false, 48, 32, 90).unwrap();
    for prefix in [&b""[..], b"Exif\0\0"] {
        let exif = [prefix, &block(6, true)].concat();
        let file = webp::with_metadata(&plain, false, 48, 32, [Some(&exif), None]);
        let still = read_named(&file);
        assert_eq!((still.image.width(), still.image.height()), (32, 48));
    }
}

#[test]
fn jpeg_xl_is_read() {
    use zune_core::{bit_depth::BitDepth, colorspace::ColorSpace, options::EncoderOptions};
    let image = quadrants(40, 24);
    let options = EncoderOptions::new(40, 24, ColorSpace::RGB, BitDepth::Eight);
    let mut file = Vec::new();
    zune_jpegxl::JxlSimpleEncoder::new(image.rgb(), options).encode(&mut file).unwrap();
    let still = read_named(&file);
    assert_eq!((still.format, still.image), (Format::Jxl, image));
    let cut = read_bytes(&file[..file.len() / 2], "half.jxl", Limits::default()).unwrap_err();
    assert!(matches!(cut, Error::Damaged { .. }), "{cut}");
}

#[test]
fn avif_and_heic_are_read_through_a_program_or_say_which() {
    let folder = Folder::new("still_avif");
    let (png, avif) = (folder.join("a.png"), folder.join("a.avif"));
    write(&png, &Still::from_image(quadrants(64, 48)), WriteOptions::default()).unwrap();
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y", "-i"])
        .arg(&png)
        .args(["-c:v", "libaom-av1", "-still-picture", "1", "-cpu-used", "8"])
        .arg(&avif)
        .status();
    let bytes = std::fs::read(&avif).unwrap_or_default();
    if !made.is_ok_and(|status| status.success()) || bytes.is_empty() {
        println!("skipped: no ffmpeg that writes AVIF");
        return;
    }
    let still = read(&avif).unwrap();
    assert_eq!(still.format, Format::Avif);
    assert_near(&still.image, &quadrants(64, 48), 12);
    let said = read_bytes(&bytes, "a.avif", Limits::default()).unwrap_err().to_string();
    assert!(said.contains("an AVIF picture"), "bytes from strangers start no program: {said}");
}

#[test]
fn cut_outs_that_look_the_same_are_the_same() {
    let alpha: Vec<u8> = (0..24 * 16).map(|i| if i % 24 < 12 { 255 } else { 0 }).collect();
    let under = |hidden: [u8; 3]| {
        let image = Image::from_fn(24, 16, |x, y| if x < 12 { [x as u8, y as u8, 50] } else { hidden });
        let mut still = Still::from_image(image);
        still.alpha = Some(alpha.clone());
        read_named(&encode(&still, OutputFormat::Png, WriteOptions::default()).unwrap())
    };
    let (black, white) = (under([0; 3]), under([255; 3]));
    assert_eq!(black.image, white.image);
    assert_eq!(black.alpha.as_ref(), Some(&alpha));
    let painting = black.into_painting().unwrap();
    assert_eq!((painting.width(), painting.height()), (12, 16), "a painting is what is seen of it");
    let mut clear = Still::from_image(quadrants(8, 8));
    clear.alpha = Some(vec![0; 64]);
    assert!(matches!(clear.into_painting(), Err(Error::NothingSeen)));
}

#[test]
fn the_mark_is_in_every_format_and_exiftool_reads_it() {
    let folder = Folder::new("still_mark");
    let exiftool = Command::new("exiftool").arg("-ver").output().is_ok_and(|out| out.status.success());
    for name in ["a.jpg", "a.png", "a.webp", "a.tif"] {
        for alpha in [None, Some(vec![200; 32 * 24])] {
            let mut still =
                Still { xmp: Some(mark::packet("light", "waves")), ..Still::from_image(quadrants(32, 24)) };
            still.alpha = alpha;
            let path = folder.join(name);
            write(&path, &still, WriteOptions::default()).unwrap();
            assert!(mark::is_in(&std::fs::read(&path).unwrap()), "{name}");
            assert_eq!(read(&path).unwrap().image.width(), 32, "{name}");
            if exiftool {
                let out = Command::new("exiftool").args(["-XMP:all", "-n"]).arg(&path).output().unwrap();
                let said = String::from_utf8_lossy(&out.stdout).into_owned();
                for needle in [mark::SOURCE_TYPE, "Impasto", "waves"] {
                    assert!(said.contains(needle), "{name}: {said}");
                }
            }
        }
    }
    if !exiftool {
        println!("skipped: exiftool is missing");
    }
}
