//! Films made by our own writers, read back; no other program is needed.

mod animations;
mod crash;
mod made;
mod stages;

use super::*;
use impasto_core::Image;
use impasto_core::image::psnr_db;
use std::path::Path;

/// What a film of `width` x `height` px at 30000/1001 frames a second says.
pub(super) fn info(width: usize, height: usize) -> Info {
    Info { timescale: 30_000, frame_ticks: 1001, ..Info::of("made".into(), "made", width, height) }
}

/// A picture that tells its number: a block moves over a gradient with a red, a green and a blue field.
pub(super) fn picture(width: usize, height: usize, number: usize) -> Image {
    Image::from_fn(width, height, |x, y| {
        let block = (x / 8 + y / 8 * width.div_ceil(8)) == number % (width.div_ceil(8) * height.div_ceil(8));
        match (block, 4 * y / height) {
            (true, _) => [255; 3],
            (_, 0) => [200, 30, 30],
            (_, 1) => [30, 180, 30],
            (_, 2) => [30, 30, 220],
            _ => [(60 + 2 * x % 128) as u8, 90, 90],
        }
    })
}

/// Writes `frames` through `sink` with the times given, with a checkpoint after every eight.
pub(super) fn write(mut sink: Box<dyn Sink>, size: (usize, usize), times: &[(u64, u64)]) {
    for (number, &(start, duration)) in times.iter().enumerate() {
        let pixels = convert::pixels_for(sink.layout(), picture(size.0, size.1, number));
        sink.write(&Frame { pixels, start, duration }).unwrap();
        if (number + 1) % 8 == 0 {
            sink.checkpoint().unwrap();
        }
    }
    sink.finish().unwrap();
}

/// All frames of a film, upright, with their times, and the error at its end.
pub(super) fn read(path: &Path) -> (Info, Vec<(Image, u64, u64)>, Option<crate::Error>) {
    let options = InputOptions { backend: Backend::Builtin, ..Default::default() };
    let mut input = super::open(path, &options).unwrap();
    let info = input.source.info().clone();
    let mut frames = Vec::new();
    loop {
        match input.source.read() {
            Ok(Some(Frame { pixels, start, duration })) => {
                frames.push((convert::upright(pixels, &info, info.width, info.height), start, duration));
            }
            Ok(None) => return (info, frames, None),
            Err(error) => return (info, frames, Some(error)),
        }
    }
}

/// Every frame is the one that was written at its place, in its colours.
pub(super) fn check(frames: &[(Image, u64, u64)], size: (usize, usize), times: &[(u64, u64)], least_db: f64) {
    assert_eq!(frames.iter().map(|f| (f.1, f.2)).collect::<Vec<_>>(), times);
    for (number, (image, ..)) in frames.iter().enumerate() {
        let db = psnr_db(image, &picture(size.0, size.1, number));
        assert!(db > least_db, "frame {number}: {db:.1} dB");
    }
}
