//! Animations with parts that are not there: what is seen, how long, and how often.

use super::*;
use crate::testing::Folder;
use crate::video::apng::ApngSink;
use crate::video::disk::PartFile;
use crate::video::gif::GifSink;
use crate::video::part::Standing;
use crate::video::webp::WebpSink;
use std::fs::{self, File};

/// A ball that moves over nothing; the colours of nothing are noise.
fn sticker(number: usize) -> Pixels {
    let inside = |x: usize, y: usize| (x as i32 - 4 * number as i32 - 8).pow(2) + (y as i32 - 12).pow(2) < 50;
    let image = Image::from_fn(32, 24, |x, y| match inside(x, y) {
        true => [220, 40, 40],
        false => [(97 * x + 31 * y + number) as u8, (x * y) as u8, 7],
    });
    let alpha = (0..32 * 24).map(|i| if inside(i % 32, i / 32) { 255 } else { 0 }).collect();
    Pixels::Rgba(image, alpha)
}

fn make(folder: &Folder, name: &str, plays: Plays) -> std::path::PathBuf {
    let info = Info { alpha: true, plays, timescale: 10, ..info(32, 24) };
    let path = folder.join(name);
    let file: Box<dyn PartFile> = Box::new(File::create(&path).unwrap());
    let (title, from) = (name.to_string(), Standing::NEW);
    let mut sink: Box<dyn Sink> = match name.rsplit('.').next() {
        Some("gif") => Box::new(GifSink::new(file, title, &info, from).unwrap()),
        Some("webp") => Box::new(WebpSink::new(file, title, &info, 90, from).unwrap()),
        _ => Box::new(ApngSink::new(file, title, &info, from)),
    };
    assert_eq!(sink.layout(), Layout::Rgba);
    for number in 0..4 {
        sink.write(&Frame { pixels: sticker(number), start: 2 * number as u64, duration: 2 }).unwrap();
    }
    sink.finish().unwrap();
    path
}

/// What is known of a file, and its frames.
fn back(path: &Path) -> (Info, Vec<(Image, Vec<u8>, f64)>) {
    let mut input = open(path, &InputOptions { backend: Backend::Builtin, ..Default::default() }).unwrap();
    let info = input.source.info().clone();
    let mut frames = Vec::new();
    while let Some(frame) = input.source.read().unwrap() {
        let Pixels::Rgba(image, alpha) = frame.pixels else { panic!("{path:?} lost its opacity") };
        frames.push((image, alpha, frame.start as f64 / f64::from(info.timescale)));
    }
    (info, frames)
}

#[test]
fn stickers_keep_their_holes_times_and_plays() {
    let folder = Folder::new("stickers");
    for name in ["a.gif", "a.webp", "a.png"] {
        for plays in [Plays::Forever, Plays::Times(1), Plays::Times(3)] {
            let (info, frames) = back(&make(&folder, name, plays));
            assert_eq!((info.plays, info.alpha, frames.len()), (plays, true, 4), "{name}");
            for (number, (image, alpha, start)) in frames.iter().enumerate() {
                let Pixels::Rgba(_, expected) = sticker(number) else { unreachable!() };
                assert!(alpha == &expected, "{name}, frame {number}");
                assert!((start - 0.2 * number as f64).abs() < 1e-6, "{name}: {start}");
                let middle = image.pixel(8 + 4 * number, 12);
                assert!(middle[0] > 190 && middle[1] < 80, "{name}: {middle:?}");
            }
        }
    }
}

#[test]
fn hidden_colours_are_painted_as_if_they_were_not_there() {
    let Pixels::Rgba(image, alpha) = sticker(1) else { unreachable!() };
    let other =
        Image::from_fn(32, 24, |x, y| if alpha[32 * y + x] == 0 { [0, 255, 0] } else { image.pixel(x, y) });
    let shown =
        |image: Image| convert::upright_with_alpha(Pixels::Rgba(image, alpha.clone()), &info(32, 24), 64, 48);
    let (a, seen) = shown(image);
    assert!(a == shown(other).0);
    let seen = seen.unwrap();
    assert_eq!(seen.len(), 64 * 48);
    assert!(seen.contains(&0) && seen.contains(&255));
}

#[test]
fn a_gif_without_holes_stays_without() {
    let folder = Folder::new("opaque_gif");
    let path = folder.join("a.gif");
    let file = Box::new(File::create(&path).unwrap());
    write(
        Box::new(GifSink::new(file, "a".into(), &info(32, 24), Standing::NEW).unwrap()),
        (32, 24),
        &[(0, 1001)],
    );
    let (info, frames) = back(&path);
    assert!(!info.alpha && frames[0].1.iter().all(|&a| a == 255));
    assert_eq!(info.frames, Some(1));
}

/// Frames of other sizes, disposal and blending, as programs write them, by the specification's own words.
#[test]
fn an_apng_that_restores_and_clears_is_laid_out_right() {
    let folder = Folder::new("apng_parts");
    let path = folder.join("a.png");
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 2, 1);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_animated(3, 2).unwrap();
    encoder.set_frame_delay(1, 10).unwrap();
    let mut writer = encoder.write_header().unwrap();
    let (red, blue) = ([255, 0, 0, 255], [0, 0, 255, 255]);
    writer.write_image_data(&[red, red].concat()).unwrap();
    writer.set_frame_dimension(1, 1).unwrap();
    writer.set_dispose_op(png::DisposeOp::Previous).unwrap();
    writer.write_image_data(&blue).unwrap();
    writer.set_frame_position(1, 0).unwrap();
    writer.set_dispose_op(png::DisposeOp::Background).unwrap();
    writer.set_blend_op(png::BlendOp::Source).unwrap();
    writer.write_image_data(&[0, 0, 0, 0]).unwrap();
    writer.finish().unwrap();
    fs::write(&path, bytes).unwrap();
    let (info, frames) = back(&path);
    assert_eq!((info.plays, frames.len()), (Plays::Times(2), 3));
    assert_eq!((frames[1].0.pixel(0, 0), frames[1].0.pixel(1, 0)), ([0, 0, 255], [255, 0, 0]));
    assert_eq!((frames[2].0.pixel(0, 0), &frames[2].1), ([255, 0, 0], &vec![255, 0]));
    assert!((frames[2].2 - 0.2).abs() < 1e-9);
}
