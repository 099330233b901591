//! What a file is, told by its first bytes and never by its name.

use super::Format;

/// What the bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A picture that we read.
    Picture(Format),
    /// Something else: a noun phrase, and what to do about it.
    Other { found: &'static str, remedy: &'static str },
}

const CONVERT: &str = "Convert it to JPEG or PNG first.";
const VIDEO: &str = "Paint videos with `impasto video`.";
const CHOOSE: &str = "Choose a JPEG, PNG, WebP, TIFF, BMP or GIF picture.";

/// First bytes, where they stand, and what they say.
const SIGNS: &[(usize, &[u8], &str, &str)] = &[
    (0, b"%PDF", "a PDF document", CONVERT),
    (0, b"8BPS", "a Photoshop document", CONVERT),
    (0, b"\xff\x0a", "a JPEG XL picture", CONVERT),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture", CONVERT),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture", CONVERT),
    (4, b"ftypheic", "a HEIC photo", CONVERT),
    (4, b"ftypheix", "a HEIC photo", CONVERT),
    (4, b"ftypmif1", "a HEIF photo", CONVERT),
    (4, b"ftypmsf1", "a HEIF photo", CONVERT),
    (4, b"ftypavif", "an AVIF picture", CONVERT),
    (4, b"ftypcrx ", "a Canon raw photo", CONVERT),
    (4, b"ftyp", "an MP4 or MOV video", VIDEO),
    (0, b"\x1a\x45\xdf\xa3", "an MKV or WebM video", VIDEO),
    (0, b"YUV4MPEG2", "a y4m video", VIDEO),
    (8, b"AVI ", "an AVI video", VIDEO),
    (0, b"PK\x03\x04", "a ZIP archive (perhaps a document or weights)", CHOOSE),
    (0, b"\x1f\x8b", "a gzip archive", CHOOSE),
    (0, b"<svg", "an SVG drawing", CONVERT),
    (0, b"\x80\x02", "a Python pickle (perhaps weights)", CHOOSE),
    (8, b"{\"", "a safetensors file (weights or a style)", CHOOSE),
];

/// Tells what `bytes` are.
pub(super) fn sniff(bytes: &[u8]) -> Kind {
    if let Some(format) = picture(bytes) {
        return Kind::Picture(format);
    }
    for (at, sign, found, remedy) in SIGNS {
        if bytes.get(*at..).is_some_and(|rest| rest.starts_with(sign)) {
            return Kind::Other { found, remedy };
        }
    }
    let head = &bytes[..bytes.len().min(4096)];
    let found = match text(head) {
        Some(text) if text.trim_start().to_ascii_lowercase().starts_with("<!doctype html") => "a web page",
        Some(text) if text.contains("<svg") => {
            return Kind::Other { found: "an SVG drawing", remedy: CONVERT };
        }
        Some(_) => "a text file",
        None if head.iter().all(|&b| b == 0) => "nothing but zero bytes",
        None => "unknown data",
    };
    Kind::Other { found, remedy: CHOOSE }
}

fn picture(bytes: &[u8]) -> Option<Format> {
    let signs: [(&[u8], Format); 8] = [
        (b"\xff\xd8\xff", Format::Jpeg),
        (b"\x89PNG\r\n\x1a\n", Format::Png),
        (b"GIF87a", Format::Gif),
        (b"GIF89a", Format::Gif),
        (b"II*\0", Format::Tiff),
        (b"MM\0*", Format::Tiff),
        (b"II+\0", Format::Tiff),
        (b"BM", Format::Bmp),
    ];
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some(Format::WebP);
    }
    let format = signs.iter().find(|(sign, _)| bytes.starts_with(sign))?.1;
    // "BM" may well start a text: a real one has a header size of 12 to 124 bytes at 14.
    let real = format != Format::Bmp
        || bytes.get(14..18).is_some_and(|n| (12..=124).contains(&n[0]) && n[1..] == [0; 3]);
    real.then_some(format)
}

/// The text in `head`, unless it holds bytes that no text holds. A character cut at the end is forgiven.
fn text(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(e) if e.error_len().is_none() => std::str::from_utf8(&head[..e.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let printable = |c: char| !c.is_control() || c.is_whitespace();
    (!text.is_empty() && text.chars().all(printable)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> &'static str {
        match sniff(bytes) {
            Kind::Other { found, .. } => found,
            Kind::Picture(format) => format.name(),
        }
    }

    #[test]
    fn other_things_are_named() {
        assert_eq!(found(b"hello, world"), "a text file");
        assert_eq!(found("gr\u{fc}n".as_bytes()), "a text file");
        assert_eq!(found(b"<!DOCTYPE html><html>404"), "a web page");
        assert_eq!(found(b"<?xml version=\"1.0\"?><svg/>"), "an SVG drawing");
        assert_eq!(found(b"\0\0\0\x18ftypheic\0\0"), "a HEIC photo");
        assert_eq!(found(b"\0\0\0\x18ftypisom\0\0"), "an MP4 or MOV video");
        assert_eq!(found(b"\x1a\x45\xdf\xa3...."), "an MKV or WebM video");
        assert_eq!(found(&[0; 99]), "nothing but zero bytes");
        assert_eq!(found(&[7, 1, 200, 3]), "unknown data");
        assert_eq!(found(b"BMW drivers"), "a text file");
    }

    #[test]
    fn a_letter_cut_in_two_is_still_text() {
        let mut bytes = vec![b'a'; 4095];
        bytes.extend("\u{fc}".as_bytes());
        assert_eq!(found(&bytes), "a text file");
    }
}
