//! Files that appear whole or not at all: written beside their place, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// An output file that takes its name only when [`commit`](AtomicFile::commit) is called.
///
/// Until then its bytes lie beside it as `.NAME.PID-N.tmp`; dropping it removes them. A target that
/// is no regular file (a pipe, a device) is written directly.
#[derive(Debug)]
pub struct AtomicFile {
    file: Option<File>,
    target: PathBuf,
    /// `None` when the target is written directly or when the work is done.
    beside: Option<PathBuf>,
}

impl AtomicFile {
    /// Opens a fresh file beside `target`. A symbolic link is followed, so that the link stays a link.
    ///
    /// # Errors
    /// When `target` is a folder, or its folder does not exist or cannot be written.
    pub fn create(target: &Path) -> io::Result<Self> {
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_path_buf());
        match fs::metadata(&target) {
            Ok(meta) if meta.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(meta) if !meta.is_file() => {
                let file = OpenOptions::new().write(true).open(&target)?;
                Ok(AtomicFile { file: Some(file), target, beside: None })
            }
            _ => Self::create_beside(target),
        }
    }

    fn create_beside(target: PathBuf) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = target.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_string_lossy().into_owned();
        loop {
            let n = COUNT.fetch_add(1, Ordering::Relaxed);
            let beside = target.with_file_name(format!(".{name}.{}-{n}.tmp", std::process::id()));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&beside) {
                Ok(file) => return Ok(AtomicFile { file: Some(file), target, beside: Some(beside) }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => return Err(e),
            }
        }
    }

    /// The open file, for writers that seek.
    pub fn file(&mut self) -> &mut File {
        self.file.as_mut().expect("the file is open until commit")
    }

    /// Flushes the bytes to the disk and gives the file its name, replacing what had it.
    ///
    /// # Errors
    /// When the disk is full or the name cannot be taken; then nothing is left behind.
    pub fn commit(mut self) -> io::Result<()> {
        let file = self.file.take().expect("the file is open until commit");
        let Some(beside) = &self.beside else { return Ok(()) };
        // Some file systems report a full disk only here.
        file.sync_all()?;
        drop(file);
        fs::rename(beside, &self.target)?;
        self.beside = None;
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        self.file = None;
        if let Some(beside) = &self.beside {
            // Nothing can be done about a failure here, and the first error is already on its way.
            let _ = fs::remove_file(beside);
        }
    }
}

/// Writes `bytes` to `target`, whole or not at all.
///
/// # Errors
/// As [`AtomicFile::create`] and [`AtomicFile::commit`].
pub fn write(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(target)?;
    file.write_all(bytes)?;
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_whole_and_leaves_nothing_beside() {
        let folder = Folder::new("atomic_whole");
        let path = folder.join("a.txt");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_dropped_file_keeps_the_old_one() {
        let folder = Folder::new("atomic_drop");
        let path = folder.join("a.txt");
        write(&path, b"old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half of the n").unwrap();
        assert_eq!(names(folder.path()).len(), 2, "the new bytes lie beside");
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_folder_or_a_missing_folder_is_an_error() {
        let folder = Folder::new("atomic_bad");
        assert_eq!(write(folder.path(), b"x").unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(write(&folder.join("no/a.txt"), b"x").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(names(folder.path()).is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_written_directly_and_a_full_one_is_an_error() {
        write(Path::new("/dev/null"), b"gone").unwrap();
        assert!(Path::new("/dev/null").exists());
        let full = write(Path::new("/dev/full"), b"x").unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = Folder::new("atomic_link");
        let (real, link) = (folder.join("real.txt"), folder.join("link.txt"));
        write(&real, b"old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&real).unwrap(), b"new");
    }
}
