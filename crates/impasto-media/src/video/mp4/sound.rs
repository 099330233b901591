//! Tracks of sound and of subtitles, to be copied as they are.

use super::boxes::{Out, child, descend};
use super::edit::Edit;
use super::entry::entries;
use super::movie::{Kind, Movie, Track};
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
    /// Why a track cannot be copied by us, as a noun phrase.
    pub obstacle: Option<String>,
}

impl Sound {
    /// The tracks of sound and subtitles of an MP4 or MOV file, to be written into one by QuickTime's rules or not.
    pub fn open(path: &Path, quicktime: bool) -> Result<Self> {
        let movie = Movie::open(path, &name_of(path))?;
        let (from_quicktime, bytes) = (movie.quicktime, movie.bytes);
        let mut sound =
            Sound { path: path.into(), timescale: movie.timescale, tracks: Vec::new(), obstacle: None };
        for mut track in movie.tracks.into_iter().filter(|t| matches!(t.kind, Kind::Sound | Kind::Text)) {
            if track.uncompressed && track.kind == Kind::Sound {
                sound.obstacle = Some("uncompressed sound".into());
                continue;
            }
            if track.kind == Kind::Sound && from_quicktime && !quicktime {
                match plain_description(&track.stsd) {
                    Some(stsd) => track.stsd = stsd,
                    None => {
                        sound.obstacle =
                            Some("sound of a kind that only MOV holds (name the result .mov)".into())
                    }
                }
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
        self.tracks.is_empty() && self.obstacle.is_none()
    }

    /// Whether there is anything to hear.
    pub fn has_sound(&self) -> bool {
        self.obstacle.is_some() || self.tracks.iter().any(|track| track.kind == Kind::Sound)
    }

    /// Only the subtitles.
    pub fn silent(mut self) -> Self {
        self.tracks.retain(|track| track.kind == Kind::Text);
        Self { obstacle: None, ..self }
    }
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
