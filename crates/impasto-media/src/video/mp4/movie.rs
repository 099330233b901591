//! The index of a file: its tracks, and where their samples lie.

use super::boxes::{Bytes, Name, Place, child, children, place_at};
use super::edit::{self, Edit};
use super::table::{self, Sample, Table};
use crate::error::{Error, Result};
use crate::video::VideoError;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

/// An index larger than this is not believed.
const MAX_INDEX_BYTES: u64 = 1 << 30;

/// What a track holds, by its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Sound,
    /// Subtitles: 3GPP timed text (`tx3g`, which ffmpeg calls mov_text), WebVTT or TTML.
    Text,
    /// Chapters, metadata, time code.
    Other,
}

/// What a track of subtitles has besides.
#[derive(Clone, Debug)]
pub struct TextHead {
    /// Its handler: `sbtl`, `text` or `subt`.
    pub(crate) handler: Name,
    /// The box that tells of its media: `nmhd`, `gmhd` or `sthd`.
    pub(crate) media: (Name, Vec<u8>),
    /// Whether it is shown at first and so on, as flags of its header, and its group of alternatives.
    pub(crate) flags: u32,
    pub(crate) group: u16,
    /// Size of its area as 16.16 numbers.
    pub(crate) area: (u32, u32),
}

/// One track.
#[derive(Clone, Debug)]
pub struct Track {
    /// Number, from 1.
    pub id: u32,
    /// What it holds.
    pub kind: Kind,
    /// Ticks a second.
    pub timescale: u32,
    /// Language, as packed in the file.
    pub language: u16,
    /// The transformation matrix, 16.16 but for its last column.
    pub matrix: [i32; 9],
    /// Which part is shown.
    pub edits: Vec<Edit>,
    /// The body of `stsd`.
    pub stsd: Vec<u8>,
    /// Of subtitles and chapters only.
    pub text: Option<TextHead>,
    /// Numbers of the tracks that hold its chapters.
    pub chapters: Vec<u32>,
    /// In the order of decoding.
    pub samples: Vec<Sample>,
    /// Uncompressed sound, whose samples are not listed.
    pub uncompressed: bool,
    /// When the first sample is decoded, in ticks; fragmented files may begin late.
    pub first_decode: u64,
}

/// The boxes of an index that tell of the film as a whole, copied as they are.
#[derive(Clone, Debug, Default)]
pub struct Tags {
    /// When it was made, in seconds since 1904.
    pub(crate) created: u64,
    /// `udta` and `meta` with their bodies.
    pub(crate) boxes: Vec<(Name, Vec<u8>)>,
}

impl Tags {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        self.created == 0 && self.boxes.is_empty()
    }
}

/// More of them is not believed.
const MAX_TAG_BYTES: usize = 1 << 26;

/// A parsed file.
#[derive(Debug)]
pub struct Movie {
    /// Written by QuickTime rules.
    pub quicktime: bool,
    /// Ticks a second of edit lists.
    pub timescale: u32,
    /// The transformation matrix of the whole film, as that of a track.
    pub matrix: [i32; 9],
    /// Title, date, place and the like.
    pub tags: Tags,
    /// All tracks.
    pub tracks: Vec<Track>,
    /// Bytes of the file.
    pub bytes: u64,
}

/// Defaults of a track's fragments.
struct Defaults {
    track: u32,
    entry: u32,
    duration: u32,
    size: u32,
    flags: u32,
}

impl Movie {
    /// Reads the index of `path`, which must be a plain file. `name` is for messages. Fragmented files may begin at any
    /// moment; what all tracks have in common is taken off.
    pub fn open(path: &Path, name: &str) -> Result<Self> {
        let mut movie = Self::open_own(path, name)?;
        movie.begin_together();
        Ok(movie)
    }

    /// The same for a file of our own: times are as they stand.
    pub(crate) fn open_own(path: &Path, name: &str) -> Result<Self> {
        let fail = |cause: io::Error| Error::Read { name: name.into(), cause };
        let file = File::open(path).map_err(|e| Error::read(path, e))?;
        let bytes = file.metadata().map_err(fail)?.len();
        let mut file = BufReader::new(file);
        let damaged = |why: &str| VideoError::Damaged { name: name.into(), whole: 0, why: why.into() };
        let (mut movie, mut defaults, mut at) = (None, Vec::new(), 0);
        let mut quicktime = true;
        while let Some(place) = place_at(&mut file, at, bytes).map_err(fail)? {
            match &place.name {
                b"ftyp" => quicktime = place.read(&mut file).is_ok_and(|body| body.starts_with(b"qt  ")),
                b"moov" if movie.is_none() => {
                    let Some(moov) = read_index(&mut file, &place, name)? else { break };
                    defaults = defaults_of(&moov);
                    movie = Some(moov_of(&moov, bytes).ok_or_else(|| damaged("its index cannot be read"))?);
                }
                b"moof" => {
                    let (Some(movie), Some(moof)) = (&mut movie, read_index(&mut file, &place, name)?) else {
                        break;
                    };
                    fragment(movie, &moof, place.start, &defaults);
                }
                _ => {}
            }
            at = place.end;
        }
        let unfinished = "its index is missing (no `moov` box), so the recording or the download did not end";
        let mut movie = movie.ok_or_else(|| damaged(unfinished))?;
        movie.quicktime = quicktime;
        Ok(movie)
    }

    /// The pictures to paint: the first video track with samples.
    pub fn video(&self) -> Option<&Track> {
        self.tracks.iter().find(|t| t.kind == Kind::Video && !t.samples.is_empty())
    }

    fn begin_together(&mut self) {
        let shown = |t: &&mut Track| matches!(t.kind, Kind::Video | Kind::Sound) && !t.samples.is_empty();
        let seconds = |t: &Track| t.first_decode as f64 / f64::from(t.timescale);
        let first = self.tracks.iter_mut().filter(shown).map(|t| seconds(t)).reduce(f64::min).unwrap_or(0.0);
        for track in &mut self.tracks {
            let common = (first * f64::from(track.timescale)).round() as u64;
            track.first_decode = track.first_decode.saturating_sub(common);
        }
    }
}

/// The body of a box of the index; `None` where the file ends before it.
fn read_index(file: &mut BufReader<File>, place: &Place, name: &str) -> Result<Option<Vec<u8>>> {
    if place.end - place.body > MAX_INDEX_BYTES {
        let why = "its index claims to have more than a gigabyte".into();
        return Err(VideoError::Damaged { name: name.into(), whole: 0, why }.into());
    }
    match place.read(file) {
        Ok(body) => Ok(Some(body)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(cause) => Err(Error::Read { name: name.into(), cause }),
    }
}

fn moov_of(moov: &[u8], bytes: u64) -> Option<Movie> {
    let mut mvhd = Bytes(child(moov, b"mvhd")?);
    let (version, _) = mvhd.version()?;
    let created = if version == 1 { mvhd.u64()? } else { u64::from(mvhd.u32()?) };
    mvhd.take(if version == 1 { 8 } else { 4 })?;
    let timescale = mvhd.u32()?.max(1);
    // Duration, speed, loudness, reserved.
    mvhd.take(if version == 1 { 8 } else { 4 } + 16);
    let matrix = matrix(&mut mvhd).unwrap_or(UNIT);
    let tags = Tags { created, boxes: tags(moov) };
    let traks = children(moov).filter(|(name, _)| name == b"trak");
    let tracks = traks.filter_map(|(_, trak)| track_of(trak)).collect();
    Some(Movie { quicktime: false, timescale, matrix, tags, tracks, bytes })
}

/// No turning.
const UNIT: [i32; 9] = [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30];

fn matrix(bytes: &mut Bytes) -> Option<[i32; 9]> {
    let mut matrix = [0; 9];
    for value in &mut matrix {
        *value = bytes.u32()? as i32;
    }
    Some(matrix)
}

/// `udta` and `meta`. A `meta` that says where its items lie in the file cannot be moved to another.
fn tags(moov: &[u8]) -> Vec<(Name, Vec<u8>)> {
    let movable = |(name, body): &(Name, &[u8])| match name {
        b"udta" => true,
        b"meta" => child(body, b"iloc").or_else(|| child(body.get(4..)?, b"iloc")).is_none(),
        _ => false,
    };
    let found = children(moov).filter(movable).filter(|(_, body)| body.len() <= MAX_TAG_BYTES);
    found.map(|(name, body)| (name, body.to_vec())).collect()
}

fn track_of(trak: &[u8]) -> Option<Track> {
    let mut tkhd = Bytes(child(trak, b"tkhd")?);
    let (version, flags) = tkhd.version()?;
    tkhd.take(if version == 1 { 16 } else { 8 })?;
    let id = tkhd.u32()?;
    tkhd.take(4 + if version == 1 { 8 } else { 4 } + 8 + 2)?;
    let group = tkhd.u16()?;
    tkhd.take(4)?;
    let matrix = matrix(&mut tkhd)?;
    let area = (tkhd.u32().unwrap_or(0), tkhd.u32().unwrap_or(0));
    let mdia = child(trak, b"mdia")?;
    let mut mdhd = Bytes(child(mdia, b"mdhd")?);
    let (version, _) = mdhd.version()?;
    mdhd.take(if version == 1 { 16 } else { 8 })?;
    let timescale = mdhd.u32()?.max(1);
    mdhd.take(if version == 1 { 8 } else { 4 })?;
    let language = mdhd.u16()?;
    let handler: Name = child(mdia, b"hdlr")?.get(8..12)?.try_into().ok()?;
    let minf = child(mdia, b"minf")?;
    let stbl = child(minf, b"stbl")?;
    let (samples, uncompressed) = match table::read(stbl) {
        Table::Samples(samples) => (samples, false),
        Table::Uncompressed => (Vec::new(), true),
    };
    let stsd = child(stbl, b"stsd")?.to_vec();
    let text = text_media(handler, minf, &stsd).map(|media| TextHead { handler, media, flags, group, area });
    let first = super::entry::entries(&stsd).next().map(|(codec, _)| codec);
    let kind = match &handler {
        b"vide" => Kind::Video,
        b"soun" => Kind::Sound,
        _ if text.is_some() && first != Some(*b"text") => Kind::Text,
        _ => Kind::Other,
    };
    let edits = edit::read(trak);
    let first_decode = 0;
    Some(Track {
        id,
        kind,
        timescale,
        language,
        matrix,
        edits,
        stsd,
        text,
        chapters: chapters_of(trak),
        samples,
        uncompressed,
        first_decode,
    })
}

/// The tracks to which a `tref` points for chapters.
fn chapters_of(trak: &[u8]) -> Vec<u32> {
    let list = super::boxes::descend(trak, &[b"tref", b"chap"]).unwrap_or_default();
    list.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// The media header of a track of subtitles or chapters (`text`); `None` for what is neither.
fn text_media(handler: Name, minf: &[u8], stsd: &[u8]) -> Option<(Name, Vec<u8>)> {
    let (entry, _) = super::entry::entries(stsd).next()?;
    let known = [*b"sbtl", *b"text", *b"subt"].contains(&handler);
    if !known || ![*b"tx3g", *b"wvtt", *b"stpp", *b"text"].contains(&entry) {
        return None;
    }
    let media =
        [b"nmhd", b"gmhd", b"sthd"].into_iter().find_map(|name| Some((*name, child(minf, name)?.to_vec())));
    Some(media.unwrap_or((*b"nmhd", vec![0; 4])))
}

fn defaults_of(moov: &[u8]) -> Vec<Defaults> {
    let Some(mvex) = child(moov, b"mvex") else { return Vec::new() };
    let read = |body| {
        let mut bytes = Bytes(body);
        bytes.version()?;
        let (track, entry, duration) = (bytes.u32()?, bytes.u32()?, bytes.u32()?);
        Some(Defaults { track, entry, duration, size: bytes.u32()?, flags: bytes.u32()? })
    };
    let trex = children(mvex).filter(|(name, _): &(Name, _)| name == b"trex");
    trex.filter_map(|(_, body)| read(body)).collect()
}

/// Adds the samples of a fragment, as far as it can be read.
fn fragment(movie: &mut Movie, moof: &[u8], moof_start: u64, defaults: &[Defaults]) {
    let mut base = moof_start;
    for (_, traf) in children(moof).filter(|(name, _)| name == b"traf") {
        match track_fragment(movie, traf, moof_start, base, defaults) {
            Some(end) => base = end,
            None => return,
        }
    }
}

/// `tfhd`, `tfdt` and all `trun` of one track. Gives the first byte after its samples.
fn track_fragment(
    movie: &mut Movie,
    traf: &[u8],
    moof: u64,
    base: u64,
    defaults: &[Defaults],
) -> Option<u64> {
    let mut tfhd = Bytes(child(traf, b"tfhd")?);
    let (_, flags) = tfhd.version()?;
    let id = tfhd.u32()?;
    let usual = defaults.iter().find(|d| d.track == id);
    let usual = usual.map_or([1, 0, 0, 0], |d| [d.entry, d.duration, d.size, d.flags]);
    let given_base = if flags & 1 != 0 { Some(tfhd.u64()?) } else { None };
    let mut values = usual;
    for (bit, value) in [2, 8, 0x10, 0x20].into_iter().zip(&mut values) {
        if flags & bit != 0 {
            *value = tfhd.u32()?;
        }
    }
    let base = given_base.unwrap_or(if flags & 0x2_0000 != 0 { moof } else { base });
    let track = movie.tracks.iter_mut().find(|t| t.id == id)?;
    if let Some(decode) = child(traf, b"tfdt").and_then(decode_time) {
        continue_at(track, decode);
    }
    let mut end = base;
    for (_, trun) in children(traf).filter(|(name, _)| name == b"trun") {
        end = run(track, trun, base, end, values)?;
    }
    Some(end)
}

fn decode_time(tfdt: &[u8]) -> Option<u64> {
    let mut bytes = Bytes(tfdt);
    let (version, _) = bytes.version()?;
    if version == 1 { bytes.u64() } else { bytes.u32().map(u64::from) }
}

/// A fragment says when it begins: a gap before it lengthens the last sample.
fn continue_at(track: &mut Track, decode: u64) {
    let durations: u64 = track.samples.iter().map(|s| u64::from(s.duration)).sum();
    match track.samples.last_mut() {
        None => track.first_decode = decode,
        Some(last) => {
            let gap = decode.saturating_sub(track.first_decode + durations);
            last.duration = last.duration.saturating_add(u32::try_from(gap).unwrap_or(0));
        }
    }
}

fn run(
    track: &mut Track,
    trun: &[u8],
    base: u64,
    after: u64,
    [entry, duration, size, flags]: [u32; 4],
) -> Option<u64> {
    let mut bytes = Bytes(trun);
    let (_, has) = bytes.version()?;
    let count = bytes.u32()?;
    let mut offset =
        if has & 1 != 0 { base.checked_add_signed(i64::from(bytes.u32()? as i32))? } else { after };
    let first_flags = if has & 4 != 0 { Some(bytes.u32()?) } else { None };
    for i in 0..count {
        if has & 0xf00 == 0 && i > 1 << 20 {
            return None;
        }
        let mut or = |bit: u32, usual: u32| if has & bit != 0 { bytes.u32() } else { Some(usual) };
        let (duration, size) = (or(0x100, duration)?, or(0x200, size)?);
        let flags = or(0x400, first_flags.filter(|_| i == 0).unwrap_or(flags))?;
        let composition = or(0x800, 0)? as i32;
        // The flag says that a sample is *not* one to begin with.
        let key = flags & 0x1_0000 == 0;
        let entry = entry.saturating_sub(1) as u16;
        track.samples.push(Sample { offset, size, duration, composition, key, entry });
        offset = offset.checked_add(u64::from(size))?;
    }
    Some(offset)
}
