//! What is read through ffmpeg.

use crate::studio::{Chroma, studio, turn};
use impasto_media::video::Backend;

/// Makes a film that only ffmpeg reads, and compares.
macro_rules! kind {
    ($test:ident, $encoders:expr, $words:expr, $name:expr) => {
        #[test]
        fn $test() {
            let Some(studio) = studio(stringify!($test), $encoders) else { return };
            studio.film("160x96", "30000/1001", $words, $name);
            let info = studio.compare($name, Backend::Auto, 40.0);
            assert!(info.format.contains("through ffmpeg"), "{}", info.format);
        }
    };
}

kind!(mkv_with_h264, &["libx264"], "-c:v libx264 -bf 2 -c:a aac", "a.mkv");
kind!(
    webm_with_vp9,
    &["libvpx-vp9", "libopus"],
    "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus",
    "a.webm"
);
kind!(
    hevc_of_10_bits,
    &["libx265"],
    "-c:v libx265 -pix_fmt yuv420p10le -x265-params log-level=none -tag:v hvc1",
    "a.mp4"
);
kind!(h264_with_4_4_4, &["libx264"], "-c:v libx264 -pix_fmt yuv444p", "a.mp4");
kind!(prores_with_uncompressed_sound, &["prores_ks"], "-c:v prores_ks -c:a pcm_s16le", "a.mov");
kind!(av1, &["libsvtav1"], "-c:v libsvtav1 -preset 12", "a.mp4");
kind!(
    variable_rate_in_mkv,
    &["libx264"],
    "-c:v libx264 -vf select='not(eq(mod(n\\,4)\\,1))' -fps_mode vfr",
    "a.mkv"
);

#[test]
fn ffmpeg_turns_phone_films_too() {
    let Some(studio) = studio("ffmpeg_turns_phone_films_too", &["libx264"]) else { return };
    studio.film("160x96", "25", "-c:v libx264 -pix_fmt yuv420p -an", "a.mp4");
    turn(&studio.path("a.mp4"));
    let info = studio.compare("a.mp4", Backend::Ffmpeg, 40.0);
    assert_eq!((info.width, info.height), (96, 160));
}

#[test]
fn interlaced_pictures_are_made_whole() {
    let Some(studio) = studio("interlaced_pictures", &["libx264"]) else { return };
    let words = "-vf tinterlace=interleave_top,setfield=tff -c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme";
    studio.film("160x96", "50", words, "a.ts");
    let (info, frames, error) = studio.read("a.ts", Backend::Auto);
    assert_eq!(error, None);
    assert!(info.format.contains("through ffmpeg"));
    assert!((22..=26).contains(&frames.len()), "{}", frames.len());
    // Combed lines differ from their neighbours far more than whole pictures do.
    let combing = |image: &impasto_core::Image| -> f64 {
        let row = |y: usize| (0..160).map(move |x| f64::from(image.pixel(x, y)[1]));
        let step = |y: usize| {
            row(y).zip(row(y + 2)).zip(row(y + 1)).map(|((a, b), m)| ((a + b) / 2.0 - m).abs()).sum::<f64>()
        };
        (0..94).map(step).sum()
    };
    let judged = studio.judged("a.ts", (160, 96), Chroma::Nearest);
    assert!(combing(&frames[10].image) < 0.8 * combing(&judged[10].image));
}

#[test]
fn the_built_in_way_and_ffmpeg_agree() {
    let Some(studio) = studio("the_built_in_way_and_ffmpeg_agree", &["libx264"]) else { return };
    studio.film("160x96", "30000/1001", "-c:v libx264 -pix_fmt yuv420p -bf 2", "a.mp4");
    let (_, ours, _) = studio.read("a.mp4", Backend::Builtin);
    let (_, theirs, _) = studio.read("a.mp4", Backend::Ffmpeg);
    crate::studio::compare("a.mp4", &ours, &theirs, 25.0);
}
