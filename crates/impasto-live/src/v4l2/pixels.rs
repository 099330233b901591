//! Pictures as cameras give them, to RGB and back.
//!
//! Raw pictures of webcams are BT.601 in limited range, which is what V4L2 means where nothing else is said.
// Elsewhere than on Linux only the tests use this.
#![cfg_attr(not(target_os = "linux"), allow(dead_code))]

use crate::LiveError;
use crate::codec::MAX_SIDE;
use impasto_core::Image;
use impasto_media::still::{self, Limits};
use yuv::{
    BufferStoreMut, YuvBiPlanarImage, YuvConversionMode, YuvPackedImage, YuvPackedImageMut,
    YuvPlanarImageMut, YuvRange, YuvStandardMatrix,
};

const MATRIX: YuvStandardMatrix = YuvStandardMatrix::Bt601;
const RANGE: YuvRange = YuvRange::Limited;

/// How a camera writes pixels, in the order in which we like them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PixelKind {
    /// Y0 U Y1 V for two pixels.
    Yuyv,
    /// U Y0 V Y1.
    Uyvy,
    /// A plane of Y, then one of U and V in turns, a quarter of its pixels.
    Nv12,
    /// A JPEG each, often without the tables that a file has.
    Mjpeg,
}

impl PixelKind {
    /// The kind with that name of four letters, if it can be read.
    pub fn of(fourcc: [u8; 4]) -> Option<Self> {
        match &fourcc {
            b"YUYV" => Some(Self::Yuyv),
            b"UYVY" => Some(Self::Uyvy),
            b"NV12" => Some(Self::Nv12),
            b"MJPG" | b"JPEG" => Some(Self::Mjpeg),
            _ => None,
        }
    }
}

/// What the driver says of its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How pixels are written.
    pub kind: PixelKind,
    /// Width in px; a JPEG's own counts.
    pub width: usize,
    /// Height in px.
    pub height: usize,
    /// Bytes from one row to the next; 0 where rows follow each other closely, and for JPEGs.
    pub stride: usize,
}

impl Layout {
    fn least_stride(&self) -> usize {
        match self.kind {
            PixelKind::Yuyv | PixelKind::Uyvy => 2 * self.width.next_multiple_of(2),
            PixelKind::Nv12 => self.width.next_multiple_of(2),
            PixelKind::Mjpeg => 0,
        }
    }

    /// Bytes of a whole picture; 0 for JPEGs.
    fn len(&self, stride: usize) -> usize {
        match self.kind {
            PixelKind::Yuyv | PixelKind::Uyvy => stride * self.height,
            PixelKind::Nv12 => stride * (self.height + self.height.div_ceil(2)),
            PixelKind::Mjpeg => 0,
        }
    }

    /// The picture in `bytes`; more bytes than needed are let be.
    pub fn image(&self, bytes: &[u8]) -> Result<Image, LiveError> {
        if self.kind == PixelKind::Mjpeg {
            return image_from_jpeg(bytes);
        }
        let Self { width, height, .. } = *self;
        let stride = self.stride.max(self.least_stride());
        let whole = self.len(stride);
        let refuse = |what: String| LiveError::Camera(what);
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(refuse(format!("a picture of {width}x{height} px; sides are 1 to {MAX_SIDE}")));
        }
        let bytes = bytes.get(..whole).ok_or_else(|| {
            refuse(format!("{} bytes for {width}x{height} px instead of {whole}", bytes.len()))
        })?;
        let mut image = Image::black(width, height);
        self.convert(bytes, stride as u32, image.rgb_mut()).map_err(|e| refuse(e.to_string()))?;
        Ok(image)
    }

    fn convert(&self, bytes: &[u8], stride: u32, rgb: &mut [u8]) -> Result<(), yuv::YuvError> {
        let (width, height) = (self.width as u32, self.height as u32);
        let packed = YuvPackedImage { yuy: bytes, yuy_stride: stride, width, height };
        match self.kind {
            PixelKind::Yuyv => yuv::yuyv422_to_rgb(&packed, rgb, 3 * width, RANGE, MATRIX),
            PixelKind::Uyvy => yuv::uyvy422_to_rgb(&packed, rgb, 3 * width, RANGE, MATRIX),
            _ => {
                let (y_plane, uv_plane) = bytes.split_at(stride as usize * self.height);
                let planes = YuvBiPlanarImage {
                    y_plane,
                    y_stride: stride,
                    uv_plane,
                    uv_stride: stride,
                    width,
                    height,
                };
                yuv::yuv_nv12_to_rgb(&planes, rgb, 3 * width, RANGE, MATRIX, YuvConversionMode::Balanced)
            }
        }
    }
}

fn image_from_jpeg(bytes: &[u8]) -> Result<Image, LiveError> {
    let most = (MAX_SIDE * MAX_SIDE) as u64;
    let limits = Limits { pixels: most, file_bytes: 1 << 26, decoded_bytes: 4 * most };
    Ok(still::read_bytes(&with_marker(bytes), "the camera's picture", limits)?.image)
}

/// A JPEG without Huffman tables gets the marker `AVI1`, which tells the decoder to take those of motion JPEG.
fn with_marker(jpeg: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    const MARKER: [u8; 10] = [0xff, 0xe0, 0, 8, b'A', b'V', b'I', b'1', 0, 0];
    if jpeg.starts_with(&[0xff, 0xd8]) && !has_tables(jpeg) {
        return [&jpeg[..2], &MARKER, &jpeg[2..]].concat().into();
    }
    jpeg.into()
}

/// Whether a segment before the scan holds Huffman tables. Damaged files are left to the decoder.
fn has_tables(jpeg: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = jpeg.get(at..at + 4).and_then(|head| head.first_chunk()) {
        match marker {
            0xc4 => return true,
            0xda => return false,
            0xff => at += 1,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    true
}

/// `image`, of even sides, as YUYV.
///
/// # Panics
/// If a side is odd.
pub fn yuyv_from_image(image: &Image) -> Vec<u8> {
    let (width, height) = (image.width() as u32, image.height() as u32);
    assert!(width.is_multiple_of(2) && height.is_multiple_of(2), "an odd side");
    let mut planar = YuvPlanarImageMut::alloc(width, height, yuv::YuvChromaSubsampling::Yuv422);
    yuv::rgb_to_yuv422(&mut planar, image.rgb(), 3 * width, RANGE, MATRIX, YuvConversionMode::Balanced)
        .expect("planes of the picture's size");
    let mut bytes = vec![0; 2 * image.width() * image.height()];
    let mut packed =
        YuvPackedImageMut { yuy: BufferStoreMut::Borrowed(&mut bytes), yuy_stride: 2 * width, width, height };
    yuv::yuv422_to_yuyv422(&mut packed, &planar.to_fixed()).expect("planes of the picture's size");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::image::psnr_db;

    const WIDTH: usize = 48;
    const HEIGHT: usize = 32;

    fn bars() -> Image {
        const COLOURS: [[u8; 3]; 6] =
            [[235, 20, 20], [20, 200, 30], [20, 30, 220], [250, 250, 250], [5, 5, 5], [220, 210, 20]];
        Image::from_fn(WIDTH, HEIGHT, |x, _| COLOURS[x / 8])
    }

    fn layout(kind: PixelKind, stride: usize) -> Layout {
        Layout { kind, width: WIDTH, height: HEIGHT, stride }
    }

    /// The same picture, written by hand from `yuyv` in another order.
    fn reordered(yuyv: &[u8], kind: PixelKind) -> Vec<u8> {
        let swapped: Vec<u8> = yuyv.chunks_exact(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        let luma = yuyv.iter().step_by(2).copied();
        let chroma =
            yuyv.chunks_exact(2 * WIDTH).step_by(2).flat_map(|row| row.iter().skip(1).step_by(2).copied());
        match kind {
            PixelKind::Uyvy => swapped,
            PixelKind::Nv12 => luma.chain(chroma).collect(),
            _ => yuyv.to_vec(),
        }
    }

    #[test]
    fn raw_pictures_keep_their_colours() {
        let (image, yuyv) = (bars(), yuyv_from_image(&bars()));
        for kind in [PixelKind::Yuyv, PixelKind::Uyvy, PixelKind::Nv12] {
            let found = layout(kind, 0).image(&reordered(&yuyv, kind)).unwrap();
            let worst = image.rgb().iter().zip(found.rgb()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(worst <= 5, "{kind:?}: {worst}");
        }
    }

    /// BT.601 in limited range: numbers from the standard, not from the code above.
    #[test]
    fn yuyv_is_bt601_of_limited_range() {
        for ([y, u, v], rgb) in [
            ([16, 128, 128], [0, 0, 0]),
            ([235, 128, 128], [255, 255, 255]),
            ([81, 90, 240], [255, 0, 0]),
            ([145, 54, 34], [0, 255, 0]),
            ([41, 240, 110], [0, 0, 255]),
        ] {
            let bytes = [y, u, y, v].repeat(2 * 4);
            let image =
                Layout { kind: PixelKind::Yuyv, width: 4, height: 4, stride: 0 }.image(&bytes).unwrap();
            assert!(
                image.pixel(1, 1).iter().zip(rgb).all(|(a, b)| a.abs_diff(b) <= 2),
                "{:?} for {rgb:?}",
                image.pixel(1, 1)
            );
        }
    }

    #[test]
    fn rows_may_have_room_at_their_end() {
        let (dense, stride) = (yuyv_from_image(&bars()), 2 * WIDTH + 32);
        let padded: Vec<u8> =
            dense.chunks_exact(2 * WIDTH).flat_map(|row| [row, &[99; 32]].concat()).collect();
        let [a, b] =
            [(0, &dense), (stride, &padded)].map(|(s, b)| layout(PixelKind::Yuyv, s).image(b).unwrap());
        assert_eq!(a, b);
    }

    #[test]
    fn too_few_bytes_are_an_error() {
        for kind in [PixelKind::Yuyv, PixelKind::Uyvy, PixelKind::Nv12, PixelKind::Mjpeg] {
            assert!(layout(kind, 0).image(&[0; 100]).is_err(), "{kind:?}");
            assert!(layout(kind, 0).image(&[]).is_err(), "{kind:?}");
        }
        assert!(Layout { width: 0, ..layout(PixelKind::Yuyv, 0) }.image(&[0; 100]).is_err());
        assert!(Layout { width: 1 << 20, ..layout(PixelKind::Yuyv, 0) }.image(&[0; 100]).is_err());
    }

    /// Cameras leave out the Huffman tables, which in motion JPEG are always the same.
    #[test]
    fn jpegs_without_tables_are_read() {
        let whole = crate::codec::jpeg(&bars(), 90);
        let mut bare = whole[..2].to_vec();
        let mut at = 2;
        while whole[at + 1] != 0xda {
            let end = at + 2 + usize::from(u16::from_be_bytes([whole[at + 2], whole[at + 3]]));
            if whole[at + 1] != 0xc4 {
                bare.extend_from_slice(&whole[at..end]);
            }
            at = end;
        }
        bare.extend_from_slice(&whole[at..]);
        assert!(bare.len() < whole.len() && !has_tables(&bare) && has_tables(&whole));
        let found = layout(PixelKind::Mjpeg, 0).image(&bare).unwrap();
        assert!(psnr_db(&bars(), &found) > 30.0);
        assert_eq!(found, layout(PixelKind::Mjpeg, 0).image(&whole).unwrap());
        assert!(layout(PixelKind::Mjpeg, 0).image(&whole[..whole.len() / 4]).is_err(), "a truncated one");
    }
}
