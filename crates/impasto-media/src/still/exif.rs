//! The few bytes of EXIF that painting a photo must touch.
//!
//! An EXIF block is a little TIFF file: byte order, the offset of IFD0, then a count and 12-byte entries,
//! then the offset of IFD1, which describes a thumbnail. EXIF 2.32, section 4.5.

const ORIENTATION: u16 = 0x0112;

/// Byte order and place of the first directory.
struct Directory {
    little: bool,
    /// Offset of the first entry.
    entries: usize,
    count: usize,
}

/// The block without the six bytes that JPEG puts in front of it, and that some programs write elsewhere too.
pub(super) fn stripped(exif: &[u8]) -> Vec<u8> {
    exif.strip_prefix(b"Exif\0\0").unwrap_or(exif).to_vec()
}

/// The orientation 1..=8 (EXIF tag 0x0112), 1 (upright) when none is stated.
pub(super) fn orientation(exif: &[u8]) -> u8 {
    let value = || {
        let dir = directory(exif)?;
        let at = orientation_at(exif, &dir)?;
        u16_at(exif, at, dir.little)
    };
    value().filter(|v| (1..=8).contains(v)).unwrap_or(1) as u8
}

/// Makes the block true again for an upright, painted picture: orientation 1, no thumbnail of the photo.
/// A block that cannot be parsed is dropped.
pub(super) fn for_upright(mut exif: Vec<u8>) -> Option<Vec<u8>> {
    let dir = directory(&exif)?;
    if let Some(at) = orientation_at(&exif, &dir) {
        let one = if dir.little { [1, 0] } else { [0, 1] };
        exif.get_mut(at..at + 2)?.copy_from_slice(&one);
    }
    let next = dir.entries + 12 * dir.count;
    exif.get_mut(next..next + 4)?.fill(0);
    Some(exif)
}

fn directory(exif: &[u8]) -> Option<Directory> {
    let little = match exif.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let start = u32_at(exif, 4, little)? as usize;
    let count = u16_at(exif, start, little)? as usize;
    Some(Directory { little, entries: start + 2, count })
}

/// Where the orientation's value stands.
fn orientation_at(exif: &[u8], dir: &Directory) -> Option<usize> {
    let entry = |i: usize| dir.entries + 12 * i;
    let i = (0..dir.count).find(|&i| u16_at(exif, entry(i), dir.little) == Some(ORIENTATION))?;
    Some(entry(i) + 8)
}

fn u16_at(bytes: &[u8], at: usize, little: bool) -> Option<u16> {
    let b: [u8; 2] = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(if little { u16::from_le_bytes(b) } else { u16::from_be_bytes(b) })
}

fn u32_at(bytes: &[u8], at: usize, little: bool) -> Option<u32> {
    let b: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(if little { u32::from_le_bytes(b) } else { u32::from_be_bytes(b) })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An EXIF block with an orientation, a maker's name and the offset of a thumbnail.
    pub(in crate::still) fn block(orientation: u16, little: bool) -> Vec<u8> {
        let w16 = |v: u16| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let w32 = |v: u32| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let mut b = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        b.extend(w32(8));
        b.extend(w16(2));
        b.extend([&w16(0x010f)[..], &w16(2), &w32(4), b"Cam\0"].concat());
        b.extend([&w16(ORIENTATION)[..], &w16(3), &w32(1), &w16(orientation), &[0, 0]].concat());
        b.extend(w32(38));
        b.extend(w16(0));
        b.extend(w32(0));
        b
    }

    #[test]
    fn orientation_is_read_in_both_byte_orders() {
        for little in [true, false] {
            for value in 1..=8 {
                assert_eq!(orientation(&block(value, little)), value as u8);
            }
            assert_eq!(orientation(&block(9, little)), 1, "out of range");
        }
        assert_eq!(orientation(b"II*\0"), 1, "cut short");
        assert_eq!(orientation(b""), 1);
    }

    #[test]
    fn an_upright_block_keeps_the_rest() {
        for little in [true, false] {
            let upright = for_upright(block(6, little)).unwrap();
            assert_eq!(orientation(&upright), 1);
            assert_eq!(&upright[34..38], [0; 4], "the thumbnail is unlinked");
            assert!(upright.windows(3).any(|w| w == b"Cam"), "the maker stays");
        }
        assert!(for_upright(b"rubbish".to_vec()).is_none());
    }

    #[test]
    fn wild_offsets_do_no_harm() {
        let mut b = block(6, true);
        b[4..8].fill(0xff);
        assert_eq!(orientation(&b), 1);
        assert!(for_upright(b).is_none());
    }
}
