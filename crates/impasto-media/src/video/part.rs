//! How far an unfinished output has come, kept beside it so that work can go on after the program was killed.

use super::VideoError;
use super::disk::Disk;
use crate::error::{Error, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// The first word of a journal.
const MAGIC: &str = "impasto-part-1";

/// A moment from which work can go on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mark {
    /// Frames that are in the file.
    pub frames: u64,
    /// Bytes of the file that count.
    pub bytes: u64,
    /// What the painter remembered then.
    pub memory: Vec<f64>,
}

/// A sink's first byte in its file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// Bytes that are there.
    pub bytes: u64,
    /// Frames of the film before the next.
    pub frames: u64,
    /// What stands in front of the first frame is still to be written.
    pub head: bool,
}

impl Standing {
    /// An empty file, from the first frame on.
    pub const NEW: Self = Self { bytes: 0, frames: 0, head: true };
}

/// The journal of an output.
pub(crate) struct Journal {
    path: PathBuf,
    /// Tells apart what was asked for: film, style, dials, model, program.
    fingerprint: String,
}

impl Journal {
    pub fn new(path: PathBuf, fingerprint: &str) -> Self {
        Self { path, fingerprint: fingerprint.into() }
    }

    /// Replaces the journal. What it claims must be on the disk by then.
    pub fn write(&self, disk: &dyn Disk, mark: &Mark) -> Result<()> {
        let memory: String = mark.memory.iter().map(|value| format!("{:016x}", value.to_bits())).collect();
        let text = format!("{MAGIC}\n{}\n{} {} {memory}.\n", self.fingerprint, mark.frames, mark.bytes);
        disk.replace(&self.path, text.as_bytes()).map_err(|e| Error::write(&self.path, e))
    }

    /// The last mark; none where nothing was begun. `name` is the output, for messages.
    pub fn read(&self, name: &str) -> Result<Option<Mark>> {
        let refuse = |why: &str| VideoError::Resume { name: name.into(), why: why.into() };
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::read(&self.path, e)),
        };
        let mut lines = text.lines();
        if lines.next() != Some(MAGIC) {
            return Err(refuse(
                "another version of this program began it; leave --resume away to begin anew",
            )
            .into());
        }
        if lines.next() != Some(self.fingerprint.as_str()) {
            let why = "it was begun with another film, style, model or dials; give the same words, or leave --resume away to begin anew";
            return Err(refuse(why).into());
        }
        let damaged = || refuse("its journal is damaged; leave --resume away to begin anew").into();
        lines.next().and_then(mark).map(Some).ok_or_else(damaged)
    }

    pub fn remove(&self) {
        // What stays is only in the way, and the film is whole.
        let _ = fs::remove_file(&self.path);
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn mark(line: &str) -> Option<Mark> {
    let mut words = line.strip_suffix('.')?.splitn(3, ' ');
    let (frames, bytes) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let hex = words.next()?;
    let value = |at: usize| u64::from_str_radix(hex.get(at..at + 16)?, 16).ok().map(f64::from_bits);
    let memory = (0..hex.len()).step_by(16).map(value).collect::<Option<_>>()?;
    Some(Mark { frames, bytes, memory })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;
    use crate::video::disk::RealDisk;

    #[test]
    fn marks_come_back_to_the_bit() {
        let folder = Folder::new("part");
        let journal = Journal::new(folder.join("a"), "wave 1");
        assert_eq!(journal.read("a").unwrap(), None, "nothing was begun");
        for memory in [vec![], vec![0.1, -3.5e-300, f64::NAN.abs(), 7.0]] {
            let mark = Mark { frames: 7, bytes: 99, memory };
            journal.write(&RealDisk, &mark).unwrap();
            let back = journal.read("a").unwrap().unwrap();
            let bits = |m: &Mark| m.memory.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!((back.frames, back.bytes, bits(&back)), (7, 99, bits(&mark)));
        }
        let other = Journal::new(folder.join("a"), "wave 2");
        assert!(other.read("a").unwrap_err().to_string().contains("same words"));
        fs::write(folder.join("a"), format!("{MAGIC}\nwave 1\n7 9 00")).unwrap();
        assert!(journal.read("a").unwrap_err().to_string().contains("damaged"));
    }
}
