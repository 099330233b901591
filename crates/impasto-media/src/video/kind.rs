//! Kinds of results, by the name's ending.

use crate::error::{Error, Result, name_of};
use std::path::Path;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// MP4 with H.264.
    Mp4,
    /// MOV with H.264.
    Mov,
    /// A y4m stream.
    Y4m,
    /// A GIF.
    Gif,
    /// An animated WebP.
    Webp,
    /// An animated PNG.
    Apng,
    /// Numbered PNGs in a folder.
    Pictures,
    /// What ffmpeg makes of H.264, by the name's ending.
    Ffmpeg,
}

/// The endings that are known, for messages.
const ENDINGS: &str = ".mp4, .m4v, .mov, .y4m, .gif, .webp, .png (animated), a folder (with a / at its end), and with ffmpeg .mkv, .webm, .avi, .ts";

impl Kind {
    /// By the name's ending; `-` is y4m on standard output, no ending or a folder is a folder of pictures.
    pub fn of(target: &Path) -> Result<Self> {
        let slash = target.to_string_lossy().ends_with(std::path::is_separator);
        if slash || target.is_dir() {
            return Ok(Kind::Pictures);
        }
        let ending = target.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            None if target == Path::new("-") => Ok(Kind::Y4m),
            None => Ok(Kind::Pictures),
            Some("mp4" | "m4v") => Ok(Kind::Mp4),
            Some("mov" | "qt") => Ok(Kind::Mov),
            Some("y4m") => Ok(Kind::Y4m),
            Some("gif") => Ok(Kind::Gif),
            Some("webp") => Ok(Kind::Webp),
            Some("png" | "apng") => Ok(Kind::Apng),
            Some("mkv" | "webm" | "avi" | "ts") => Ok(Kind::Ffmpeg),
            Some(_) => Err(Error::UnknownExtension { name: name_of(target), known: ENDINGS }),
        }
    }

    /// Whether it can have sound.
    pub fn has_sound(self) -> bool {
        matches!(self, Kind::Mp4 | Kind::Mov | Kind::Ffmpeg)
    }

    /// Whether it can say that less is shown than is stored.
    pub fn has_clean_aperture(self) -> bool {
        match self {
            Kind::Mp4 | Kind::Mov => true,
            Kind::Y4m | Kind::Gif | Kind::Webp | Kind::Apng | Kind::Pictures | Kind::Ffmpeg => false,
        }
    }

    /// Whether it can have parts that are not there.
    pub fn has_alpha(self) -> bool {
        match self {
            Kind::Gif | Kind::Webp | Kind::Apng | Kind::Pictures => true,
            Kind::Mp4 | Kind::Mov | Kind::Y4m | Kind::Ffmpeg => false,
        }
    }
}
