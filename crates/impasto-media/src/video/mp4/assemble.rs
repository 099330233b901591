//! From a fragmented film and the sound of another file to one plain file, its index in front.

use super::boxes::Out;
use super::edit::Edit;
use super::entry::{VideoEntry, entries};
use super::movie::{Movie, Tags, Track};
use super::sound::Sound;
use super::table::Sample;
use super::tracks::{self, Head, UNDETERMINED};
use crate::atomic::AtomicFile;
use crate::error::{Error, Result, name_of};
use crate::video::VideoError;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Pictures and sound alternate in pieces of so many seconds.
const PIECE_SECONDS: f64 = 0.5;

/// Settings of a whole file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Whole<'a> {
    /// A MOV instead of an MP4.
    pub quicktime: bool,
    /// An XMP packet, in a box of its own at the end.
    pub xmp: Option<&'a str>,
}

/// The name of a box with XMP (ISO 16684-3).
const XMP_BOX: [u8; 16] =
    [0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac];

/// The box of an XMP packet, which may stand anywhere between the others.
pub(crate) fn xmp_box(packet: &str) -> Vec<u8> {
    let mut out = Out::default();
    out.u32((8 + XMP_BOX.len() + packet.len()) as u32);
    out.bytes(b"uuid");
    out.bytes(&XMP_BOX);
    out.bytes(packet.as_bytes());
    out.0
}

/// Writes `target` from the only track of `film` and all tracks of `sound`, samples copied as they are.
///
/// # Errors
/// When a file cannot be read or written; then `target` is what it was.
pub fn assemble(film: &Path, sound: Option<&Sound>, target: &Path, whole: Whole) -> Result<()> {
    let name = name_of(film);
    let movie = Movie::open_own(film, &name)?;
    let none = || VideoError::Damaged { name: name.clone(), whole: 0, why: "it holds no frame".into() };
    let video = movie.video().ok_or_else(none)?;
    let plan = Plan::new(video, sound)?;
    let open = |path: &Path| File::open(path).map_err(|e| Error::read(path, e));
    let mut files = vec![open(film)?];
    files.extend(sound.map(|sound| open(&sound.path)).transpose()?);
    let mut out = AtomicFile::create(target).map_err(|e| Error::write(target, e))?;
    let written = plan.write(&mut files, BufWriter::new(&mut out), whole);
    written.and_then(|()| out.commit()).map_err(|e| Error::write(target, e))
}

/// Whether the only track of `film` shows less than it stores.
pub(crate) fn has_clean_aperture(film: &Path) -> Result<bool> {
    let movie = Movie::open_own(film, &name_of(film))?;
    let read = |(codec, body)| VideoEntry::read(codec, body);
    let entry = movie.video().and_then(|video| entries(&video.stsd).find_map(read));
    Ok(entry.is_some_and(|entry| entry.clean.is_some_and(|clean| clean != (entry.width, entry.height))))
}

/// The tracks of the new file, and in which order their pieces lie.
struct Plan<'a> {
    film_timescale: u32,
    tracks: Vec<Planned<'a>>,
    /// Numbers of the tracks with the film's chapters.
    chapters: Vec<u32>,
    tags: Option<&'a Tags>,
    pieces: Vec<Piece>,
}

struct Planned<'a> {
    track: &'a Track,
    /// 0 is the film, 1 the file with sound and subtitles.
    file: usize,
    shown: Option<(usize, usize)>,
    edits: Vec<Edit>,
}

/// Samples of one track that lie together.
struct Piece {
    track: usize,
    samples: std::ops::Range<usize>,
    bytes: u64,
}

impl<'a> Plan<'a> {
    fn new(video: &'a Track, sound: Option<&'a Sound>) -> Result<Self> {
        let film_timescale = sound.map_or(video.timescale, |sound| sound.timescale);
        let shown =
            entries(&video.stsd).find_map(|(codec, body)| VideoEntry::read(codec, body)).map(|entry| {
                let (width, height) = entry.clean.unwrap_or((entry.width, entry.height));
                let (across, down) = entry.aspect.unwrap_or((1, 1));
                let (across, down) = (across as usize, down as usize);
                ((width * across + down / 2) / down, height)
            });
        let edits = if video.first_decode > 0 { video.own_edits(film_timescale) } else { Vec::new() };
        let mut tracks = vec![Planned { track: video, file: 0, shown: shown.or(Some((0, 0))), edits }];
        for track in sound.iter().flat_map(|sound| &sound.tracks) {
            tracks.push(Planned { track, file: 1, shown: None, edits: track.own_edits(film_timescale) });
        }
        let pieces = pieces(&tracks);
        let is_chapters = |planned: &Planned| sound.is_some_and(|sound| sound.is_chapters(planned.track));
        let numbered = (1..).zip(&tracks).filter(|(_, planned)| is_chapters(planned));
        let chapters = numbered.map(|(number, _)| number).collect();
        Ok(Self { film_timescale, tracks, chapters, tags: sound.map(|sound| &sound.tags), pieces })
    }

    fn write(&self, files: &mut [File], mut out: impl Write, whole: Whole) -> io::Result<()> {
        let mut head = Out::default();
        tracks::file_type(&mut head, whole.quicktime, false);
        let data: u64 = self.pieces.iter().map(|piece| piece.bytes).sum();
        // A 64-bit length where 32 bits would not do, and places of 64 bits with it.
        let wide = data > 0xf000_0000;
        let index = self.index(0, wide).len();
        let start = (head.0.len() + index + if wide { 16 } else { 8 }) as u64;
        head.bytes(&self.index(start, wide));
        head.u32(if wide { 1 } else { data as u32 + 8 });
        head.bytes(b"mdat");
        if wide {
            head.u64(data + 16);
        }
        out.write_all(&head.0)?;
        let mut readers: Vec<_> =
            files.iter_mut().map(|file| BufReader::with_capacity(1 << 18, file)).collect();
        for piece in &self.pieces {
            let planned = &self.tracks[piece.track];
            for sample in &planned.track.samples[piece.samples.clone()] {
                copy(&mut readers[planned.file], sample, &mut out)?;
            }
        }
        if let Some(packet) = whole.xmp {
            out.write_all(&xmp_box(packet))?;
        }
        out.flush()
    }

    /// `moov`, for data that begins at `start`.
    fn index(&self, start: u64, wide: bool) -> Vec<u8> {
        let mut places = vec![Vec::new(); self.tracks.len()];
        let mut at = start;
        for piece in &self.pieces {
            places[piece.track].push((at, piece.samples.len() as u32));
            at += piece.bytes;
        }
        let mut out = Out::default();
        out.put(b"moov", |out| {
            let longest = self.tracks.iter().map(|t| t.film_duration(self.film_timescale)).max().unwrap_or(0);
            let created = self.tags.map_or(0, |tags| tags.created);
            tracks::film(out, created, self.film_timescale, longest, self.tracks.len() as u32 + 1);
            for (i, planned) in self.tracks.iter().enumerate() {
                let mut head = planned.head(i as u32 + 1, self.film_timescale);
                if planned.shown.is_some() {
                    head.chapters = &self.chapters;
                }
                tracks::track(out, &head, |out| table(out, &planned.track.samples, &places[i], wide));
            }
            for (name, body) in self.tags.iter().flat_map(|tags| &tags.boxes) {
                out.put(name, |out| out.bytes(body));
            }
        });
        out.0
    }
}

impl Planned<'_> {
    fn duration(&self) -> u64 {
        self.track.samples.iter().map(|s| u64::from(s.duration)).sum()
    }

    fn film_duration(&self, film_timescale: u32) -> u64 {
        match self.edits.is_empty() {
            true => {
                (u128::from(self.duration()) * u128::from(film_timescale) / u128::from(self.track.timescale))
                    as u64
            }
            false => self.edits.iter().map(|e| e.duration).sum(),
        }
    }

    fn head(&self, id: u32, film_timescale: u32) -> Head<'_> {
        Head {
            id,
            shown: self.shown,
            text: self.track.text.as_ref(),
            timescale: self.track.timescale,
            duration: self.duration(),
            film_duration: self.film_duration(film_timescale),
            language: if self.shown.is_some() { UNDETERMINED } else { self.track.language },
            chapters: &[],
            edits: &self.edits,
            stsd: &self.track.stsd,
        }
    }
}

/// Cuts all tracks into pieces and orders these by time.
fn pieces(tracks: &[Planned]) -> Vec<Piece> {
    let mut timed = Vec::new();
    for (number, planned) in tracks.iter().enumerate() {
        let samples = &planned.track.samples;
        let ticks = (f64::from(planned.track.timescale) * PIECE_SECONDS).max(1.0) as u64;
        let (mut first, mut start, mut now) = (0, planned.track.first_decode, planned.track.first_decode);
        for (i, sample) in samples.iter().enumerate() {
            now += u64::from(sample.duration);
            let other_entry = samples.get(i + 1).is_some_and(|next| next.entry != sample.entry);
            if now - start >= ticks || i + 1 == samples.len() || other_entry {
                let bytes = samples[first..=i].iter().map(|s| u64::from(s.size)).sum();
                let seconds = start as f64 / f64::from(planned.track.timescale);
                timed.push((seconds, Piece { track: number, samples: first..i + 1, bytes }));
                (first, start) = (i + 1, now);
            }
        }
    }
    timed.sort_by(|a, b| a.0.total_cmp(&b.0));
    timed.into_iter().map(|(_, piece)| piece).collect()
}

fn copy(from: &mut BufReader<&mut File>, sample: &Sample, out: &mut impl Write) -> io::Result<()> {
    let now = from.stream_position()?;
    match i64::try_from(i128::from(sample.offset) - i128::from(now)) {
        Ok(distance) => from.seek_relative(distance)?,
        Err(_) => drop(from.seek(SeekFrom::Start(sample.offset))?),
    }
    let copied = io::copy(&mut from.take(u64::from(sample.size)), out)?;
    if copied == u64::from(sample.size) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// The boxes of a sample table after `stsd`. `places` has start and sample count of every piece.
fn table(out: &mut Out, samples: &[Sample], places: &[(u64, u32)], wide: bool) {
    runs(out, b"stts", samples.iter().map(|s| s.duration));
    if samples.iter().any(|s| s.composition != 0) {
        runs(out, b"ctts", samples.iter().map(|s| s.composition as u32));
    }
    if samples.iter().any(|s| !s.key) {
        let keys: Vec<u32> = (1..).zip(samples).filter(|(_, s)| s.key).map(|(number, _)| number).collect();
        out.full(b"stss", 0, 0, |out| {
            out.u32(keys.len() as u32);
            keys.iter().for_each(|&number| out.u32(number));
        });
    }
    chunk_sizes(out, samples, places);
    out.full(b"stsz", 0, 0, |out| {
        out.u32(0);
        out.u32(samples.len() as u32);
        samples.iter().for_each(|s| out.u32(s.size));
    });
    out.full(if wide { b"co64" } else { b"stco" }, 0, 0, |out| {
        out.u32(places.len() as u32);
        places.iter().for_each(|&(at, _)| if wide { out.u64(at) } else { out.u32(at as u32) });
    });
}

/// A table of (count, value).
fn runs(out: &mut Out, name: &[u8; 4], values: impl Iterator<Item = u32>) {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some(run) if run.1 == value => run.0 += 1,
            _ => runs.push((1, value)),
        }
    }
    out.full(name, 0, 0, |out| {
        out.u32(runs.len() as u32);
        for (count, value) in runs {
            out.u32(count);
            out.u32(value);
        }
    });
}

/// `stsc`: from which piece on how many samples lie in each, and their entry.
fn chunk_sizes(out: &mut Out, samples: &[Sample], places: &[(u64, u32)]) {
    let (mut rules, mut first) = (Vec::<[u32; 3]>::new(), 0);
    for (number, &(_, count)) in (1..).zip(places) {
        let entry = u32::from(samples[first].entry) + 1;
        first += count as usize;
        if rules.last().is_none_or(|rule| rule[1..] != [count, entry]) {
            rules.push([number, count, entry]);
        }
    }
    out.full(b"stsc", 0, 0, |out| {
        out.u32(rules.len() as u32);
        rules.iter().flatten().for_each(|&value| out.u32(value));
    });
}
