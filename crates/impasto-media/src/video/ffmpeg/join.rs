//! The painted film and the sound of another file, put into any container by ffmpeg.

use super::{SoundPlan, Tools, file_word, last_words};
use crate::atomic::sync_parent;
use crate::error::{Error, Result, name_of, plain};
use crate::still::mark::SOURCE_TYPE;
use crate::video::VideoError;
use crate::video::kind::Kind;
use crate::video::mp4::{Movie, xmp_box};
use crate::video::place::beside;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Words that code pictures for WebM, which takes no H.264.
const VP9: [&str; 9] = ["-c:v", "libvpx-vp9", "-crf", "24", "-b:v", "0", "-row-mt", "1", "-an"];

/// What is put beside the pictures.
pub(crate) struct Joined<'a> {
    /// Sound.
    pub sound: Option<&'a SoundPlan>,
    /// A file whose title, date, chapters and the like are kept.
    pub tags: Option<&'a Path>,
    /// A packet that says how the film was made.
    pub xmp: Option<&'a str>,
}

/// Writes `target` from the pictures of `film` and what stands beside them. WebM gets VP9.
///
/// # Errors
/// When ffmpeg fails; then `target` is what it was.
pub(crate) fn join(tools: &Tools, film: &Path, joined: &Joined, target: &Path) -> Result<()> {
    // By its ending ffmpeg chooses the container.
    let ending = target.extension().map_or(String::new(), |e| format!(".{}", e.to_string_lossy()));
    let beside = beside(target, &format!(".{}.", std::process::id()), &ending);
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-y"]);
    // ffmpeg lets every file begin at 0; the film says when its first frame is shown.
    command.args(["-itsoffset", &format!("{:.6}", start_seconds(film)?), "-i"]).arg(file_word(film));
    let mut inputs = 1;
    let sound = joined.sound.filter(|sound| !sound.is_empty());
    let mut sound_words = Vec::new();
    if let Some(sound) = sound {
        command.arg("-i").arg(file_word(&sound.path));
        sound_words = sound.words(inputs);
        inputs += 1;
    }
    let tags = match (joined.tags, sound) {
        (Some(tags), Some(sound)) if tags == sound.path => Some(inputs - 1),
        (Some(tags), _) => {
            command.arg("-i").arg(file_word(tags));
            Some(inputs)
        }
        (None, _) => None,
    };
    let from = tags.map_or("-1".into(), |input: usize| input.to_string());
    command.args(["-map_metadata", &from, "-map_chapters", &from, "-map", "0:v:0"]);
    let is_webm = target.extension().is_some_and(|e| e.eq_ignore_ascii_case("webm"));
    match is_webm {
        true => command.args(&VP9[..8]).args(tools.keep_times()),
        false => command.args(["-c:v", "copy"]),
    };
    command.args(sound_words);
    if joined.xmp.is_some() && !has_boxes(target) {
        command.args(["-metadata", &format!("DIGITAL_SOURCE_TYPE={SOURCE_TYPE}")]);
    }
    command.args(["-movflags", "+faststart", "-avoid_negative_ts", "disabled"]).arg(file_word(&beside));
    if let Some(sound) = sound {
        command.args(sound.end_words(1));
    }
    let fail = |why: String| VideoError::Ffmpeg { doing: "write", name: name_of(target), why };
    let output = command.stdin(Stdio::null()).output().map_err(|e| fail(plain(e)))?;
    if !output.status.success() {
        let _ = fs::remove_file(&beside);
        return Err(fail(last_words(&String::from_utf8_lossy(&output.stderr))).into());
    }
    let place = || {
        let mut file = OpenOptions::new().append(true).open(&beside)?;
        if let Some(packet) = joined.xmp.filter(|_| has_boxes(target)) {
            file.write_all(&xmp_box(packet))?;
        }
        file.sync_all()?;
        fs::rename(&beside, target)?;
        sync_parent(target)
    };
    place().map_err(|e| Error::write(target, e))
}

/// Whether it is an MP4 or MOV, to which a box may be added.
fn has_boxes(target: &Path) -> bool {
    Kind::of(target).is_ok_and(Kind::has_clean_aperture)
}

/// Codes one black picture as [`join`] will code the film; gives ffmpeg's last words where that fails.
pub(crate) fn try_pictures(_: &Tools) -> std::result::Result<(), String> {
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p"]);
    command.args(["-video_size", "64x64", "-i", "pipe:0"]).args(VP9).args(["-f", "webm", "pipe:1"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(plain)?;
    // Where it has ended already, its words say why.
    let _ = child.stdin.take().map(|mut pipe| pipe.write_all(&[128; 64 * 64 * 3 / 2]));
    let output = child.wait_with_output().map_err(plain)?;
    match output.status.success() {
        true => Ok(()),
        false => Err(last_words(&String::from_utf8_lossy(&output.stderr))),
    }
}

fn start_seconds(film: &Path) -> Result<f64> {
    let movie = Movie::open_own(film, &name_of(film))?;
    Ok(movie.video().map_or(0.0, |track| track.first_decode as f64 / f64::from(track.timescale)))
}
