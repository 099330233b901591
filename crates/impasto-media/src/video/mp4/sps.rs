//! What an H.264 sequence parameter set says (ITU-T H.264, 7.3.2.1.1 and annex E): enough to know whether the built-in decoder
//! can do it, and what the colours are.

/// The facts of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sps {
    /// `profile_idc`.
    pub profile: u8,
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma: u32,
    /// The larger of luma's and chroma's bits.
    pub bits: u32,
    /// Whole frames only: not interlaced.
    pub progressive: bool,
    /// Width less what is cropped, in px.
    pub width: usize,
    /// Height less what is cropped, in px.
    pub height: usize,
    /// `level_idc`: ten times the level.
    pub level: u8,
    /// Shape of a pixel, where it is told.
    pub aspect: Option<(u32, u32)>,
    /// Colours, where they are told.
    pub color: Codes,
    /// Full range, where it is told.
    pub full: Option<bool>,
}

/// `colour_primaries`, `transfer_characteristics` and `matrix_coefficients` (ITU-T H.273).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Codes {
    pub primaries: Option<u8>,
    pub transfer: Option<u8>,
    pub matrix: Option<u8>,
}

/// Pixel shapes by `aspect_ratio_idc`, from 1 (ITU-T H.264, table E-1).
const ASPECTS: [(u32, u32); 16] = [
    (1, 1),
    (12, 11),
    (10, 11),
    (16, 11),
    (40, 33),
    (24, 11),
    (20, 11),
    (32, 11),
    (80, 33),
    (18, 11),
    (15, 11),
    (64, 33),
    (160, 99),
    (4, 3),
    (3, 2),
    (2, 1),
];

/// Bits, most significant first, of a payload whose emulation prevention is taken out.
struct Bits {
    bytes: Vec<u8>,
    at: usize,
}

impl Bits {
    fn new(nal: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(nal.len());
        let mut zeros = 0;
        for &byte in nal {
            if zeros >= 2 && byte == 3 {
                zeros = 0;
                continue;
            }
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            bytes.push(byte);
        }
        Self { bytes, at: 0 }
    }

    fn bit(&mut self) -> Option<u32> {
        let byte = *self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }

    fn bits(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0u32, |value, _| Some(value << 1 | self.bit()?))
    }

    fn flag(&mut self) -> Option<bool> {
        self.bit().map(|b| b == 1)
    }

    /// Exp-Golomb.
    fn ue(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        Some((1u32 << zeros) - 1 + self.bits(zeros)?)
    }

    fn se(&mut self) -> Option<i32> {
        let code = self.ue()?;
        let half = code.div_ceil(2) as i32;
        Some(if code % 2 == 1 { half } else { -half })
    }
}

impl Sps {
    /// Reads a NAL unit, its header byte included.
    pub fn read(nal: &[u8]) -> Option<Self> {
        let mut b = Bits::new(nal.get(1..)?);
        let profile = b.bits(8)? as u8;
        let level = b.bits(16)? as u8;
        b.ue()?;
        let (chroma, bits) = high_profile(profile, &mut b)?;
        b.ue()?;
        order(&mut b)?;
        b.ue()?;
        b.flag()?;
        let (mb_width, map_height) = (b.ue()? as usize + 1, b.ue()? as usize + 1);
        let progressive = b.flag()?;
        if !progressive {
            b.flag()?;
        }
        b.flag()?;
        let lines = if progressive { 1 } else { 2 };
        let crop = crop(&mut b)?;
        let unit = (if matches!(chroma, 1 | 2) { 2 } else { 1 }, if chroma == 1 { 2 * lines } else { lines });
        let width = (16 * mb_width).checked_sub(unit.0 * (crop[0] + crop[1]))?;
        let height = (16 * lines * map_height).checked_sub(unit.1 * (crop[2] + crop[3]))?;
        let mut sps = Self {
            profile,
            chroma,
            bits,
            progressive,
            width,
            height,
            level,
            aspect: None,
            color: Codes::default(),
            full: None,
        };
        if b.flag()? {
            // A set that ends too early has told what came before.
            let _ = usability(&mut b, &mut sps);
        }
        Some(sps)
    }
}

/// Chroma and bits; profiles without these words have 4:2:0 in 8 bits.
fn high_profile(profile: u8, b: &mut Bits) -> Option<(u32, u32)> {
    if !matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        return Some((1, 8));
    }
    let chroma = b.ue()?;
    if chroma == 3 {
        b.flag()?;
    }
    let bits = 8 + b.ue()?.max(b.ue()?);
    b.flag()?;
    if b.flag()? {
        for list in 0..if chroma == 3 { 12 } else { 8 } {
            if b.flag()? {
                scaling_list(b, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some((chroma, bits))
}

fn scaling_list(b: &mut Bits, size: usize) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..size {
        if next != 0 {
            next = (last + b.se()? + 256) % 256;
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

/// The words about the order of pictures.
fn order(b: &mut Bits) -> Option<()> {
    match b.ue()? {
        0 => drop(b.ue()?),
        1 => {
            b.flag()?;
            b.se()?;
            b.se()?;
            for _ in 0..b.ue()?.min(255) {
                b.se()?;
            }
        }
        _ => {}
    }
    Some(())
}

fn crop(b: &mut Bits) -> Option<[usize; 4]> {
    let mut crop = [0; 4];
    if b.flag()? {
        for side in &mut crop {
            *side = b.ue()? as usize;
        }
    }
    Some(crop)
}

/// Shape of pixels, colours and range of the video usability information.
fn usability(b: &mut Bits, sps: &mut Sps) -> Option<()> {
    if b.flag()? {
        sps.aspect = match b.bits(8)? {
            255 => Some((b.bits(16)?, b.bits(16)?)),
            code => ASPECTS.get((code as usize).wrapping_sub(1)).copied(),
        };
        sps.aspect = sps.aspect.filter(|aspect| aspect.0 > 0 && aspect.1 > 0);
    }
    if b.flag()? {
        b.flag()?;
    }
    if !b.flag()? {
        return Some(());
    }
    b.bits(3)?;
    sps.full = Some(b.flag()?);
    if b.flag()? {
        let mut code = || b.bits(8).map(|code| code as u8);
        sps.color = Codes { primaries: code(), transfer: code(), matrix: code() };
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From x264: High, 4:2:0, 320x180, BT.709 full range is not told.
    const X264_HIGH: [u8; 24] = [
        0x67, 0x64, 0x00, 0x0d, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10,
        0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x42,
    ];

    #[test]
    fn a_common_set_is_read() {
        let sps = Sps::read(&X264_HIGH).unwrap();
        assert_eq!((sps.profile, sps.chroma, sps.bits, sps.progressive), (100, 1, 8, true));
        assert!(sps.width > 0 && sps.width.is_multiple_of(2) && sps.height > 0);
    }

    #[test]
    fn nothing_panics_on_nonsense() {
        for length in 0..X264_HIGH.len() {
            let _ = Sps::read(&X264_HIGH[..length]);
        }
        for fill in [0, 0x55, 0xff] {
            let _ = Sps::read(&[fill; 40]);
        }
    }
}
