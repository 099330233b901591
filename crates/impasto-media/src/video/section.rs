//! A part of a film, painted on one machine of many, and how parts become one film again.
//!
//! A part file holds what the unfinished file of one run would hold between two checkpoints, and behind it a box (`free`, which
//! players pass over) that says which film it belongs to. Joined, they are that unfinished file, to the byte.

use super::VideoError;
use super::disk::PartFile;
use super::frame::{Frame, Info, Layout, Sink, Source};
use super::kind::Kind;
use crate::error::{Error, Result, name_of};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The last bytes of a part file.
const MAGIC: &[u8; 8] = b"IMPPART1";
/// A longer description is not believed.
const MAX_WORDS: u64 = 1 << 20;

/// Which part of a film.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// From 1.
    pub number: u64,
    /// Of so many.
    pub count: u64,
    /// Its first frame, from 0.
    pub first: u64,
    /// The frame after its last; none for the film's end.
    pub end: Option<u64>,
    /// The film as it was typed.
    pub film: PathBuf,
}

impl Section {
    /// The `number`-th of `count` parts of a film of about `frames` frames. Borders lie at multiples of `grid` frames, so that all
    /// machines find the same ones and encoding starts afresh there.
    pub fn of(number: u64, count: u64, frames: u64, grid: u64, film: &Path) -> Self {
        let border = |k: u64| (frames * k / count + grid / 2) / grid * grid;
        let end = (number < count).then(|| border(number));
        Self { number, count, first: border(number - 1), end, film: film.into() }
    }

    /// Puts the description behind the frames.
    pub(crate) fn close(&self, part: &Path, frames: u64, fingerprint: &str) -> io::Result<()> {
        let end = self.end.map_or("end".into(), |end| end.to_string());
        let Section { number, count, first, film, .. } = self;
        let words = format!("{number} {count} {first} {end} {frames}\n{fingerprint}\n{}", film.display());
        let mut file = OpenOptions::new().append(true).open(part)?;
        let length = words.len() as u32;
        let mut bytes = (length + 20).to_be_bytes().to_vec();
        bytes.extend(b"free");
        bytes.extend(words.as_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(MAGIC);
        file.write_all(&bytes)
    }
}

/// Refuses kinds that have no parts.
pub(crate) fn check(kind: Kind, target: &Path) -> Result<()> {
    let why = match kind {
        Kind::Mp4 | Kind::Mov | Kind::Y4m | Kind::Gif | Kind::Webp | Kind::Apng => return Ok(()),
        Kind::Pictures => "a part is a file, not a folder; name it after the film's kind, such as part-1.mp4",
        Kind::Ffmpeg => "a part cannot be of that kind; name it .mp4, and the joined film as you like",
    };
    Err(VideoError::Unfit { name: name_of(target), why: why.into() }.into())
}

/// A film up to a frame.
pub struct Until<S> {
    source: S,
    left: Option<u64>,
}

impl<S: Source> Until<S> {
    /// All of `source` before the frame `end`; all of it without one.
    pub fn new(source: S, end: Option<u64>) -> Self {
        Self { source, left: end }
    }
}

impl<S: Source> Source for Until<S> {
    fn info(&self) -> &Info {
        self.source.info()
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        match &mut self.left {
            Some(0) => return Ok(None),
            Some(left) => *left -= 1,
            None => {}
        }
        self.source.read()
    }
}

/// Ends a part like a checkpoint: what ends the whole film is written when parts are joined.
pub(crate) struct SectionSink {
    pub sink: Box<dyn Sink>,
    /// Frames so far.
    pub written: Arc<AtomicU64>,
}

impl Sink for SectionSink {
    fn layout(&self) -> Layout {
        self.sink.layout()
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        self.written.fetch_add(1, Ordering::SeqCst);
        self.sink.write(frame)
    }

    fn checkpoint(&mut self) -> Result<u64> {
        self.sink.checkpoint()
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.sink.checkpoint().map(drop)
    }
}

/// A part file, read back.
#[derive(Clone, Debug)]
pub struct Part {
    path: PathBuf,
    /// What it holds.
    pub section: Section,
    /// The request.
    pub fingerprint: String,
    frames: u64,
    bytes: u64,
}

impl Part {
    /// Reads the description of a part.
    ///
    /// # Errors
    /// When the file is no part, or is not whole.
    pub fn open(path: &Path) -> Result<Self> {
        let fail = |e| Error::read(path, e);
        let mut file = File::open(path).map_err(fail)?;
        let length = file.metadata().map_err(fail)?.len();
        let no_part = || {
            let why = "it is no whole part of a film; paint it with --part K/N".into();
            Error::from(VideoError::Unfit { name: name_of(path), why })
        };
        let (start, words) = description(&mut file, length).map_err(fail)?.ok_or_else(no_part)?;
        let mut lines = words.splitn(3, '\n');
        let numbers = lines.next().unwrap_or_default();
        let (fingerprint, film) = (lines.next().ok_or_else(no_part)?, lines.next().ok_or_else(no_part)?);
        let (section, frames) = numbered(numbers, film).ok_or_else(no_part)?;
        Ok(Self { path: path.into(), section, fingerprint: fingerprint.into(), frames, bytes: start })
    }
}

/// Where the description's box begins, and its words.
fn description(file: &mut File, length: u64) -> io::Result<Option<(u64, String)>> {
    let Some(tail) = length.checked_sub(12) else { return Ok(None) };
    let mut end = [0; 12];
    file.seek(SeekFrom::Start(tail))?;
    file.read_exact(&mut end)?;
    let words = u64::from(u32::from_be_bytes([end[0], end[1], end[2], end[3]]));
    let start = tail.checked_sub(words + 8);
    let Some(start) = start.filter(|_| end[4..] == MAGIC[..] && words <= MAX_WORDS) else { return Ok(None) };
    let mut text = vec![0; words as usize];
    file.seek(SeekFrom::Start(start + 8))?;
    file.read_exact(&mut text)?;
    Ok(String::from_utf8(text).ok().map(|text| (start, text)))
}

fn numbered(words: &str, film: &str) -> Option<(Section, u64)> {
    let mut words = words.split(' ');
    let mut value = || words.next()?.parse().ok();
    let (number, count, first) = (value()?, value()?, value()?);
    let end = match words.next()? {
        "end" => None,
        end => Some(end.parse().ok()?),
    };
    let frames = words.next()?.parse().ok()?;
    Some((Section { number, count, first, end, film: film.into() }, frames))
}

/// All parts of one film, in order.
pub struct Parts(Vec<Part>);

impl Parts {
    /// Reads and orders the parts.
    ///
    /// # Errors
    /// When one is missing, doubled, broken or of another film.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut parts = paths.iter().map(|path| Part::open(path)).collect::<Result<Vec<_>>>()?;
        parts.sort_by_key(|part| part.section.number);
        let unfit = |part: &Part, why: String| -> Error {
            VideoError::Unfit { name: name_of(&part.path), why }.into()
        };
        let Some(first) = parts.first().cloned() else {
            let (name, why) = ("the parts".into(), "none was named".into());
            return Err(VideoError::Unfit { name, why }.into());
        };
        let count = first.section.count;
        for part in &parts {
            if part.fingerprint != first.fingerprint || part.section.count != count {
                let other = first.path.display();
                let why = format!(
                    "it was painted from another film, or with other words or another number of parts, than {other}; paint all parts with the same words"
                );
                return Err(unfit(part, why));
            }
        }
        if let Some(pair) = parts.windows(2).find(|pair| pair[0].section.number == pair[1].section.number) {
            return Err(unfit(&pair[1], format!("it is the same part as {}", pair[0].path.display())));
        }
        let missing = (1..=count).filter(|k| !parts.iter().any(|part| part.section.number == *k));
        let missing: Vec<_> = missing.map(|k| format!("{k}/{count}")).collect();
        if !missing.is_empty() {
            let why = format!("parts are missing: {}; paint them with --part", missing.join(", "));
            return Err(unfit(&first, why));
        }
        Ok(Self(parts))
    }

    /// The film that they were painted from, as it was typed.
    pub fn film(&self) -> &Path {
        &self.0[0].section.film
    }

    /// The request.
    pub fn fingerprint(&self) -> &str {
        &self.0[0].fingerprint
    }

    /// Bytes of all frames.
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|part| part.bytes).sum()
    }

    /// Frames of all parts.
    pub fn frames(&self) -> u64 {
        self.0.iter().map(|part| part.frames).sum()
    }

    /// Puts all frames one after another into `to`.
    pub(crate) fn gather(&self, to: &Path) -> Result<Box<dyn PartFile>> {
        let out = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(to);
        let mut out = out.map_err(|e| Error::write(to, e))?;
        for part in &self.0 {
            let file = File::open(&part.path).map_err(|e| Error::read(&part.path, e))?;
            let copied = io::copy(&mut file.take(part.bytes), &mut out).map_err(|e| Error::write(to, e))?;
            if copied != part.bytes {
                return Err(Error::read(&part.path, io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(Box::new(out))
    }

    /// Kinds that parts of that ending become.
    pub(crate) fn check_kind(&self, kind: Kind, target: &Path) -> Result<()> {
        let from = Kind::of(&self.0[0].path)?;
        let film = |kind| matches!(kind, Kind::Mp4 | Kind::Mov | Kind::Ffmpeg);
        if from == kind || film(from) && film(kind) {
            return Ok(());
        }
        let ending = self.0[0].path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let why = format!("its parts are .{ending} files; name the film so too");
        Err(VideoError::Unfit { name: name_of(target), why }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;
    use std::fs;

    #[test]
    fn borders_lie_on_the_grid_and_leave_nothing_out() {
        for (frames, count, grid) in [(1000, 7, 50), (10, 4, 50), (3001, 3, 48), (0, 2, 50)] {
            let sections: Vec<_> =
                (1..=count).map(|k| Section::of(k, count, frames, grid, Path::new("a"))).collect();
            assert_eq!(sections[0].first, 0);
            assert_eq!(sections.last().unwrap().end, None);
            for pair in sections.windows(2) {
                assert_eq!(pair[0].end, Some(pair[1].first), "{frames} {count}");
                assert!(pair[1].first % grid == 0 && pair[1].first >= pair[0].first);
            }
        }
    }

    #[test]
    fn parts_are_told_apart() {
        let folder = Folder::new("section_parts");
        let part = |name: &str, k: u64, fingerprint: &str| {
            let path = folder.join(name);
            fs::write(&path, format!("frames {k};")).unwrap();
            Section::of(k, 3, 300, 50, Path::new("film\n.mp4")).close(&path, 100, fingerprint).unwrap();
            path
        };
        let [a, b, c] = [1, 2, 3].map(|k| part(&format!("{k}.mp4"), k, "one"));
        let parts = Parts::open(&[c.clone(), a.clone(), b.clone()]).unwrap();
        assert_eq!(parts.film(), Path::new("film\n.mp4"));
        let out = folder.join("out.part");
        drop(parts.gather(&out).unwrap());
        assert_eq!((parts.frames(), parts.bytes()), (300, 27));
        assert_eq!(fs::read(&out).unwrap(), b"frames 1;frames 2;frames 3;");
        let refused = |paths: &[PathBuf]| Parts::open(paths).err().unwrap().to_string();
        assert!(refused(&[c.clone(), a.clone()]).contains("2/3"));
        assert!(refused(&[a.clone(), a.clone(), b.clone(), c.clone()]).contains("same part"));
        let other = part("other.mp4", 2, "two");
        assert!(refused(&[a.clone(), other, c.clone()]).contains("other words"));
        let bytes = fs::read(&b).unwrap();
        fs::write(&b, &bytes[..bytes.len() - 3]).unwrap();
        assert!(refused(&[a, b, c]).contains("no whole part"));
    }
}
