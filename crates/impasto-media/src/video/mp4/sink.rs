//! Painted frames into a fragmented MP4 file.

use super::entry::OwnEntry;
use super::fragment::FragmentWriter;
use super::h264::Encoder;
use crate::error::{Error, Result};
use crate::video::VideoError;
use crate::video::frame::{Color, Frame, Info, Layout, Pixels, Planes, Sink};
use std::fs::File;
use std::io::BufWriter;

/// What OpenH264 can encode.
const MAX_SIDES: (usize, usize) = (3840, 2160);

/// Encodes frames and writes them in fragments, one for each checkpoint.
pub struct Mp4Sink {
    writer: FragmentWriter<BufWriter<File>>,
    encoder: Encoder,
    name: String,
    shown: (usize, usize),
    aspect: (u32, u32),
    color: Color,
}

impl Mp4Sink {
    /// Into a file that has `bytes` already: 0 begins anew. `quality` is `1..=100`; `name` is for messages.
    pub fn new(file: File, name: String, info: &Info, quality: u8, bytes: u64) -> Result<Self> {
        let (width, height) = (info.width, info.height);
        if width.max(height) > MAX_SIDES.0 || width.min(height) > MAX_SIDES.1 || width.min(height) < 16 {
            let why = format!(
                "the H.264 encoder takes 16 to {} x {} px, and the film has {width}x{height}; use --size, or write y4m or a folder of pictures",
                MAX_SIDES.0, MAX_SIDES.1
            );
            return Err(VideoError::Unfit { name, why }.into());
        }
        // BT.2020 needs more than 8 bits; the painting is made in sRGB anyhow.
        let color = Color { full: info.color.full, ..sdr(info) };
        let encoder = Encoder::new(width, height, info.rate(), quality, color);
        let writer = FragmentWriter::new(BufWriter::new(file), info.timescale, bytes);
        Ok(Self { writer, encoder, name, shown: (width, height), aspect: info.pixel_aspect, color })
    }

    /// With a track of Opus beside the pictures; before the first of them.
    pub(crate) fn with_sound(self) -> Self {
        Self { writer: self.writer.with_sound(), ..self }
    }

    /// Adds a packet of Opus that is heard from `start` on, in samples.
    pub(crate) fn write_sound(&mut self, packet: &[u8], start: u64, samples: u32) {
        self.writer.push_sound(packet, start, samples);
    }

    fn entry(&self, planes: &Planes) -> OwnEntry {
        OwnEntry {
            width: planes.width,
            height: planes.height,
            shown: self.shown,
            aspect: self.aspect,
            color: self.color,
            avc: self.encoder.config().clone(),
        }
    }

    fn failed(&self, cause: std::io::Error) -> Error {
        Error::Write { name: self.name.clone(), cause }
    }
}

fn sdr(info: &Info) -> Color {
    match info.color.matrix {
        crate::video::Matrix::Bt2020 => Color::usual(info.width, info.height),
        _ => info.color,
    }
}

impl Sink for Mp4Sink {
    fn layout(&self) -> Layout {
        Layout::EvenYuv420(self.color)
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let Pixels::Yuv(planes) = &frame.pixels else { unreachable!("the layout is YCbCr") };
        let encoded = self.encoder.encode(planes);
        let encoded =
            encoded.map_err(|why| Error::Encode { name: self.name.clone(), format: "H.264", why })?;
        if self.writer.is_empty() {
            let entry = self.entry(planes);
            self.writer.begin(&entry).map_err(|e| self.failed(e))?;
        }
        self.writer.push(&encoded.bytes, frame.start, frame.duration, encoded.key);
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<u64> {
        self.writer.flush().map_err(|e| self.failed(e))?;
        self.encoder.restart();
        Ok(self.writer.bytes())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.checkpoint().map(drop)
    }
}
