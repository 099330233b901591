//! Writing a fragmented file: an index without samples, then fragments that each stand for themselves. Whatever
//! happens after a fragment, the file can be played up to it.

use super::boxes::Out;
use super::entry::OwnEntry;
use super::opus::{self, OPUS_RATE};
use super::tracks::{self, Head, UNDETERMINED};
use crate::video::part::Standing;
use std::io::{self, Write};

/// Numbers of the tracks.
const VIDEO: u32 = 1;
const SOUND: u32 = 2;
/// Flags of a sample that decodes without others, and of one that does not.
const KEY: u32 = 0x200_0000;
const NOT_KEY: u32 = 0x101_0000;

/// Writes a video track in fragments, and one of sound beside it if that was asked for.
pub struct FragmentWriter<W> {
    out: W,
    timescale: u32,
    bytes: u64,
    /// The index is still to be written.
    wants_index: bool,
    sequence: u32,
    video: Run,
    sound: Option<Run>,
}

/// Samples of one track that wait to be written.
#[derive(Default)]
struct Run {
    start: u64,
    samples: Vec<Pending>,
    data: Vec<u8>,
}

struct Pending {
    size: u32,
    duration: u32,
    key: bool,
}

impl Run {
    fn push(&mut self, sample: &[u8], start: u64, duration: u32, key: bool) {
        if self.samples.is_empty() {
            self.start = start;
        }
        self.samples.push(Pending { size: sample.len() as u32, duration, key });
        self.data.extend_from_slice(sample);
    }

    fn ticks(&self) -> u64 {
        self.samples.iter().map(|p| u64::from(p.duration)).sum()
    }

    /// The body of a `traf`.
    fn write(&self, out: &mut Out, id: u32, data_offset: u32) {
        out.full(b"tfhd", 0, 0x2_0000, |out| out.u32(id));
        out.full(b"tfdt", 1, 0, |out| out.u64(self.start));
        out.full(b"trun", 0, 0x701, |out| {
            out.u32(self.samples.len() as u32);
            out.u32(data_offset);
            for sample in &self.samples {
                out.u32(sample.duration);
                out.u32(sample.size);
                out.u32(if sample.key { KEY } else { NOT_KEY });
            }
        });
    }

    fn clear(&mut self) {
        self.samples.clear();
        self.data.clear();
    }
}

impl<W: Write> FragmentWriter<W> {
    /// Into `out`, which stands as `from` says. `timescale` is in ticks a second.
    pub(crate) fn new(out: W, timescale: u32, from: Standing) -> Self {
        let (bytes, wants_index) = (from.bytes, from.head);
        Self { out, timescale, bytes, wants_index, sequence: 0, video: Run::default(), sound: None }
    }

    /// With a track of Opus beside the pictures, which may stay empty; before anything is written.
    pub fn with_sound(self) -> Self {
        Self { sound: Some(Run::default()), ..self }
    }

    /// Whether the index still has to be written.
    pub fn wants_index(&self) -> bool {
        self.wants_index
    }

    /// Bytes of the file that are whole.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ticks that the fragment under way has.
    pub fn pending_ticks(&self) -> u64 {
        self.video.ticks()
    }

    /// Writes the index.
    pub(crate) fn begin(&mut self, entry: &OwnEntry) -> io::Result<()> {
        let mut out = Out::default();
        tracks::file_type(&mut out, false, true);
        let stsd = entry.stsd();
        let head = Head {
            id: VIDEO,
            shown: Some(displayed(entry)),
            text: None,
            timescale: self.timescale,
            duration: 0,
            film_duration: 0,
            language: UNDETERMINED,
            chapters: &[],
            edits: &[],
            stsd: &stsd,
        };
        let sound = opus::stsd();
        let ids = if self.sound.is_some() { VIDEO..=SOUND } else { VIDEO..=VIDEO };
        out.put(b"moov", |out| {
            tracks::film(out, 0, self.timescale, 0, ids.end() + 1);
            tracks::track(out, &head, empty_table);
            if self.sound.is_some() {
                let head = Head { id: SOUND, shown: None, timescale: OPUS_RATE, stsd: &sound, ..head };
                tracks::track(out, &head, empty_table);
            }
            out.put(b"mvex", |out| {
                for id in ids.clone() {
                    out.full(b"trex", 0, 0, |out| [id, 1, 0, 0, 0].iter().for_each(|&value| out.u32(value)));
                }
            });
        });
        self.wants_index = false;
        self.put(&out.0)
    }

    /// Adds a sample that is shown from `start` on for `duration`, in ticks.
    pub fn push(&mut self, sample: &[u8], start: u64, duration: u64, key: bool) {
        self.video.push(sample, start, u32::try_from(duration).unwrap_or(u32::MAX), key);
    }

    /// Adds a packet of Opus that is heard from `start` on, in samples. Packets come in order; a gap before one lengthens the one before it, or
    /// begins a fragment.
    pub fn push_sound(&mut self, packet: &[u8], start: u64, samples: u32) {
        let Some(sound) = &mut self.sound else { return };
        let end = sound.start + sound.ticks();
        if let Some(last) = sound.samples.last_mut() {
            last.duration += u32::try_from(start.saturating_sub(end)).unwrap_or(0);
        }
        sound.push(packet, start, samples, true);
    }

    /// Writes the fragment under way.
    pub fn flush(&mut self) -> io::Result<()> {
        let has_sound = self.sound.as_ref().is_some_and(|sound| !sound.samples.is_empty());
        if self.video.samples.is_empty() && !(has_sound && self.bytes > 0) {
            return self.out.flush();
        }
        // The number only has to grow; the start does, and is the same after a break.
        self.sequence = u32::try_from(self.video.start / u64::from(self.timescale).max(1))
            .unwrap_or(u32::MAX - 1)
            .max(self.sequence)
            + 1;
        let length = self.index(0).len();
        let mut fragment = self.index(length as u32 + 8);
        let mut runs: Vec<&mut Run> = [&mut self.video].into_iter().chain(&mut self.sound).collect();
        let bytes: usize = runs.iter().map(|run| run.data.len()).sum();
        fragment.extend((bytes as u32 + 8).to_be_bytes());
        fragment.extend(b"mdat");
        runs.iter().for_each(|run| fragment.extend_from_slice(&run.data));
        runs.iter_mut().for_each(|run| run.clear());
        self.put(&fragment)?;
        self.out.flush()
    }

    /// `moof` with the samples' data from `data_offset` after its first byte on, track after track.
    fn index(&self, data_offset: u32) -> Vec<u8> {
        let mut out = Out::default();
        out.put(b"moof", |out| {
            out.full(b"mfhd", 0, 0, |out| out.u32(self.sequence));
            let mut offset = data_offset;
            for (id, run) in [(VIDEO, Some(&self.video)), (SOUND, self.sound.as_ref())] {
                let Some(run) = run.filter(|run| !run.samples.is_empty()) else { continue };
                out.put(b"traf", |out| run.write(out, id, offset));
                offset += run.data.len() as u32;
            }
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
