//! The few things that an unfinished output asks of a disk. They stand behind a trait so that a test can lose what was not synced.

use crate::atomic;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes of a result that is not whole yet.
pub trait PartFile: Write + Seek + Send {}

impl<T: Write + Seek + Send> PartFile for T {}

/// A disk, as far as results need one.
pub(crate) trait Disk: Send + Sync {
    /// The file for writing after its first `keep` bytes; 0 makes it anew.
    fn open(&self, path: &Path, keep: u64) -> io::Result<Box<dyn PartFile>>;

    /// Brings all that was written to `path`, a file or a folder, to where a power cut cannot reach it.
    fn sync(&self, path: &Path) -> io::Result<()>;

    /// Gives the file these bytes, which are safe when this returns; after a power cut they are there or the old ones are.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
}

/// The disk of this machine.
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, keep: u64) -> io::Result<Box<dyn PartFile>> {
        // Never truncated by opening: another run may hold it.
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        file.set_len(keep)?;
        file.seek(SeekFrom::Start(keep))?;
        Ok(Box::new(file))
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        match fs::metadata(path)?.is_dir() {
            true => sync_folder(path),
            // Syncing through any handle syncs the file.
            false => OpenOptions::new().write(true).open(path)?.sync_all(),
        }
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        atomic::write(path, bytes)
    }
}

/// Windows has no such call: names are safe there with the files.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
