//! Frames on the wire.
//!
//! A frame is one binary WebSocket message: a header of 24 bytes, little-endian, then pixels.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | format: 0 I420, 1 JPEG, 2 RGBA |
//! | 1 | of I420: 0 BT.601 limited range, 1 BT.709 limited, 2 BT.601 full, 3 BT.709 full |
//! | 2..4 | width in px |
//! | 4..6 | height in px |
//! | 6..8 | 0 |
//! | 8..12 | sequence number |
//! | 12..16 | 0 |
//! | 16..24 | when it was captured: ms since 1970, a 64-bit float |
//!
//! I420 has even sides: a plane of luma, then two of a quarter of its size. A painted frame carries the number and
//! time of the frame that it was painted from.

use crate::LiveError;
use impasto_core::Image;
use impasto_media::still::{self, Limits};
use std::str::FromStr;
use yuv::{YuvPlanarImage, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

/// Bytes before the pixels.
pub const HEADER: usize = 24;
/// Longest side of a frame in px.
pub const MAX_SIDE: usize = 4096;

/// How pixels are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFormat {
    /// Planar YCbCr, chroma halved in both directions.
    I420,
    /// A JPEG file.
    Jpeg,
    /// Four bytes a pixel, alpha 255.
    Rgba,
}

impl FromStr for WireFormat {
    type Err = LiveError;

    fn from_str(name: &str) -> Result<Self, LiveError> {
        match name {
            "i420" => Ok(Self::I420),
            "jpeg" => Ok(Self::Jpeg),
            "rgba" => Ok(Self::Rgba),
            _ => Err(LiveError::Message(format!("the format is i420, jpeg or rgba, found `{name}`"))),
        }
    }
}

/// What stands before the pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// How pixels are written.
    pub format: WireFormat,
    /// Matrix and range of I420, see the module's table.
    pub color: u8,
    /// Size in px.
    pub width: usize,
    /// Size in px.
    pub height: usize,
    /// Sequence number.
    pub sequence: u32,
    /// Capture time, ms since 1970.
    pub captured_ms: f64,
}

impl Header {
    /// Reads the header of a message.
    pub fn read(message: &[u8]) -> Result<Self, LiveError> {
        let refuse = |what: &str| Err(LiveError::Message(what.into()));
        let Some(h) = message.first_chunk::<HEADER>() else { return refuse("shorter than its header") };
        let format = match h[0] {
            0 => WireFormat::I420,
            1 => WireFormat::Jpeg,
            2 => WireFormat::Rgba,
            _ => return refuse("unknown pixel format"),
        };
        let side = |at: usize| usize::from(u16::from_le_bytes([h[at], h[at + 1]]));
        let (width, height) = (side(2), side(4));
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(LiveError::Message(format!(
                "a frame of {width}x{height} px; sides are 1 to {MAX_SIDE}"
            )));
        }
        let sequence = u32::from_le_bytes([h[8], h[9], h[10], h[11]]);
        let captured_ms = f64::from_le_bytes([h[16], h[17], h[18], h[19], h[20], h[21], h[22], h[23]]);
        Ok(Self { format, color: h[1], width, height, sequence, captured_ms })
    }

    fn write(&self) -> Vec<u8> {
        let mut h = vec![0; HEADER];
        h[0] = match self.format {
            WireFormat::I420 => 0,
            WireFormat::Jpeg => 1,
            WireFormat::Rgba => 2,
        };
        h[1] = self.color;
        h[2..4].copy_from_slice(&(self.width as u16).to_le_bytes());
        h[4..6].copy_from_slice(&(self.height as u16).to_le_bytes());
        h[8..12].copy_from_slice(&self.sequence.to_le_bytes());
        h[16..24].copy_from_slice(&self.captured_ms.to_le_bytes());
        h
    }
}

/// Reads a frame.
pub fn decode(message: &[u8]) -> Result<(Header, Image), LiveError> {
    let header = Header::read(message)?;
    let pixels = &message[HEADER..];
    let image = match header.format {
        WireFormat::I420 => image_from_i420(&header, pixels)?,
        WireFormat::Rgba => {
            check_len(&header, pixels, 4 * header.width * header.height)?;
            let rgb = pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
            Image::new(header.width, header.height, rgb).expect("the length is checked")
        }
        WireFormat::Jpeg => {
            let limits = Limits { pixels: (MAX_SIDE * MAX_SIDE) as u64, file_bytes: 1 << 26 };
            still::read_bytes(pixels, "the camera's frame", limits)?.image
        }
    };
    Ok((header, image))
}

fn check_len(header: &Header, pixels: &[u8], expected: usize) -> Result<(), LiveError> {
    if pixels.len() == expected {
        return Ok(());
    }
    let Header { width, height, .. } = header;
    Err(LiveError::Message(format!("{} bytes for {width}x{height} px instead of {expected}", pixels.len())))
}

fn color_of(code: u8) -> (YuvStandardMatrix, YuvRange) {
    let matrix = if code & 1 == 1 { YuvStandardMatrix::Bt709 } else { YuvStandardMatrix::Bt601 };
    (matrix, if code & 2 == 2 { YuvRange::Full } else { YuvRange::Limited })
}

fn image_from_i420(header: &Header, pixels: &[u8]) -> Result<Image, LiveError> {
    let (width, height) = (header.width, header.height);
    if width % 2 != 0 || height % 2 != 0 {
        return Err(LiveError::Message(format!("I420 needs even sides, found {width}x{height}")));
    }
    check_len(header, pixels, width * height * 3 / 2)?;
    let (y, chroma) = pixels.split_at(width * height);
    let (u, v) = chroma.split_at(width * height / 4);
    let planar = YuvPlanarImage {
        y_plane: y,
        y_stride: width as u32,
        u_plane: u,
        u_stride: width as u32 / 2,
        v_plane: v,
        v_stride: width as u32 / 2,
        width: width as u32,
        height: height as u32,
    };
    let mut image = Image::black(width, height);
    let (matrix, range) = color_of(header.color);
    yuv::yuv420_to_rgb(&planar, image.rgb_mut(), 3 * width as u32, range, matrix)
        .map_err(|e| LiveError::Message(e.to_string()))?;
    Ok(image)
}

/// Writes a frame. I420 is BT.709 of limited range, and drops the last row or column of an odd side.
pub fn encode(image: &Image, format: WireFormat, sequence: u32, captured_ms: f64) -> Vec<u8> {
    let (mut width, mut height) = (image.width(), image.height());
    if format == WireFormat::I420 {
        (width, height) = (width & !1, height & !1);
    }
    let color = u8::from(format == WireFormat::I420);
    let mut message = Header { format, color, width, height, sequence, captured_ms }.write();
    match format {
        WireFormat::I420 => append_i420(image, width, height, &mut message),
        WireFormat::Rgba => message.extend(image.rgb().chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255])),
        WireFormat::Jpeg => message.extend(jpeg(image, 88)),
    }
    message
}

fn append_i420(image: &Image, width: usize, height: usize, message: &mut Vec<u8>) {
    if width == 0 || height == 0 {
        return;
    }
    let mut planar = YuvPlanarImageMut::alloc(width as u32, height as u32, yuv::YuvChromaSubsampling::Yuv420);
    let stride = 3 * image.width() as u32;
    let (matrix, range) = color_of(1);
    yuv::rgb_to_yuv420(&mut planar, image.rgb(), stride, range, matrix, yuv::YuvConversionMode::Balanced)
        .expect("planes of the picture's even size");
    for plane in [&planar.y_plane, &planar.u_plane, &planar.v_plane] {
        message.extend_from_slice(plane.borrow());
    }
}

/// A JPEG file of `quality` in `1..=100`.
///
/// # Panics
/// If a side passes 65,535 px.
pub fn jpeg(image: &Image, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, quality)
        .encode(image.rgb(), image.width() as u16, image.height() as u16, jpeg_encoder::ColorType::Rgb)
        .expect("a JPEG of sound size goes to memory");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::image::psnr_db;

    #[test]
    fn frames_survive_each_format() {
        let image = impasto::scene::draw(64, 48, 0.0);
        for (format, least_db) in
            [(WireFormat::Rgba, f64::INFINITY), (WireFormat::Jpeg, 24.0), (WireFormat::I420, 24.0)]
        {
            let message = encode(&image, format, 7, 1234.5);
            let (header, read) = decode(&message).unwrap();
            assert_eq!((header.sequence, header.captured_ms, header.format), (7, 1234.5, format));
            let db = psnr_db(&image, &read);
            assert!(db >= least_db, "{format:?}: {db}");
        }
    }

    #[test]
    fn colours_keep_their_places_in_i420() {
        for rgb in [[230, 20, 20], [20, 200, 30], [20, 30, 220], [255, 255, 255], [0, 0, 0]] {
            let message = encode(&Image::from_fn(16, 16, |_, _| rgb), WireFormat::I420, 0, 0.0);
            let pixel = decode(&message).unwrap().1.pixel(8, 8);
            assert!(pixel.iter().zip(rgb).all(|(a, b)| a.abs_diff(b) <= 4), "{rgb:?} became {pixel:?}");
        }
    }

    #[test]
    fn damaged_messages_are_refused() {
        let good = encode(&impasto::scene::draw(16, 16, 0.0), WireFormat::I420, 0, 0.0);
        assert!(decode(&good[..10]).is_err());
        assert!(decode(&good[..good.len() - 1]).is_err());
        let with = |at: usize, byte: u8| {
            let mut bad = good.clone();
            bad[at] = byte;
            decode(&bad).is_err()
        };
        assert!(with(0, 9), "format");
        assert!(with(2, 0), "no width");
        assert!(with(3, 255), "a huge width");
        assert!(with(2, 15), "an odd side");
        assert!(with(0, 1), "no JPEG");
        let odd = encode(&impasto::scene::draw(17, 15, 0.0), WireFormat::I420, 0, 0.0);
        assert_eq!((decode(&odd).unwrap().1.width(), decode(&odd).unwrap().1.height()), (16, 14));
    }
}
