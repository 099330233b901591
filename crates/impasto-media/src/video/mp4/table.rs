//! Where the samples of a track lie and when they are shown.

use super::boxes::{Bytes, child};

/// One coded picture or piece of sound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// First byte in the file.
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    /// Ticks until the next sample is decoded.
    pub duration: u32,
    /// Ticks from decoding to showing.
    pub composition: i32,
    /// Decodes without others.
    pub key: bool,
    /// Which sample entry it needs, from 0.
    pub entry: u16,
}

/// More samples than this are not believed: 200 hours of film at 60 a second.
const MAX_SAMPLES: u64 = 1 << 26;

/// Runs of equal values, unrolled one by one; the last value goes on.
struct Runs {
    runs: Vec<(u32, u32)>,
    at: usize,
    used: u32,
}

impl Runs {
    /// A table of (count, value) with 32-bit numbers, such as `stts` and `ctts`.
    fn read(body: Option<&[u8]>) -> Self {
        let mut runs = Vec::new();
        if let Some(body) = body {
            let mut bytes = Bytes(body);
            let count = bytes.version().and_then(|_| bytes.u32()).unwrap_or(0);
            for _ in 0..count {
                let (Some(count), Some(value)) = (bytes.u32(), bytes.u32()) else { break };
                runs.push((count, value));
            }
        }
        Self { runs, at: 0, used: 0 }
    }

    fn next(&mut self) -> Option<u32> {
        while self.at < self.runs.len() && self.used >= self.runs[self.at].0 {
            self.at += 1;
            self.used = 0;
        }
        self.used += 1;
        self.runs.get(self.at).map(|run| run.1)
    }
}

/// Up to so many samples of one small size are listed: they may be anything.
const FEW_SAMPLES: u32 = 4096;

/// The sizes of all samples; `Err` holds the one size of samples that are not worth a table (plain PCM).
fn sizes(stbl: &[u8]) -> Option<Result<Vec<u32>, u32>> {
    if let Some(body) = child(stbl, b"stsz") {
        let mut bytes = Bytes(body);
        bytes.version()?;
        let (one, count) = (bytes.u32()?, bytes.u32()?);
        if one != 0 {
            return Some(if count > 1 << 20 || (one < 16 && count > FEW_SAMPLES) {
                Err(one)
            } else {
                Ok(vec![one; count as usize])
            });
        }
        return Some(Ok(bytes
            .0
            .chunks_exact(4)
            .take(count as usize)
            .map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
            .collect()));
    }
    let mut bytes = Bytes(child(stbl, b"stz2")?);
    bytes.version()?;
    let (bits, count) = (bytes.u32()? & 0xff, bytes.u32()? as usize);
    let rest = bytes.0;
    let nibbles = || rest.iter().flat_map(|b| [u32::from(b >> 4), u32::from(b & 15)]);
    Some(Ok(match bits {
        4 => nibbles().take(count).collect(),
        8 => rest.iter().take(count).map(|&b| u32::from(b)).collect(),
        16 => rest.chunks_exact(2).take(count).map(|b| u32::from(u16::from_be_bytes([b[0], b[1]]))).collect(),
        _ => return None,
    }))
}

fn chunk_offsets(stbl: &[u8]) -> Vec<u64> {
    let table = |name, wide: bool| {
        let mut bytes = Bytes(child(stbl, name)?);
        bytes.version()?;
        let count = bytes.u32()? as usize;
        let mut offsets = Vec::new();
        for _ in 0..count {
            offsets.push(if wide { bytes.u64()? } else { u64::from(bytes.u32()?) });
        }
        Some(offsets)
    };
    table(b"stco", false).or_else(|| table(b"co64", true)).unwrap_or_default()
}

/// Which samples decode without others, by number from 0; `None` if all do.
fn keys(stbl: &[u8]) -> Option<Vec<u32>> {
    let mut bytes = Bytes(child(stbl, b"stss")?);
    bytes.version()?;
    let count = bytes.u32()? as usize;
    let numbers = bytes.0.chunks_exact(4).take(count).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    Some(numbers.map(|n| n.wrapping_sub(1)).collect())
}

/// What a sample table says.
#[derive(Debug)]
pub(crate) enum Table {
    /// Sample by sample.
    Samples(Vec<Sample>),
    /// Uncompressed sound: a sample is one moment.
    Uncompressed,
}

/// Reads the `stbl` of a track.
pub(crate) fn read(stbl: &[u8]) -> Table {
    let sizes = match sizes(stbl) {
        Some(Ok(sizes)) if sizes.len() as u64 <= MAX_SAMPLES => sizes,
        Some(Err(_)) => return Table::Uncompressed,
        _ => return Table::Samples(Vec::new()),
    };
    let mut samples = places(stbl, &sizes);
    let (mut durations, mut compositions) =
        (Runs::read(child(stbl, b"stts")), Runs::read(child(stbl, b"ctts")));
    let keys = keys(stbl);
    for sample in &mut samples {
        sample.duration = durations.next().unwrap_or(0);
        sample.composition = compositions.next().unwrap_or(0) as i32;
        sample.key = keys.is_none();
    }
    for number in keys.into_iter().flatten() {
        if let Some(sample) = samples.get_mut(number as usize) {
            sample.key = true;
        }
    }
    Table::Samples(samples)
}

/// Samples lie one after another in chunks; `stsc` says how many lie in each.
fn places(stbl: &[u8], sizes: &[u32]) -> Vec<Sample> {
    let chunks = chunk_offsets(stbl);
    let mut rules = Vec::new();
    if let Some(body) = child(stbl, b"stsc") {
        let mut bytes = Bytes(body);
        let count = bytes.version().and_then(|_| bytes.u32()).unwrap_or(0);
        for _ in 0..count {
            let (Some(first), Some(each), Some(entry)) = (bytes.u32(), bytes.u32(), bytes.u32()) else {
                break;
            };
            rules.push((first as usize, each as usize, entry.saturating_sub(1) as u16));
        }
    }
    let mut samples = Vec::with_capacity(sizes.len());
    let mut rest = sizes.iter();
    let mut rule = 0;
    for (number, &start) in (1..).zip(&chunks) {
        while rules.get(rule + 1).is_some_and(|next| next.0 <= number) {
            rule += 1;
        }
        let Some(&(_, each, entry)) = rules.get(rule) else { break };
        let mut offset = start;
        for &size in rest.by_ref().take(each) {
            samples.push(Sample { offset, size, duration: 0, composition: 0, key: false, entry });
            offset = offset.saturating_add(u64::from(size));
        }
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::super::boxes::Out;
    use super::*;

    fn numbers(out: &mut Out, name: &[u8; 4], values: &[u32]) {
        out.full(name, 0, 0, |out| values.iter().for_each(|&v| out.u32(v)));
    }

    #[test]
    fn chunks_runs_and_keys_are_unrolled() {
        let mut out = Out::default();
        numbers(&mut out, b"stsz", &[0, 5, 10, 11, 12, 13, 14]);
        numbers(&mut out, b"stco", &[2, 100, 500]);
        numbers(&mut out, b"stsc", &[2, 1, 3, 1, 2, 2, 2]);
        numbers(&mut out, b"stts", &[2, 1, 7, 4, 8]);
        numbers(&mut out, b"ctts", &[1, 5, 3]);
        numbers(&mut out, b"stss", &[2, 1, 4]);
        let Table::Samples(samples) = read(&out.0) else { panic!() };
        let places: Vec<_> = samples.iter().map(|s| (s.offset, s.size, s.entry)).collect();
        assert_eq!(places, [(100, 10, 0), (110, 11, 0), (121, 12, 0), (500, 13, 1), (513, 14, 1)]);
        let times: Vec<_> = samples.iter().map(|s| (s.duration, s.composition, s.key)).collect();
        assert_eq!(times, [(7, 3, true), (8, 3, false), (8, 3, false), (8, 3, true), (8, 3, false)]);
    }

    #[test]
    fn lies_about_counts_cost_nothing() {
        let mut out = Out::default();
        numbers(&mut out, b"stsz", &[4, u32::MAX]);
        assert!(matches!(read(&out.0), Table::Uncompressed));
        let mut out = Out::default();
        numbers(&mut out, b"stsz", &[0, u32::MAX, 7]);
        numbers(&mut out, b"stco", &[u32::MAX, 8]);
        numbers(&mut out, b"stsc", &[u32::MAX, 1, u32::MAX, 1]);
        let Table::Samples(samples) = read(&out.0) else { panic!() };
        assert!(samples.len() <= 1);
    }
}
