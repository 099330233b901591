//! Still pictures: read from whatever people have, written to what they ask for.
//!
//! In: JPEG (grey and CMYK too), PNG, WebP, TIFF, BMP, GIF (of animations, the first frame), JPEG XL, and through an
//! installed program AVIF and HEIC; told apart by content, never by name. Out: JPEG, PNG, WebP, TIFF, told apart by the
//! name's ending. In memory there is one layout: interleaved 8-bit sRGB from the top row, upright, with an alpha plane
//! beside it where the file had one.

pub mod animation;
mod colour;
pub mod cutout;
mod decode;
mod encode;
mod exif;
mod external;
mod ifd;
mod jpeg;
mod jxl;
pub mod mark;
mod png;
mod rawphoto;
mod sniff;
#[cfg(test)]
mod tests;
mod tiff;
pub(crate) mod webp;

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use impasto_core::Image;

use crate::error::{Error, Result, name_of};
use crate::memory;

pub use encode::{OutputFormat, WriteOptions, encode, write, write_new};

/// A picture as the painter wants it, and what else its file said.
#[derive(Clone, Debug)]
pub struct Still {
    /// The upright picture, sRGB.
    pub image: Image,
    /// Opacity, one byte a pixel in the picture's order, 255 is opaque; `None` where all is opaque.
    /// The colours are not multiplied by it, and those of unseen pixels follow from the seen ones ([`cutout`]).
    pub alpha: Option<Vec<u8>>,
    /// The file's format, told by its content.
    pub format: Format,
    /// The file's EXIF block (starting at its TIFF header), with the orientation set to upright and the embedded
    /// thumbnail unlinked. Written again only when [`WriteOptions::keep_metadata`] asks for it.
    pub exif: Option<Vec<u8>>,
    /// An XMP packet to write with the picture ([`mark`]); none is read from files.
    pub xmp: Option<String>,
    /// What a person should know about the reading, each a full sentence.
    pub notes: Vec<Note>,
}

impl Still {
    /// A still made by the program: opaque, without metadata.
    pub fn from_image(image: Image) -> Self {
        Still { image, alpha: None, format: Format::Png, exif: None, xmp: None, notes: Vec::new() }
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
    /// JPEG XL.
    Jxl,
    /// AVIF, through an installed program.
    Avif,
    /// HEIF with HEVC inside (HEIC), through an installed program.
    Heif,
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
            Format::Jxl => "JPEG XL",
            Format::Avif => "AVIF",
            Format::Heif => "HEIF",
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
    /// The file has several pages; only its first was taken.
    FirstPageOnly,
    /// 16 bits a channel were rounded to 8.
    RoundedTo8Bit,
    /// Floating-point numbers from 0 to 1 became 8 bits; those beyond were clipped.
    FloatsTo8Bit,
    /// The colour profile could not be used; the colours were taken as sRGB.
    ProfileIgnored,
    /// The colours are meant for a brighter screen (PQ or HLG); they were taken as sRGB.
    HighDynamicRange,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Note::FirstFrameOnly => "The file is animated; its first frame is used.",
            Note::FirstPageOnly => "The file has several pages; its first is used.",
            Note::RoundedTo8Bit => "The picture has more than 8 bits a channel; it is painted with 8.",
            Note::FloatsTo8Bit => {
                "The picture has floating-point numbers; it is painted with 8 bits, and values beyond 0..1 are clipped."
            }
            Note::ProfileIgnored => {
                "Its colour profile is damaged, of another kind or too large; the colours are taken as sRGB."
            }
            Note::HighDynamicRange => {
                "The picture has a high dynamic range (PQ or HLG); it is taken as sRGB and looks flat."
            }
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

/// Bytes a pixel that decoding and turning a picture take at most, roughly: two copies with 8 bits, and alpha.
const DECODING_BYTES: u64 = 8;

impl Limits {
    /// For paintings, which are looked at small: 2^26 = 67 million pixels.
    pub fn painting() -> Self {
        Limits { pixels: 1 << 26, ..Limits::default() }
    }

    /// Refuses a picture of no pixels, too many, or more than there is memory for, before any of them is decoded.
    pub(crate) fn check(self, name: &str, width: usize, height: usize) -> Result<()> {
        let name = || name.to_string();
        if width == 0 || height == 0 {
            return Err(Error::NoPixels { name: name(), width, height });
        }
        let pixels = (width as u64).saturating_mul(height as u64);
        if pixels > self.pixels {
            return Err(Error::TooLarge { name: name(), width, height, limit_px: self.pixels });
        }
        if !memory::is_there(pixels.saturating_mul(DECODING_BYTES)) {
            return Err(Error::Memory { name: name(), width, height });
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

/// Reads the picture at `path`, within `limits`. AVIF and HEIC are read through an installed program.
///
/// # Errors
/// As [`read`].
pub fn read_within(path: &Path, limits: Limits) -> Result<Still> {
    read_own(&bytes_of(path, limits)?, &name_of(path), limits)
}

/// The bytes of the file at `path`, within `limits`.
///
/// # Errors
/// When it is missing, a folder or too large.
pub fn bytes_of(path: &Path, limits: Limits) -> Result<Vec<u8>> {
    let mut file = File::open(path).map_err(|e| Error::read(path, e))?;
    let meta = file.metadata().map_err(|e| Error::read(path, e))?;
    if meta.is_dir() {
        return Err(Error::IsFolder { name: name_of(path) });
    }
    bytes_from(&mut file, &name_of(path), limits)
}

/// All bytes of `source` up to its end, within `limits`: a file, a pipe, standard input.
///
/// # Errors
/// When it cannot be read or is too large.
pub fn bytes_from(source: &mut dyn Read, name: &str, limits: Limits) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let cause = |cause: io::Error| Error::Read { name: name.into(), cause };
    source.take(limits.file_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(cause)?;
    match bytes.len() as u64 > limits.file_bytes {
        true => Err(Error::FileTooLarge { name: name.into(), limit: limits.file_bytes }),
        false => Ok(bytes),
    }
}

/// Reads the picture in `bytes` that the person at this machine has named: as [`read_within`].
///
/// # Errors
/// As [`read`].
pub fn read_own(bytes: &[u8], name: &str, limits: Limits) -> Result<Still> {
    let format = format_of(bytes, name, limits)?;
    match format {
        Format::Avif | Format::Heif => {
            guarded(name, format, || external::decode(bytes, name, format, limits))
        }
        _ => guarded(name, format, || decode::decode(bytes, name, format, limits)),
    }
}

/// Reads the picture in `bytes`, without any other program; `name` stands for it in messages.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: &[u8], name: &str, limits: Limits) -> Result<Still> {
    let format = format_of(bytes, name, limits)?;
    guarded(name, format, || decode::decode(bytes, name, format, limits))
}

fn format_of(bytes: &[u8], name: &str, limits: Limits) -> Result<Format> {
    if bytes.is_empty() {
        return Err(Error::Empty { name: name.into() });
    }
    if bytes.len() as u64 > limits.file_bytes {
        return Err(Error::FileTooLarge { name: name.into(), limit: limits.file_bytes });
    }
    match sniff::sniff(bytes) {
        sniff::Kind::Picture(format) => Ok(format),
        sniff::Kind::Other { found, remedy } => Err(Error::NotAPicture { name: name.into(), found, remedy }),
    }
}

thread_local! {
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is in a decoder. If one panics, the picture is reported as damaged and nothing else happens: a
/// panic hook may keep quiet about it.
pub fn is_decoding() -> bool {
    DECODING.get()
}

/// Runs a decoder; one that panics makes the picture a damaged one, and the program goes on.
fn guarded(name: &str, format: Format, decode: impl FnOnce() -> Result<decode::Raw>) -> Result<Still> {
    guarded_by(name, format, || decode().map(|raw| raw.into_still(format)))
}

fn guarded_by<T>(name: &str, format: Format, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = DECODING.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(decode));
    DECODING.set(before);
    outcome.unwrap_or_else(|_| {
        Err(Error::damaged(name, format.name(), "its parts contradict each other, and the decoder gave up"))
    })
}

impl Still {
    /// The picture as a painting to take a style from: of a cut-out, the smallest part that holds all that is seen.
    ///
    /// # Errors
    /// [`Error::NothingSeen`] when every pixel is transparent.
    pub fn into_painting(self) -> Result<Image> {
        let Some(alpha) = &self.alpha else { return Ok(self.image) };
        let width = self.image.width();
        let [left, top, width, height] = cutout::bounds(alpha, width).ok_or(Error::NothingSeen)?;
        Ok(Image::from_fn(width, height, |x, y| self.image.pixel(left + x, top + y)))
    }
}
