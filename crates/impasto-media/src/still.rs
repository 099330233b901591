//! Still pictures: read from whatever people have, written to what they ask for.
//!
//! In: JPEG (grey and CMYK too), PNG, WebP, TIFF, BMP, GIF (first frame), told apart by content, never
//! by name. Out: JPEG, PNG, WebP, TIFF, told apart by the name's ending. In memory there is one layout:
//! interleaved 8-bit sRGB from the top row, upright, with an alpha plane beside it where the file had one.

mod colour;
mod decode;
mod encode;
mod exif;
mod jpeg;
mod sniff;
#[cfg(test)]
mod tests;
pub(crate) mod webp;

use std::fmt;
use std::fs;
use std::path::Path;

use impasto_core::Image;

use crate::error::{Error, Result, name_of};

pub use encode::{OutputFormat, WriteOptions, encode, write};

/// A picture as the painter wants it, and what else its file said.
#[derive(Clone, Debug)]
pub struct Still {
    /// The upright picture, sRGB.
    pub image: Image,
    /// Opacity, one byte a pixel in the picture's order, 255 is opaque; `None` where all is opaque.
    /// The colours are not multiplied by it.
    pub alpha: Option<Vec<u8>>,
    /// The file's format, told by its content.
    pub format: Format,
    /// The file's EXIF block (starting at its TIFF header), with the orientation set to upright and the embedded
    /// thumbnail unlinked. Written again only when [`WriteOptions::keep_metadata`] asks for it.
    pub exif: Option<Vec<u8>>,
    /// What a person should know about the reading, each a full sentence.
    pub notes: Vec<Note>,
}

impl Still {
    /// A still made by the program: opaque, without metadata.
    pub fn from_image(image: Image) -> Self {
        Still { image, alpha: None, format: Format::Png, exif: None, notes: Vec::new() }
    }
}

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// JPEG: baseline and progressive, grey, YCbCr, RGB, CMYK, YCCK.
    Jpeg,
    /// PNG, 1 to 16 bit.
    Png,
    /// WebP, lossy and lossless.
    WebP,
    /// TIFF.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// GIF.
    Gif,
}

impl Format {
    /// The name people use.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::WebP => "WebP",
            Format::Tiff => "TIFF",
            Format::Bmp => "BMP",
            Format::Gif => "GIF",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something a person should know about how a picture was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The file is animated; only its first frame was taken.
    FirstFrameOnly,
    /// 16 bits a channel were rounded to 8.
    RoundedTo8Bit,
    /// The colour profile could not be used; the colours were taken as sRGB.
    ProfileIgnored,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Note::FirstFrameOnly => "The file is animated; its first frame is used.",
            Note::RoundedTo8Bit => "The picture has 16 bits a channel; it is painted with 8.",
            Note::ProfileIgnored => "Its colour profile cannot be read; the colours are taken as sRGB.",
        })
    }
}

/// What a picture may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most pixels (width times height) that are decoded.
    pub pixels: u64,
    /// Most bytes that a file may have.
    pub file_bytes: u64,
    /// Most bytes that the decoded pixels may take, in the file's own depth and channels.
    pub decoded_bytes: u64,
}

impl Default for Limits {
    /// 2^27 = 134 million pixels (a 108-megapixel phone photo passes), 1 GiB of file and 2 GiB of pixels (16 bytes each).
    fn default() -> Self {
        Limits { pixels: 1 << 27, file_bytes: 1 << 30, decoded_bytes: 1 << 31 }
    }
}

impl Limits {
    /// Refuses a picture of no pixels or too many, before any of them is decoded.
    pub(crate) fn check(self, name: &str, width: usize, height: usize) -> Result<()> {
        let name = || name.to_string();
        if width == 0 || height == 0 {
            return Err(Error::NoPixels { name: name(), width, height });
        }
        if (width as u64).saturating_mul(height as u64) > self.pixels {
            return Err(Error::TooLarge { name: name(), width, height, limit_px: self.pixels });
        }
        Ok(())
    }

    /// Refuses a picture whose pixels would take too much memory, before any of them is decoded.
    pub(crate) fn check_bytes(self, name: &str, (width, height): (usize, usize), bytes: u64) -> Result<()> {
        if bytes <= self.decoded_bytes {
            return Ok(());
        }
        let pixels = (width as u64).saturating_mul(height as u64).max(1);
        let limit_px = self.decoded_bytes / bytes.div_ceil(pixels).max(1);
        Err(Error::TooLarge { name: name.into(), width, height, limit_px })
    }
}

/// Reads the picture at `path`, within the usual [`Limits`].
///
/// # Errors
/// When the file is missing, a folder, empty, no picture, damaged, cut short, or too large; see [`Error`].
pub fn read(path: &Path) -> Result<Still> {
    read_within(path, Limits::default())
}

/// Reads the picture at `path`, within `limits`.
///
/// # Errors
/// As [`read`].
pub fn read_within(path: &Path, limits: Limits) -> Result<Still> {
    let meta = fs::metadata(path).map_err(|e| Error::read(path, e))?;
    if meta.is_dir() {
        return Err(Error::IsFolder { name: name_of(path) });
    }
    if meta.len() > limits.file_bytes {
        return Err(Error::FileTooLarge { name: name_of(path), bytes: meta.len(), limit: limits.file_bytes });
    }
    let bytes = fs::read(path).map_err(|e| Error::read(path, e))?;
    read_bytes(&bytes, &name_of(path), limits)
}

/// Reads the picture in `bytes`; `name` stands for it in messages.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: &[u8], name: &str, limits: Limits) -> Result<Still> {
    if bytes.is_empty() {
        return Err(Error::Empty { name: name.into() });
    }
    if bytes.len() as u64 > limits.file_bytes {
        return Err(Error::FileTooLarge {
            name: name.into(),
            bytes: bytes.len() as u64,
            limit: limits.file_bytes,
        });
    }
    let format = match sniff::sniff(bytes) {
        sniff::Kind::Picture(format) => format,
        sniff::Kind::Other { found, remedy } => {
            return Err(Error::NotAPicture { name: name.into(), found, remedy });
        }
    };
    let raw = match format {
        Format::Jpeg => jpeg::decode(bytes, name, limits)?,
        _ => decode::decode(bytes, name, format, limits)?,
    };
    Ok(raw.into_still(format))
}
