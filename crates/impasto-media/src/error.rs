//! What can go wrong with frames, and what to do about it.

use crate::video::without_passwords;
use std::fmt;
use std::io;
use std::path::Path;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with frames. Every message names the file, says what is wrong and what to do.
///
/// `name` is the path as the person typed it, or what the caller called the bytes
/// ("dropped picture").
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("cannot read {name}: {cause}. {}", remedy_read(cause))]
    Read {
        /// The file.
        name: String,
        /// Why.
        cause: io::Error,
    },
    /// The path is a folder where a file is wanted.
    #[error(
        "{name} is a folder, not a picture. Name a file in it, or pass the folder where folders are taken."
    )]
    IsFolder {
        /// The folder.
        name: String,
    },
    /// The file has no bytes at all.
    #[error("{name} is empty (0 bytes). Copy or download it again.")]
    Empty {
        /// The file.
        name: String,
    },
    /// The content is no picture that we can read, whatever the name ends with.
    #[error("{name} is not a picture that can be read: it looks like {found}. {remedy}")]
    NotAPicture {
        /// The file.
        name: String,
        /// A noun phrase for what the content looks like.
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },
    /// The file claims to be one format but breaks that format's rules, or ends too early.
    #[error(
        "{name} is a damaged {format} file: {why}. Copy or download it again, or open and save it in a picture editor."
    )]
    Damaged {
        /// The file.
        name: String,
        /// The format its first bytes announce.
        format: &'static str,
        /// What the decoder stumbled over.
        why: String,
    },
    /// A valid file that uses something the decoder does not know.
    #[error(
        "{name} uses a kind of {format} that is not supported: {why}. Convert it to PNG or JPEG and try again."
    )]
    Unsupported {
        /// The file.
        name: String,
        /// The format.
        format: &'static str,
        /// What is not supported.
        why: String,
    },
    /// The picture is larger than the limit (perhaps a decompression bomb).
    #[error(
        "{name} claims to be {width}x{height} pixels ({:.1} megapixels); the limit is {:.1} megapixels. \
         Make it smaller in a picture editor first.",
        megapixels(*width, *height), *limit_px as f64 / 1e6
    )]
    TooLarge {
        /// The file.
        name: String,
        /// Claimed width in px.
        width: usize,
        /// Claimed height in px.
        height: usize,
        /// The limit in pixels.
        limit_px: u64,
    },
    /// There is not enough memory for the picture.
    #[error(
        "{name}: there is not enough memory for this picture ({width}x{height} pixels). \
         Make it smaller in a picture editor first, or allow more memory."
    )]
    Memory {
        /// The file.
        name: String,
        /// Claimed width in px.
        width: usize,
        /// Claimed height in px.
        height: usize,
    },
    /// A picture that only another program can decode, and none that is installed does.
    #[error(
        "{name} looks like {found}, which is read through another program, and {tried}. Install libheif's \
         tools (Debian and Ubuntu: libheif-examples, Fedora: libheif-tools, Homebrew: libheif) or an ffmpeg, or \
         convert it to JPEG or PNG."
    )]
    NeedsTool {
        /// The file.
        name: String,
        /// A noun phrase for what the content looks like.
        found: &'static str,
        /// What the programs said that were tried.
        tried: String,
    },
    /// The file has more bytes than the limit.
    #[error("{name} has more than {limit} bytes, the limit for a picture. Is it really a picture?")]
    FileTooLarge {
        /// The file.
        name: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// A picture of no pixels, or a side of 0.
    #[error("{name} has no pixels ({width}x{height}).")]
    NoPixels {
        /// The file.
        name: String,
        /// Width in px.
        width: usize,
        /// Height in px.
        height: usize,
    },
    /// The extension of an output file names no format that we write.
    #[error("cannot tell from the name {name} which format to write. Use one of these endings: {known}.")]
    UnknownExtension {
        /// The output file.
        name: String,
        /// The endings that are known.
        known: &'static str,
    },
    /// The format cannot hold a picture of this size.
    #[error(
        "{name}: {format} cannot hold {width}x{height} pixels (at most {max_side} a side). Choose PNG or TIFF."
    )]
    FormatTooSmall {
        /// The output file.
        name: String,
        /// The format.
        format: &'static str,
        /// Width in px.
        width: usize,
        /// Height in px.
        height: usize,
        /// The longest side the format knows, in px.
        max_side: usize,
    },
    /// The file cannot be written.
    #[error("cannot write {name}: {cause}. {}", remedy_write(cause))]
    Write {
        /// The output file.
        name: String,
        /// Why.
        cause: io::Error,
    },
    /// A painting of which nothing can be seen.
    #[error("every pixel of it is transparent; choose a picture of which something can be seen")]
    NothingSeen,
    /// The file is there, and nobody said that it may be replaced.
    #[error("{name} is there already. Name another file, or let it be replaced.")]
    IsThere {
        /// The output file.
        name: String,
    },
    /// An encoder refused the picture.
    #[error("cannot encode {name} as {format}: {why}.")]
    Encode {
        /// The output file.
        name: String,
        /// The format.
        format: &'static str,
        /// What the encoder said.
        why: String,
    },
    /// About a film.
    #[error(transparent)]
    Video(#[from] crate::video::VideoError),
}

impl Error {
    /// A reading error for `path`.
    pub(crate) fn read(path: &Path, cause: io::Error) -> Self {
        Error::Read { name: name_of(path), cause }
    }

    /// A writing error for `path`.
    pub(crate) fn write(path: &Path, cause: io::Error) -> Self {
        Error::Write { name: name_of(path), cause }
    }

    /// A damaged file of `format`.
    pub(crate) fn damaged(name: &str, format: &'static str, why: impl fmt::Display) -> Self {
        Error::Damaged { name: name.into(), format, why: plain(why) }
    }
}

/// The path as text, for messages.
pub(crate) fn name_of(path: &Path) -> String {
    without_passwords(&path.display().to_string())
}

/// One line without a full stop at its end, so that it can stand inside a sentence.
pub(crate) fn plain(why: impl fmt::Display) -> String {
    let line = why.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_end_matches(['.', ' ']).to_string()
}

fn megapixels(width: usize, height: usize) -> f64 {
    width as f64 * height as f64 / 1e6
}

fn remedy_read(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "Check the spelling and the folder.",
        io::ErrorKind::PermissionDenied => "Allow reading it, or copy it to a folder of yours.",
        _ => "Check the disk or copy the file elsewhere.",
    }
}

fn remedy_write(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "Create the folder first, or choose another one.",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "Choose a folder that you may write to."
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "Free some space or choose another disk."
        }
        io::ErrorKind::IsADirectory => "Add a file name to the folder.",
        _ => "Choose another place.",
    }
}
