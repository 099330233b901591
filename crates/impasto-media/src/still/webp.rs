//! WebP: the VP8 bitstream from `libwebp`, the container from us.
//!
//! The container is RIFF: chunks of a four-letter name, a little-endian length and a body padded to an even
//! length. <https://developers.google.com/speed/webp/docs/riff_container>

use webp::Encoder;

/// One chunk of a RIFF file.
pub(crate) struct RiffChunk<'a> {
    pub name: [u8; 4],
    pub body: &'a [u8],
}

impl RiffChunk<'_> {
    /// Header, body, padding.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        out.extend(self.name);
        out.extend((self.body.len() as u32).to_le_bytes());
        out.extend(self.body);
        out.extend(std::iter::repeat_n(0, self.body.len() % 2));
    }
}

/// The chunks of a WebP file.
pub(crate) fn chunks(file: &[u8]) -> impl Iterator<Item = RiffChunk<'_>> {
    let mut rest = file.get(12..).unwrap_or_default();
    std::iter::from_fn(move || {
        let name = rest.get(..4)?.try_into().ok()?;
        let length = u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?) as usize;
        let body = rest.get(8..8 + length)?;
        rest = rest.get(8 + length + length % 2..).unwrap_or_default();
        Some(RiffChunk { name, body })
    })
}

/// The body of a `VP8X` chunk: flags, three reserved bytes, width and height less one in 24 bits.
pub(crate) fn vp8x(flags: u8, width: usize, height: usize) -> [u8; 10] {
    let (w, h) = ((width as u32 - 1).to_le_bytes(), (height as u32 - 1).to_le_bytes());
    [flags, 0, 0, 0, w[0], w[1], w[2], h[0], h[1], h[2]]
}

pub(crate) const FLAG_ALPHA: u8 = 0x10;
pub(crate) const FLAG_EXIF: u8 = 0x08;
pub(crate) const FLAG_XMP: u8 = 0x04;

/// The longest side a VP8 or VP8L bitstream can state.
pub(crate) const MAX_SIDE: usize = 16_383;

/// A WebP file of interleaved RGB or RGBA; `quality` 0..=100, lossy.
pub(crate) fn encode(
    pixels: &[u8],
    alpha: bool,
    width: usize,
    height: usize,
    quality: u8,
) -> std::result::Result<Vec<u8>, String> {
    let (w, h) = (width as u32, height as u32);
    let encoder = if alpha { Encoder::from_rgba(pixels, w, h) } else { Encoder::from_rgb(pixels, w, h) };
    let file = encoder.encode_simple(false, f32::from(quality)).map_err(|e| format!("{e:?}"))?;
    Ok(file.to_vec())
}

/// The same file with an `EXIF` and an `XMP ` chunk, which need the extended header.
pub(crate) fn with_metadata(
    file: &[u8],
    alpha: bool,
    width: usize,
    height: usize,
    [exif, xmp]: [Option<&[u8]>; 2],
) -> Vec<u8> {
    let flag = |flag: u8, set: bool| if set { flag } else { 0 };
    let flags = flag(FLAG_EXIF, exif.is_some()) | flag(FLAG_XMP, xmp.is_some()) | flag(FLAG_ALPHA, alpha);
    let mut body = b"WEBP".to_vec();
    RiffChunk { name: *b"VP8X", body: &vp8x(flags, width, height) }.write_to(&mut body);
    for chunk in chunks(file).filter(|c| c.name != *b"VP8X") {
        chunk.write_to(&mut body);
    }
    for (name, chunk) in [(*b"EXIF", exif), (*b"XMP ", xmp)] {
        if let Some(chunk) = chunk {
            RiffChunk { name, body: chunk }.write_to(&mut body);
        }
    }
    let mut out = Vec::with_capacity(body.len() + 8);
    RiffChunk { name: *b"RIFF", body: &body }.write_to(&mut out);
    out
}
