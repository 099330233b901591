//! Luxonis' superblob: the blob for 8 SHAVEs and, for every other number from 1 to 16, a BSDIFF4 patch.
//!
//! Layout, numbers big-endian: size of the 8-SHAVE blob (8 bytes), sizes of sixteen patches (8 bytes each, 0 for
//! the 8th), the blob, the patches in order.

/// Numbers of SHAVEs in a superblob.
pub const SHAVES: std::ops::RangeInclusive<usize> = 1..=16;
/// The number whose blob is whole.
pub const WHOLE: usize = 8;

/// Packs blobs for 1 to 16 SHAVEs.
///
/// # Panics
/// If there are not sixteen.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub fn packed(blobs: &[Vec<u8>]) -> std::io::Result<Vec<u8>> {
    assert_eq!(blobs.len(), SHAVES.count(), "one blob for each number of SHAVEs");
    let whole = &blobs[WHOLE - 1];
    let patch = |blob: &Vec<u8>| {
        let mut patch = Vec::new();
        if !std::ptr::eq(blob, whole) {
            qbsdiff::Bsdiff::new(whole, blob).compare(std::io::Cursor::new(&mut patch))?;
        }
        Ok(patch)
    };
    let patches = blobs.iter().map(patch).collect::<std::io::Result<Vec<Vec<u8>>>>()?;
    let mut bytes = (whole.len() as u64).to_be_bytes().to_vec();
    patches.iter().for_each(|p| bytes.extend((p.len() as u64).to_be_bytes()));
    bytes.extend(whole);
    patches.iter().for_each(|p| bytes.extend(p));
    Ok(bytes)
}

#[cfg(all(test, target_os = "linux", target_arch = "x86_64"))]
mod tests {
    use super::*;
    use impasto_core::Random;

    #[test]
    fn every_blob_comes_out_again() {
        let mut random = Random::new(1);
        let base: Vec<u8> = (0..5000).map(|_| random.bits() as u8).collect();
        let blobs: Vec<Vec<u8>> =
            SHAVES.map(|n| [vec![n as u8; 3 * n], base.clone(), vec![n as u8; 17]].concat()).collect();
        let packed = packed(&blobs).unwrap();
        let number = |at: usize| u64::from_be_bytes(packed[8 * at..8 * at + 8].try_into().unwrap()) as usize;
        let mut at = 8 * 17;
        let whole = &packed[at..at + number(0)];
        assert_eq!(whole, blobs[7]);
        at += number(0);
        for (n, blob) in SHAVES.zip(&blobs) {
            let patch = &packed[at..at + number(n)];
            at += number(n);
            if n == WHOLE {
                assert!(patch.is_empty());
                continue;
            }
            let mut found = Vec::new();
            qbsdiff::Bspatch::new(patch).unwrap().apply(whole, std::io::Cursor::new(&mut found)).unwrap();
            assert_eq!(&found, blob, "{n}");
        }
        assert_eq!(at, packed.len());
        assert!(packed.len() < 3 * base.len(), "{}", packed.len());
    }
}
