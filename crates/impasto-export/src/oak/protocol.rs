//! Messages on the pipe between Impasto and the program that drives the camera.
//!
//! Each message: 4 ASCII letters, the length of the rest (4 bytes), the rest; all numbers little-endian.
//!
//! | from the program | rest |
//! |---|---|
//! | `HELO` | JSON: `protocol` (number), `app_version`, `depthai`, `mode` (`chip` or `host`), `model_id`, `width`, `height`, `style_length` |
//! | `FRAM` | time in microseconds (8 bytes), width, height (4 bytes each), then interleaved RGB bytes |
//! | `NOTE` | text for the log |
//! | `FAIL` | JSON: `code` (`depthai_missing`, `no_camera`, `no_network`, `camera_lost`, `other`), `message` |
//! | `PULS` | nothing; at least once a second, so that silence means that it hangs |
//!
//! | to the program | rest |
//! |---|---|
//! | `HELO` | JSON: `protocol` |
//! | `STYL` | the style vector, 4-byte floats |
//! | `STOP` | nothing; the end of its input means the same |
//!
//! The program speaks first. Standard output carries messages only; what it prints goes to standard error.

use impasto_core::Image;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::time::Duration;

/// Version of the protocol; both sides must have the same.
pub const VERSION: u32 = 1;
/// No message may be longer than this many bytes.
const LONGEST: usize = 64 << 20;

/// The program introduces itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Version of the protocol it speaks.
    pub protocol: u32,
    /// Version of the Impasto that wrote it.
    pub app_version: String,
    /// Version of its DepthAI.
    pub depthai: String,
    /// `chip`: frames come painted. `host`: frames come as the camera sees them.
    pub mode: String,
    /// Id of the model on the chip.
    pub model_id: String,
    /// Width of its frames in px.
    pub width: usize,
    /// Height of its frames in px.
    pub height: usize,
    /// Length of the style vector that it takes.
    pub style_length: usize,
}

/// Why the program gives up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// `depthai_missing`, `no_camera`, `no_network`, `camera_lost` or `other`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Since an instant that stays the same for one run of the program.
    pub time: Duration,
    /// The picture.
    pub image: Image,
}

/// A message from the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// It introduces itself.
    Hello(Hello),
    /// A frame.
    Frame(Frame),
    /// Text for the log.
    Note(String),
    /// It gives up.
    Fail(Failure),
    /// It is alive.
    Pulse,
}

fn invalid(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// Reads the next message; `None` at the end of the stream.
pub fn read_message(from: &mut impl Read) -> io::Result<Option<Message>> {
    let mut head = [0u8; 8];
    let mut got = 0;
    while got < head.len() {
        match from.read(&mut head[got..]) {
            Ok(0) if got == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => got += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let kind: [u8; 4] = [head[0], head[1], head[2], head[3]];
    if length > LONGEST {
        return Err(invalid(format!("a message of {length} bytes; is this the camera's program?")));
    }
    let mut rest = Vec::new();
    if from.take(length as u64).read_to_end(&mut rest)? != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    message(&kind, rest).map(Some)
}

fn message(kind: &[u8; 4], rest: Vec<u8>) -> io::Result<Message> {
    let json = |e: serde_json::Error| invalid(format!("its message cannot be read: {e}"));
    Ok(match kind {
        b"HELO" => Message::Hello(serde_json::from_slice(&rest).map_err(json)?),
        b"FRAM" => Message::Frame(frame(&rest)?),
        b"NOTE" => Message::Note(String::from_utf8_lossy(&rest).into_owned()),
        b"FAIL" => Message::Fail(serde_json::from_slice(&rest).map_err(json)?),
        b"PULS" => Message::Pulse,
        other => return Err(invalid(format!("an unknown message `{}`", other.escape_ascii()))),
    })
}

fn frame(rest: &[u8]) -> io::Result<Frame> {
    let (head, rgb) = rest.split_at_checked(16).ok_or_else(|| invalid("a frame of fewer than 16 bytes"))?;
    let micros = u64::from_le_bytes(head[..8].try_into().expect("8 bytes"));
    let side = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("4 bytes")) as usize;
    let image = Image::new(side(8), side(12), rgb.to_vec()).map_err(|e| invalid(e.to_string()))?;
    Ok(Frame { time: Duration::from_micros(micros), image })
}

/// Writes one message.
pub fn write_message(to: &mut impl Write, kind: &[u8; 4], rest: &[u8]) -> io::Result<()> {
    let length = u32::try_from(rest.len()).map_err(|_| invalid("a message too long"))?;
    to.write_all(kind)?;
    to.write_all(&length.to_le_bytes())?;
    to.write_all(rest)?;
    to.flush()
}

/// A style vector as the rest of a `STYL` message.
pub fn style_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Option<Message>> {
        read_message(&mut &bytes[..])
    }

    fn written(kind: &[u8; 4], rest: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_message(&mut bytes, kind, rest).unwrap();
        bytes
    }

    #[test]
    fn messages_survive_the_pipe() {
        let rest =
            [&7u64.to_le_bytes()[..], &2u32.to_le_bytes(), &1u32.to_le_bytes(), &[1, 2, 3, 4, 5, 6]].concat();
        let image = Image::new(2, 1, vec![1, 2, 3, 4, 5, 6]).unwrap();
        let expected = Frame { time: Duration::from_micros(7), image };
        assert_eq!(read(&written(b"FRAM", &rest)).unwrap(), Some(Message::Frame(expected)));
        assert_eq!(read(&written(b"PULS", &[])).unwrap(), Some(Message::Pulse));
        assert_eq!(read(&written(b"NOTE", b"hi")).unwrap(), Some(Message::Note("hi".into())));
        assert_eq!(read(&[]).unwrap(), None);
    }

    #[test]
    fn damaged_messages_are_refused() {
        assert!(read(b"FRAM").is_err());
        assert!(read(&written(b"WHAT", &[])).is_err());
        assert!(read(&written(b"HELO", b"{}")).is_err());
        assert!(read(&written(b"FRAM", &[0; 15])).is_err());
        assert!(read(&written(b"FRAM", &[0; 16])).is_err(), "a picture without pixels");
        assert!(read(b"NOTE\xff\xff\xff\xff").unwrap_err().to_string().contains("4294967295"));
        let half = written(b"NOTE", b"hello");
        assert!(read(&half[..half.len() - 1]).is_err());
    }
}
