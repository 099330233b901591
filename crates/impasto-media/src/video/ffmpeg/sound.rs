//! Which tracks of sound a result can have: settled, and tried on their first second, before the first frame is painted.

use super::source::begins_by_need;
use super::{Tools, file_word, probe, records};
use crate::error::Result;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Bits a second of coded sound, for each track.
const CODED_BITS: &str = "192k";

/// A kind of file that ffmpeg writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Mp4,
    Mov,
    Mkv,
    Webm,
    Avi,
    Ts,
}

impl Container {
    /// By the name's ending.
    pub fn of(target: &Path) -> Option<Self> {
        let ending = target.extension()?.to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            "mp4" | "m4v" => Some(Self::Mp4),
            "mov" | "qt" => Some(Self::Mov),
            "mkv" => Some(Self::Mkv),
            "webm" => Some(Self::Webm),
            "avi" => Some(Self::Avi),
            "ts" => Some(Self::Ts),
            _ => None,
        }
    }

    /// Its ending and the muxer's name, as words for ffmpeg that need no file to seek in.
    fn trial_words(self) -> &'static [&'static str] {
        match self {
            Self::Mp4 => &["-movflags", "+frag_keyframe+empty_moov", "-f", "mp4"],
            Self::Mov => &["-movflags", "+frag_keyframe+empty_moov", "-f", "mov"],
            Self::Mkv => &["-f", "matroska"],
            Self::Webm => &["-f", "webm"],
            Self::Avi => &["-f", "avi"],
            Self::Ts => &["-f", "mpegts"],
        }
    }

    /// The name people know.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "MP4",
            Self::Mov => "MOV",
            Self::Mkv => "MKV",
            Self::Webm => "WebM",
            Self::Avi => "AVI",
            Self::Ts => "TS",
        }
    }

    /// Whether players of this kind of file play that codec; `codec` is ffmpeg's name.
    fn holds(self, codec: &str) -> bool {
        let pcm = codec.starts_with("pcm_");
        match self {
            Self::Mp4 => matches!(codec, "aac" | "mp3" | "ac3" | "eac3" | "alac" | "opus"),
            Self::Mov => pcm || matches!(codec, "aac" | "mp3" | "ac3" | "eac3" | "alac"),
            Self::Mkv => {
                let plain =
                    pcm && ["s16le", "s24le", "s32le", "u8", "f32le"].iter().any(|end| codec.ends_with(end));
                plain
                    || matches!(codec, "aac" | "mp3" | "mp2" | "ac3" | "eac3" | "opus" | "vorbis" | "flac")
                    || matches!(codec, "dts" | "truehd" | "alac" | "tta" | "wavpack")
            }
            Self::Webm => matches!(codec, "opus" | "vorbis"),
            Self::Avi => {
                matches!(codec, "mp3" | "mp2" | "ac3" | "aac" | "pcm_s16le" | "pcm_u8" | "wmav1" | "wmav2")
                    || matches!(codec, "pcm_alaw" | "pcm_mulaw" | "adpcm_ms" | "adpcm_ima_wav")
            }
            Self::Ts => matches!(codec, "aac" | "mp3" | "mp2" | "ac3" | "eac3" | "opus" | "dts"),
        }
    }

    /// The codec that sound is coded to, by ffmpeg's name and the people's.
    fn coder(self) -> (&'static str, &'static str) {
        match self {
            Self::Webm => ("libopus", "Opus"),
            Self::Mp4 | Self::Mov | Self::Mkv | Self::Avi | Self::Ts => ("aac", "AAC"),
        }
    }
}

/// A track that the result will have.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    /// Number of the stream in its file.
    stream: u32,
    /// Coded anew instead of copied.
    coded: bool,
}

/// The sound of a file, as the result will have it.
#[derive(Clone, Debug)]
pub(crate) struct SoundPlan {
    /// The file.
    pub path: PathBuf,
    container: Container,
    kept: Vec<Kept>,
    /// Pictures have to be read too, so that sound begins where the file says.
    with_pictures: bool,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl SoundPlan {
    /// Looks at all tracks of `path` and tries each.
    pub fn new(tools: &Tools, path: &Path, container: Container) -> Result<Self> {
        let format = probe(path, "V:0", "format=format_name")?;
        let with_pictures = format.iter().any(|(_, format)| begins_by_need(format));
        let (kept, notes) = (Vec::new(), Vec::new());
        let mut plan = Self { path: path.into(), container, kept, with_pictures, notes };
        for (number, track) in (1..).zip(records(path, "a", "stream=index,codec_name,codec_tag_string")?) {
            let fact = |key: &str| track.get(key).map_or("", String::as_str);
            let Ok(stream) = fact("index").parse() else { continue };
            plan.add(tools, number, stream, fact("codec_name"), fact("codec_tag_string"));
        }
        Ok(plan)
    }

    fn add(&mut self, tools: &Tools, number: usize, stream: u32, codec: &str, tag: &str) {
        let container = self.container.name();
        let known = !matches!(codec, "" | "unknown" | "none");
        if known && self.container.holds(codec) && self.works(tools, stream, false) {
            self.kept.push(Kept { stream, coded: false });
        } else if known && self.works(tools, stream, true) {
            self.kept.push(Kept { stream, coded: true });
            let to = self.container.coder().1;
            self.notes.push(format!(
                "Sound track {number} ({codec}) is coded to {to}: {container} does not hold it as it is."
            ));
        } else {
            let what = if known { codec } else { tag };
            self.notes.push(format!(
                "Sound track {number} ({what}) is left out: {container} cannot hold it, and ffmpeg cannot decode it."
            ));
        }
    }

    /// Tries the first second of a track.
    fn works(&self, _: &Tools, stream: u32, coded: bool) -> bool {
        let mut command = Command::new("ffmpeg");
        command.args(["-hide_banner", "-nostdin", "-v", "error", "-t", "1", "-i"]).arg(file_word(&self.path));
        command.args([
            "-map",
            &format!("0:{stream}"),
            "-c:a",
            if coded { self.container.coder().0 } else { "copy" },
        ]);
        command.args(self.container.trial_words()).arg("pipe:1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Whether nothing is heard in the result.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether all that is kept is copied.
    pub fn copies_all(&self) -> bool {
        self.kept.iter().all(|kept| !kept.coded)
    }

    /// Words for a second output that throws the pictures away, where they have to be read too.
    pub fn end_words(&self, input: usize) -> Vec<String> {
        if !self.with_pictures {
            return Vec::new();
        }
        let pictures = format!("{input}:V:0");
        ["-map", &pictures, "-c", "copy", "-f", "null", "-"].map(String::from).into()
    }

    /// Number of tracks that are kept.
    pub fn tracks(&self) -> usize {
        self.kept.len()
    }

    /// The words that map and code the tracks; the file is ffmpeg's input number `input`.
    pub fn words(&self, input: usize) -> Vec<String> {
        let mut words = Vec::new();
        for (number, kept) in self.kept.iter().enumerate() {
            words.extend(["-map".into(), format!("{input}:{}", kept.stream)]);
            words.extend([format!("-c:a:{number}"), self.coder_word(kept.coded)]);
            if kept.coded {
                words.extend([format!("-b:a:{number}"), CODED_BITS.into()]);
            }
        }
        words
    }

    fn coder_word(&self, coded: bool) -> String {
        if coded { self.container.coder().0.into() } else { "copy".into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn players_of_a_container_decide() {
        assert!(Container::Mp4.holds("aac") && Container::Mov.holds("pcm_s16le"));
        for codec in ["vorbis", "flac", "pcm_u8", "pcm_alaw", "amr_nb", "wmav2"] {
            assert!(!Container::Mp4.holds(codec), "{codec}");
        }
        assert!(Container::Mkv.holds("flac") && !Container::Mkv.holds("pcm_s16be"));
        assert_eq!(Container::of(Path::new("a.MKV")), Some(Container::Mkv));
    }

    #[test]
    fn words_number_what_is_kept() {
        let kept = vec![Kept { stream: 1, coded: false }, Kept { stream: 3, coded: true }];
        let plan = SoundPlan {
            path: "a".into(),
            container: Container::Mp4,
            kept,
            with_pictures: true,
            notes: Vec::new(),
        };
        assert_eq!(plan.end_words(1)[1], "1:V:0");
        let words = plan.words(1).join(" ");
        assert_eq!(words, "-map 1:1 -c:a:0 copy -map 1:3 -c:a:1 aac -b:a:1 192k");
        assert!(!plan.copies_all());
    }
}
