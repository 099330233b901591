//! TensorBoard's event files, as far as scalars and pictures need them.
//!
//! A file is a row of records `length: u64, crc of it: u32, bytes, crc of them: u32` (little endian), each the protocol buffer `Event`.
//! Field numbers are those of tensorflow's `event.proto` and `summary.proto`.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes events to `W`.
pub struct EventFile<W: Write> {
    out: W,
    clock: fn() -> f64,
}

impl<W: Write> EventFile<W> {
    /// Begins a file.
    pub fn new(out: W) -> io::Result<Self> {
        Self::with_clock(out, now_secs)
    }

    fn with_clock(out: W, clock: fn() -> f64) -> io::Result<Self> {
        let mut file = Self { out, clock };
        file.event(0, |event| event.bytes(3, b"brain.Event:2"))?;
        Ok(file)
    }

    /// Tells readers that the run goes on after `step`: what earlier files hold beyond it is void.
    pub fn restart(&mut self, step: u64) -> io::Result<()> {
        const SESSION_LOG: u32 = 7;
        self.event(step + 1, |event| event.message(SESSION_LOG, |log| log.number(1, 1)))
    }

    /// Numbers after `step`, by tag.
    pub fn scalars(&mut self, step: u64, values: &[(impl AsRef<str>, f32)]) -> io::Result<()> {
        self.event(step, |event| {
            event.message(SUMMARY, |summary| {
                for (tag, value) in values {
                    summary.message(1, |v| {
                        v.bytes(1, tag.as_ref().as_bytes());
                        v.float(2, *value);
                    });
                }
            });
        })
    }

    /// A picture of `width` x `height` px, encoded as JPEG or PNG.
    pub fn picture(
        &mut self,
        step: u64,
        tag: &str,
        (width, height): (usize, usize),
        encoded: &[u8],
    ) -> io::Result<()> {
        self.event(step, |event| {
            event.message(SUMMARY, |summary| {
                summary.message(1, |v| {
                    v.bytes(1, tag.as_bytes());
                    v.message(4, |picture| {
                        picture.number(1, height as u64);
                        picture.number(2, width as u64);
                        // Three channels: RGB.
                        picture.number(3, 3);
                        picture.bytes(4, encoded);
                    });
                });
            });
        })
    }

    fn event(&mut self, step: u64, fill: impl FnOnce(&mut Message)) -> io::Result<()> {
        let mut event = Message::default();
        event.double(1, (self.clock)());
        // A field that is 0 is left out, as in every protocol buffer of version 3.
        if step > 0 {
            event.number(2, step);
        }
        fill(&mut event);
        let length = (event.0.len() as u64).to_le_bytes();
        self.out.write_all(&length)?;
        self.out.write_all(&masked_crc(&length).to_le_bytes())?;
        self.out.write_all(&event.0)?;
        self.out.write_all(&masked_crc(&event.0).to_le_bytes())?;
        self.out.flush()
    }
}

/// The field of `Event` that holds values.
const SUMMARY: u32 = 5;

/// Seconds since 1970.
pub(super) fn now_secs() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// A protocol buffer being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A field's number and the kind of what follows: 0 varint, 1 eight bytes, 2 a length and bytes, 5 four bytes.
    fn key(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    fn number(&mut self, field: u32, value: u64) {
        self.key(field, 0);
        self.varint(value);
    }

    fn double(&mut self, field: u32, value: f64) {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
    }

    fn float(&mut self, field: u32, value: f32) {
        self.key(field, 5);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }

    fn message(&mut self, field: u32, fill: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        fill(&mut inner);
        self.bytes(field, &inner.0);
    }
}

/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78).
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ (0x82F6_3B78 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// As record files store it, so that the crc of a record that holds crcs stays useful.
fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_castagnolis() {
        // RFC 3720, B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    }

    #[test]
    fn records_are_those_of_tensorboard() {
        let mut bytes = Vec::new();
        let mut file = EventFile::with_clock(&mut bytes, || 1.5).unwrap();
        file.scalars(300, &[("loss/style", 0.25)]).unwrap();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, EXPECTED);
    }

    /// Made by `bench/train/check_events.py --golden` with tensorboard's own protocol buffers and record writer.
    const EXPECTED: &str = "1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c\
        2100000000000000017becf609000000000000f83f10ac022a130a110a0a6c6f73732f7374796c65150000803ecf30ffe3";
}
