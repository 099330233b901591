//! Sample entries: what a decoder must know of a track.

use super::boxes::{Bytes, Name, Out, child, children};
use super::sps::{Codes, Sps};
use crate::video::{Color, Matrix};

/// The entry of a video track.
#[derive(Clone, Debug)]
pub(crate) struct VideoEntry {
    /// Four letters of the codec: `avc1`, `hvc1`, ...
    pub codec: Name,
    /// Width in px as the entry says.
    pub width: usize,
    /// Height in px as the entry says.
    pub height: usize,
    /// Decoder configuration, for H.264.
    pub avc: Option<AvcConfig>,
    /// Colours and full range of a `colr` box.
    pub colr: Option<(Codes, Option<bool>)>,
    /// Shape of a pixel, where a `pasp` box says so.
    pub aspect: Option<(u32, u32)>,
    /// Width and height that are meant to be seen, where a `clap` box says so.
    pub clean: Option<(usize, usize)>,
}

/// `avcC`: parameter sets, and how lengths are written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AvcConfig {
    /// Bytes of the length in front of every NAL unit: 1, 2 or 4.
    pub length_bytes: usize,
    /// NAL units.
    pub sps: Vec<Vec<u8>>,
    /// NAL units.
    pub pps: Vec<Vec<u8>>,
}

/// The entries of an `stsd`, each with its name.
pub(crate) fn entries(stsd: &[u8]) -> impl Iterator<Item = (Name, &[u8])> {
    children(stsd.get(8..).unwrap_or_default())
}

/// Bytes of a video entry before the boxes in it.
const FIXED: usize = 78;

impl VideoEntry {
    /// Reads one entry's body.
    pub fn read(codec: Name, body: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(body);
        bytes.take(24)?;
        let (width, height) = (usize::from(bytes.u16()?), usize::from(bytes.u16()?));
        let inside = body.get(FIXED..)?;
        let avc = matches!(&codec, b"avc1" | b"avc3")
            .then(|| child(inside, b"avcC").and_then(AvcConfig::read))
            .flatten();
        let aspect = child(inside, b"pasp").and_then(pair).filter(|a| a.0 > 0 && a.1 > 0);
        let clean = child(inside, b"clap").and_then(clean_aperture);
        Some(Self { codec, width, height, avc, colr: child(inside, b"colr").and_then(colr), aspect, clean })
    }

    /// The set of the stream's facts, where the entry holds one.
    pub fn sps(&self) -> Option<Sps> {
        Sps::read(self.avc.as_ref()?.sps.first()?)
    }
}

fn pair(body: &[u8]) -> Option<(u32, u32)> {
    let mut bytes = Bytes(body);
    Some((bytes.u32()?, bytes.u32()?))
}

/// Width and height as fractions; only whole px are believed.
fn clean_aperture(body: &[u8]) -> Option<(usize, usize)> {
    let mut bytes = Bytes(body);
    let mut side = || {
        let (n, d) = (bytes.u32()?, bytes.u32()?);
        (d > 0 && n % d == 0 && n > 0).then(|| (n / d) as usize)
    };
    Some((side()?, side()?))
}

/// `nclx` (MP4) and `nclc` (MOV): primaries, transfer, matrix, and in MP4 the range.
fn colr(body: &[u8]) -> Option<(Codes, Option<bool>)> {
    let mut bytes = Bytes(body);
    let kind = bytes.name()?;
    let mut code = || bytes.u16().map(|code| code as u8);
    let codes = Codes { primaries: code(), transfer: code(), matrix: code() };
    codes.matrix?;
    match &kind {
        b"nclx" => Some((codes, bytes.u8().map(|b| b & 0x80 != 0))),
        b"nclc" => Some((codes, None)),
        _ => None,
    }
}

impl AvcConfig {
    fn read(body: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(body);
        bytes.take(4)?;
        let length_bytes = usize::from(bytes.u8()? & 3) + 1;
        let mut sets = |mask: u8| -> Option<Vec<Vec<u8>>> {
            let count = bytes.u8()? & mask;
            (0..count).map(|_| bytes.u16().and_then(|n| bytes.take(n.into())).map(<[u8]>::to_vec)).collect()
        };
        let (sps, pps) = (sets(31)?, sets(255)?);
        Some(Self { length_bytes, sps, pps })
    }

    fn write(&self, out: &mut Out) {
        out.put(b"avcC", |out| {
            let sps = &self.sps[0];
            out.u8(1);
            // Profile, compatibility and level stand in the set itself.
            out.bytes(&sps[1..4]);
            out.u8(0xfc | (self.length_bytes as u8 - 1));
            for (flags, sets) in [(0xe0, &self.sps), (0, &self.pps)] {
                out.u8(flags | sets.len() as u8);
                for set in sets {
                    out.u16(set.len() as u16);
                    out.bytes(set);
                }
            }
        });
    }
}

/// What we write about a film of ours.
#[derive(Clone, Debug)]
pub(crate) struct OwnEntry {
    /// Coded width in px, even.
    pub width: usize,
    /// Coded height in px, even.
    pub height: usize,
    /// Width and height that are meant to be seen.
    pub shown: (usize, usize),
    /// Shape of a pixel.
    pub aspect: (u32, u32),
    /// Matrix and range.
    pub color: Color,
    /// Parameter sets.
    pub avc: AvcConfig,
}

/// The codes of primaries, transfer and matrix (ITU-T H.273).
pub(crate) fn codes(color: Color) -> [u16; 3] {
    match color.matrix {
        Matrix::Bt601 => [6, 6, 6],
        Matrix::Bt709 => [1, 1, 1],
        Matrix::Bt2020 => [9, 14, 9],
    }
}

/// The matrix of a code; `None` for unknown ones and those we cannot do.
pub(crate) fn matrix_of(code: u8) -> Option<Matrix> {
    match code {
        1 => Some(Matrix::Bt709),
        5 | 6 => Some(Matrix::Bt601),
        9 => Some(Matrix::Bt2020),
        _ => None,
    }
}

impl OwnEntry {
    /// The body of an `stsd` with this one entry.
    pub fn stsd(&self) -> Vec<u8> {
        let mut out = Out::default();
        out.u32(0);
        out.u32(1);
        out.put(b"avc1", |out| {
            out.zeros(6);
            out.u16(1);
            out.zeros(16);
            out.u16(self.width as u16);
            out.u16(self.height as u16);
            // 72 dpi, one frame a sample, no name, 24 bits, no palette.
            out.u32(0x48_0000);
            out.u32(0x48_0000);
            out.u32(0);
            out.u16(1);
            out.zeros(32);
            out.u16(24);
            out.u16(0xffff);
            self.avc.write(out);
            self.colour(out);
            self.shape(out);
        });
        out.0
    }

    fn colour(&self, out: &mut Out) {
        out.put(b"colr", |out| {
            out.bytes(b"nclx");
            codes(self.color).iter().for_each(|&code| out.u16(code));
            out.u8(if self.color.full { 0x80 } else { 0 });
        });
    }

    fn shape(&self, out: &mut Out) {
        if self.aspect.0 != self.aspect.1 {
            out.put(b"pasp", |out| {
                out.u32(self.aspect.0);
                out.u32(self.aspect.1);
            });
        }
        if self.shown != (self.width, self.height) {
            out.put(b"clap", |out| {
                // The aperture's middle lies half of what is cut off to the left of and above the picture's.
                let cut = [self.width - self.shown.0, self.height - self.shown.1];
                let fractions = [
                    (self.shown.0 as i32, 1),
                    (self.shown.1 as i32, 1),
                    (-(cut[0] as i32), 2),
                    (-(cut[1] as i32), 2),
                ];
                for (numerator, denominator) in fractions {
                    out.u32(numerator as u32);
                    out.u32(denominator);
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_entry_is_read_back() {
        let avc =
            AvcConfig { length_bytes: 4, sps: vec![vec![0x67, 66, 0, 30, 9]], pps: vec![vec![0x68, 1]] };
        let color = Color { matrix: Matrix::Bt709, full: true };
        let own = OwnEntry { width: 18, height: 10, shown: (17, 9), aspect: (4, 3), color, avc: avc.clone() };
        let stsd = own.stsd();
        let (name, body) = entries(&stsd).next().unwrap();
        let entry = VideoEntry::read(name, body).unwrap();
        assert_eq!((entry.codec, entry.width, entry.height), (*b"avc1", 18, 10));
        assert_eq!((entry.avc, entry.aspect), (Some(avc), Some((4, 3))));
        let told = Codes { primaries: Some(1), transfer: Some(1), matrix: Some(1) };
        assert_eq!(entry.colr, Some((told, Some(true))));
        assert_eq!(entry.clean, Some((17, 9)));
    }
}
