//! What `video` paints, and how it goes on after it was broken off. No other program is needed.

use crate::studio::Studio;
use impasto_core::Image;
use impasto_core::image::psnr_db;
use impasto_media::video::{self, Backend, Info, InputOptions, convert};
use std::fs;
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A grey field in which a block moves, with a red edge.
fn picture(width: usize, height: usize, number: usize) -> Image {
    Image::from_fn(width, height, |x, y| match (x, (x / 8 + number) % 5 == y / 8 % 5) {
        (0..=3, _) => [220, 20, 20],
        (_, true) => [240; 3],
        _ => [(2 * x) as u8, (3 * y) as u8, 120],
    })
}

/// A studio with the film `film.y4m` of so many frames of 48x32 px, 25 a second.
pub fn studio(test: &str, frames: usize) -> Studio {
    let studio = Studio::new(test);
    fs::write(studio.path("film.y4m"), y4m(48, 32, frames)).unwrap();
    studio
}

pub fn y4m(width: usize, height: usize, frames: usize) -> Vec<u8> {
    let mut film = format!("YUV4MPEG2 W{width} H{height} F25:1 Ip A1:1 C420jpeg\n").into_bytes();
    let color = video::Color::usual(width, height);
    for number in 0..frames {
        let planes = convert::planes_from_image(&picture(width, height, number), color);
        film.extend(b"FRAME\n");
        [planes.y, planes.u, planes.v].iter().for_each(|plane| film.extend(plane));
    }
    film
}

/// What the film says, and its frames with their starts.
pub fn read(studio: &Studio, name: &str) -> (Info, Vec<(Image, u64)>) {
    let options = InputOptions { backend: Backend::Builtin, ..Default::default() };
    let mut input = video::open(&studio.path(name), &options).unwrap();
    let info = input.source.info().clone();
    let mut frames = Vec::new();
    while let Some(frame) = input.source.read().unwrap() {
        frames.push((convert::upright(frame.pixels, &info, info.width, info.height), frame.start));
    }
    (info, frames)
}

#[test]
fn a_film_is_painted_frame_by_frame() {
    let studio = studio("video_paint", 12);
    let words = "video film.y4m --style wave.png --steady 0 --quality 100 -o painted.mp4";
    assert_eq!(studio.lines(words), ["painted.mp4"]);
    let (info, painted) = read(&studio, "painted.mp4");
    assert_eq!((info.width, info.height, info.timescale, painted.len()), (48, 32, 25, 12));
    for number in [0, 7] {
        // Each frame is what `stylize` makes of it.
        studio.write("frame.png", &picture(48, 32, number));
        studio.lines("stylize frame.png --style wave.png --force -o frame-painted.png");
        let still = studio.read("frame-painted.png").image;
        let db = psnr_db(&painted[number].0, &still);
        assert!(db > 22.0, "frame {number}: {db:.1} dB");
        assert!(db > psnr_db(&painted[(number + 2) % 12].0, &still) + 2.0, "frame {number} is another");
    }
    assert!(!studio.files().iter().any(|file| file.contains("part")), "{:?}", studio.files());
}

#[test]
fn every_kind_leads_to_every_other() {
    let studio = studio("video_kinds", 6);
    let paint = |from: &str, to: &str| {
        let words = format!("video {from} --style wave.png -o {to}");
        assert_eq!(studio.lines(&words), [to], "{words}");
    };
    for (from, to) in [
        ("film.y4m", "a.gif"),
        ("a.gif", "b.webp"),
        ("b.webp", "frames/"),
        ("frames/", "c.mov"),
        ("c.mov", "d.y4m"),
        ("d.y4m", "e.mp4"),
    ] {
        paint(from, to);
        let (info, frames) = read(&studio, to);
        assert_eq!((info.width, info.height, frames.len()), (48, 32, 6), "{to}");
        assert_eq!(frames[5].1 * 25, 5 * u64::from(info.timescale), "{to} keeps its times");
    }
}

#[test]
fn size_and_rate_are_dials() {
    let studio = studio("video_dials", 25);
    studio.lines("video film.y4m --style wave.png --size 17 --fps 5 -o small.mp4");
    let (info, frames) = read(&studio, "small.mp4");
    assert_eq!((info.width, info.height), (26, 17), "an odd height stays");
    assert_eq!(frames.iter().map(|f| f.1).collect::<Vec<_>>(), [0, 5, 10, 15, 20]);
}

#[test]
fn y4m_goes_through_pipes() {
    let studio = studio("video_pipes", 4);
    let mut child = studio
        .command("--quiet video - --style wave.png -o -")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(studio.path("film.y4m")).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(studio.path("piped.y4m"), &output.stdout).unwrap();
    studio.lines("video film.y4m --style wave.png -o file.y4m");
    assert!(output.stdout == fs::read(studio.path("file.y4m")).unwrap(), "a pipe and a file are alike");
}

/// Starts painting, and waits until there is something to go on from.
fn broken_off(studio: &Studio, words: &str, journal: &str) -> Child {
    let mut child = studio.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while !studio.path(journal).exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before its first checkpoint");
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("no checkpoint came within two minutes");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child
}

#[test]
fn a_killed_run_is_taken_up_to_the_same_bytes() {
    let studio = studio("video_resume", 900);
    // The plain judge is slow, so that the run is surely caught in its middle.
    let words = "video film.y4m --style wave.png --steady 0.9 --engine reference -o painted.mp4";
    let mut child = broken_off(&studio, words, "painted.mp4.part-journal");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!studio.path("painted.mp4").exists());
    studio.refuses(&format!("{words} --strength 0.5 --resume"), 1, &["painted.mp4", "other", "--resume"]);
    let said = studio.run(&format!("{words} --resume"));
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("going on after"), "{}", said.err);
    let resumed = fs::read(studio.path("painted.mp4")).unwrap();
    studio.lines(&format!("{words} --force"));
    assert!(resumed == fs::read(studio.path("painted.mp4")).unwrap(), "the film differs");
    assert!(!studio.files().iter().any(|file| file.contains("part")), "{:?}", studio.files());
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_half_of_a_film() {
    let studio = studio("video_interrupt", 900);
    let words = "video film.y4m --style wave.png --engine reference -o painted.mp4";
    let child = broken_off(&studio, words, "painted.mp4.part-journal");
    let id = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("--resume"), "{said}");
    assert!(!studio.path("painted.mp4").exists());
    let (_, frames) = read(&studio, "painted.mp4.part");
    assert!(frames.len() >= 50, "what is painted plays: {}", frames.len());
}

#[test]
fn what_cannot_be_is_said() {
    let studio = studio("video_refuse", 3);
    fs::write(studio.path("empty.mp4"), b"").unwrap();
    fs::write(studio.path("text.mp4"), b"Dear friend").unwrap();
    fs::create_dir(studio.path("nothing")).unwrap();
    let paint = |from: &str, to: &str| format!("video {from} --style wave.png -o {to}");
    studio.refuses(&paint("gone.mp4", "a.mp4"), 1, &["gone.mp4", "spelling"]);
    studio.refuses(&paint("empty.mp4", "a.mp4"), 1, &["empty.mp4", "empty"]);
    studio.refuses(&paint("text.mp4", "a.mp4"), 1, &["text.mp4", "text file"]);
    studio.refuses(&paint("photo.jpg", "a.mp4"), 1, &["photo.jpg", "stylize"]);
    studio.refuses(&paint("nothing", "a.mp4"), 1, &["nothing", "no picture"]);
    studio.refuses(&paint("film.y4m", "a.avix"), 2, &["a.avix", ".mp4"]);
    studio.refuses(&paint("film.y4m", "film.y4m"), 2, &["film.y4m", "overwritten"]);
    studio.refuses(&paint("film.y4m", "no/a.mp4"), 1, &["no/a.mp4", "folder"]);
    studio.refuses(&format!("{} --resume", paint("-", "a.mp4")), 2, &["--resume"]);
    studio.refuses(&format!("{} --part 4/3", paint("film.y4m", "a.mp4")), 2, &["--part", "K/N"]);
    studio.refuses(&format!("{} --part 1/3", paint("film.y4m", "a.mkv")), 1, &["a.mkv", ".mp4"]);
    studio.refuses(&format!("{} --part 1/3", paint("-", "a.mp4")), 2, &["--part"]);
    studio.refuses("video join film.y4m -o a.mp4", 1, &["film.y4m", "--part"]);
    studio.refuses(&format!("{} --fps 0", paint("film.y4m", "a.mp4")), 2, &["--fps"]);
    studio.refuses(&format!("{} --backend builtin", paint("film.y4m", "a.mkv")), 1, &["a.mkv", "--backend"]);
}

#[test]
fn a_film_that_is_cut_short_is_painted_as_far_as_it_goes() {
    let studio = studio("video_cut", 10);
    let film = fs::read(studio.path("film.y4m")).unwrap();
    fs::write(studio.path("cut.y4m"), &film[..film.len() - 100]).unwrap();
    let said = studio.run("video cut.y4m --style wave.png -o cut.mp4");
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("cut short") && said.err.contains("cut.mp4 holds what"), "{}", said.err);
    assert_eq!(read(&studio, "cut.mp4").1.len(), 9);
}

#[test]
fn resuming_where_nothing_was_begun_begins() {
    let studio = studio("video_resume_new", 3);
    studio.lines("video film.y4m --style wave.png -o painted.mp4 --resume");
    assert_eq!(read(&studio, "painted.mp4").1.len(), 3);
}

#[cfg(unix)]
#[test]
fn an_early_ctrl_c_leaves_nothing_and_says_so() {
    let studio = studio("video_early", 40);
    let words = "video film.y4m --style wave.png --engine reference -o painted.mp4";
    let child = broken_off(&studio, words, "painted.mp4.part");
    let id = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("nothing is kept") && !said.contains("--resume"), "{said}");
    assert!(!studio.files().iter().any(|file| file.contains("painted")), "{:?}", studio.files());
}

#[cfg(unix)]
#[test]
fn a_second_run_on_the_same_target_is_refused() {
    let studio = studio("video_second", 900);
    let words = "video film.y4m --style wave.png --engine reference -o painted.mp4";
    let mut first = broken_off(&studio, words, "painted.mp4.part-journal");
    let second = studio.run(words);
    assert_eq!(second.code, Some(1), "{}", second.err);
    assert!(second.err.contains("painted.mp4") && second.err.contains("another run"), "{}", second.err);
    assert!(first.try_wait().unwrap().is_none(), "the first goes on");
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn parts_make_the_film_of_one_run() {
    let studio = studio("video_parts", 160);
    for (ending, steady) in
        [("mp4", "0.6"), ("mp4", "0"), ("gif", "0.6"), ("webp", "0"), ("png", "0.6"), ("y4m", "0.6")]
    {
        let words = format!("video film.y4m --style wave.png --force --steady {steady}");
        studio.lines(&format!("{words} -o whole.{ending}"));
        for part in [3, 1, 2] {
            let said = studio.run(&format!("{words} --part {part}/3 -o part-{part}.{ending}"));
            assert_eq!(said.code, Some(0), "{}", said.err);
        }
        let missing =
            studio.run(&format!("video join part-3.{ending} part-1.{ending} --force -o joined.{ending}"));
        assert!(missing.code == Some(1) && missing.err.contains("2/3"), "{}", missing.err);
        let all = format!("part-3.{ending} part-1.{ending} part-2.{ending}");
        studio.lines(&format!("video join {all} --force -o joined.{ending}"));
        let [whole, joined] =
            ["whole", "joined"].map(|name| fs::read(studio.path(&format!("{name}.{ending}"))).unwrap());
        assert!(whole == joined, "{ending} at {steady}: {} and {} bytes", whole.len(), joined.len());
        assert!(!studio.files().iter().any(|file| file.contains(".part")), "{:?}", studio.files());
    }
    let other = "video film.y4m --style mosaic.png --part 2/3 -o other.mp4";
    studio.lines(other);
    let said = studio.run("video join part-1.mp4 other.mp4 part-3.mp4 -o mixed.mp4");
    assert!(said.code == Some(1) && said.err.contains("same words"), "{}", said.err);
}

/// Its sites stand one behind the other, and remember longer than one alone.
#[test]
fn parts_make_the_film_of_one_run_with_the_light_network_too() {
    let studio = studio("video_light_parts", 160);
    let words = "video film.y4m --model light --style waves";
    studio.lines(&format!("{words} -o whole.y4m"));
    for part in 1..=3 {
        studio.lines(&format!("{words} --part {part}/3 -o {part}.y4m"));
    }
    studio.lines("video join 1.y4m 2.y4m 3.y4m -o joined.y4m");
    let [whole, joined] = ["whole.y4m", "joined.y4m"].map(|name| fs::read(studio.path(name)).unwrap());
    let differ = whole.iter().zip(&joined).filter(|(a, b)| a != b).count();
    assert!(whole == joined, "{} and {} bytes, {differ} differ", whole.len(), joined.len());
}

#[test]
fn a_part_that_died_is_taken_up() {
    let studio = studio("video_part_resume", 900);
    let words = "video film.y4m --style wave.png --engine reference --part 2/2 -o part-2.mp4";
    let mut child = broken_off(&studio, words, "part-2.mp4.part-journal");
    child.kill().unwrap();
    child.wait().unwrap();
    let other = words.replace("2/2", "1/2");
    studio.refuses(&format!("{other} --resume"), 1, &["part-2.mp4", "other"]);
    let said = studio.run(&format!("{words} --resume"));
    assert!(said.code == Some(0) && said.err.contains("going on after"), "{}", said.err);
    let resumed = fs::read(studio.path("part-2.mp4")).unwrap();
    studio.lines(&format!("{words} --force"));
    assert!(resumed == fs::read(studio.path("part-2.mp4")).unwrap(), "the part differs");
}

#[test]
fn a_broken_picture_in_a_folder_is_passed_over_and_named() {
    let studio = Studio::new("video_broken_picture");
    (0..5).for_each(|number| studio.write(&format!("frames/{number}.png"), &picture(48, 32, number)));
    fs::write(studio.path("frames/2.png"), b"\x89PNG\r\n\x1a\nhalf").unwrap();
    let said = studio.run("video frames/ --style wave.png --steady 0 -o a.y4m");
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("2.png") && said.err.contains("1 of its pictures"), "{}", said.err);
    let frames = read(&studio, "a.y4m").1;
    assert_eq!(frames.len(), 5);
    assert_eq!(frames[2].0, frames[1].0, "the one before is shown in its place");
    assert!(frames[3].0 != frames[1].0);
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_read() {
    let studio = studio("video_named_pipe", 4);
    let made = std::process::Command::new("mkfifo").arg(studio.path("pipe.y4m")).status();
    if !made.is_ok_and(|status| status.success()) {
        return println!("skipped: a_named_pipe_is_read: no mkfifo");
    }
    let child = studio
        .command("video pipe.y4m --style wave.png -o a.mp4")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    fs::write(studio.path("pipe.y4m"), fs::read(studio.path("film.y4m")).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(read(&studio, "a.mp4").1.len(), 4);
}
