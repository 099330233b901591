//! Writing a YUV4MPEG2 stream.

use crate::error::{Error, Result};
use crate::video::frame::{Color, Frame, Info, Layout, Pixels, Sink};
use crate::video::part::Standing;
use std::io::{self, BufWriter, Write};

/// A stream of 4:2:0 frames, to a file or to standard output.
pub struct Y4mSink {
    stream: BufWriter<Box<dyn Write + Send>>,
    name: String,
    header: Option<String>,
    color: Color,
    bytes: u64,
}

impl Y4mSink {
    /// A stream of frames as `info` says; `name` is for messages. It stands as `from` says.
    pub(crate) fn new(stream: Box<dyn Write + Send>, name: String, info: &Info, from: Standing) -> Self {
        // The matrix is not told in the stream, so it has to be the usual one of the size.
        let color = Color { full: info.color.full, ..Color::usual(info.width, info.height) };
        let header = from.head.then(|| {
            let (aspect, range) = (info.pixel_aspect, if color.full { "FULL" } else { "LIMITED" });
            format!(
                "YUV4MPEG2 W{} H{} F{}:{} Ip A{}:{} C420jpeg XYSCSS=420JPEG XCOLORRANGE={range}\n",
                info.width, info.height, info.timescale, info.frame_ticks, aspect.0, aspect.1
            )
        });
        Self { stream: BufWriter::with_capacity(1 << 18, stream), name, header, color, bytes: from.bytes }
    }

    fn put(&mut self, frame: &Frame) -> io::Result<()> {
        let Pixels::Yuv(planes) = &frame.pixels else {
            return Err(io::Error::other("a y4m stream takes YCbCr"));
        };
        if let Some(header) = self.header.take() {
            self.stream.write_all(header.as_bytes())?;
            self.bytes += header.len() as u64;
        }
        for part in [&b"FRAME\n"[..], &planes.y, &planes.u, &planes.v] {
            self.stream.write_all(part)?;
            self.bytes += part.len() as u64;
        }
        Ok(())
    }

    fn failed(&self, cause: io::Error) -> Error {
        Error::Write { name: self.name.clone(), cause }
    }
}

impl Sink for Y4mSink {
    fn layout(&self) -> Layout {
        Layout::Yuv420(self.color)
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        self.put(frame).map_err(|e| self.failed(e))
    }

    fn checkpoint(&mut self) -> Result<u64> {
        self.stream.flush().map_err(|e| self.failed(e))?;
        Ok(self.bytes)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.checkpoint().map(drop)
    }
}
