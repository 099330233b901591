//! Opus in MP4, as "Encapsulation of Opus in ISO Base Media File Format" has it: one channel, 48,000 samples a second.

use super::boxes::Out;

/// Samples a second of all Opus.
pub const OPUS_RATE: u32 = 48_000;
/// Samples that encoders put in front; players skip them.
const PRE_SKIP: u16 = 312;
/// A packet holds at most 120 ms.
const MAX_SAMPLES: u32 = 5760;

/// The body of an `stsd` for one channel.
pub(crate) fn stsd() -> Vec<u8> {
    let mut out = Out::default();
    out.u32(0);
    out.u32(1);
    out.put(b"Opus", |out| {
        out.zeros(6);
        out.u16(1);
        out.zeros(8);
        out.u16(1);
        out.u16(16);
        out.zeros(4);
        out.u32(OPUS_RATE << 16);
        out.put(b"dOps", |out| {
            out.u8(0);
            out.u8(1);
            out.u16(PRE_SKIP);
            out.u32(OPUS_RATE);
            out.u16(0);
            out.u8(0);
        });
    });
    out.0
}

/// Samples of a packet (RFC 6716, 3.1 and 3.2); `None` for what is none.
pub fn samples(packet: &[u8]) -> Option<u32> {
    let toc = *packet.first()?;
    let (config, code) = (toc >> 3, toc & 3);
    let frame = match config {
        0..=11 => [480, 960, 1920, 2880][usize::from(config % 4)],
        12..=15 => [480, 960][usize::from(config % 2)],
        _ => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let frames = match code {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(packet.get(1)? & 0x3f),
    };
    Some(frame * frames).filter(|samples| (1..=MAX_SAMPLES).contains(samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_tells_its_length() {
        // CELT 20 ms, one frame; SILK 60 ms, two; hybrid 10 ms, three by number.
        assert_eq!(samples(&[31 << 3, 0]), Some(960));
        assert_eq!(samples(&[(11 << 3) | 1, 0]), Some(5760));
        assert_eq!(samples(&[(12 << 3) | 3, 3]), Some(1440));
        assert_eq!(samples(&[]), None);
        assert_eq!(samples(&[(11 << 3) | 3, 63]), None, "longer than any packet");
        assert_eq!(samples(&[(31 << 3) | 3]), None, "cut off");
    }
}
