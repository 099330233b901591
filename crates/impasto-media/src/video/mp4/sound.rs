//! Tracks of sound and of subtitles, to be copied as they are.

use super::boxes::{Out, child, descend};
use super::edit::Edit;
use super::entry::entries;
use super::movie::{Kind, Movie, Tags, Track};
use crate::error::{Result, name_of};
use std::path::{Path, PathBuf};

/// The sound of a file.
#[derive(Debug)]
pub struct Sound {
    /// The file.
    pub path: PathBuf,
    /// Ticks a second of edit lists.
    pub(crate) timescale: u32,
    pub(crate) tracks: Vec<Track>,
    /// Numbers of the tracks of text that hold the film's chapters.
    chapters: Vec<u32>,
    /// Title, date, place and the like.
    pub(crate) tags: Tags,
    /// Tracks that cannot be copied by us, each as a noun phrase.
    pub obstacles: Vec<String>,
}

impl Sound {
    /// The tracks of sound and subtitles of an MP4 or MOV file, to be written into one by QuickTime's rules or not.
    pub fn open(path: &Path, quicktime: bool) -> Result<Self> {
        let movie = Movie::open(path, &name_of(path))?;
        let (from_quicktime, bytes) = (movie.quicktime, movie.bytes);
        let chapters = movie.video().map_or(Vec::new(), |track| track.chapters.clone());
        let (timescale, tags) = (movie.timescale, movie.tags);
        let (tracks, obstacles) = (Vec::new(), Vec::new());
        let mut sound = Sound { path: path.into(), timescale, tracks, chapters, tags, obstacles };
        for mut track in movie.tracks {
            let chapter = sound.chapters.contains(&track.id) && track.text.is_some();
            if !chapter && !matches!(track.kind, Kind::Sound | Kind::Text) {
                continue;
            }
            if track.kind == Kind::Sound
                && let Err(obstacle) = describe(&mut track, from_quicktime && !quicktime)
            {
                sound.obstacles.push(obstacle);
                continue;
            }
            let whole = |s: &&_| inside(s, bytes);
            let count = track.samples.iter().take_while(whole).count();
            track.samples.truncate(count);
            if !track.samples.is_empty() {
                sound.tracks.push(track);
            }
        }
        Ok(sound)
    }

    /// Whether there is nothing to copy.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty() && self.obstacles.is_empty() && self.tags.is_empty()
    }

    /// Whether there is anything to hear.
    pub fn has_sound(&self) -> bool {
        !self.obstacles.is_empty() || self.heard() > 0
    }

    /// Number of sound tracks that are copied.
    pub(crate) fn heard(&self) -> usize {
        self.tracks.iter().filter(|track| track.kind == Kind::Sound).count()
    }

    /// Bytes of all samples.
    pub(crate) fn bytes(&self) -> u64 {
        self.tracks.iter().flat_map(|track| &track.samples).map(|sample| u64::from(sample.size)).sum()
    }

    /// Whether a track holds the film's chapters.
    pub(crate) fn is_chapters(&self, track: &Track) -> bool {
        track.kind == Kind::Other && self.chapters.contains(&track.id)
    }

    /// Without sound.
    pub fn silent(mut self) -> Self {
        self.tracks.retain(|track| track.kind != Kind::Sound);
        Self { obstacles: Vec::new(), ..self }
    }

    /// Without title, date, place, chapters and the like.
    pub fn untagged(mut self) -> Self {
        self.tracks.retain(|track| track.kind != Kind::Other);
        Self { tags: Tags::default(), ..self }
    }
}

/// Describes a track of sound as MP4 does, where it comes from a MOV; else says in a noun phrase what stands in the way.
fn describe(track: &mut Track, from_quicktime: bool) -> std::result::Result<(), String> {
    if track.uncompressed {
        return Err("uncompressed sound".into());
    }
    if from_quicktime {
        let codec = entries(&track.stsd).next().map_or(*b"none", |(codec, _)| codec);
        let codec = String::from_utf8_lossy(&codec).trim().escape_default().to_string();
        let other = || format!("sound of a kind that only MOV holds (`{codec}`)");
        track.stsd = plain_description(&track.stsd).ok_or_else(other)?;
    }
    Ok(())
}

fn inside(sample: &super::table::Sample, bytes: u64) -> bool {
    sample.offset.saturating_add(u64::from(sample.size)) <= bytes
}

impl Track {
    /// The edit list with lengths that the samples have: those of fragmented files are 0, those of a file that was cut short too long.
    pub(crate) fn own_edits(&self, film_timescale: u32) -> Vec<Edit> {
        let duration: u64 = self.samples.iter().map(|s| u64::from(s.duration)).sum();
        let film =
            |ticks: u64| (u128::from(ticks) * u128::from(film_timescale) / u128::from(self.timescale)) as u64;
        let mut edits = self.edits.clone();
        if self.first_decode > 0 {
            let late = Edit { duration: film(self.first_decode), media_time: -1, rate: 1 << 16 };
            edits.insert(0, late);
            if edits.len() == 1 {
                edits.push(Edit { duration: 0, media_time: 0, rate: 1 << 16 });
            }
        }
        for edit in edits.iter_mut().filter(|e| e.media_time >= 0) {
            let left = film(duration.saturating_sub(edit.media_time as u64)).max(1);
            // A tick may be missing where the two scales do not divide.
            if edit.duration == 0 || edit.duration > left + 1 {
                edit.duration = left;
            }
        }
        edits
    }
}

/// QuickTime's description of AAC as MP4 has it: version 0, with the `esds` box that lies in `wave`. Others stay as they are
/// if MP4 knows them.
fn plain_description(stsd: &[u8]) -> Option<Vec<u8>> {
    let mut entries = entries(stsd);
    let (name, body) = entries.next()?;
    let version = u16::from_be_bytes([*body.get(8)?, *body.get(9)?]);
    match (&name, version) {
        (b"mp4a", 0) if child(body.get(28..)?, b"esds").is_some() => Some(stsd.to_vec()),
        (b"mp4a", 0 | 1) => {
            let inside = body.get(if version == 1 { 44 } else { 28 }..)?;
            let esds = descend(inside, &[b"wave", b"esds"]).or_else(|| child(inside, b"esds"))?;
            let mut out = Out::default();
            out.u32(0);
            out.u32(1);
            out.put(b"mp4a", |out| {
                out.bytes(&body[..8]);
                out.zeros(8);
                out.bytes(&body[16..28]);
                out.put(b"esds", |out| out.bytes(esds));
            });
            Some(out.0)
        }
        (b"ac-3" | b"ec-3" | b"alac" | b"Opus" | b"fLaC", 0) => Some(stsd.to_vec()),
        _ => None,
    }
}
