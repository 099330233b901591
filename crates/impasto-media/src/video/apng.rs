//! Animated PNG: times as fractions of a second, nothing lost.
//!
//! Written: `IHDR`, `acTL` (how many frames and plays, patched at the end), then for each frame an `fcTL` and its pixels, in `IDAT` for the
//! first and in `fdAT` for the others. <https://www.w3.org/TR/png-3/#apng-frame-based-animation>

use super::VideoError;
use super::alpha::fill_unseen;
use super::canvas::{Canvas, Disposal, Part};
use super::disk::PartFile;
use super::frame::{Frame, Info, Layout, Pixels, Plays, Sink, Source};
use super::gif::rounded;
use super::part::Standing;
use crate::error::{Error, Result, name_of, plain};
use crate::still::Limits;
use png::{BlendOp, ColorType, Decoder, DisposeOp, FrameControl, Reader};
use std::fs::File;
use std::io::{BufReader, SeekFrom};
use std::path::Path;

/// Ticks a second; delays of other fractions are rounded to these.
const TIMESCALE: u32 = 1000;
/// The first bytes of every PNG.
const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// First byte of the body of `acTL`: after the signature, `IHDR` (25 bytes), and its own length and name.
const ACTL_BODY: u64 = 8 + 25 + 8;

/// Whether these first bytes of a PNG announce an animation.
pub(crate) fn is_animated(head: &[u8]) -> bool {
    head.starts_with(SIGNATURE) && {
        let before_pixels = head.windows(4).position(|w| w == b"IDAT").unwrap_or(head.len());
        head[..before_pixels].windows(4).any(|w| w == b"acTL")
    }
}

/// The frames of an animated PNG.
pub struct ApngSource {
    info: Info,
    reader: Reader<BufReader<File>>,
    canvas: Canvas,
    start: u64,
    frames: u64,
}

impl ApngSource {
    /// Opens the file.
    pub fn open(path: &Path) -> Result<Self> {
        let name = name_of(path);
        let file = BufReader::new(File::open(path).map_err(|e| Error::read(path, e))?);
        let mut decoder = Decoder::new(file);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().map_err(|e| Error::damaged(&name, "PNG", e))?;
        let head = reader.info();
        let (width, height) = (head.width as usize, head.height as usize);
        Limits::default().check(&name, width, height)?;
        let Some(animation) = head.animation_control().copied() else {
            let found = "a PNG picture that does not move".into();
            return Err(VideoError::NotAVideo { name, found }.into());
        };
        let alpha =
            head.trns.is_some() || matches!(head.color_type, ColorType::Rgba | ColorType::GrayscaleAlpha);
        if head.frame_control.is_none() {
            // The picture for programs that know no animations is not part of this one.
            let mut still = vec![0; reader.output_buffer_size().unwrap_or(0)];
            reader.next_frame(&mut still).map_err(|e| Error::damaged(&name, "PNG", e))?;
        }
        let plays = u16::try_from(animation.num_plays).unwrap_or(u16::MAX);
        let info = Info {
            timescale: TIMESCALE,
            frame_ticks: 100,
            frames: Some(u64::from(animation.num_frames)),
            alpha,
            plays: if plays == 0 { Plays::Forever } else { Plays::Times(plays) },
            ..Info::of(name, "animated PNG", width, height)
        };
        Ok(Self { info, reader, canvas: Canvas::new(width, height), start: 0, frames: 0 })
    }

    fn failed(&self, error: png::DecodingError) -> Error {
        let (name, whole, total) = (self.info.name.clone(), self.frames, self.info.frames);
        match error {
            png::DecodingError::IoError(_) => VideoError::CutShort { name, whole, total }.into(),
            error => VideoError::Damaged { name, whole, why: plain(error) }.into(),
        }
    }
}

impl Source for ApngSource {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        if Some(self.frames) >= self.info.frames {
            return Ok(None);
        }
        let mut buffer = vec![0; self.reader.output_buffer_size().unwrap_or(0)];
        let decoded = self.reader.next_frame(&mut buffer).map_err(|e| self.failed(e))?;
        let whole = FrameControl { width: decoded.width, height: decoded.height, ..FrameControl::default() };
        let control = self.reader.info().frame_control.unwrap_or(whole);
        let part = Part {
            left: control.x_offset as usize,
            top: control.y_offset as usize,
            width: decoded.width as usize,
            height: decoded.height as usize,
        };
        let disposal = match control.dispose_op {
            DisposeOp::None => Disposal::Keep,
            DisposeOp::Background => Disposal::Clear,
            DisposeOp::Previous if self.frames == 0 => Disposal::Clear,
            DisposeOp::Previous => Disposal::Restore,
        };
        let rgba = rgba(&buffer[..decoded.buffer_size()], decoded.color_type);
        self.canvas.lay(part, &rgba, disposal, control.blend_op == BlendOp::Over);
        let duration = ticks(control.delay_num, control.delay_den);
        let start = self.start;
        self.start += duration;
        self.frames += 1;
        Ok(Some(Frame { pixels: self.canvas.pixels(), start, duration }))
    }
}

/// A delay of 0 is as short as may be; browsers make a hundredth of it.
fn ticks(numerator: u16, denominator: u16) -> u64 {
    let denominator = if denominator == 0 { 100 } else { u64::from(denominator) };
    let ticks = (2 * u64::from(numerator) * u64::from(TIMESCALE) + denominator) / (2 * denominator);
    if ticks == 0 { 10 } else { ticks }
}

/// Interleaved RGBA of decoded 8-bit pixels.
fn rgba(pixels: &[u8], color: ColorType) -> Vec<u8> {
    match color {
        ColorType::Rgba => pixels.to_vec(),
        ColorType::Rgb => pixels.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
        ColorType::GrayscaleAlpha => pixels.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect(),
        // Palettes are expanded by the decoder.
        ColorType::Grayscale | ColorType::Indexed => pixels.iter().flat_map(|&p| [p, p, p, 255]).collect(),
    }
}

/// Writes an animated PNG.
pub struct ApngSink {
    file: Box<dyn PartFile>,
    name: String,
    size: (usize, usize),
    timescale: u32,
    plays: Plays,
    from: Standing,
}

impl ApngSink {
    /// Into a file that stands as `from` says.
    pub(crate) fn new(file: Box<dyn PartFile>, name: String, info: &Info, from: Standing) -> Self {
        let size = (info.width, info.height);
        Self { file, name, size, timescale: info.timescale, plays: info.plays, from }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|cause| Error::Write { name: self.name.clone(), cause })?;
        self.from.bytes += bytes.len() as u64;
        Ok(())
    }

    fn head(&self) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        let mut body = Vec::new();
        body.extend((self.size.0 as u32).to_be_bytes());
        body.extend((self.size.1 as u32).to_be_bytes());
        // 8 bits of red, green, blue and opacity; the usual compression, filters, no interlace.
        body.extend([8, 6, 0, 0, 0]);
        chunk(&mut out, b"IHDR", &body);
        chunk(&mut out, b"acTL", &self.control(0));
        out
    }

    /// The body of `acTL`.
    fn control(&self, frames: u64) -> Vec<u8> {
        let plays = match self.plays {
            Plays::Forever => 0,
            Plays::Times(times) => u32::from(times),
        };
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        [frames.to_be_bytes(), plays.to_be_bytes()].concat()
    }
}

impl Sink for ApngSink {
    fn layout(&self) -> Layout {
        Layout::Rgba
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let pixels = compressed(frame, self.size).map_err(|why| Error::Encode {
            name: self.name.clone(),
            format: "PNG",
            why,
        })?;
        if self.from.head {
            self.put(&self.head())?;
            self.from.head = false;
        }
        let mut out = Vec::with_capacity(pixels.len() + 64);
        let first = self.from.frames == 0;
        // One number for the first frame's fcTL, two for each frame's fcTL and fdAT after it.
        let sequence = if first { 0 } else { 2 * self.from.frames as u32 - 1 };
        let milliseconds =
            rounded(frame, self.timescale, u64::from(TIMESCALE)).min(u64::from(u16::MAX)) as u16;
        let mut control = Vec::new();
        for value in [sequence, self.size.0 as u32, self.size.1 as u32, 0, 0] {
            control.extend(value.to_be_bytes());
        }
        control.extend(milliseconds.to_be_bytes());
        control.extend((TIMESCALE as u16).to_be_bytes());
        // Kept until the next, which replaces it.
        control.extend([0, 0]);
        chunk(&mut out, b"fcTL", &control);
        match first {
            true => chunk(&mut out, b"IDAT", &pixels),
            false => chunk(&mut out, b"fdAT", &[&(sequence + 1).to_be_bytes(), &pixels[..]].concat()),
        }
        self.from.frames += 1;
        self.put(&out)
    }

    fn checkpoint(&mut self) -> Result<u64> {
        self.file.flush().map_err(|cause| Error::Write { name: self.name.clone(), cause })?;
        Ok(self.from.bytes)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let mut end = Vec::new();
        chunk(&mut end, b"IEND", &[]);
        self.put(&end)?;
        let mut actl = Vec::new();
        chunk(&mut actl, b"acTL", &self.control(self.from.frames));
        let mut patch = || {
            self.file.seek(SeekFrom::Start(ACTL_BODY - 8))?;
            self.file.write_all(&actl)?;
            self.file.flush()
        };
        patch().map_err(|cause| Error::Write { name: self.name.clone(), cause })
    }
}

/// The compressed pixels of a frame: what `IDAT` holds.
fn compressed(frame: &Frame, size: (usize, usize)) -> std::result::Result<Vec<u8>, String> {
    let mut rgba = Vec::with_capacity(4 * size.0 * size.1);
    match &frame.pixels {
        Pixels::Rgba(image, alpha) => {
            // Colours that nobody sees only cost bytes.
            let mut image = image.clone();
            fill_unseen(&mut image, alpha);
            image.rgb().chunks_exact(3).zip(alpha).for_each(|(p, &a)| rgba.extend([p[0], p[1], p[2], a]));
        }
        Pixels::Rgb(image) => {
            image.rgb().chunks_exact(3).for_each(|p| rgba.extend([p[0], p[1], p[2], 255]));
        }
        Pixels::Yuv(_) => unreachable!("the layout is RGBA"),
    }
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size.0 as u32, size.1 as u32);
    encoder.set_color(ColorType::Rgba);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header().map_err(plain)?;
    writer.write_image_data(&rgba).map_err(plain)?;
    writer.finish().map_err(plain)?;
    Ok(chunks(&file).filter(|(name, _)| name == b"IDAT").flat_map(|(_, body)| body.to_vec()).collect())
}

/// The chunks of a PNG.
fn chunks(file: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = file.get(SIGNATURE.len()..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        let (name, body) = (rest.get(4..8)?.try_into().ok()?, rest.get(8..8 + length)?);
        rest = rest.get(12 + length..).unwrap_or_default();
        Some((name, body))
    })
}

fn chunk(out: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    out.extend((body.len() as u32).to_be_bytes());
    let start = out.len();
    out.extend(name);
    out.extend(body);
    let crc = crc(&out[start..]);
    out.extend(crc.to_be_bytes());
}

/// CRC-32 as PNG has it.
fn crc(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(bytes);
    hasher.finalize()
}
