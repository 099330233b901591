//! Every kind of file that we write, written and read.

use super::*;
use crate::testing::Folder;
use crate::video::apng::ApngSink;
use crate::video::gif::GifSink;
use crate::video::mp4::{self, Coding, Mp4Sink, Recorder};
use crate::video::part::Standing;
use crate::video::pictures::PictureSink;
use crate::video::webp::WebpSink;
use std::fs::{self, File};
use std::path::PathBuf;

const SIZE: (usize, usize) = (64, 48);

/// A film that begins late and whose frames have different lengths.
fn uneven(count: u64) -> Vec<(u64, u64)> {
    let mut now = 4004;
    let step = |i: u64| {
        let duration = 1001 + 500 * (i % 3);
        now += duration;
        (now - duration, duration)
    };
    (0..count).map(step).collect()
}

fn even(count: u64, ticks: u64) -> Vec<(u64, u64)> {
    (0..count).map(|i| (i * ticks, ticks)).collect()
}

/// Writes the fragmented film, and the plain one from it.
fn film(folder: &Folder, size: (usize, usize), times: &[(u64, u64)]) -> (PathBuf, PathBuf) {
    let (part, whole) = (folder.join("a.part"), folder.join("a.mp4"));
    let file = File::create(&part).unwrap();
    let sink =
        Mp4Sink::new(Box::new(file), "a".into(), &info(size.0, size.1), &Coding::builtin(90), Standing::NEW);
    write(Box::new(sink), size, times);
    mp4::assemble(&part, None, &whole, mp4::Whole::default()).unwrap();
    (part, whole)
}

#[test]
fn an_mp4_keeps_frames_times_and_colours() {
    let folder = Folder::new("made_mp4");
    let times = uneven(20);
    let (_, whole) = film(&folder, SIZE, &times);
    let (info, frames, error) = read(&whole);
    assert!(error.is_none(), "{error:?}");
    assert_eq!((info.width, info.height, info.timescale, info.frames), (64, 48, 30_000, Some(20)));
    check(&frames, SIZE, &times, 28.0);
}

#[test]
fn a_fragmented_mp4_is_read_too() {
    let folder = Folder::new("made_fragmented");
    let times = even(20, 1001);
    let (part, _) = film(&folder, SIZE, &times);
    let (_, frames, error) = read(&part);
    assert!(error.is_none(), "{error:?}");
    check(&frames, SIZE, &times, 28.0);
}

#[test]
fn an_odd_size_stays_odd() {
    let folder = Folder::new("made_odd");
    let times = even(3, 1001);
    let (_, whole) = film(&folder, (51, 37), &times);
    let (info, frames, _) = read(&whole);
    assert_eq!((info.width, info.height), (51, 37));
    check(&frames, (51, 37), &times, 22.0);
}

#[test]
fn a_file_that_is_cut_short_gives_what_is_whole_and_says_so() {
    let folder = Folder::new("made_cut");
    let times = even(20, 1001);
    let (part, whole) = film(&folder, SIZE, &times);
    for path in [&whole, &part] {
        let bytes = fs::read(path).unwrap();
        fs::write(folder.join("cut.mp4"), &bytes[..bytes.len() * 7 / 10]).unwrap();
        let (_, frames, error) = read(&folder.join("cut.mp4"));
        assert!((8..20).contains(&frames.len()), "{}", frames.len());
        check(&frames, SIZE, &times[..frames.len()], 28.0);
        // A fragmented file announces no count: cut between fragments it is whole, cut inside one it says so.
        if let Some(error) = error {
            assert!(error.to_string().contains("cut short"), "{error}");
        } else {
            assert_eq!(path, &part);
        }
    }
}

#[test]
fn nonsense_in_a_file_is_an_error_and_no_panic() {
    let folder = Folder::new("made_nonsense");
    let (_, whole) = film(&folder, SIZE, &even(10, 1001));
    let bytes = fs::read(&whole).unwrap();
    let mut random = impasto_core::conformance::Random::new(5);
    for _ in 0..60 {
        let mut broken = bytes.clone();
        for _ in 0..1 + (random.unit() * 6.0) as usize {
            let at = (random.unit() * (bytes.len() - 1) as f32) as usize;
            broken[at] = (random.unit() * 255.0) as u8;
        }
        let path = folder.join("broken.mp4");
        fs::write(&path, &broken).unwrap();
        let Ok(mut input) =
            crate::video::open(&path, &InputOptions { backend: Backend::Builtin, ..Default::default() })
        else {
            continue;
        };
        while let Ok(Some(_)) = input.source.read() {}
    }
}

#[test]
fn gif_webp_and_pictures_are_read_back() {
    let folder = Folder::new("made_others");
    let times = even(7, 1001);
    let info = info(SIZE.0, SIZE.1);
    let create = |name: &str| Box::new(File::create(folder.join(name)).unwrap());
    write(Box::new(GifSink::new(create("a.gif"), "a".into(), &info, Standing::NEW).unwrap()), SIZE, &times);
    write(
        Box::new(WebpSink::new(create("a.webp"), "a".into(), &info, 95, Standing::NEW).unwrap()),
        SIZE,
        &times,
    );
    write(Box::new(ApngSink::new(create("a.png"), "a".into(), &info, Standing::NEW)), SIZE, &times);
    fs::create_dir(folder.join("frames")).unwrap();
    write(Box::new(PictureSink::new(folder.join("frames"), 0, false)), SIZE, &times);

    let rounded = |units: u64| -> Vec<_> {
        let at = |ticks: u64| (ticks * units + 15_000) / 30_000;
        times.iter().map(|&(start, duration)| (at(start), at(start + duration) - at(start))).collect()
    };
    check(&read(&folder.join("a.gif")).1, SIZE, &rounded(100), 25.0);
    check(&read(&folder.join("a.webp")).1, SIZE, &rounded(1000), 25.0);
    check(&read(&folder.join("a.png")).1, SIZE, &rounded(1000), 90.0);
    let (info, frames, _) = read(&folder.join("frames"));
    assert_eq!((info.timescale, info.frame_ticks, info.frames), (25, 1, Some(7)));
    check(&frames, SIZE, &even(7, 1), 90.0);
}

#[test]
fn a_recording_can_be_played_before_it_is_finished() {
    let folder = Folder::new("made_recorder");
    let path = folder.join("live.mp4");
    let mut recorder = Recorder::create(&path, 90).unwrap();
    for number in 0..80 {
        // The camera changes its size once; the film does not.
        let scale = if number == 40 { 2 } else { 1 };
        recorder.write(&picture(64 * scale, 48 * scale, number), number as f64 * 0.0625).unwrap();
    }
    let (_, early, _) = read(&path);
    assert!((60..80).contains(&early.len()), "{}", early.len());
    recorder.finish().unwrap();
    let (info, frames, error) = read(&path);
    assert!(error.is_none() && (info.width, info.height) == (64, 48));
    assert_eq!(frames.len(), 80);
    assert_eq!((frames[7].1, frames[7].2), (7 * 5625, 5625));
    assert!(Recorder::create(&path, 90).is_err(), "no recording is overwritten");
}

#[test]
fn a_recordings_sound_keeps_its_times() {
    let folder = Folder::new("made_recorder_sound");
    let path = folder.join("live.mp4");
    let mut recorder = Recorder::create(&path, 90).unwrap().with_sound();
    // 20 ms of Opus a packet; it begins 0.5 s late, and 1 s is missing after 2 s.
    let packet = |number: u64| [vec![31 << 3], number.to_be_bytes().to_vec()].concat();
    let heard = |number: u64| 0.5 + 0.02 * number as f64 + if number >= 100 { 1.0 } else { 0.0 };
    let mut next = 0;
    for number in 0..80 {
        let now = number as f64 * 0.0625;
        recorder.write(&picture(64, 48, number), now).unwrap();
        while heard(next) + 0.02 < now {
            // A clock that is off by a little is put right.
            recorder.write_sound(&packet(next), heard(next) + if next % 3 == 0 { 0.004 } else { -0.004 });
            next += 1;
        }
    }
    recorder.write_sound(&packet(0), -1.0);
    recorder.write_sound(&packet(1), 1.0);
    recorder.write_sound(&[], 6.0);
    recorder.finish().unwrap();
    let (info, frames, error) = read(&path);
    assert!(error.is_none() && (info.width, frames.len()) == (64, 80));
    let sound = mp4::Sound::open(&path, false).unwrap();
    let [track] = &sound.tracks[..] else { panic!("one track") };
    assert_eq!((track.timescale, track.samples.len()), (48_000, next as usize));
    let bytes = fs::read(&path).unwrap();
    let mut at = track.first_decode;
    for (number, sample) in (0..).zip(&track.samples) {
        let wanted = (heard(number) * 48_000.0).round();
        assert!((at as f64 - wanted).abs() < 250.0, "packet {number} at {at} instead of {wanted}");
        let from = sample.offset as usize;
        assert_eq!(bytes[from..from + sample.size as usize], packet(number)[..]);
        at += u64::from(sample.duration);
    }
}

#[test]
fn a_thinned_film_has_fewer_frames_and_lasts_as_long() {
    let folder = Folder::new("made_thinned");
    let times = even(30, 1001);
    let (_, whole) = film(&folder, SIZE, &times);
    let rate = Some("10".parse().unwrap());
    let mut input =
        crate::video::open(&whole, &InputOptions { backend: Backend::Builtin, rate, ..Default::default() })
            .unwrap();
    let (mut count, mut end) = (0, 0);
    while let Some(frame) = input.source.read().unwrap() {
        assert_eq!(frame.start, end, "no gap");
        end = frame.start + frame.duration;
        count += 1;
    }
    assert_eq!((count, end), (10, 30 * 1001));
}

#[test]
fn what_is_no_film_is_refused_in_words() {
    let folder = Folder::new("made_refused");
    let refuse = |name: &str, bytes: &[u8], needle: &str| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        let error =
            crate::video::open(&path, &InputOptions { backend: Backend::Builtin, ..Default::default() });
        let error = error.err().expect(name).to_string();
        assert!(error.contains(needle) && error.contains(name), "{error}");
    };
    refuse("empty.mp4", b"", "empty");
    refuse("text.mp4", b"hello", "text");
    refuse("film.mkv", b"\x1a\x45\xdf\xa3\x01\x00\x00", "Matroska");
    refuse("half.mp4", b"\0\0\0\x14ftypisom\0\0\0\0isom\0\0\0\0mdat", "its index is missing");
}

#[cfg(unix)]
#[test]
fn what_is_no_picture_among_frames_is_named() {
    let folder = Folder::new("frames_and_more");
    let frames = folder.join("frames");
    fs::create_dir(&frames).unwrap();
    let picture = crate::still::Still::from_image(impasto_core::Image::black(16, 16));
    crate::still::write(&frames.join("1.png"), &picture, Default::default()).unwrap();
    fs::write(frames.join("notes.txt"), "words").unwrap();
    std::os::unix::fs::symlink("nowhere.png", frames.join("2.png")).unwrap();
    let input = crate::video::open(&frames, &Default::default()).unwrap();
    let notes = input.source.info().notes.join(" ");
    assert!(notes.contains("notes.txt (") && notes.contains("2.png ("), "{notes}");
}
