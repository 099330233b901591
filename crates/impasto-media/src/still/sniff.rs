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
const DEVELOP: &str =
    "Develop it first (darktable, RawTherapee or the camera's own program) and save it as JPEG or TIFF.";
const VIDEO: &str = "Paint videos with `impasto video`.";
const CHOOSE: &str = "Choose a picture: JPEG, PNG, WebP, TIFF, BMP, GIF, JPEG XL, AVIF or HEIC.";
const AGAIN: &str = "Download or copy the file itself.";
const UNPACK: &str = "Unpack it first.";
const WEIGHTS: &str = "Weights are read by `impasto import`.";

/// First bytes, where they stand, and what they say.
const SIGNS: &[(usize, &[u8], &str, &str)] = &[
    (0, b"%PDF", "a PDF document", CONVERT),
    (0, b"%!PS", "a PostScript document", CONVERT),
    (0, b"\xc5\xd0\xd3\xc6", "an EPS document", CONVERT),
    (0, b"8BPS", "a Photoshop document", CONVERT),
    (0, b"gimp xcf", "a GIMP document", CONVERT),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000 picture", CONVERT),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 picture", CONVERT),
    (0, b"II\xbc\x01", "a JPEG XR picture", CONVERT),
    (0, b"P1\n", "a PBM picture", CONVERT),
    (0, b"P4\n", "a PBM picture", CONVERT),
    (0, b"P2\n", "a PGM picture", CONVERT),
    (0, b"P5\n", "a PGM picture", CONVERT),
    (0, b"P3\n", "a PPM picture", CONVERT),
    (0, b"P6\n", "a PPM picture", CONVERT),
    (0, b"P7\n", "a PAM picture", CONVERT),
    (0, b"PF\n", "a PFM picture", CONVERT),
    (0, b"Pf\n", "a PFM picture", CONVERT),
    (0, b"qoif", "a QOI picture", CONVERT),
    (0, b"FLIF", "a FLIF picture", CONVERT),
    (0, b"BPG\xfb", "a BPG picture", CONVERT),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture (high dynamic range)", CONVERT),
    (0, b"#?RADIANCE", "a Radiance HDR picture", CONVERT),
    (0, b"#?RGBE", "a Radiance HDR picture", CONVERT),
    (0, b"DDS ", "a DDS texture", CONVERT),
    (0, b"\xabKTX", "a KTX texture", CONVERT),
    (0, b"farbfeld", "a farbfeld picture", CONVERT),
    (0, b"icns", "a Mac icon (ICNS)", CONVERT),
    (0, b"SIMPLE  =", "a FITS picture", CONVERT),
    (0, b"\xd7\xcd\xc6\x9a", "a WMF drawing", CONVERT),
    (40, b" EMF", "an EMF drawing", CONVERT),
    (128, b"DICM", "a DICOM picture", CONVERT),
    (0, b"FUJIFILMCCD-RAW", "a Fujifilm raw photo (RAF)", DEVELOP),
    (0, b"IIU\0", "a Panasonic raw photo (RW2)", DEVELOP),
    (0, b"IIRO", "an Olympus raw photo (ORF)", DEVELOP),
    (0, b"IIRS", "an Olympus raw photo (ORF)", DEVELOP),
    (0, b"MMOR", "an Olympus raw photo (ORF)", DEVELOP),
    (0, b"FOVb", "a Sigma raw photo (X3F)", DEVELOP),
    (0, b"\0MRM", "a Minolta raw photo (MRW)", DEVELOP),
    (6, b"HEAPCCDR", "a Canon raw photo (CRW)", DEVELOP),
    (4, b"ftypcrx ", "a Canon raw photo (CR3)", DEVELOP),
    (4, b"ftyp", "an MP4 or MOV video", VIDEO),
    (4, b"moov", "an MP4 or MOV video", VIDEO),
    (0, b"\x1a\x45\xdf\xa3", "an MKV or WebM video", VIDEO),
    (0, b"YUV4MPEG2", "a y4m video", VIDEO),
    (8, b"AVI ", "an AVI video", VIDEO),
    (0, b"FLV\x01", "an FLV video", VIDEO),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a WMV or ASF video", VIDEO),
    (0, b"\0\0\x01\xba", "an MPEG video", VIDEO),
    (0, b"OggS", "an Ogg file", VIDEO),
    (8, b"WAVE", "a WAV sound", CHOOSE),
    (0, b"ID3", "an MP3 sound", CHOOSE),
    (0, b"fLaC", "a FLAC sound", CHOOSE),
    (0, b"PK\x03\x04", "a ZIP archive (perhaps a document or weights)", CHOOSE),
    (0, b"\x1f\x8b", "a gzip archive", UNPACK),
    (0, b"BZh", "a bzip2 archive", UNPACK),
    (0, b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive", UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (0, b"Rar!", "a RAR archive", UNPACK),
    (257, b"ustar", "a tar archive", UNPACK),
    (0, b"\x7fELF", "a program", CHOOSE),
    (0, b"MZ\x90", "a program", CHOOSE),
    (0, b"SQLite format 3\0", "a database", CHOOSE),
    (
        0,
        b"\0\x05\x16\x07",
        "a Mac's note on a file of the same name, not the file",
        "Copy the file without `._` in its name.",
    ),
    (0, b"bplist", "a Mac's settings or web shortcut", CHOOSE),
    (
        0,
        b"version https://git-lfs",
        "a Git LFS pointer, not the file it points to",
        "Fetch the file: git lfs pull.",
    ),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document", CONVERT),
    (0, b"\x89HDF", "an HDF5 file (perhaps weights)", CHOOSE),
    (0, b"<svg", "an SVG drawing", CONVERT),
    (0, b"\x80\x02", "a Python pickle (perhaps weights)", WEIGHTS),
    (8, b"{\"", "a safetensors file (weights or a style)", CHOOSE),
];

/// Tells what `bytes` are.
pub(super) fn sniff(bytes: &[u8]) -> Kind {
    if let Some(format) = picture(bytes) {
        return match super::rawphoto::name(bytes).filter(|_| format == Format::Tiff) {
            Some(found) => Kind::Other { found, remedy: DEVELOP },
            None => Kind::Picture(format),
        };
    }
    if let Some(format) = by_brands(bytes) {
        return Kind::Picture(format);
    }
    for (at, sign, found, remedy) in SIGNS {
        if bytes.get(*at..).is_some_and(|rest| rest.starts_with(sign)) {
            return Kind::Other { found, remedy };
        }
    }
    let head = &bytes[..bytes.len().min(4096)];
    let (found, remedy) = match text(head) {
        Some(text) if is_page(text) => ("a web page (perhaps an error of the site it came from)", AGAIN),
        Some(text) if text.contains("<svg") => ("an SVG drawing", CONVERT),
        Some(text) if text.trim_start().starts_with(['{', '[']) => ("a JSON text", CHOOSE),
        Some(_) => ("a text file", CHOOSE),
        None if head.iter().all(|&b| b == 0) => ("nothing but zero bytes", AGAIN),
        None => by_shape(bytes).unwrap_or(("unknown data", CHOOSE)),
    };
    Kind::Other { found, remedy }
}

fn is_page(text: &str) -> bool {
    let text = text.trim_start().to_ascii_lowercase();
    text.starts_with("<!doctype html") || text.starts_with("<html")
}

/// AVIF and HEIF, by the brands in an ISO file's `ftyp` box: the first, then those it is compatible with.
fn by_brands(bytes: &[u8]) -> Option<Format> {
    if bytes.get(4..8)? != b"ftyp" {
        return None;
    }
    let length = u32::from_be_bytes(bytes[..4].try_into().ok()?) as usize;
    let brands = bytes.get(8..length.clamp(12, 512).min(bytes.len()))?;
    let of = |brand: &[u8]| match brand {
        b"avif" | b"avis" => Some(Format::Avif),
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs" => Some(Format::Heif),
        _ => None,
    };
    // `mif1` and `msf1` are HEIF in general; the others say which kind.
    let all = || brands.chunks_exact(4);
    match brands.get(..4)? {
        b"mif1" | b"msf1" | b"mif2" | b"miaf" => Some(all().find_map(of).unwrap_or(Format::Heif)),
        first => of(first),
    }
}

/// Kinds without a sign of their own, by the sense that their first numbers make.
fn by_shape(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    let byte = |at: usize| bytes.get(at).copied();
    let u16_at = |at: usize| Some(u16::from_le_bytes([byte(at)?, byte(at + 1)?]));
    let ends = |tail: &[u8]| bytes.ends_with(tail);
    match bytes.get(..4)? {
        [0, 0, 1, 0] if (1..=256).contains(&u16_at(4)?) => return Some(("an icon (ICO)", CONVERT)),
        [0, 0, 2, 0] if (1..=256).contains(&u16_at(4)?) => return Some(("a mouse pointer (CUR)", CONVERT)),
        [0x0a, 0 | 2 | 3 | 4 | 5, 0 | 1, 1 | 2 | 4 | 8] => return Some(("a PCX picture", CONVERT)),
        [0x01, 0xda, 0 | 1, 1 | 2] => return Some(("an SGI picture", CONVERT)),
        [0x59, 0xa6, 0x6a, 0x95] => return Some(("a Sun raster picture", CONVERT)),
        [0xff, 0xfb | 0xf3 | 0xfa, ..] => return Some(("an MP3 sound", CHOOSE)),
        [0x47, ..] if byte(188) == Some(0x47) && byte(376) == Some(0x47) => {
            return Some(("an MPEG transport stream", VIDEO));
        }
        _ => {}
    }
    let [map, kind, depth] = [byte(1)?, byte(2)?, byte(16)?];
    let is_targa = ends(b"TRUEVISION-XFILE.\0")
        || (map <= 1
            && matches!(kind, 1 | 2 | 3 | 9 | 10 | 11)
            && matches!(depth, 8 | 15 | 16 | 24 | 32)
            && u16_at(12)? > 0
            && u16_at(14)? > 0);
    is_targa.then_some(("a TGA picture", CONVERT))
}

fn picture(bytes: &[u8]) -> Option<Format> {
    let signs: [(&[u8], Format); 11] = [
        (b"\xff\xd8\xff", Format::Jpeg),
        (b"\x89PNG\r\n\x1a\n", Format::Png),
        (b"GIF87a", Format::Gif),
        (b"GIF89a", Format::Gif),
        (b"II*\0", Format::Tiff),
        (b"MM\0*", Format::Tiff),
        (b"II+\0", Format::Tiff),
        (b"MM\0+", Format::Tiff),
        (b"\xff\x0a", Format::Jxl),
        (b"\0\0\0\x0cJXL \r\n\x87\n", Format::Jxl),
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
        assert!(found(b"<!DOCTYPE html><html>404").starts_with("a web page"));
        assert_eq!(found(b"<?xml version=\"1.0\"?><svg/>"), "an SVG drawing");
        assert_eq!(found(b"\0\0\0\x18ftypheic\0\0\0\0"), "HEIF");
        assert_eq!(found(b"\0\0\0\x18ftypheix\0\0\0\0"), "HEIF");
        assert_eq!(found(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic"), "HEIF");
        assert_eq!(found(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif"), "AVIF");
        assert_eq!(found(b"\0\0\0\x18ftypavis\0\0\0\0"), "AVIF");
        assert_eq!(found(b"\xff\x0a\x30"), "JPEG XL");
        assert_eq!(found(b"\0\0\0\x18ftypisom\0\0"), "an MP4 or MOV video");
        assert_eq!(found(b"\x1a\x45\xdf\xa3...."), "an MKV or WebM video");
        assert_eq!(found(&[0; 99]), "nothing but zero bytes");
        assert_eq!(found(&[7, 1, 200, 3]), "unknown data");
        assert_eq!(found(b"BMW drivers"), "a text file");
        assert_eq!(found(b"{\"a\": 1}"), "a JSON text");
    }

    #[test]
    fn pictures_of_kinds_that_are_not_read_are_named() {
        let targa = [&[0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 3, 0, 24, 0][..], &[9; 36]].concat();
        let cases: [(&[u8], &str); 14] = [
            (b"P6\n4 3\n255\n\x80\x90\xa0", "a PPM picture"),
            (b"qoif\0\0\0\x04", "a QOI picture"),
            (b"\0\0\x01\0\x01\0\x10\x10", "an icon (ICO)"),
            (b"\x0a\x05\x01\x08\0\0\0\0", "a PCX picture"),
            (b"\x76\x2f\x31\x01\x02", "an OpenEXR picture (high dynamic range)"),
            (b"#?RADIANCE\n\xff", "a Radiance HDR picture"),
            (b"DDS |\0\0\0", "a DDS texture"),
            (b"\x01\xda\x01\x01\0\x03", "an SGI picture"),
            (&targa, "a TGA picture"),
            (b"FUJIFILMCCD-RAW 0201", "a Fujifilm raw photo (RAF)"),
            (b"IIU\0\x18\0\0\0", "a Panasonic raw photo (RW2)"),
            (b"II*\0\x10\0\0\0CR\x02\0", "a Canon raw photo (CR2)"),
            (b"\0\0\0\x18ftypcrx \0\0", "a Canon raw photo (CR3)"),
            (b"\0\x05\x16\x07\0\x02", "a Mac's note on a file of the same name, not the file"),
        ];
        for (bytes, name) in cases {
            assert_eq!(found(bytes), name);
        }
    }

    #[test]
    fn a_letter_cut_in_two_is_still_text() {
        let mut bytes = vec![b'a'; 4095];
        bytes.extend("\u{fc}".as_bytes());
        assert_eq!(found(&bytes), "a text file");
    }
}
