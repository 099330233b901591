//! Sound is copied bit for bit and stays in sync; what we write is what ffmpeg reads.

use crate::studio::{Chroma, Studio, compare, studio, turn};
use impasto_media::video::Backend;

const X264: &str = "-c:v libx264 -pix_fmt yuv420p -preset veryfast";

/// A digest of the packets of the first sound track.
fn packets(studio: &Studio, name: &str) -> String {
    String::from_utf8(studio.ffmpeg(&format!("-i {name} -map 0:a:0 -c copy -f md5 -"))).unwrap()
}

/// What a player hears, from when on: start and length in seconds; Matroska does not tell the length (0).
fn heard(studio: &Studio, name: &str) -> (f64, f64) {
    let lines = studio.probe(&format!("-select_streams a:0 -show_entries stream=start_time,duration {name}"));
    let (start, length) = lines[0].split_once(',').unwrap();
    (start.parse().unwrap(), length.parse().unwrap_or(0.0))
}

/// Copies `from` to `to`, unpainted: pictures, times, packets and sync are the same.
fn keeps(studio: &Studio, from: &str, to: &str, backend: Backend) {
    studio.copy(from, to, backend);
    let (info, frames, error) = studio.read(from, backend);
    assert_eq!(error, None);
    compare(
        to,
        &studio.judged(to, (info.width, info.height), Chroma::Nearest),
        &frames,
        if backend == Backend::Builtin { 30.0 } else { 25.0 },
    );
    assert_eq!(packets(studio, from), packets(studio, to), "{from} to {to}: packets");
    let (before, after) = (heard(studio, from), heard(studio, to));
    // Matroska has no edit list: the encoder's run-up of 1,024 samples lies before 0 there.
    let slack = if to.ends_with("mkv") { 0.03 } else { 1e-3 };
    assert!(
        (before.0 - after.0).abs() < slack,
        "{from} to {to}: the sound starts at {} s, not {} s",
        after.0,
        before.0
    );
    assert!(
        before.1 * after.1 == 0.0 || (before.1 - after.1).abs() < 0.03,
        "{from} to {to}: it lasts {} s, not {} s",
        after.1,
        before.1
    );
}

#[test]
fn aac_is_copied_from_every_mp4() {
    let Some(studio) = studio("aac_is_copied", &["libx264", "aac"]) else { return };
    let film = |words: &str, name: &str| {
        studio.film("160x96", "30000/1001", &format!("{X264} {words} -c:a aac"), name)
    };
    film("-bf 2", "plain.mp4");
    film("-movflags frag_keyframe+empty_moov+default_base_moof", "fragments.mp4");
    film("", "film.mov");
    studio.ffmpeg("-ss 0.31 -i plain.mp4 -c copy cut.mp4");
    studio.ffmpeg("-itsoffset 0.4 -i plain.mp4 -i plain.mp4 -map 0:v -map 1:a -c copy late.mp4");
    studio.ffmpeg("-itsoffset 0.3 -i plain.mp4 -i plain.mp4 -map 0:a -map 1:v -c copy latesound.mp4");
    for (from, to) in [
        ("plain.mp4", "a.mp4"),
        ("plain.mp4", "b.mov"),
        ("fragments.mp4", "c.mp4"),
        ("film.mov", "d.mp4"),
        ("film.mov", "e.mov"),
        ("cut.mp4", "f.mp4"),
        ("late.mp4", "g.mp4"),
        ("latesound.mp4", "h.mp4"),
    ] {
        keeps(&studio, from, to, Backend::Builtin);
    }
}

#[test]
fn several_tracks_and_a_turned_film() {
    let Some(studio) = studio("several_tracks", &["libx264", "aac"]) else { return };
    studio.film("160x96", "25", &format!("{X264} -c:a aac"), "one.mp4");
    studio.ffmpeg(
        "-i one.mp4 -f lavfi -i sine=frequency=880:duration=1 -map 0 -map 1 -c:v copy -c:a aac two.mp4",
    );
    turn(&studio.path("two.mp4"));
    keeps(&studio, "two.mp4", "out.mp4", Backend::Builtin);
    let tracks = studio.probe("-show_entries stream=codec_type,width,height out.mp4");
    assert_eq!(tracks, ["video,96,160", "audio", "audio"]);
}

#[test]
fn subtitles_are_copied() {
    let Some(studio) = studio("subtitles", &["libx264", "aac", "mov_text"]) else { return };
    studio.film("160x96", "25", &format!("{X264} -c:a aac"), "one.mp4");
    let lines =
        "1\n00:00:00,200 --> 00:00:00,500\nA first line\n\n2\n00:00:00,600 --> 00:00:00,900\nand a second\n";
    std::fs::write(studio.path("lines.srt"), lines).unwrap();
    studio.ffmpeg(
        "-i one.mp4 -i lines.srt -map 0 -map 1 -c copy -c:s mov_text -metadata:s:s:0 language=fra film.mp4",
    );
    studio.ffmpeg("-i film.mp4 -map 0 -c copy film.mov");
    for (from, to) in [("film.mp4", "a.mp4"), ("film.mp4", "b.mov"), ("film.mov", "c.mp4")] {
        keeps(&studio, from, to, Backend::Builtin);
        let read =
            |name: &str| String::from_utf8(studio.ffmpeg(&format!("-i {name} -map 0:s:0 -f srt -"))).unwrap();
        assert!(read(from).contains("A first line"), "{from}");
        assert_eq!(read(from), read(to), "{from} to {to}");
        let tracks = studio
            .probe(&format!("-select_streams s -show_entries stream=codec_name:stream_tags=language {to}"));
        assert_eq!(tracks, ["mov_text,fra"]);
    }
}

#[test]
fn ffmpeg_copies_what_we_cannot() {
    let Some(studio) = studio("ffmpeg_copies", &["libx264", "aac", "libopus", "libvpx-vp9"]) else { return };
    studio.film("160x96", "25", &format!("{X264} -c:a pcm_s16le"), "pcm.mov");
    studio.film("160x96", "25", &format!("{X264} -c:a aac"), "film.mkv");
    studio.film("160x96", "25", &format!("{X264} -c:a aac"), "film.mp4");
    keeps(&studio, "pcm.mov", "a.mov", Backend::Auto);
    keeps(&studio, "film.mkv", "b.mp4", Backend::Auto);
    keeps(&studio, "film.mp4", "c.mkv", Backend::Auto);
    studio.copy("film.mp4", "d.webm", Backend::Auto);
    let tracks = studio.probe("-show_entries stream=codec_name d.webm");
    assert_eq!(tracks, ["vp9", "opus"]);
    let frames = studio.probe("-select_streams v -count_frames -show_entries stream=nb_read_frames d.webm");
    assert_eq!(frames, ["25"]);
}

#[test]
fn odd_sizes_are_odd_for_others_too() {
    let Some(studio) = studio("odd_sizes", &[]) else { return };
    studio.film("134x102", "25", "-vf scale=67:51,format=yuv420p -f yuv4mpegpipe", "odd.y4m");
    for name in ["a.mp4", "a.y4m", "a.gif", "a.webp"] {
        studio.copy("odd.y4m", name, Backend::Builtin);
        let (info, frames, error) = studio.read(name, Backend::Builtin);
        assert_eq!((error, info.width, info.height, frames.len()), (None, 67, 51, 25), "{name}");
    }
    // ffmpeg knows the clean aperture since version 7.1; before, it shows the column that is repeated.
    let size = studio.probe("-select_streams v:0 -show_entries stream=width,height a.mp4");
    assert!(["67,51", "68,52"].contains(&size[0].as_str()), "{size:?}");
    let judged = studio.judged("a.y4m", (67, 51), Chroma::Nearest);
    assert_eq!(judged.len(), 25);
}
