//! The painted film and the sound of another file, put into any container by ffmpeg.

use super::{Tools, file_word, last_words};
use crate::error::{Error, Result, name_of, plain};
use crate::video::VideoError;
use crate::video::mp4::Movie;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Writes `target` from the pictures of `film` and all sound of `sound`, copied as they are where the container takes them. WebM
/// takes neither H.264 nor AAC: it gets VP9 and Opus.
///
/// # Errors
/// When ffmpeg fails; then `target` is what it was.
pub fn join(_: &Tools, film: &Path, sound: Option<&Path>, target: &Path) -> Result<()> {
    let beside = beside(target);
    let webm = target.extension().is_some_and(|e| e.eq_ignore_ascii_case("webm"));
    let (video, audio): (&[&str], &[&str]) = match webm {
        true => (&["-c:v", "libvpx-vp9", "-crf", "24", "-b:v", "0", "-row-mt", "1"], &["-c:a", "libopus"]),
        false => (&["-c:v", "copy"], &["-c:a", "copy"]),
    };
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-nostdin", "-loglevel", "error", "-y"]);
    // ffmpeg lets every file begin at 0; the film says when its first frame is shown.
    command.args(["-itsoffset", &format!("{:.6}", start_seconds(film)?), "-i"]).arg(file_word(film));
    if let Some(sound) = sound {
        command.arg("-i").arg(file_word(sound)).args(["-map", "0:v:0", "-map", "1:a?"]).args(audio);
    }
    command.args(video).args(["-fps_mode", "passthrough"].iter().filter(|_| webm));
    command.args(["-movflags", "+faststart", "-avoid_negative_ts", "disabled"]).arg(file_word(&beside));
    let fail = |why: String| VideoError::Ffmpeg { doing: "write", name: name_of(target), why };
    let output = command.stdin(Stdio::null()).output().map_err(|e| fail(plain(e)))?;
    if !output.status.success() {
        let _ = fs::remove_file(&beside);
        return Err(fail(last_words(&String::from_utf8_lossy(&output.stderr))).into());
    }
    fs::rename(&beside, target).map_err(|e| Error::write(target, e))
}

/// A hidden name beside the target with the same ending, by which ffmpeg chooses the container.
fn beside(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{}.{name}", std::process::id()))
}

fn start_seconds(film: &Path) -> Result<f64> {
    let movie = Movie::open_own(film, &name_of(film))?;
    Ok(movie.video().map_or(0.0, |track| track.first_decode as f64 / f64::from(track.timescale)))
}
