//! What phones, recorders and the net make, painted (copied, here) through the whole pipeline.

use crate::studio::{Chroma, Studio, compare, studio};
use impasto_core::image::psnr_db;
use impasto_media::video::{Backend, Transfer};
use std::fs;

const X264: &str = "-c:v libx264 -preset veryfast -threads 1 -pix_fmt yuv420p";

/// Codec names of all streams.
fn codecs(studio: &Studio, name: &str) -> Vec<String> {
    studio.probe(&format!("-show_entries stream=codec_name {name}"))
}

fn start(studio: &Studio, name: &str, stream: &str) -> f64 {
    studio.probe(&format!("-select_streams {stream} -show_entries stream=start_time {name}"))[0]
        .parse()
        .unwrap()
}

/// Puts `to` in the place of `from` in a file, at its `nth` place.
fn patch(studio: &Studio, name: &str, from: &[u8], nth: usize, to: &[u8]) {
    let mut bytes = fs::read(studio.path(name)).unwrap();
    let at = bytes.windows(from.len()).enumerate().filter(|(_, w)| *w == from).nth(nth).unwrap().0;
    bytes[at..at + to.len()].copy_from_slice(to);
    fs::write(studio.path(name), bytes).unwrap();
}

#[test]
fn sound_that_the_result_cannot_hold_is_coded_before_anything_is_painted() {
    let Some(studio) = studio("sound_is_coded", &["libx264", "aac", "flac", "wmav2", "vorbis"]) else {
        return;
    };
    for (name, sound) in [
        ("pcm_u8.avi", "pcm_u8 -ar 8000"),
        ("pcm.mov", "pcm_s16le"),
        ("alaw.mov", "pcm_alaw -ar 8000"),
        ("flac.mkv", "flac"),
        ("wma.avi", "wmav2"),
        ("vorbis.mkv", "vorbis -strict -2 -ac 2"),
    ] {
        studio.film("160x96", "25", &format!("{X264} -c:a {sound}"), name);
        let notes = studio.copy(name, "out.mp4", Backend::Auto);
        assert_eq!(codecs(&studio, "out.mp4"), ["h264", "aac"], "{name}");
        assert!(notes.iter().any(|note| note.contains("is coded to AAC")), "{name}: {notes:?}");
    }
    studio.film("160x96", "25", &format!("{X264} -c:a flac"), "again.mkv");
    assert!(studio.copy("again.mkv", "out.mkv", Backend::Auto).is_empty());
    assert_eq!(codecs(&studio, "out.mkv"), ["h264", "flac"], "kept where it can be");
    let refused = studio.copy_refused("pcm.mov", "b.mp4", Backend::Builtin);
    assert!(refused.contains("--no-sound") && refused.contains("uncompressed"), "{refused}");
    assert!(!studio.path("b.mp4.part").exists());
}

#[test]
fn a_track_that_nobody_decodes_is_left_out() {
    let Some(studio) = studio("apac", &["libx264", "aac"]) else { return };
    studio.ffmpeg(&format!(
        "-f lavfi -i testsrc2=s=160x96:d=1 -f lavfi -i sine=d=1 -map 0 -map 1 -map 1 {X264} -c:a aac film.mov"
    ));
    // A track of a MOV says `mp4a` three times; the fourth is the entry of the second track.
    patch(&studio, "film.mov", b"mp4a", 3, b"apac");
    patch(&studio, "film.mov", b"esds", 1, b"dapa");
    let notes = studio.copy("film.mov", "out.mp4", Backend::Auto);
    assert_eq!(codecs(&studio, "out.mp4"), ["h264", "aac"]);
    assert!(notes.iter().any(|note| note.contains("left out")), "{notes:?}");
}

#[test]
fn tracks_keep_their_distance() {
    let Some(studio) = studio("distance", &["libx264", "mp2"]) else { return };
    let pictures = "-f lavfi -i testsrc2=s=160x96:r=25:d=2";
    let tone = "-f lavfi -i sine=f=440:d=1.5";
    for (name, first, second, coder) in [
        ("later.ts", pictures, format!("-itsoffset 0.5 {tone}"), X264),
        ("later.mpg", pictures, format!("-itsoffset 0.5 {tone}"), "-c:v mpeg2video"),
        ("sooner.ts", "-itsoffset 0.5 -f lavfi -i testsrc2=s=160x96:r=25:d=2", tone.into(), X264),
    ] {
        studio.ffmpeg(&format!("{first} {second} -map 0 -map 1 {coder} -c:a mp2 {name}"));
        let before = start(&studio, name, "a:0") - start(&studio, name, "v:0");
        for to in ["out.mp4", "out.mkv"] {
            studio.copy(name, to, Backend::Auto);
            let after = start(&studio, to, "a:0") - start(&studio, to, "v:0");
            assert!((before - after).abs() < 0.05, "{name} to {to}: {before} s became {after} s");
        }
    }
}

#[test]
fn an_edit_list_shows_as_many_frames_as_ffmpeg() {
    let Some(studio) = studio("edits", &["libx264", "aac"]) else { return };
    studio.film("160x96", "30", &format!("{X264} -g 60 -bf 2 -c:a aac"), "whole.mp4");
    for cut in ["0.1", "0.2983", "0.31", "0.42"] {
        studio.ffmpeg(&format!("-ss {cut} -i whole.mp4 -c copy cut.mp4"));
        let (_, frames, error) = studio.read("cut.mp4", Backend::Builtin);
        let judged = studio.judged("cut.mp4", (160, 96), Chroma::Nearest);
        assert_eq!((error, frames.len()), (None, judged.len()), "cut at {cut}");
        assert!(frames[0].start < 1e-6 && frames[0].duration > 0.03, "{cut}: {}", frames[0].duration);
        assert!(psnr_db(&frames[0].image, &judged[0].image) > 33.0, "{cut}: another frame comes first");
    }
}

#[test]
fn what_openh264_refuses_goes_to_ffmpeg_by_itself() {
    let Some(studio) = studio("refused_streams", &["libx264"]) else { return };
    studio.film("160x96", "25", &format!("{X264} -an -bsf:v h264_metadata=level=6.2"), "level.mp4");
    let words = "-x264-params open-gop=1:keyint=10:min-keyint=10:bframes=2:scenecut=0 -an";
    studio.ffmpeg(&format!("-f lavfi -i testsrc2=s=160x96:r=25:d=2 {X264} {words} long.mp4"));
    studio.ffmpeg("-ss 1.0 -i long.mp4 -c copy -avoid_negative_ts make_zero no_idr.mp4");
    for name in ["level.mp4", "no_idr.mp4"] {
        let (info, frames, error) = studio.read(name, Backend::Auto);
        assert!(error.is_none() && frames.len() > 20, "{name}: {} frames, {error:?}", frames.len());
        assert!(info.format.contains("through ffmpeg"), "{name}: {}", info.format);
    }
    assert!(studio.refusal("level.mp4", Backend::Builtin).contains("level 6.2"));
}

#[test]
fn the_shape_of_pixels_may_stand_in_the_stream_alone() {
    let Some(studio) = studio("sps_shape", &["libx264"]) else { return };
    for (shape, expected) in [("16/11", (16, 11)), ("29/20", (29, 20))] {
        studio.film("160x96", "25", &format!("-vf setsar={shape} {X264} -an"), "a.mp4");
        patch(&studio, "a.mp4", b"pasp", 0, b"free");
        let (info, ..) = studio.read("a.mp4", Backend::Builtin);
        assert_eq!(info.pixel_aspect, expected);
    }
}

#[test]
fn title_date_place_and_chapters_are_kept() {
    let Some(studio) = studio("tags", &["libx264", "aac"]) else { return };
    let tags = ";FFMETADATA1\ntitle=A walk\ndate=2024-05-06\nlocation=+48.2000+016.3700/\n\
        [CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=500\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=500\nEND=1000\ntitle=Two\n";
    fs::write(studio.path("tags.txt"), tags).unwrap();
    studio.film("160x96", "25", &format!("{X264} -c:a aac"), "plain.mp4");
    for to in ["film.mp4", "film.mov", "film.mkv"] {
        let created = "-metadata creation_time=2024-05-06T07:08:09Z";
        studio.ffmpeg(&format!(
            "-i plain.mp4 -i tags.txt -map 0 -map_metadata 1 -map_chapters 1 {created} -c copy {to}"
        ));
    }
    let told = |name: &str| {
        studio.probe(&format!("-show_entries format_tags=title,date,location:chapter_tags=title {name}"))
    };
    for (from, to) in [
        ("film.mp4", "a.mp4"),
        ("film.mov", "b.mov"),
        ("film.mov", "c.mp4"),
        ("film.mp4", "d.mkv"),
        ("film.mkv", "e.mp4"),
    ] {
        studio.copy(from, to, Backend::Auto);
        let told = told(to).join(" ");
        for wanted in ["A walk", "2024", "One", "Two"] {
            assert!(told.contains(wanted), "{from} to {to}: no {wanted} in {told}");
        }
    }
    assert!(told("a.mp4").join(" ").contains("+48.2000"), "{:?}", told("a.mp4"));
    let date = studio.probe("-show_entries format_tags=creation_time a.mp4").join(" ");
    assert!(date.contains("2024-05-06T07:08:09"), "{date}");
    studio.copy_stripped("film.mp4", "bare.mp4");
    assert_eq!(told("bare.mp4").join(""), "");
}

#[test]
fn a_size_above_the_built_in_encoder_is_coded_by_ffmpeg() {
    let Some(studio) = studio("wide", &["libx264"]) else { return };
    studio.ffmpeg(&format!("-f lavfi -i testsrc2=s=3842x64:r=10:d=0.4 {X264} -an wide.mp4"));
    let refused = studio.copy_refused("wide.mp4", "no.mp4", Backend::Builtin);
    assert!(refused.contains("--size") && refused.contains("3842x64"), "{refused}");
    assert!(!studio.path("no.mp4.part").exists());
    studio.copy("wide.mp4", "out.mp4", Backend::Auto);
    // One judge for both, on full colours beside each other; what keeps them 24 dB apart has not been found.
    let judged = |name| studio.judged(name, (3842, 64), Chroma::Nearest);
    compare("out.mp4", &judged("out.mp4"), &judged("wide.mp4"), 24.0);
}

#[test]
fn an_odd_size_is_shown_whoever_codes_the_sound() {
    let Some(studio) = studio("odd", &["libx264", "flac", "aac"]) else { return };
    // testsrc2 makes no odd sizes.
    studio.ffmpeg(
        "-f lavfi -i testsrc=s=161x97:r=25:d=1 -f lavfi -i sine=d=1 -c:v libx264 -preset veryfast -pix_fmt yuv444p -c:a flac \
         odd.mkv",
    );
    for to in ["out.mp4", "out.mov"] {
        let notes = studio.copy("odd.mkv", to, Backend::Auto);
        assert!(notes.iter().any(|note| note.contains("162x98") && note.contains("161x97")), "{notes:?}");
        let (info, frames, error) = studio.read(to, Backend::Builtin);
        assert_eq!((info.width, info.height, info.pixel_aspect, error), (161, 97, (1, 1), None), "{to}");
        assert_eq!(frames.len(), 25);
        assert_eq!(codecs(&studio, to).len(), 2, "{to}: pictures and sound");
        assert!(!studio.path(&format!(".sound.{to}.{}", &to[4..])).exists());
    }
}

/// HDR films read by us, and by ffmpeg's zscale and tonemap. Pictures stay inside the gamut: outside it, zscale carries on with
/// numbers below 0 and above 1, and we end at both. HLG is compared in grey: its system gamma acts on the luminance (ITU-R
/// BT.2100), which `the_gamma_of_hlg_keeps_the_hue` pins, and zscale has it act on each colour by itself.
#[test]
fn hdr_is_what_ffmpeg_makes_of_it() {
    let Some(studio) = studio("hdr", &["libx265"]) else { return };
    let filters = String::from_utf8(studio.ffmpeg("-filters")).unwrap();
    if !filters.contains(" zscale ") || !filters.contains(" tonemap ") {
        return println!("skipped: hdr_is_what_ffmpeg_makes_of_it: this ffmpeg has no zscale and tonemap");
    }
    let soft = "format=gbrp10le,gblur=sigma=3,lutrgb=r=val*0.7+60:g=val*0.7+60:b=val*0.7+60";
    for (transfer, look) in
        [("smpte2084", soft.to_string()), ("arib-std-b67", format!("format=gray10le,{soft}"))]
    {
        let tags = format!("-color_primaries bt2020 -colorspace bt2020nc -color_trc {transfer}");
        let x265 =
            format!("log-level=none:lossless=1:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc");
        studio.ffmpeg(&format!(
            "-f lavfi -i testsrc2=s=160x96:r=5:d=0.4 -vf {look},scale=out_color_matrix=bt2020:out_range=tv -pix_fmt \
             yuv444p10le {tags} -c:v libx265 -x265-params {x265} -tag:v hvc1 hdr.mp4"
        ));
        let (info, frames, error) = studio.read("hdr.mp4", Backend::Auto);
        assert_eq!(error, None);
        assert!(info.notes.iter().any(|note| note.contains("tone-mapped")), "{:?}", info.notes);
        let map = "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,tonemap=mobius:param=0.3:desat=0:peak=4.926,\
                   zscale=t=bt709:r=full,format=gbrp,format=rgb24";
        let raw = studio.ffmpeg(&format!("-i hdr.mp4 -vf {map} -f rawvideo -"));
        let (mut sum, mut worst) = (0u64, 0u8);
        for (theirs, ours) in raw.chunks_exact(3 * 160 * 96).zip(&frames) {
            for (a, b) in theirs.iter().zip(ours.image.rgb()) {
                sum += u64::from(a.abs_diff(*b));
                worst = worst.max(a.abs_diff(*b));
            }
        }
        let mean = sum as f64 / raw.len() as f64;
        println!("{transfer}: mean difference {mean:.3} of 255, worst {worst}");
        assert_eq!(raw.len(), frames.len() * 3 * 160 * 96);
        assert!(mean < 0.5 && worst <= 3, "{transfer}: {mean:.3} of 255 on average, at worst {worst}");
    }
}

#[test]
fn hdr_in_8_bits_is_mapped_by_the_built_in_reader() {
    let Some(studio) = studio("hdr8", &["libx264"]) else { return };
    let tags = "-color_primaries bt2020 -colorspace bt2020nc -color_trc smpte2084";
    // Soft, since we spread chroma otherwise than ffmpeg, and PQ makes much of that at the edges of full colours.
    let soft = "-vf gblur=sigma=6,scale=out_color_matrix=bt2020";
    studio.film("160x96", "5", &format!("{soft} {X264} -qp 1 -an {tags}"), "pq.mp4");
    let (info, ours, _) = studio.read("pq.mp4", Backend::Builtin);
    assert_eq!(info.tone.map(|tone| tone.transfer), Some(Transfer::Pq));
    let (_, theirs, _) = studio.read("pq.mp4", Backend::Ffmpeg);
    compare("pq.mp4", &ours, &theirs, 30.0);
}

#[test]
fn transparency_of_films_goes_to_what_can_hold_it() {
    let Some(studio) = studio("film_alpha", &["libvpx-vp9", "prores_ks"]) else { return };
    // The left half is not there.
    let cut = "-vf format=yuva444p,geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='if(lt(X,80),0,255)'";
    studio.film(
        "160x96",
        "10",
        &format!(
            "{cut} -pix_fmt yuva420p -c:v libvpx-vp9 -auto-alt-ref 0 -deadline realtime -cpu-used 8 -an"
        ),
        "a.webm",
    );
    studio.film(
        "160x96",
        "10",
        &format!("{cut} -pix_fmt yuva444p10le -c:v prores_ks -profile:v 4444 -an"),
        "b.mov",
    );
    for from in ["a.webm", "b.mov"] {
        for to in ["out.webp", "out.png", "out.gif"] {
            studio.copy(from, to, Backend::Auto);
            let mut input = impasto_media::video::open(&studio.path(to), &Default::default()).unwrap();
            let frame = input.source.read().unwrap().unwrap();
            let impasto_media::video::Pixels::Rgba(_, alpha) = frame.pixels else {
                panic!("{from} to {to}: opaque")
            };
            assert!(alpha[160 * 40 + 20] < 10 && alpha[160 * 40 + 140] > 245, "{from} to {to}");
        }
        let notes = studio.copy(from, "out.mp4", Backend::Auto);
        assert!(notes.iter().any(|note| note.contains("ransparent")), "{from}: {notes:?}");
    }
}
