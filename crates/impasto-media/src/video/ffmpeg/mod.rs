//! A found `ffmpeg` and `ffprobe`, run as programs of their own: for every film that this program cannot read itself, and for
//! kinds of file that it does not write.

mod coder;
mod join;
mod sound;
mod source;

pub(crate) use coder::{FfmpegCoder, USUAL as USUAL_ENCODER};
pub(crate) use join::{Joined, join, try_pictures};
pub(crate) use sound::{Container, SoundPlan};
pub use source::FfmpegSource;

use super::VideoError;
use super::address::{is_address, without_passwords, words};
use crate::error::{Result, name_of, plain};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// The two programs.
#[derive(Clone, Debug, PartialEq)]
pub struct Tools {
    /// First number of ffmpeg's version; 0 where it has none.
    major: u32,
}

impl Tools {
    /// Both programs, if the system finds them by name.
    pub fn find() -> Option<Self> {
        let says = |program: &str| {
            let output = Command::new(program)
                .arg("-version")
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .output()
                .ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        };
        says("ffprobe")?;
        let version = says("ffmpeg")?;
        let number = version.split_whitespace().nth(2).unwrap_or_default().trim_start_matches('n');
        let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
        // A build between versions is newer than any.
        Some(Self { major: digits.parse().unwrap_or(99) })
    }

    /// The words that keep every frame with its own time.
    fn keep_times(&self) -> [&'static str; 2] {
        if self.major >= 6 { ["-fps_mode", "passthrough"] } else { ["-vsync", "passthrough"] }
    }

    /// Whether ffprobe finds a sound track.
    pub fn has_sound(&self, path: &Path) -> bool {
        probe(path, "a", "stream=index").is_ok_and(|lines| !lines.is_empty())
    }

    /// Whether ffprobe finds a title, a date, chapters or the like.
    pub fn has_tags(&self, path: &Path) -> bool {
        // Every MP4 has these.
        let usual = ["major_brand", "minor_version", "compatible_brands", "encoder", "duration"];
        let told = |key: &str| !usual.iter().any(|usual| key.eq_ignore_ascii_case(usual));
        let tags = probe(path, "V:0", "format_tags:chapter=id");
        tags.is_ok_and(|lines| {
            lines.iter().any(|(key, _)| key.strip_prefix("TAG:").map_or(key == "id", told))
        })
    }

    /// Whether ffmpeg has an encoder of that name.
    pub(crate) fn has_encoder(&self, name: &str) -> bool {
        self.lists("-encoders", name)
    }

    /// Whether ffmpeg has a decoder of that name.
    pub(crate) fn has_decoder(&self, name: &str) -> bool {
        self.lists("-decoders", name)
    }

    fn lists(&self, what: &str, name: &str) -> bool {
        let listed = Command::new("ffmpeg").args(["-hide_banner", what]).stdin(Stdio::null()).output();
        listed.is_ok_and(|listed| {
            let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
            listed.lines().any(|line| line.split_whitespace().nth(1) == Some(name))
        })
    }
}

/// What ffprobe says of each of some streams.
fn records(path: &Path, streams: &str, entries: &str) -> Result<Vec<HashMap<String, String>>> {
    let first = entries.split(['=', ',']).nth(1).unwrap_or_default();
    let mut records: Vec<HashMap<String, String>> = Vec::new();
    for (key, value) in probe(path, streams, entries)? {
        if key == first {
            records.push(HashMap::new());
        }
        if let Some(record) = records.last_mut() {
            record.insert(key, value);
        }
    }
    Ok(records)
}

/// What ffprobe says of some streams, as `key=value` lines.
fn probe(path: &Path, streams: &str, entries: &str) -> Result<Vec<(String, String)>> {
    let fail = |why: String| VideoError::Ffmpeg { doing: "read", name: name_of(path), why };
    let mut command = Command::new("ffprobe");
    command.args([
        "-v",
        "error",
        "-select_streams",
        streams,
        "-show_entries",
        entries,
        "-of",
        "default=noprint_wrappers=1",
    ]);
    if is_address(path) {
        command.args(words(path, Tools::find().map_or(0, |tools| tools.major)));
    }
    let output =
        command.arg("-i").arg(file_word(path)).stdin(Stdio::null()).output().map_err(|e| fail(plain(e)))?;
    if !output.status.success() {
        return Err(fail(last_words(&String::from_utf8_lossy(&output.stderr))).into());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect())
}

/// A path as ffmpeg takes it: a name that begins with `-` or holds a colon is still a file.
fn file_word(path: &Path) -> std::ffi::OsString {
    if path.is_absolute() || is_address(path) {
        return path.into();
    }
    Path::new(".").join(path).into()
}

/// The last lines that a program said, in one.
fn last_words(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(3)..].join("; ");
    if last.is_empty() { "it said nothing".into() } else { without_passwords(&plain(last)) }
}
