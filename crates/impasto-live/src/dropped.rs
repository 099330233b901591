//! Styles from dropped files.

use crate::LiveError;
use impasto::Stylizer;
use impasto_core::Image;
use impasto_media::still::{self, Limits};
use impasto_studio::gallery::{entry_from_file, entry_from_painting};
use impasto_studio::{Canvas, Entry};

/// Dropped files may be that large.
pub const MAX_DROP_BYTES: usize = 64 << 20;
/// Most pixels of a dropped picture, and most memory that they may take while it is read.
const MAX_DROP_PX: u64 = 1 << 26;
const MAX_DROP_DECODED_BYTES: u64 = 1 << 28;

/// A style from a dropped file: a picture in any format that Impasto reads, or a `.style` file. Takes up to a second.
pub fn dropped_entry(stylizer: &Stylizer, bytes: &[u8], name: &str) -> Result<Entry, LiveError> {
    if name.ends_with(".style") {
        return Ok(entry_from_file(stylizer, bytes)?);
    }
    let painting = still::read_bytes(bytes, name, drop_limits())?.image;
    Ok(entry_from_painting(stylizer, painting, name)?)
}

/// The painting to learn from, read.
pub fn decoded(canvas: &Canvas) -> Result<Image, LiveError> {
    let limits = Limits { file_bytes: canvas.file().len() as u64, ..drop_limits() };
    Ok(still::read_bytes(canvas.file(), "the painting", limits)?.image)
}

fn drop_limits() -> Limits {
    Limits { pixels: MAX_DROP_PX, file_bytes: MAX_DROP_BYTES as u64, decoded_bytes: MAX_DROP_DECODED_BYTES }
}
