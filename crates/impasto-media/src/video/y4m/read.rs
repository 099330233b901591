//! Reading a YUV4MPEG2 stream.

use super::MAGIC;
use crate::error::{Error, Result};
use crate::still::Limits;
use crate::video::frame::{Chroma, Color, Frame, Info, Pixels, Planes, Source};
use crate::video::{Rate, VideoError};
use std::io::{self, BufRead, BufReader, Read};

/// Longest line of text that a stream may have.
const MAX_LINE: u64 = 4096;

/// A stream of frames, from a file or from standard input.
pub struct Y4mSource {
    stream: BufReader<Box<dyn Read + Send>>,
    info: Info,
    chroma: Chroma,
    /// Of a sample: 8 to 16, of which 9 and more lie in two bytes.
    bits: u32,
    color: Color,
    frames: u64,
}

impl Y4mSource {
    /// Reads the header. `bytes` is the stream's length, where it is known.
    ///
    /// # Errors
    /// When it is no such stream, or one that is not read.
    pub fn new(stream: Box<dyn Read + Send>, name: String, bytes: Option<u64>) -> Result<Self> {
        let refuse = |why| VideoError::Damaged { name: name.clone(), whole: 0, why }.into();
        Self::open(stream, name.clone(), bytes)?.map_err(refuse)
    }

    /// The same; what is not read, but may be good, is told as a phrase.
    pub(crate) fn open(
        stream: Box<dyn Read + Send>,
        name: String,
        bytes: Option<u64>,
    ) -> Result<std::result::Result<Self, String>> {
        let mut stream = BufReader::with_capacity(1 << 18, stream);
        let line = line(&mut stream, &name)?;
        if line.is_empty() {
            return Err(Error::Empty { name });
        }
        let header = Header::read(&line, &name)?;
        if let Some(why) = header.other {
            return Ok(Err(why));
        }
        Limits::default().check(&name, header.width, header.height)?;
        let color = Color { full: header.full, ..Color::usual(header.width, header.height) };
        let one = b"FRAME\n".len() as u64 + header.frame_bytes() as u64;
        let frames = bytes.map(|bytes| bytes.saturating_sub(line.len() as u64 + 1) / one);
        let info = Info {
            pixel_aspect: header.aspect,
            timescale: header.rate.frames,
            frame_ticks: u64::from(header.rate.seconds),
            frames,
            color,
            ..Info::of(name, "y4m", header.width, header.height)
        };
        let (chroma, bits) = (header.chroma, header.bits);
        Ok(Ok(Self { stream, info, chroma, bits, color, frames: 0 }))
    }

    fn plane(&mut self, size: (usize, usize)) -> Result<Vec<u8>> {
        let wide = if self.bits > 8 { 2 } else { 1 };
        let mut bytes = vec![0; wide * size.0 * size.1];
        self.stream.read_exact(&mut bytes).map_err(|e| self.failed(e))?;
        Ok(if wide == 1 { bytes } else { eight_bits(&bytes, self.bits) })
    }

    fn failed(&self, cause: io::Error) -> Error {
        let name = self.info.name.clone();
        match cause.kind() {
            io::ErrorKind::UnexpectedEof => {
                VideoError::CutShort { name, whole: self.frames, total: None }.into()
            }
            _ => Error::Read { name, cause },
        }
    }
}

impl Source for Y4mSource {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let line = line(&mut self.stream, &self.info.name)?;
        if line.is_empty() {
            return Ok(None);
        }
        if !line.starts_with(b"FRAME") {
            let why = "a frame does not begin with FRAME".into();
            return Err(VideoError::Damaged { name: self.info.name.clone(), whole: self.frames, why }.into());
        }
        let (width, height) = (self.info.width, self.info.height);
        let small = self.chroma.plane(width, height);
        let y = self.plane((width, height))?;
        let (u, v) = (self.plane(small)?, self.plane(small)?);
        let planes = Planes { width, height, chroma: self.chroma, color: self.color, y, u, v };
        let duration = self.info.frame_ticks;
        let start = self.frames * duration;
        self.frames += 1;
        Ok(Some(Frame { pixels: Pixels::Yuv(planes), start, duration }))
    }
}

/// Samples of two bytes, low byte first, rounded to 8 bits.
fn eight_bits(samples: &[u8], bits: u32) -> Vec<u8> {
    let (shift, half) = (bits - 8, 1u32 << (bits - 9));
    let sample = |b: &[u8; 2]| ((u32::from(u16::from_le_bytes(*b)) + half) >> shift).min(255) as u8;
    samples.as_chunks::<2>().0.iter().map(sample).collect()
}

/// A line without its end; empty at the end of the stream.
fn line(stream: &mut impl BufRead, name: &str) -> Result<Vec<u8>> {
    let mut line = Vec::new();
    let read = stream.take(MAX_LINE).read_until(b'\n', &mut line);
    read.map_err(|cause| Error::Read { name: name.into(), cause })?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(line)
}

struct Header {
    width: usize,
    height: usize,
    rate: Rate,
    aspect: (u32, u32),
    chroma: Chroma,
    bits: u32,
    full: bool,
    /// Something that is not read here, as a phrase.
    other: Option<String>,
}

impl Header {
    fn read(line: &[u8], name: &str) -> Result<Self> {
        let bad = |why: String| -> Error { VideoError::Damaged { name: name.into(), whole: 0, why }.into() };
        let text = line.strip_prefix(MAGIC).ok_or_else(|| {
            let found = "something else than a y4m stream".into();
            VideoError::NotAVideo { name: name.into(), found }
        })?;
        let mut header = Header {
            width: 0,
            height: 0,
            rate: Rate::DEFAULT,
            aspect: (1, 1),
            chroma: Chroma::C420,
            bits: 8,
            full: false,
            other: None,
        };
        for word in String::from_utf8_lossy(text).split_ascii_whitespace() {
            header.word(word).map_err(bad)?;
        }
        if header.width == 0 || header.height == 0 {
            return Err(bad("its header states no size".into()));
        }
        Ok(header)
    }

    fn word(&mut self, word: &str) -> std::result::Result<(), String> {
        let (key, value) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
        let side = || value.parse().map_err(|_| format!("the size {word} cannot be read"));
        match key {
            "W" => self.width = side()?,
            "H" => self.height = side()?,
            "F" => self.rate = rate(value).unwrap_or(Rate::DEFAULT),
            "A" => self.aspect = aspect(value).unwrap_or((1, 1)),
            "C" => match layout(value) {
                Some((chroma, bits)) => (self.chroma, self.bits) = (chroma, bits),
                None => self.other = Some(format!("y4m of the layout C{value}")),
            },
            "I" if !matches!(value, "p" | "?" | "") => {
                self.other = Some(format!("interlaced y4m ({word}; ffmpeg -vf yadif makes it progressive)"));
            }
            "X" if value == "COLORRANGE=FULL" => self.full = true,
            _ => {}
        }
        Ok(())
    }

    fn frame_bytes(&self) -> usize {
        let (w, h) = self.chroma.plane(self.width, self.height);
        (self.width * self.height + 2 * w * h) * if self.bits > 8 { 2 } else { 1 }
    }
}

fn pair(value: &str) -> Option<(u32, u32)> {
    let (a, b) = value.split_once(':')?;
    let pair = (a.parse().ok()?, b.parse().ok()?);
    (pair.0 > 0 && pair.1 > 0).then_some(pair)
}

fn rate(value: &str) -> Option<Rate> {
    pair(value).map(|(frames, seconds)| Rate { frames, seconds })
}

fn aspect(value: &str) -> Option<(u32, u32)> {
    pair(value)
}

/// Layout and bits of a sample: `420jpeg`, `422p10`, `mono12` and the like.
fn layout(value: &str) -> Option<(Chroma, u32)> {
    match value {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => return Some((Chroma::C420, 8)),
        "422" => return Some((Chroma::C422, 8)),
        "444" => return Some((Chroma::C444, 8)),
        "mono" => return Some((Chroma::Mono, 8)),
        _ => {}
    }
    let (chroma, bits) = match value.strip_prefix("mono") {
        Some(bits) => (Chroma::Mono, bits),
        None => {
            let (layout, bits) = value.split_once('p')?;
            let chroma = match layout {
                "420" => Chroma::C420,
                "422" => Chroma::C422,
                "444" => Chroma::C444,
                _ => return None,
            };
            (chroma, bits)
        }
    };
    bits.parse().ok().filter(|bits| (9..=16).contains(bits)).map(|bits| (chroma, bits))
}
