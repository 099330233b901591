//! GIF: 256 colours a frame, times in hundredths of a second.

use super::VideoError;
use super::frame::{Color, Frame, Info, Layout, Pixels, Rotation, Sink, Source};
use super::palette::{self, Indexed};
use crate::error::{Error, Result, name_of, plain};
use crate::still::Limits;
use ::gif::{ColorOutput, DecodeOptions, Decoder, DisposalMethod, Encoder, Repeat};
use impasto_core::Image;
use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;

/// Times are in hundredths of a second.
const TIMESCALE: u32 = 100;
/// What browsers make of a delay of 0 or 1.
const USUAL_DELAY: u64 = 10;

/// The frames of a GIF, each as it is seen: laid over the ones before, on white.
pub struct GifSource {
    info: Info,
    decoder: Decoder<BufReader<File>>,
    canvas: Canvas,
    start: u64,
    frames: u64,
}

impl GifSource {
    /// Opens the file.
    pub fn open(path: &Path) -> Result<Self> {
        let name = name_of(path);
        let file = BufReader::new(File::open(path).map_err(|e| Error::read(path, e))?);
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        let decoder = options.read_info(file).map_err(|e| Error::damaged(&name, "GIF", e))?;
        let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
        Limits::default().check(&name, width, height)?;
        let info = Info {
            name,
            format: "GIF".into(),
            width,
            height,
            rotation: Rotation::None,
            pixel_aspect: (1, 1),
            timescale: TIMESCALE,
            frame_ticks: USUAL_DELAY,
            frames: None,
            color: Color::usual(width, height),
            notes: Vec::new(),
        };
        Ok(Self { info, decoder, canvas: Canvas::new(width, height), start: 0, frames: 0 })
    }
}

impl Source for GifSource {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let (name, whole) = (&self.info.name, self.frames);
        let frame = match self.decoder.read_next_frame() {
            Ok(None) => return Ok(None),
            Ok(Some(frame)) => frame,
            Err(::gif::DecodingError::Io(_)) => {
                return Err(VideoError::CutShort { name: name.clone(), whole, total: None }.into());
            }
            Err(e) => return Err(VideoError::Damaged { name: name.clone(), whole, why: plain(e) }.into()),
        };
        let duration = if frame.delay <= 1 { USUAL_DELAY } else { u64::from(frame.delay) };
        let image = self.canvas.lay(frame);
        let start = self.start;
        self.start += duration;
        self.frames += 1;
        Ok(Some(Frame { pixels: Pixels::Rgb(image), start, duration }))
    }
}

/// What is seen so far. Transparent pixels are white.
struct Canvas {
    shown: Image,
    disposal: DisposalMethod,
    /// The part that the last frame covered, and what was there before it.
    under: Image,
    part: [usize; 4],
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        let shown = Image::from_fn(width, height, |_, _| [255; 3]);
        Self { under: shown.clone(), shown, disposal: DisposalMethod::Any, part: [0; 4] }
    }

    fn lay(&mut self, frame: &::gif::Frame) -> Image {
        self.dispose();
        let at = [frame.left, frame.top, frame.width, frame.height].map(usize::from);
        let [left, top, width, _] = at;
        self.disposal = frame.dispose;
        self.part = at;
        if frame.dispose == DisposalMethod::Previous {
            self.under.rgb_mut().copy_from_slice(self.shown.rgb());
        }
        let (canvas_width, canvas_height) = (self.shown.width(), self.shown.height());
        for (i, pixel) in frame.buffer.chunks_exact(4).enumerate() {
            let (x, y) = (left + i % width.max(1), top + i / width.max(1));
            if pixel[3] != 0 && x < canvas_width && y < canvas_height {
                let to = 3 * (y * canvas_width + x);
                self.shown.rgb_mut()[to..to + 3].copy_from_slice(&pixel[..3]);
            }
        }
        self.shown.clone()
    }

    /// Takes the last frame away, where it asked for that.
    fn dispose(&mut self) {
        let [left, top, width, height] = self.part;
        let (canvas_width, canvas_height) = (self.shown.width(), self.shown.height());
        let clear = self.disposal == DisposalMethod::Background;
        if !clear && self.disposal != DisposalMethod::Previous {
            return;
        }
        for y in top..(top + height).min(canvas_height) {
            let line = 3 * (y * canvas_width + left.min(canvas_width))
                ..3 * (y * canvas_width + (left + width).min(canvas_width));
            match clear {
                true => self.shown.rgb_mut()[line].fill(255),
                false => self.shown.rgb_mut()[line.clone()].copy_from_slice(&self.under.rgb()[line]),
            }
        }
    }
}

/// Writes a GIF that loops; every frame has a palette of its own.
pub struct GifSink {
    file: File,
    name: String,
    encoder: Encoder<Vec<u8>>,
    timescale: u32,
    bytes: u64,
}

impl GifSink {
    /// Into a file that has `bytes` of a GIF already: 0 begins with a header.
    pub fn new(file: File, name: String, info: &Info, bytes: u64) -> Result<Self> {
        let fail =
            |e: ::gif::EncodingError| Error::Encode { name: name.clone(), format: "GIF", why: plain(e) };
        let side = |px: usize| u16::try_from(px).map_err(|_| too_large(&name, info));
        let (width, height) = (side(info.width)?, side(info.height)?);
        let mut encoder = Encoder::new(Vec::new(), width, height, &[]).map_err(fail)?;
        encoder.set_repeat(Repeat::Infinite).map_err(fail)?;
        if bytes > 0 {
            encoder.get_mut().clear();
        }
        Ok(Self { file, name, encoder, timescale: info.timescale, bytes })
    }

    fn drain(&mut self) -> Result<()> {
        let made = std::mem::take(self.encoder.get_mut());
        self.file.write_all(&made).map_err(|cause| Error::Write { name: self.name.clone(), cause })?;
        self.bytes += made.len() as u64;
        Ok(())
    }
}

fn too_large(name: &str, info: &Info) -> Error {
    let (width, height) = (info.width, info.height);
    Error::FormatTooSmall { name: name.into(), format: "GIF", width, height, max_side: 65_535 }
}

/// Moments rounded to `units` a second; differences of these never add up to an error.
pub(crate) fn rounded(frame: &Frame, timescale: u32, units: u64) -> u64 {
    let scale = u128::from(timescale);
    let at = |ticks: u64| ((2 * u128::from(ticks) * u128::from(units) + scale) / (2 * scale)) as u64;
    at(frame.start + frame.duration) - at(frame.start)
}

impl Sink for GifSink {
    fn layout(&self) -> Layout {
        Layout::Rgb
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let Pixels::Rgb(image) = &frame.pixels else { unreachable!("the layout is RGB") };
        // The sides fit: the header was written.
        let (width, height) = (image.width() as u16, image.height() as u16);
        let Indexed { palette, indices } = palette::indexed(image.rgb());
        let mut made = ::gif::Frame::from_palette_pixels(width, height, indices, palette, None);
        made.delay = rounded(frame, self.timescale, u64::from(TIMESCALE)).min(u64::from(u16::MAX)) as u16;
        made.dispose = DisposalMethod::Keep;
        let written = self.encoder.write_frame(&made);
        written.map_err(|e| Error::Encode { name: self.name.clone(), format: "GIF", why: plain(e) })?;
        self.drain()
    }

    fn checkpoint(&mut self) -> Result<u64> {
        self.drain()?;
        Ok(self.bytes)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.drain()?;
        // The trailer.
        self.file.write_all(b";").map_err(|cause| Error::Write { name: self.name.clone(), cause })
    }
}
