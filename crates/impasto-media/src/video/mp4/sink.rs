//! Painted frames into a fragmented MP4 file.

use super::coder::Coder;
use super::entry::OwnEntry;
use super::fragment::FragmentWriter;
use super::h264::{Encoded, Encoder, quantiser};
use crate::error::{Error, Result};
use crate::video::disk::PartFile;
use crate::video::ffmpeg::FfmpegCoder;
use crate::video::frame::{Color, Frame, Info, Layout, Pixels, Planes, Sink};
use crate::video::part::Standing;
use std::collections::VecDeque;
use std::io::BufWriter;

/// Shortest, longest and shorter side in px that OpenH264 encodes.
const SIDES: (usize, usize, usize) = (16, 3840, 2160);

/// Whether the built-in encoder takes pictures of that size.
pub(crate) fn fits_builtin(width: usize, height: usize) -> bool {
    let (long, short) = (width.max(height), width.min(height));
    SIDES.0 <= short && short <= SIDES.2 && long <= SIDES.1
}

/// The coder of frames.
#[derive(Clone, Debug)]
pub(crate) struct Coding {
    /// `1..=100`.
    pub quality: u8,
    /// An encoder of ffmpeg's; none for the built-in one.
    pub encoder: Option<String>,
}

impl Coding {
    /// The built-in encoder at that quality.
    pub fn builtin(quality: u8) -> Self {
        Self { quality, encoder: None }
    }

    /// For films as `info` says.
    fn coder(&self, info: &Info, color: Color) -> Box<dyn Coder> {
        let (width, height) = (info.width, info.height);
        match &self.encoder {
            None => Box::new(Encoder::new(width, height, info.rate(), self.quality, color)),
            Some(encoder) => {
                let (width, height) = (width.next_multiple_of(2), height.next_multiple_of(2));
                let quantiser = quantiser(self.quality);
                Box::new(FfmpegCoder::new(encoder, width, height, info.rate(), quantiser, color))
            }
        }
    }

    /// Codes one grey picture of the film's size; gives the encoder's words where that fails.
    pub fn try_on(&self, info: &Info) -> std::result::Result<(), String> {
        let grey = impasto_core::Image::from_fn(info.width, info.height, |_, _| [128; 3]);
        let color = sdr(info);
        let Pixels::Yuv(planes) = crate::video::convert::pixels_for(Layout::EvenYuv420(color), grey) else {
            unreachable!("the layout is YCbCr")
        };
        let mut coder = self.coder(info, color);
        let frames = coder.push(&planes)?.len() + coder.end()?.len();
        if frames == 1 { Ok(()) } else { Err("it made no picture of one".into()) }
    }
}

/// Encodes frames and writes them in fragments, one for each checkpoint.
pub struct Mp4Sink {
    writer: FragmentWriter<BufWriter<Box<dyn PartFile>>>,
    coder: Box<dyn Coder>,
    /// Start and duration of frames that are not coded yet.
    waiting: VecDeque<(u64, u64)>,
    name: String,
    coded: (usize, usize),
    shown: (usize, usize),
    aspect: (u32, u32),
    color: Color,
}

impl Mp4Sink {
    /// Into a file that stands as `from` says; `name` is for messages.
    pub(crate) fn new(
        file: Box<dyn PartFile>,
        name: String,
        info: &Info,
        coding: &Coding,
        from: Standing,
    ) -> Self {
        let (width, height) = (info.width, info.height);
        let color = sdr(info);
        Self {
            writer: FragmentWriter::new(BufWriter::new(file), info.timescale, from),
            coder: coding.coder(info, color),
            waiting: VecDeque::new(),
            name,
            coded: (width.next_multiple_of(2), height.next_multiple_of(2)),
            shown: (width, height),
            aspect: info.pixel_aspect,
            color,
        }
    }

    /// With a track of Opus beside the pictures; before the first of them.
    pub(crate) fn with_sound(self) -> Self {
        Self { writer: self.writer.with_sound(), ..self }
    }

    /// Adds a packet of Opus that is heard from `start` on, in samples.
    pub(crate) fn write_sound(&mut self, packet: &[u8], start: u64, samples: u32) {
        self.writer.push_sound(packet, start, samples);
    }

    fn entry(&self) -> OwnEntry {
        OwnEntry {
            width: self.coded.0,
            height: self.coded.1,
            shown: self.shown,
            aspect: self.aspect,
            color: self.color,
            avc: self.coder.config().clone(),
        }
    }

    fn put(&mut self, frames: std::result::Result<Vec<Encoded>, String>) -> Result<()> {
        let frames = frames.map_err(|why| Error::Encode { name: self.name.clone(), format: "H.264", why })?;
        if self.writer.wants_index() && !frames.is_empty() {
            let entry = self.entry();
            self.writer.begin(&entry).map_err(|e| self.failed(e))?;
        }
        for frame in frames {
            let (start, duration) = self.waiting.pop_front().expect("a frame for each that was taken in");
            self.writer.push(&frame.bytes, start, duration, frame.key);
        }
        Ok(())
    }

    fn failed(&self, cause: std::io::Error) -> Error {
        Error::Write { name: self.name.clone(), cause }
    }
}

/// BT.2020 needs more than 8 bits; the painting is made in sRGB anyhow.
fn sdr(info: &Info) -> Color {
    match info.color.matrix {
        crate::video::Matrix::Bt2020 => {
            Color { full: info.color.full, ..Color::usual(info.width, info.height) }
        }
        crate::video::Matrix::Bt601 | crate::video::Matrix::Bt709 => info.color,
    }
}

impl Sink for Mp4Sink {
    fn layout(&self) -> Layout {
        Layout::EvenYuv420(self.color)
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let Pixels::Yuv(planes) = &frame.pixels else { unreachable!("the layout is YCbCr") };
        let planes: &Planes = planes;
        self.waiting.push_back((frame.start, frame.duration));
        let frames = self.coder.push(planes);
        self.put(frames)
    }

    fn checkpoint(&mut self) -> Result<u64> {
        let frames = self.coder.end();
        self.put(frames)?;
        self.writer.flush().map_err(|e| self.failed(e))?;
        Ok(self.writer.bytes())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.checkpoint().map(drop)
    }
}
