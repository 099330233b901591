//! Raw photos in TIFF's clothes: the picture in front of them is a thumbnail, and painting that would be a lie.

use super::ifd::{COMPRESSION, Ifd, MAKE, PHOTOMETRIC};

const DNG_VERSION: u16 = 50706;
/// Colour filter array, and demosaiced but raw.
const RAW_COLOURS: [u64; 2] = [32803, 34892];
/// Compressions of Nikon, Sony, Pentax, Samsung and Kodak, which only raw files have.
const RAW_COMPRESSIONS: [u64; 6] = [34713, 32767, 32769, 65535, 32770, 65000];

/// Makers by a word of the tag `Make`, and what their raw files are called.
const MAKERS: [(&[u8], &str); 10] = [
    (b"NIKON", "a Nikon raw photo (NEF)"),
    (b"SONY", "a Sony raw photo (ARW)"),
    (b"PENTAX", "a Pentax raw photo (PEF)"),
    (b"RICOH", "a Ricoh raw photo"),
    (b"SAMSUNG", "a Samsung raw photo (SRW)"),
    (b"Hasselblad", "a Hasselblad raw photo (3FR)"),
    (b"Phase One", "a Phase One raw photo (IIQ)"),
    (b"Leaf", "a Leaf raw photo (MOS)"),
    (b"EPSON", "an Epson raw photo (ERF)"),
    (b"Kodak", "a Kodak raw photo"),
];

/// The name of the raw format that a TIFF file is; `None` for a TIFF that is a picture.
pub(super) fn name(bytes: &[u8]) -> Option<&'static str> {
    if bytes.get(8..10) == Some(b"CR") && bytes.starts_with(b"II*\0") {
        return Some("a Canon raw photo (CR2)");
    }
    let first = Ifd::first(bytes)?;
    if first.entry(DNG_VERSION).is_some() {
        return Some("a raw photo (DNG)");
    }
    let children = first.children();
    let below: Vec<_> = children.iter().flat_map(Ifd::children).collect();
    if ![&first].into_iter().chain(&children).chain(&below).any(is_raw) {
        return None;
    }
    let make = first.blob(MAKE).unwrap_or_default();
    let made_by = |word: &[u8]| make.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    Some(MAKERS.iter().find(|(word, _)| made_by(word)).map_or("a raw photo", |(_, name)| name))
}

fn is_raw(directory: &Ifd) -> bool {
    let is = |tag, values: &[u64]| directory.number(tag).is_some_and(|value| values.contains(&value));
    is(PHOTOMETRIC, &RAW_COLOURS) || is(COMPRESSION, &RAW_COMPRESSIONS)
}
