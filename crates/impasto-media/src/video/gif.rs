//! GIF: 256 colours a frame, one of them perhaps transparent, times in hundredths of a second.

use super::VideoError;
use super::alpha::SEEN;
use super::canvas::{Canvas, Disposal, Part};
use super::disk::PartFile;
use super::frame::{Frame, Info, Layout, Pixels, Plays, Sink, Source};
use super::palette::{self, COLORS, Indexed};
use super::part::Standing;
use crate::error::{Error, Result, name_of, plain};
use crate::still::Limits;
use ::gif::{ColorOutput, DecodeOptions, Decoder, DisposalMethod, Encoder, Repeat};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Times are in hundredths of a second.
const TIMESCALE: u32 = 100;
/// What browsers make of a delay of 0 or 1.
const USUAL_DELAY: u64 = 10;

/// The frames of a GIF, each as it is seen: laid over the ones before.
pub struct GifSource {
    info: Info,
    reader: GifReader,
    start: u64,
}

impl GifSource {
    /// Opens the file. It is read through once, to count its frames and to learn whether parts are transparent.
    pub fn open(path: &Path) -> Result<Self> {
        let name = name_of(path);
        let mut scan = GifReader::open(path, &name)?;
        let (width, height) = scan.size();
        let (mut alpha, mut frames) = (false, 0);
        // Whatever ends it is said when the frames are read.
        while let Ok(Some(_)) = scan.next() {
            alpha |= scan.canvas.is_transparent();
            frames += 1;
        }
        // The number of plays stands in front of most files, and anywhere in some.
        let plays = match scan.decoder.repeat() {
            Repeat::Infinite => Plays::Forever,
            // The block counts how often it is played again.
            Repeat::Finite(again) => Plays::Times(again.saturating_add(1)),
        };
        let info = Info {
            timescale: TIMESCALE,
            frame_ticks: USUAL_DELAY,
            frames: Some(frames),
            alpha,
            plays,
            ..Info::of(name.clone(), "GIF", width, height)
        };
        Ok(Self { info, reader: GifReader::open(path, &name)?, start: 0 })
    }
}

impl Source for GifSource {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let (name, whole) = (|| self.info.name.clone(), self.reader.frames);
        let duration = match self.reader.next() {
            Ok(None) => return Ok(None),
            Ok(Some(duration)) => duration,
            Err(::gif::DecodingError::Io(_)) => {
                return Err(VideoError::CutShort { name: name(), whole, total: None }.into());
            }
            Err(e) => return Err(VideoError::Damaged { name: name(), whole, why: plain(e) }.into()),
        };
        let start = self.start;
        self.start += duration;
        Ok(Some(Frame { pixels: self.reader.canvas.pixels(), start, duration }))
    }
}

struct GifReader {
    decoder: Decoder<BufReader<File>>,
    canvas: Canvas,
    frames: u64,
}

impl GifReader {
    fn open(path: &Path, name: &str) -> Result<Self> {
        let file = BufReader::new(File::open(path).map_err(|e| Error::read(path, e))?);
        let mut options = DecodeOptions::new();
        options.set_color_output(ColorOutput::RGBA);
        let decoder = options.read_info(file).map_err(|e| Error::damaged(name, "GIF", e))?;
        let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
        Limits::default().check(name, width, height)?;
        Ok(Self { decoder, canvas: Canvas::new(width, height), frames: 0 })
    }

    fn size(&self) -> (usize, usize) {
        (usize::from(self.decoder.width()), usize::from(self.decoder.height()))
    }

    /// Lays the next frame; gives how long it is shown.
    fn next(&mut self) -> std::result::Result<Option<u64>, ::gif::DecodingError> {
        let Some(frame) = self.decoder.read_next_frame()? else { return Ok(None) };
        let [left, top, width, height] = [frame.left, frame.top, frame.width, frame.height].map(usize::from);
        let disposal = match frame.dispose {
            DisposalMethod::Any | DisposalMethod::Keep => Disposal::Keep,
            DisposalMethod::Background => Disposal::Clear,
            DisposalMethod::Previous => Disposal::Restore,
        };
        self.canvas.lay(Part { left, top, width, height }, &frame.buffer, disposal, true);
        self.frames += 1;
        Ok(Some(if frame.delay <= 1 { USUAL_DELAY } else { u64::from(frame.delay) }))
    }
}

/// Writes a GIF; every frame has a palette of its own.
pub struct GifSink {
    file: Box<dyn PartFile>,
    name: String,
    encoder: Encoder<Vec<u8>>,
    timescale: u32,
    /// Frames are taken away before the next, for that may be transparent where they are not.
    clears: bool,
    bytes: u64,
}

impl GifSink {
    /// Into a file that stands as `from` says.
    pub(crate) fn new(file: Box<dyn PartFile>, name: String, info: &Info, from: Standing) -> Result<Self> {
        let fail =
            |e: ::gif::EncodingError| Error::Encode { name: name.clone(), format: "GIF", why: plain(e) };
        let side = |px: usize| u16::try_from(px).map_err(|_| too_large(&name, info));
        let (width, height) = (side(info.width)?, side(info.height)?);
        let mut encoder = Encoder::new(Vec::new(), width, height, &[]).map_err(fail)?;
        match info.plays {
            Plays::Forever => encoder.set_repeat(Repeat::Infinite).map_err(fail)?,
            // Without the block it is played once.
            Plays::Times(0 | 1) => {}
            Plays::Times(times) => encoder.set_repeat(Repeat::Finite(times - 1)).map_err(fail)?,
        }
        if !from.head {
            encoder.get_mut().clear();
        }
        Ok(Self { file, name, encoder, timescale: info.timescale, clears: info.alpha, bytes: from.bytes })
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

/// Colours of the pixels that are seen, and a number that is transparent for the others.
fn with_hole(rgb: &[u8], alpha: &[u8]) -> (Indexed, Option<u8>) {
    let pixels = || rgb.as_chunks::<3>().0.iter().zip(alpha);
    let seen: Vec<u8> = pixels().filter(|(_, a)| **a >= SEEN).flat_map(|(p, _)| *p).collect();
    if seen.len() == rgb.len() {
        return (palette::indexed(rgb, COLORS), None);
    }
    if seen.is_empty() {
        return (Indexed { palette: vec![255; 3], indices: vec![0; alpha.len()] }, Some(0));
    }
    let Indexed { mut palette, indices } = palette::indexed(&seen, COLORS - 1);
    let hole = (palette.len() / 3) as u8;
    palette.extend([255; 3]);
    let mut seen = indices.iter();
    let mut number = |a: u8| if a >= SEEN { seen.next().copied().unwrap_or(hole) } else { hole };
    let indices = alpha.iter().map(|&a| number(a)).collect();
    (Indexed { palette, indices }, Some(hole))
}

impl Sink for GifSink {
    fn layout(&self) -> Layout {
        Layout::Rgba
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let (image, (Indexed { palette, indices }, hole)) = match &frame.pixels {
            Pixels::Rgb(image) => (image, (palette::indexed(image.rgb(), COLORS), None)),
            Pixels::Rgba(image, alpha) => (image, with_hole(image.rgb(), alpha)),
            Pixels::Yuv(_) => unreachable!("the layout is RGBA"),
        };
        // The sides fit: the header was written.
        let (width, height) = (image.width() as u16, image.height() as u16);
        let mut made = ::gif::Frame::from_palette_pixels(width, height, indices, palette, hole);
        made.delay = rounded(frame, self.timescale, u64::from(TIMESCALE)).min(u64::from(u16::MAX)) as u16;
        made.dispose = if self.clears { DisposalMethod::Background } else { DisposalMethod::Keep };
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
