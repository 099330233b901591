//! The small films of `../shared/cases` that were handed in, copied through the whole pipeline. Without that folder the test says `skipped:`.

use crate::studio::studio;
use impasto_media::video::Backend;
use std::path::PathBuf;

/// File, ending of the result, and what a person must be told.
const CASES: &[(&str, &str, &str)] = &[
    ("pcm_u8.avi", "mp4", "coded to AAC"),
    ("pcm_s16le.mov", "mp4", "coded to AAC"),
    ("alaw.mov", "mp4", "coded to AAC"),
    ("flac.mkv", "mp4", "coded to AAC"),
    ("wma.wmv", "mp4", "coded to AAC"),
    ("apac.mov", "mp4", "left out"),
    ("odd_161x121.mkv", "mp4", "coded to AAC"),
    ("wide_4112x2320.mp4", "mp4", ""),
    ("sound_later_half_second.ts", "mp4", ""),
    ("sound_later_half_second.mpg", "mp4", ""),
    ("pixel_shape_sps_only.mp4", "mp4", ""),
    ("rotated_mvhd.mp4", "mp4", ""),
    ("no_idr_first.mp4", "mp4", ""),
    ("level_6_2.mp4", "mp4", ""),
    ("title_date_place_chapters.mp4", "mp4", ""),
    ("hlg_hevc.mp4", "mp4", "tone-mapped"),
    ("pq_hevc.mp4", "mp4", "tone-mapped"),
    ("hlg_h264_10bit.mp4", "mp4", "tone-mapped"),
    ("pq_h264_8bit.mp4", "mp4", "tone-mapped"),
    ("sticker_loop3_disposal2.gif", "gif", ""),
    ("plays_once.gif", "gif", ""),
    ("sticker_loop3.webp", "webp", ""),
    ("sticker_apng_loop3.png", "png", ""),
    ("y4m_10bit.y4m", "mp4", ""),
    ("alpha_vp9.webm", "webm", "ransparent"),
    ("alpha_vp9.webm", "webp", ""),
];

#[test]
fn every_film_that_was_handed_in_becomes_a_film() {
    let folder = PathBuf::from(std::env::var_os("IMPASTO_SHARED").unwrap_or("../../../shared".into()));
    let folder = folder.join("cases/film");
    if !folder.is_dir() {
        return println!("skipped: every_film_that_was_handed_in: no cases beside the repository");
    }
    let Some(studio) = studio("cases", &["libx264", "aac", "libvpx-vp9"]) else { return };
    let mut failures = Vec::new();
    for (name, ending, wanted) in CASES {
        std::fs::copy(folder.join(name), studio.path(name)).unwrap();
        let to = format!("out-{}.{ending}", name.replace('.', "-"));
        match studio.try_copy(name, &to, Backend::Auto, true) {
            Ok(notes) if notes.iter().any(|note| note.contains(wanted)) || wanted.is_empty() => {
                let streams =
                    "stream=codec_name,width,height,sample_aspect_ratio,start_time:format_tags=title";
                println!(
                    "{name}: {} {notes:?}",
                    studio.probe(&format!("-show_entries {streams} {to}")).join(" | ")
                );
            }
            Ok(notes) => failures.push(format!("{name}: nothing says `{wanted}`: {notes:?}")),
            Err(error) => failures.push(format!("{name}: {error}")),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
