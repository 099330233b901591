//! Frames on the wire.
//!
//! A frame is one binary WebSocket message: a header of 24 bytes, little-endian, then pixels.
//!
//! | bytes | what |
//! |---|---|
//! | 0 | format: 0 I420, 1 JPEG, 2 RGBA; 16 is a packet of Opus (one channel), whose sides are 0 |
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

use crate::{Picture, StudioError};
use impasto_core::Image;
use impasto_pixel::{Chroma, Color, Matrix, Planes};
use std::str::FromStr;

/// Bytes before the pixels.
pub const HEADER: usize = 24;
/// Longest side of a frame in px.
pub const MAX_SIDE: usize = 4096;

/// Format of the pixels.
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
    type Err = StudioError;

    fn from_str(name: &str) -> Result<Self, StudioError> {
        match name {
            "i420" => Ok(Self::I420),
            "jpeg" => Ok(Self::Jpeg),
            "rgba" => Ok(Self::Rgba),
            _ => Err(StudioError::Message(format!("the format is i420, jpeg or rgba, found `{name}`"))),
        }
    }
}

/// First byte of a message with sound.
const SOUND: u8 = 16;
/// No packet of Opus is larger.
const MAX_PACKET_BYTES: usize = 8192;

/// The packet of Opus in a message and when it begins to be heard, in ms since 1970; `None` where the message is a frame.
pub fn sound(message: &[u8]) -> Option<Result<(&[u8], f64), StudioError>> {
    let (head, packet) = message.split_first_chunk::<HEADER>().filter(|(head, _)| head[0] == SOUND)?;
    let captured_ms = f64::from_le_bytes(*head.last_chunk().expect("the header has more than 8 bytes"));
    let sound = !packet.is_empty() && packet.len() <= MAX_PACKET_BYTES && captured_ms.is_finite();
    Some(if sound {
        Ok((packet, captured_ms))
    } else {
        Err(StudioError::Message("no packet of sound".into()))
    })
}

/// Header before the pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Header {
    /// Format of the pixels.
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
    pub fn read(message: &[u8]) -> Result<Self, StudioError> {
        let refuse = |what: &str| Err(StudioError::Message(what.into()));
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
            return Err(StudioError::Message(format!(
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

/// Reads a frame; `read_jpeg` reads the file in a frame of JPEG.
pub fn decode<E: From<StudioError>>(
    message: &[u8],
    read_jpeg: impl Fn(&[u8]) -> Result<Image, E>,
) -> Result<(Header, Picture), E> {
    let header = Header::read(message)?;
    let pixels = &message[HEADER..];
    let picture = match header.format {
        WireFormat::I420 => planes_from_i420(&header, pixels)?.into(),
        WireFormat::Rgba => {
            check_len(&header, pixels, 4 * header.width * header.height)?;
            let rgb = pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
            Image::new(header.width, header.height, rgb).expect("the length is checked").into()
        }
        WireFormat::Jpeg => read_jpeg(pixels)?.into(),
    };
    Ok((header, picture))
}

fn check_len(header: &Header, pixels: &[u8], expected: usize) -> Result<(), StudioError> {
    if pixels.len() == expected {
        return Ok(());
    }
    let Header { width, height, .. } = header;
    Err(StudioError::Message(format!("{} bytes for {width}x{height} px instead of {expected}", pixels.len())))
}

fn color_from_code(code: u8) -> Color {
    Color { matrix: if code & 1 == 1 { Matrix::Bt709 } else { Matrix::Bt601 }, full: code & 2 == 2 }
}

fn code_from_color(color: Color) -> u8 {
    u8::from(color.matrix == Matrix::Bt709) + 2 * u8::from(color.full)
}

fn planes_from_i420(header: &Header, pixels: &[u8]) -> Result<Planes, StudioError> {
    let (width, height) = (header.width, header.height);
    if width % 2 != 0 || height % 2 != 0 {
        return Err(StudioError::Message(format!("I420 needs even sides, found {width}x{height}")));
    }
    check_len(header, pixels, width * height * 3 / 2)?;
    let (y, chroma) = pixels.split_at(width * height);
    let (u, v) = chroma.split_at(width * height / 4);
    let [y, u, v] = [y, u, v].map(<[u8]>::to_vec);
    Ok(Planes { width, height, chroma: Chroma::C420, color: color_from_code(header.color), y, u, v })
}

/// Writes a frame. I420 keeps the picture's colour, and drops the last row or column of an odd side.
pub fn encode(picture: &Picture, format: WireFormat, sequence: u32, captured_ms: f64) -> Vec<u8> {
    let (mut width, mut height, mut color) = (picture.width(), picture.height(), 0);
    if format == WireFormat::I420 {
        (width, height) = (width & !1, height & !1);
        color = code_from_color(picture.planes().color);
    }
    let mut message = Header { format, color, width, height, sequence, captured_ms }.write();
    match format {
        WireFormat::I420 => append_i420(picture.planes(), &mut message),
        WireFormat::Rgba => {
            message.extend(picture.image().rgb().chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]));
        }
        WireFormat::Jpeg => message.extend(jpeg(picture.image(), 88)),
    }
    message
}

fn append_i420(planes: &Planes, message: &mut Vec<u8>) {
    let (width, height) = (planes.width & !1, planes.height & !1);
    message.reserve(width * height * 3 / 2);
    let parts = [
        (&planes.y, planes.width, width, height),
        (&planes.u, 0, width / 2, height / 2),
        (&planes.v, 0, width / 2, height / 2),
    ];
    for (plane, stride, width, height) in parts {
        let stride = if stride == 0 { planes.chroma.plane(planes.width, planes.height).0 } else { stride };
        plane.chunks_exact(stride).take(height).for_each(|row| message.extend_from_slice(&row[..width]));
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

    fn decode(message: &[u8]) -> Result<(Header, Picture), StudioError> {
        super::decode(message, |file| {
            let mut decoder = zune_jpeg::JpegDecoder::new(std::io::Cursor::new(file));
            let pixels = decoder.decode().map_err(|why| StudioError::Message(why.to_string()))?;
            let (width, height) = decoder.dimensions().expect("it was decoded");
            Ok(Image::new(width, height, pixels).expect("three bytes a pixel"))
        })
    }

    #[test]
    fn frames_survive_each_format() {
        let image = impasto::scene::draw(64, 48, 0.0);
        for (format, least_db) in
            [(WireFormat::Rgba, f64::INFINITY), (WireFormat::Jpeg, 24.0), (WireFormat::I420, 24.0)]
        {
            let message = encode(&image.clone().into(), format, 7, 1234.5);
            let (header, read) = decode(&message).unwrap();
            assert_eq!((header.sequence, header.captured_ms, header.format), (7, 1234.5, format));
            let db = psnr_db(&image, read.image());
            assert!(db >= least_db, "{format:?}: {db}");
        }
    }

    #[test]
    fn colours_keep_their_places_in_i420() {
        for rgb in [[230, 20, 20], [20, 200, 30], [20, 30, 220], [255, 255, 255], [0, 0, 0]] {
            let message = encode(&Image::from_fn(16, 16, |_, _| rgb).into(), WireFormat::I420, 0, 0.0);
            let pixel = decode(&message).unwrap().1.image().pixel(8, 8);
            assert!(pixel.iter().zip(rgb).all(|(a, b)| a.abs_diff(b) <= 4), "{rgb:?} became {pixel:?}");
        }
    }

    #[test]
    fn every_matrix_and_range_comes_back_as_it_went() {
        for code in 0..4 {
            let mut message = encode(&impasto::scene::draw(16, 16, 0.0).into(), WireFormat::I420, 0, 0.0);
            message[1] = code;
            let (header, picture) = decode(&message).unwrap();
            assert_eq!(header.color, code);
            assert_eq!(encode(&picture, WireFormat::I420, 0, 0.0), message);
        }
    }

    #[test]
    fn sound_is_told_from_frames() {
        let mut message = vec![0; HEADER];
        message[0] = SOUND;
        message[16..24].copy_from_slice(&1234.5f64.to_le_bytes());
        assert!(sound(&message).unwrap().is_err(), "empty");
        message.extend([1, 2, 3]);
        assert_eq!(sound(&message).unwrap().unwrap(), (&[1u8, 2, 3][..], 1234.5));
        message[16..24].copy_from_slice(&f64::NAN.to_le_bytes());
        assert!(sound(&message).unwrap().is_err());
        assert!(
            sound(&encode(&impasto::scene::draw(16, 16, 0.0).into(), WireFormat::I420, 0, 0.0)).is_none()
        );
        assert!(sound(&message[..9]).is_none());
    }

    #[test]
    fn damaged_messages_are_refused() {
        let good = encode(&impasto::scene::draw(16, 16, 0.0).into(), WireFormat::I420, 0, 0.0);
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
        let odd = encode(&impasto::scene::draw(17, 15, 0.0).into(), WireFormat::I420, 0, 0.0);
        assert_eq!((decode(&odd).unwrap().1.width(), decode(&odd).unwrap().1.height()), (16, 14));
    }
}
