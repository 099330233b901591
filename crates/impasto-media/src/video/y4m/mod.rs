//! YUV4MPEG2, the plain stream that every video tool can write and read: a line of text, then planes.
//!
//! Read: 4:2:0, 4:2:2, 4:4:4 and grey, of 8 to 16 bits. Written: 4:2:0. The rate is one fraction for the whole stream; frames have no
//! times of their own. The range is told by `XCOLORRANGE`; the matrix is not told, so it is the usual one of the size.

mod read;
mod write;

pub use read::Y4mSource;
pub use write::Y4mSink;

/// The first bytes of a stream.
pub(crate) const MAGIC: &[u8] = b"YUV4MPEG2";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;
    use crate::video::frame::{Chroma, Frame, Info, Layout, Matrix, Pixels, Planes, Sink, Source};
    use crate::video::part::Standing;
    use crate::video::{Color, convert};
    use impasto_core::Image;
    use std::fs::File;

    fn read(bytes: &[u8]) -> crate::Result<(Info, Vec<Frame>)> {
        let mut source =
            Y4mSource::new(Box::new(std::io::Cursor::new(bytes.to_vec())), "a.y4m".into(), None)?;
        let info = source.info().clone();
        let mut frames = Vec::new();
        while let Some(frame) = source.read()? {
            frames.push(frame);
        }
        Ok((info, frames))
    }

    fn planes(frame: &Frame) -> &Planes {
        match &frame.pixels {
            Pixels::Yuv(planes) => planes,
            Pixels::Rgb(_) | Pixels::Rgba(..) => panic!("y4m holds planes"),
        }
    }

    #[test]
    fn all_layouts_are_read() {
        let cases = [
            ("", Chroma::C420, 15 + 12),
            ("C420mpeg2", Chroma::C420, 27),
            ("C422", Chroma::C422, 15 + 18),
            ("C444", Chroma::C444, 45),
            ("Cmono", Chroma::Mono, 15),
        ];
        for (tag, chroma, bytes) in cases {
            let mut stream = format!("YUV4MPEG2 W5 H3 F30000:1001 Ip A1:1 {tag}\n").into_bytes();
            for frame in 0..2u8 {
                stream.extend(b"FRAME\n");
                stream.extend(std::iter::repeat_n(frame + 1, bytes));
            }
            let (info, frames) = read(&stream).unwrap();
            assert_eq!((info.width, info.height, info.timescale, info.frame_ticks), (5, 3, 30_000, 1001));
            assert_eq!(frames.len(), 2, "{tag}");
            assert_eq!((frames[1].start, frames[1].duration), (1001, 1001));
            assert_eq!(planes(&frames[1]).chroma, chroma);
            assert!(planes(&frames[1]).y.iter().all(|&b| b == 2));
        }
    }

    #[test]
    fn deep_samples_are_rounded_to_8_bits() {
        for (tag, bits, samples) in
            [("C420p10", 10, 6), ("C422p12", 12, 8), ("C444p16", 16, 12), ("Cmono9", 9, 4)]
        {
            let mut stream = format!("YUV4MPEG2 W2 H2 F25:1 {tag}\nFRAME\n").into_bytes();
            // 100 and a half, and the largest there is.
            let (middle, most) = ((201u32 << (bits - 9)) as u16, ((1u32 << bits) - 1) as u16);
            (0..samples).for_each(|i| stream.extend(if i == 1 { most } else { middle }.to_le_bytes()));
            let (_, frames) = read(&stream).unwrap();
            assert_eq!(planes(&frames[0]).y, [101, 255, 101, 101], "{tag}");
        }
    }

    #[test]
    fn the_range_is_read() {
        let (_, frames) =
            read(b"YUV4MPEG2 W2 H2 F25:1 C420jpeg XCOLORRANGE=FULL\nFRAME\n\xff\xff\xff\xff\x80\x80")
                .unwrap();
        assert_eq!(planes(&frames[0]).color, Color { matrix: Matrix::Bt601, full: true });
        assert_eq!(convert::image_from_planes(planes(&frames[0])).pixel(0, 0), [255; 3]);
    }

    #[test]
    fn what_is_no_stream_is_refused_in_words() {
        let cases: [(&[u8], &str); 7] = [
            (b"", "empty"),
            (b"hello", "y4m"),
            (b"YUV4MPEG2 W0 H3 F25:1\n", "size"),
            (b"YUV4MPEG2 W99999 H99999 F25:1\n", "megapixels"),
            (b"YUV4MPEG2 W4 H4 F25:1 C411\nFRAME\n", "C411"),
            (b"YUV4MPEG2 W4 H4 F25:1 It\nFRAME\n", "interlaced"),
            (b"YUV4MPEG2 W4 H4 F25:1\nFRAME\n1234", "0 of"),
        ];
        for (bytes, needle) in cases {
            let error = read(bytes).unwrap_err().to_string();
            assert!(
                error.contains(needle) || needle == "0 of" && error.contains("cut short"),
                "{needle}: {error}"
            );
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = Folder::new("y4m_round");
        let info = Info {
            pixel_aspect: (4, 3),
            timescale: 24_000,
            frame_ticks: 1001,
            color: Color { matrix: Matrix::Bt601, full: true },
            ..Info::of("a".into(), "", 7, 5)
        };
        let path = folder.join("a.y4m");
        let mut sink =
            Y4mSink::new(Box::new(File::create(&path).unwrap()), "a.y4m".into(), &info, Standing::NEW);
        let Layout::Yuv420(color) = sink.layout() else { panic!() };
        assert!(color.full);
        let image = Image::from_fn(7, 5, |x, y| [(30 * x) as u8, (40 * y) as u8, 50]);
        let written = convert::planes_from_image(&image, color);
        for start in [0, 1001] {
            sink.write(&Frame { pixels: Pixels::Yuv(written.clone()), start, duration: 1001 }).unwrap();
        }
        assert_eq!(sink.checkpoint().unwrap(), std::fs::metadata(&path).unwrap().len());
        Box::new(sink).finish().unwrap();
        let (again, frames) = read(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!((again.width, again.height, again.timescale, again.frame_ticks), (7, 5, 24_000, 1001));
        assert_eq!(again.pixel_aspect, (4, 3));
        assert_eq!(frames.len(), 2);
        assert_eq!(planes(&frames[1]), &written);
    }
}
