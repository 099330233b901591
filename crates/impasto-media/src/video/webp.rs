//! Animated WebP: times in milliseconds, lossy but for the opacity.
//!
//! The container is ours: `RIFF WEBP`, then `VP8X` (animated), `ANIM` (how often it is played), and an `ANMF` for each frame, which
//! holds the chunk that `libwebp` makes of a still. <https://developers.google.com/speed/webp/docs/riff_container>

use super::VideoError;
use super::canvas::split;
use super::disk::PartFile;
use super::frame::{Frame, Info, Layout, Pixels, Plays, Sink, Source};
use super::gif::rounded;
use super::part::Standing;
use crate::error::{Error, Result, name_of, plain};
use crate::still::Limits;
use crate::still::webp::{FLAG_ALPHA, MAX_SIDE, RiffChunk, chunks, encode, vp8x};
use image_webp::{LoopCount, WebPDecoder};
use impasto_core::Image;
use std::fs::File;
use std::io::{BufReader, SeekFrom};
use std::path::Path;

/// Times are in milliseconds.
const TIMESCALE: u32 = 1000;
/// What browsers make of a frame without a duration.
const USUAL_DURATION: u64 = 100;
/// The header's flag for animation.
const FLAG_ANIMATION: u8 = 0x02;
/// A frame replaces what is under it.
const DO_NOT_BLEND: u8 = 0x02;

/// The frames of an animated WebP, each as it is seen.
pub struct WebpSource {
    info: Info,
    decoder: WebPDecoder<BufReader<File>>,
    buffer: Vec<u8>,
    start: u64,
    frames: u64,
    total: u64,
}

impl WebpSource {
    /// Opens the file.
    pub fn open(path: &Path) -> Result<Self> {
        let name = name_of(path);
        let file = BufReader::new(File::open(path).map_err(|e| Error::read(path, e))?);
        let mut decoder = WebPDecoder::new(file).map_err(|e| Error::damaged(&name, "WebP", e))?;
        if !decoder.is_animated() {
            let found = "a WebP picture that does not move".into();
            return Err(VideoError::NotAVideo { name, found }.into());
        }
        let (width, height) = decoder.dimensions();
        let (width, height) = (width as usize, height as usize);
        Limits::default().check(&name, width, height)?;
        decoder.set_background_color([0; 4]).map_err(|e| Error::damaged(&name, "WebP", e))?;
        let bytes = decoder.output_buffer_size().unwrap_or(4 * width * height);
        let total = u64::from(decoder.num_frames());
        let plays = match decoder.loop_count() {
            LoopCount::Forever => Plays::Forever,
            LoopCount::Times(times) => Plays::Times(times.get()),
        };
        let info = Info {
            timescale: TIMESCALE,
            frame_ticks: (decoder.loop_duration() / total.max(1)).max(1),
            frames: Some(total),
            alpha: decoder.has_alpha(),
            plays,
            ..Info::of(name, "animated WebP", width, height)
        };
        Ok(Self { info, decoder, buffer: vec![0; bytes], start: 0, frames: 0, total })
    }

    fn pixels(&self) -> Pixels {
        let (width, height) = (self.info.width, self.info.height);
        if self.decoder.has_alpha() {
            return split(&self.buffer, width, height);
        }
        let rgb = self.buffer[..3 * width * height].to_vec();
        Pixels::Rgb(Image::new(width, height, rgb).expect("the decoder's buffer has the picture's size"))
    }
}

impl Source for WebpSource {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        if self.frames == self.total {
            return Ok(None);
        }
        let (name, whole) = (&self.info.name, self.frames);
        let duration = match self.decoder.read_frame(&mut self.buffer) {
            Ok(0) => USUAL_DURATION,
            Ok(ms) => u64::from(ms),
            Err(image_webp::DecodingError::IoError(_)) => {
                return Err(
                    VideoError::CutShort { name: name.clone(), whole, total: Some(self.total) }.into()
                );
            }
            Err(e) => return Err(VideoError::Damaged { name: name.clone(), whole, why: plain(e) }.into()),
        };
        let start = self.start;
        self.start += duration;
        self.frames += 1;
        Ok(Some(Frame { pixels: self.pixels(), start, duration }))
    }
}

/// Writes an animated WebP.
pub struct WebpSink {
    file: Box<dyn PartFile>,
    name: String,
    quality: u8,
    timescale: u32,
    size: (usize, usize),
    alpha: bool,
    plays: Plays,
    from: Standing,
}

impl WebpSink {
    /// Into a file that stands as `from` says. `quality` is `1..=100`.
    pub(crate) fn new(
        file: Box<dyn PartFile>,
        name: String,
        info: &Info,
        quality: u8,
        from: Standing,
    ) -> Result<Self> {
        let (width, height) = (info.width, info.height);
        if width.max(height) > MAX_SIDE {
            return Err(Error::FormatTooSmall { name, format: "WebP", width, height, max_side: MAX_SIDE });
        }
        let (timescale, size, alpha, plays) = (info.timescale, (width, height), info.alpha, info.plays);
        Ok(Self { file, name, quality, timescale, size, alpha, plays, from })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|cause| Error::Write { name: self.name.clone(), cause })?;
        self.from.bytes += bytes.len() as u64;
        Ok(())
    }

    fn header(&self) -> Vec<u8> {
        let mut header = b"RIFF\0\0\0\0WEBP".to_vec();
        let flags = FLAG_ANIMATION | if self.alpha { FLAG_ALPHA } else { 0 };
        RiffChunk { name: *b"VP8X", body: &vp8x(flags, self.size.0, self.size.1) }.write_to(&mut header);
        let plays = match self.plays {
            Plays::Forever => 0,
            Plays::Times(times) => times,
        };
        // The colour behind, blue first; nothing where parts are transparent.
        let behind = if self.alpha { [0; 4] } else { [255; 4] };
        let body = [&behind[..], &plays.to_le_bytes()].concat();
        RiffChunk { name: *b"ANIM", body: &body }.write_to(&mut header);
        header
    }
}

/// The body of an `ANMF` chunk: place, size, duration and flags, then the frame's own chunk.
fn animation_frame(size: (usize, usize), milliseconds: u64, still: &[u8]) -> Vec<u8> {
    let three = |value: u64| value.to_le_bytes()[..3].to_vec();
    let mut body = vec![0; 6];
    body.extend(three(size.0 as u64 - 1));
    body.extend(three(size.1 as u64 - 1));
    body.extend(three(milliseconds.min((1 << 24) - 1)));
    body.push(DO_NOT_BLEND);
    let pixels = chunks(still).filter(|chunk| matches!(&chunk.name, b"VP8 " | b"VP8L" | b"ALPH"));
    pixels.for_each(|chunk| chunk.write_to(&mut body));
    body
}

impl Sink for WebpSink {
    fn layout(&self) -> Layout {
        Layout::Rgba
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let (width, height) = self.size;
        let still = match &frame.pixels {
            Pixels::Rgb(image) => encode(image.rgb(), false, width, height, self.quality),
            Pixels::Rgba(image, alpha) => {
                let pixels = image.rgb().chunks_exact(3).zip(alpha);
                let rgba: Vec<u8> = pixels.flat_map(|(p, &a)| [p[0], p[1], p[2], a]).collect();
                encode(&rgba, true, width, height, self.quality)
            }
            Pixels::Yuv(_) => unreachable!("the layout is RGBA"),
        };
        let still = still.map_err(|why| Error::Encode { name: self.name.clone(), format: "WebP", why })?;
        if self.from.head {
            self.put(&self.header())?;
            self.from.head = false;
        }
        let body = animation_frame(self.size, rounded(frame, self.timescale, u64::from(TIMESCALE)), &still);
        let mut chunk = Vec::with_capacity(body.len() + 9);
        RiffChunk { name: *b"ANMF", body: &body }.write_to(&mut chunk);
        self.put(&chunk)
    }

    fn checkpoint(&mut self) -> Result<u64> {
        Ok(self.from.bytes)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let riff = self.from.bytes.saturating_sub(8);
        let Ok(riff) = u32::try_from(riff) else {
            let why = "an animated WebP cannot pass 4 GiB; choose MP4".into();
            return Err(VideoError::Unfit { name: self.name, why }.into());
        };
        let mut patch = || {
            self.file.seek(SeekFrom::Start(4))?;
            self.file.write_all(&riff.to_le_bytes())
        };
        patch().map_err(|cause| Error::Write { name: self.name.clone(), cause })
    }
}
