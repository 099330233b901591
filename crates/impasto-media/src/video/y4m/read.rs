//! Reading a YUV4MPEG2 stream.

use super::MAGIC;
use crate::error::{Error, Result};
use crate::still::Limits;
use crate::video::frame::{Chroma, Color, Frame, Info, Pixels, Planes, Rotation, Source};
use crate::video::{Rate, VideoError};
use std::io::{self, BufRead, BufReader, Read};

/// Longest line of text that a stream may have.
const MAX_LINE: u64 = 4096;

/// A stream of frames, from a file or from standard input.
pub struct Y4mSource {
    stream: BufReader<Box<dyn Read + Send>>,
    info: Info,
    chroma: Chroma,
    color: Color,
    frames: u64,
}

impl Y4mSource {
    /// Reads the header. `bytes` is the stream's length, where it is known.
    pub fn new(stream: Box<dyn Read + Send>, name: String, bytes: Option<u64>) -> Result<Self> {
        let mut stream = BufReader::with_capacity(1 << 18, stream);
        let line = line(&mut stream, &name)?;
        if line.is_empty() {
            return Err(Error::Empty { name });
        }
        let header = Header::read(&line, &name)?;
        Limits::default().check(&name, header.width, header.height)?;
        let color = Color { full: header.full, ..Color::usual(header.width, header.height) };
        let one = b"FRAME\n".len() as u64 + header.frame_bytes() as u64;
        let frames = bytes.map(|bytes| bytes.saturating_sub(line.len() as u64 + 1) / one);
        let info = Info {
            name,
            format: "y4m".into(),
            width: header.width,
            height: header.height,
            rotation: Rotation::None,
            pixel_aspect: header.aspect,
            timescale: header.rate.frames,
            frame_ticks: u64::from(header.rate.seconds),
            frames,
            color,
            notes: Vec::new(),
        };
        Ok(Self { stream, info, chroma: header.chroma, color, frames: 0 })
    }

    fn plane(&mut self, size: (usize, usize)) -> Result<Vec<u8>> {
        let mut bytes = vec![0; size.0 * size.1];
        self.stream.read_exact(&mut bytes).map_err(|e| self.failed(e))?;
        Ok(bytes)
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
    full: bool,
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
            full: false,
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
            "C" => self.chroma = chroma(value)?,
            "I" if !matches!(value, "p" | "?" | "") => {
                return Err(format!(
                    "it is interlaced ({word}); make it progressive first, such as with ffmpeg -vf yadif"
                ));
            }
            "X" if value == "COLORRANGE=FULL" => self.full = true,
            _ => {}
        }
        Ok(())
    }

    fn frame_bytes(&self) -> usize {
        let (w, h) = self.chroma.plane(self.width, self.height);
        self.width * self.height + 2 * w * h
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

fn chroma(value: &str) -> std::result::Result<Chroma, String> {
    match value {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(Chroma::C420),
        "422" => Ok(Chroma::C422),
        "444" => Ok(Chroma::C444),
        "mono" => Ok(Chroma::Mono),
        _ => Err(format!("the layout C{value} is not read; 8-bit 420, 422, 444 and mono are")),
    }
}
