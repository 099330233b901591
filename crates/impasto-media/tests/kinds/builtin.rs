//! What is read without ffmpeg.

use crate::studio::{Chroma, compare, studio, turn};
use impasto_core::image::psnr_db;
use impasto_media::video::{Backend, Matrix};
use std::fs;

const X264: &str = "-c:v libx264 -pix_fmt yuv420p -preset veryfast -c:a aac";

/// Makes a film by ffmpeg, and compares our built-in reading with ffmpeg's.
macro_rules! kind {
    ($test:ident, $size:expr, $rate:expr, $words:expr, $name:expr) => {
        #[test]
        fn $test() {
            let Some(studio) = studio(stringify!($test), &["libx264", "aac"]) else { return };
            studio.film($size, $rate, &format!("{X264} {}", $words), $name);
            studio.compare($name, Backend::Builtin, 33.0);
        }
    };
}

kind!(mp4_with_b_frames, "160x96", "25", "-bf 3 -g 12 -x264-params b-adapt=0", "a.mp4");
kind!(
    mp4_with_b_pyramid_and_references,
    "160x96",
    "25",
    "-bf 3 -refs 5 -x264-params b-pyramid=normal:weightp=2",
    "a.mp4"
);
kind!(mp4_baseline, "160x96", "25", "-profile:v baseline", "a.mp4");
kind!(mp4_at_29_97, "160x96", "30000/1001", "", "a.mp4");
kind!(
    mp4_with_variable_rate,
    "160x96",
    "30",
    "-vf select='not(eq(mod(n\\,5)\\,2))*not(eq(n\\,17))' -fps_mode vfr",
    "a.mp4"
);
kind!(mp4_with_its_index_in_front, "160x96", "25", "-movflags +faststart", "a.mp4");
kind!(mp4_in_fragments, "160x96", "25", "-g 8 -movflags frag_keyframe+empty_moov+default_base_moof", "a.mp4");
kind!(mp4_in_fragments_of_the_old_kind, "160x96", "25", "-g 8 -movflags frag_keyframe", "a.mp4");
kind!(mov, "160x96", "24", "", "a.mov");
kind!(mp4_of_many_slices, "320x192", "25", "-x264-params slices=4", "a.mp4");

#[test]
fn rates_are_exact() {
    let Some(studio) = studio("rates_are_exact", &["libx264"]) else { return };
    studio.film("64x48", "30000/1001", X264, "a.mp4");
    let (info, frames, _) = studio.read("a.mp4", Backend::Builtin);
    assert_eq!(info.timescale as u64 * 1001, info.frame_ticks * 30_000);
    assert!((frames[29].start - 29.0 * 1001.0 / 30_000.0).abs() < 1e-9);
}

#[test]
fn a_phone_film_is_turned_upright() {
    let Some(studio) = studio("a_phone_film_is_turned_upright", &["libx264"]) else { return };
    studio.film("160x96", "25", &format!("{X264} -an"), "a.mp4");
    turn(&studio.path("a.mp4"));
    let info = studio.compare("a.mp4", Backend::Builtin, 33.0);
    assert_eq!((info.width, info.height), (96, 160));
}

#[test]
fn matrix_and_range_are_those_of_the_stream() {
    let Some(studio) = studio("matrix_and_range", &["libx264"]) else { return };
    let cases = [
        ("bt709", "tv", Matrix::Bt709, false),
        ("bt709", "pc", Matrix::Bt709, true),
        ("smpte170m", "tv", Matrix::Bt601, false),
        ("smpte170m", "pc", Matrix::Bt601, true),
    ];
    for (space, range, matrix, full) in cases {
        let scale = format!(
            "-vf scale=out_color_matrix={}:out_range={range},format=yuv420p",
            space.replace("smpte170m", "bt601")
        );
        let tags =
            format!("-colorspace {space} -color_primaries {space} -color_trc {space} -color_range {range}");
        studio.film(
            "160x96",
            "25",
            &format!("{scale} {X264} {tags}").replace("-pix_fmt yuv420p", ""),
            "a.mp4",
        );
        let info = studio.compare("a.mp4", Backend::Builtin, 33.0);
        assert_eq!((info.color.matrix, info.color.full), (matrix, full), "{space} {range}");
    }
}

#[test]
fn an_edit_list_hides_what_lies_before() {
    let Some(studio) = studio("an_edit_list", &["libx264", "aac"]) else { return };
    studio.film("160x96", "25", &format!("{X264} -g 50 -bf 2"), "whole.mp4");
    // The first key frame is far before the cut: the copy has to hide the frames between.
    studio.ffmpeg("-ss 0.42 -i whole.mp4 -c copy cut.mp4");
    let (info, frames, error) = studio.read("cut.mp4", Backend::Builtin);
    assert_eq!(error, None);
    let mut judged = studio.judged("cut.mp4", (info.width, info.height), Chroma::Nearest);
    // A frame that is half inside is left out. ffmpeg begins with the next at once; we show that from the beginning on, and all others
    // at their time.
    assert_eq!(frames.len(), judged.len());
    let late = frames[1].start - judged[1].start;
    assert!((late - 0.02).abs() < 1e-3, "the cut lies at 0.42 s, the next frame at 0.44 s; found {late}");
    judged.iter_mut().skip(1).for_each(|shown| shown.start += late);
    judged[0].duration += late;
    compare("cut.mp4", &frames, &judged, 33.0);
    assert!(frames.len() < 20, "{}", frames.len());
}

#[test]
fn a_film_may_begin_late() {
    let Some(studio) = studio("a_film_may_begin_late", &["libx264", "aac"]) else { return };
    studio.film("160x96", "25", X264, "a.mp4");
    studio.ffmpeg("-itsoffset 0.4 -i a.mp4 -i a.mp4 -map 0:v -map 1:a -c copy late.mp4");
    let (_, frames, _) = studio.read("late.mp4", Backend::Builtin);
    assert!((frames[0].start - 0.4).abs() < 0.03, "{}", frames[0].start);
    studio.compare("late.mp4", Backend::Builtin, 33.0);
}

#[test]
fn pixels_need_not_be_square() {
    let Some(studio) = studio("pixels_need_not_be_square", &["libx264"]) else { return };
    studio.film("160x96", "25", &format!("-vf setsar=4/3 {X264}"), "a.mp4");
    assert_eq!(studio.compare("a.mp4", Backend::Builtin, 33.0).pixel_aspect, (4, 3));
}

#[test]
fn y4m_in_all_layouts() {
    let Some(studio) = studio("y4m_in_all_layouts", &[]) else { return };
    for (format, least_db) in [("yuv420p", 20.0), ("yuv422p", 20.0), ("yuv444p", 40.0), ("gray", 40.0)] {
        let name = format!("{format}.y4m");
        let words = format!("-vf scale=67:51,format={format} -f yuv4mpegpipe");
        studio.film("134x102", "30000/1001", &words, &name);
        let (info, frames, _) = studio.read(&name, Backend::Builtin);
        let judged = studio.judged(&name, (67, 51), Chroma::Smooth);
        // Where chroma is spread, ffmpeg's way at odd sizes is smoother than ours.
        compare(&name, &frames, &judged, least_db);
        assert_eq!((info.width, info.height, info.timescale), (67, 51, 30_000));
    }
}

#[test]
fn gif_and_animated_webp() {
    let Some(studio) = studio("gif_and_animated_webp", &[]) else { return };
    studio.film("80x60", "20", "", "a.gif");
    studio.compare("a.gif", Backend::Builtin, 40.0);
    let Some(studio) = self::studio("animated_webp", &["libwebp_anim"]) else { return };
    studio.film("80x60", "20", "-c:v libwebp_anim -quality 90 -loop 0", "a.webp");
    // ffmpeg reads no animated WebP before version 8, so the source is the judge; its encoder joins frames that are alike.
    studio.film("80x60", "20", "-c:v rawvideo", "a.avi");
    let (info, frames, error) = studio.read("a.webp", Backend::Builtin);
    assert!(error.is_none());
    let judged = studio.judged("a.avi", (info.width, info.height), Chroma::Nearest);
    let last = frames.last().unwrap();
    assert!((last.start + last.duration - 1.0).abs() < 0.06, "it lasts {}", last.start + last.duration);
    for shown in &frames {
        let db = psnr_db(&shown.image, &judged[(shown.start * 20.0).round() as usize].image);
        assert!(db > 20.0, "at {} s: {db:.1} dB", shown.start);
    }
}

#[test]
fn a_truncated_file_is_painted_as_far_as_it_is_whole() {
    let Some(studio) = studio("a_truncated_file", &["libx264"]) else { return };
    studio.film("160x96", "25", &format!("{X264} -movflags +faststart"), "a.mp4");
    let judged = studio.judged("a.mp4", (160, 96), Chroma::Nearest);
    let bytes = fs::read(studio.path("a.mp4")).unwrap();
    fs::write(studio.path("cut.mp4"), &bytes[..bytes.len() * 2 / 3]).unwrap();
    let (_, frames, error) = studio.read("cut.mp4", Backend::Builtin);
    let error = error.expect("it says so");
    assert!(error.contains("cut short") && error.contains("of its 25"), "{error}");
    assert!((5..25).contains(&frames.len()), "{}", frames.len());
    // The last one may miss its neighbour's time.
    compare("cut.mp4", &frames[..frames.len() - 3], &judged[..frames.len() - 3], 33.0);
}
