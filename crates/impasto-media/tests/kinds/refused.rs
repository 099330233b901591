//! What is refused, and in which words.

use crate::studio::studio;
use impasto_media::video::Backend;
use std::fs;

#[test]
fn what_only_ffmpeg_can_do_is_named() {
    let Some(studio) = studio("what_only_ffmpeg_can_do", &["libx264", "libx265"]) else { return };
    let cases = [
        ("444.mp4", "-c:v libx264 -pix_fmt yuv444p", "4:4:4"),
        ("10bit.mp4", "-c:v libx264 -pix_fmt yuv420p10le", "10 bits"),
        ("interlaced.mp4", "-c:v libx264 -pix_fmt yuv420p -flags +ildct+ilme", "interlaced"),
        ("hevc.mp4", "-c:v libx265 -tag:v hvc1 -x265-params log-level=none", "HEVC"),
        ("mpeg4.mp4", "-c:v mpeg4", "MPEG-4"),
        ("film.mkv", "-c:v libx264", "Matroska"),
    ];
    for (name, words, needle) in cases {
        studio.film("160x96", "25", words, name);
        let error = studio.refusal(name, Backend::Builtin);
        assert!(error.contains(name) && error.contains(needle) && error.contains("builtin"), "{error}");
    }
}

#[test]
fn files_without_pictures_are_refused() {
    let Some(studio) = studio("files_without_pictures", &["aac"]) else { return };
    studio.ffmpeg("-f lavfi -i sine=duration=1 -c:a aac sound.m4a");
    studio.ffmpeg("-f lavfi -i sine=duration=1 -c:a aac sound.mkv");
    fs::write(studio.path("zero.mp4"), b"").unwrap();
    for backend in [Backend::Auto, Backend::Builtin, Backend::Ffmpeg] {
        let error = studio.refusal("sound.m4a", backend);
        assert!(error.contains("sound only"), "{error}");
        let error = studio.refusal("zero.mp4", backend);
        assert!(error.contains("empty"), "{error}");
    }
    let error = studio.refusal("sound.mkv", Backend::Auto);
    assert!(error.contains("sound only"), "{error}");
}

#[test]
fn a_recording_without_its_index_is_refused() {
    let Some(studio) = studio("a_recording_without_its_index", &["libx264"]) else { return };
    studio.film("160x96", "25", "-c:v libx264 -pix_fmt yuv420p", "a.mp4");
    let bytes = fs::read(studio.path("a.mp4")).unwrap();
    fs::write(studio.path("a.mp4"), &bytes[..bytes.len() / 2]).unwrap();
    let error = studio.refusal("a.mp4", Backend::Auto);
    assert!(error.contains("index is missing"), "{error}");
}
