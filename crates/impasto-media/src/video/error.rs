//! What can go wrong with films, and what to do about it.

/// What people do where ffmpeg is missing.
const GET_FFMPEG: &str = "Install ffmpeg (https://ffmpeg.org, or your system's packages), or save the film as MP4 with H.264 in 8-bit 4:2:0 first.";

/// What can go wrong with films. Every message names the file, says what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VideoError {
    /// The content is no film.
    #[error(
        "{name} is not a video that can be read: it looks like {found}. Choose a video, a GIF, or a folder of pictures."
    )]
    NotAVideo {
        /// The file.
        name: String,
        /// What it looks like, as a noun phrase.
        found: String,
    },
    /// There is nothing to see in it.
    #[error("{name} holds no picture: {found}. Choose a file with a video track.")]
    NoVideo {
        /// The file.
        name: String,
        /// What it holds instead, as a phrase.
        found: String,
    },
    /// The file ends too early; the frames before are whole.
    #[error("{name} is cut short: {} whole. Copy or download it again to get the rest.", of(*whole, *total))]
    CutShort {
        /// The file.
        name: String,
        /// Frames that are whole.
        whole: u64,
        /// Frames that were announced.
        total: Option<u64>,
    },
    /// The file breaks its format's rules; the frames before are whole.
    #[error(
        "{name} is damaged after {whole} frames: {why}. Copy or download it again, or let ffmpeg try it: --backend ffmpeg."
    )]
    Damaged {
        /// The file.
        name: String,
        /// Frames that are whole.
        whole: u64,
        /// The fault.
        why: String,
    },
    /// Only ffmpeg can do it, and there is none.
    #[error("{name}: {why} needs ffmpeg, and no `ffmpeg` and `ffprobe` were found. {GET_FFMPEG}")]
    NeedsFfmpeg {
        /// The file.
        name: String,
        /// What needs it, as a noun phrase.
        why: String,
    },
    /// Only ffmpeg can do it, and it is not wanted.
    #[error(
        "{name}: {why} cannot be done by the built-in backend. Drop --backend builtin, or save the film as MP4 with H.264 in 8-bit 4:2:0 first."
    )]
    NotBuiltIn {
        /// The file.
        name: String,
        /// What cannot be done.
        why: String,
    },
    /// ffmpeg failed.
    #[error("ffmpeg could not {doing} {name}: {why}")]
    Ffmpeg {
        /// What it was to do.
        doing: &'static str,
        /// The file.
        name: String,
        /// Its last words.
        why: String,
    },
    /// Pictures of a folder could not be read; the others are whole.
    #[error(
        "{name}: {count} of its pictures could not be read, and the one before each is shown in its place. The first: {first}"
    )]
    PassedOver {
        /// The folder.
        name: String,
        /// How many.
        count: u64,
        /// What was wrong with the first of them.
        first: String,
    },
    /// Nothing to go on from, or something else was begun.
    #[error("cannot go on with {name}: {why}")]
    Resume {
        /// The output.
        name: String,
        /// Why not, and what to do.
        why: String,
    },
    /// The output cannot hold this film.
    #[error("{name}: {why}")]
    Unfit {
        /// The output.
        name: String,
        /// Why, and what to do.
        why: String,
    },
}

impl VideoError {
    /// Whether frames before the error are whole and worth keeping.
    pub fn leaves_frames(&self) -> bool {
        match self {
            VideoError::CutShort { whole, .. } | VideoError::Damaged { whole, .. } => *whole > 0,
            VideoError::PassedOver { .. } => true,
            VideoError::NotAVideo { .. }
            | VideoError::NoVideo { .. }
            | VideoError::NeedsFfmpeg { .. }
            | VideoError::NotBuiltIn { .. }
            | VideoError::Ffmpeg { .. }
            | VideoError::Resume { .. }
            | VideoError::Unfit { .. } => false,
        }
    }
}

fn of(whole: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("{whole} of its {total} frames are"),
        None => format!("its first {whole} frames are"),
    }
}
