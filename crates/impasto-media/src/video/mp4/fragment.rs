//! Writing a fragmented file: an index without samples, then fragments that each stand for themselves. Whatever
//! happens after a fragment, the file can be played up to it.

use super::boxes::Out;
use super::entry::OwnEntry;
use super::tracks::{self, Head, UNDETERMINED};
use std::io::{self, Write};

/// Number of the only track.
const TRACK: u32 = 1;
/// Flags of a sample that decodes without others, and of one that does not.
const KEY: u32 = 0x200_0000;
const NOT_KEY: u32 = 0x101_0000;

/// Writes a video track in fragments.
pub struct FragmentWriter<W> {
    out: W,
    timescale: u32,
    bytes: u64,
    sequence: u32,
    start: u64,
    pending: Vec<Pending>,
    data: Vec<u8>,
}

struct Pending {
    size: u32,
    duration: u32,
    key: bool,
}

impl<W: Write> FragmentWriter<W> {
    /// Into `out`, which has `bytes` of this file already: 0 begins anew. `timescale` is in ticks a second.
    pub fn new(out: W, timescale: u32, bytes: u64) -> Self {
        Self { out, timescale, bytes, sequence: 0, start: 0, pending: Vec::new(), data: Vec::new() }
    }

    /// Whether the index still has to be written.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes of the file that are whole.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ticks that the fragment under way has.
    pub fn pending_ticks(&self) -> u64 {
        self.pending.iter().map(|p| u64::from(p.duration)).sum()
    }

    /// Writes the index.
    pub(crate) fn begin(&mut self, entry: &OwnEntry) -> io::Result<()> {
        let mut out = Out::default();
        tracks::file_type(&mut out, false, true);
        let stsd = entry.stsd();
        let head = Head {
            id: TRACK,
            shown: Some(displayed(entry)),
            timescale: self.timescale,
            duration: 0,
            film_duration: 0,
            language: UNDETERMINED,
            edits: &[],
            stsd: &stsd,
        };
        out.put(b"moov", |out| {
            tracks::film(out, self.timescale, 0, TRACK + 1);
            tracks::track(out, &head, empty_table);
            out.put(b"mvex", |out| {
                out.full(b"trex", 0, 0, |out| [TRACK, 1, 0, 0, 0].iter().for_each(|&value| out.u32(value)));
            });
        });
        self.put(&out.0)
    }

    /// Adds a sample that is shown from `start` on for `duration`, in ticks.
    pub fn push(&mut self, sample: &[u8], start: u64, duration: u64, key: bool) {
        if self.pending.is_empty() {
            self.start = start;
        }
        let duration = u32::try_from(duration).unwrap_or(u32::MAX);
        self.pending.push(Pending { size: sample.len() as u32, duration, key });
        self.data.extend_from_slice(sample);
    }

    /// Writes the fragment under way.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return self.out.flush();
        }
        // The number only has to grow; the start does, and is the same after a break.
        self.sequence = u32::try_from(self.start / u64::from(self.timescale).max(1))
            .unwrap_or(u32::MAX - 1)
            .max(self.sequence)
            + 1;
        let length = self.index(0).len();
        let mut fragment = self.index(length as u32 + 8);
        fragment.extend((self.data.len() as u32 + 8).to_be_bytes());
        fragment.extend(b"mdat");
        fragment.append(&mut self.data);
        self.pending.clear();
        self.put(&fragment)?;
        self.out.flush()
    }

    /// `moof` with samples from `data_offset` after its first byte on.
    fn index(&self, data_offset: u32) -> Vec<u8> {
        let mut out = Out::default();
        out.put(b"moof", |out| {
            out.full(b"mfhd", 0, 0, |out| out.u32(self.sequence));
            out.put(b"traf", |out| {
                out.full(b"tfhd", 0, 0x2_0000, |out| out.u32(TRACK));
                out.full(b"tfdt", 1, 0, |out| out.u64(self.start));
                out.full(b"trun", 0, 0x701, |out| {
                    out.u32(self.pending.len() as u32);
                    out.u32(data_offset);
                    for sample in &self.pending {
                        out.u32(sample.duration);
                        out.u32(sample.size);
                        out.u32(if sample.key { KEY } else { NOT_KEY });
                    }
                });
            });
        });
        out.0
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Gives what was written into back.
    pub fn into_inner(self) -> W {
        self.out
    }
}

/// The size at which a film is shown: its clean aperture in square pixels.
pub(crate) fn displayed(entry: &OwnEntry) -> (usize, usize) {
    let (width, height) = entry.shown;
    let (across, down) = (entry.aspect.0 as usize, entry.aspect.1.max(1) as usize);
    ((width * across + down / 2) / down, height)
}

fn empty_table(out: &mut Out) {
    for name in [b"stts", b"stsc", b"stco"] {
        out.full(name, 0, 0, |out| out.u32(0));
    }
    out.full(b"stsz", 0, 0, |out| out.zeros(8));
}
