//! Files that appear whole or not at all: written beside their place, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// An output file that takes its name only when [`commit`](AtomicFile::commit) is called.
///
/// Until then its bytes lie beside it as `.NAME.PID-N.tmp` (of a long name, its beginning); dropping it removes them. It
/// has the mode and owner of the file it replaces. A target that is no regular file (a pipe, a device) is written directly.
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
        let target = end_of_links(target)?;
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
        let name = beginning(&name, MOST_NAME_BYTES);
        loop {
            let n = COUNT.fetch_add(1, Ordering::Relaxed);
            let beside = target.with_file_name(format!(".{name}.{}-{n}.tmp", std::process::id()));
            match OpenOptions::new().read(true).write(true).create_new(true).open(&beside) {
                Ok(file) => {
                    take_after(&file, &target);
                    return Ok(AtomicFile { file: Some(file), target, beside: Some(beside) });
                }
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
    pub fn commit(self) -> io::Result<()> {
        self.finish(|beside, target| fs::rename(beside, target))
    }

    /// The same, but never in place of a file that is there.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), and when something has the name by now.
    pub fn commit_new(self) -> io::Result<()> {
        self.finish(|beside, target| match fs::hard_link(beside, target) {
            Ok(()) => fs::remove_file(beside),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
            // A file system without hard links: nearly as good.
            Err(_) if fs::symlink_metadata(target).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(beside, target),
        })
    }

    fn finish(mut self, name: impl FnOnce(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
        let file = self.file.take().expect("the file is open until commit");
        let Some(beside) = &self.beside else { return Ok(()) };
        // Some file systems report a full disk only here.
        file.sync_all()?;
        drop(file);
        name(beside, &self.target)?;
        self.beside = None;
        sync_parent(&self.target)
    }
}

/// Makes the names in a file's folder outlive a power cut, where the system lets folders be synced.
///
/// # Errors
/// When the disk fails.
#[cfg(unix)]
pub fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    match File::open(parent.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all()) {
        // A folder that may be written but not read, and file systems that sync no folders.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied || e.kind() == io::ErrorKind::InvalidInput => {
            Ok(())
        }
        outcome => outcome,
    }
}

/// Other systems sync names by themselves.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn sync_parent(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The longest part of a target's name in the name of the file beside it: file systems allow 255 bytes or 143.
const MOST_NAME_BYTES: usize = 100;

/// The first characters of a name, in at most so many bytes.
fn beginning(name: &str, most: usize) -> &str {
    let end = (0..=most.min(name.len())).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
    &name[..end]
}

/// The path that links lead to, even where nothing lies there yet.
fn end_of_links(target: &Path) -> io::Result<PathBuf> {
    let mut path = target.to_path_buf();
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(next) => path = path.parent().unwrap_or(Path::new("")).join(next),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "its links lead in a circle"))
}

/// Gives `file` the mode and owner of the file that it will replace, as far as we may.
#[cfg(unix)]
fn take_after(file: &File, target: &Path) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let Ok(old) = fs::metadata(target) else { return };
    let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    let _ = file.set_permissions(old.permissions());
}

#[cfg(not(unix))]
fn take_after(_: &File, _: &Path) {}

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

/// The same, but never in place of a file that is there.
///
/// # Errors
/// As [`AtomicFile::create`] and [`AtomicFile::commit_new`].
pub fn write_new(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(target)?;
    file.write_all(bytes)?;
    file.commit_new()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fresh folder that goes away with its test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("impasto-core-{}-{name}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }

        fn path(&self) -> &Path {
            &self.0
        }

        fn join(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

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

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_stays_a_link_and_a_circle_is_an_error() {
        let folder = Folder::new("atomic_dead_link");
        std::os::unix::fs::symlink("real.txt", folder.join("link.txt")).unwrap();
        write(&folder.join("link.txt"), b"new").unwrap();
        assert!(fs::symlink_metadata(folder.join("link.txt")).unwrap().is_symlink());
        assert_eq!(fs::read(folder.join("real.txt")).unwrap(), b"new");
        std::os::unix::fs::symlink("round", folder.join("round")).unwrap();
        assert!(write(&folder.join("round"), b"x").is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_mode_of_the_replaced_file_is_kept() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::new("atomic_mode");
        let path = folder.join("a.txt");
        write(&path, b"old").unwrap();
        for mode in [0o600, 0o664, 0o440] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            write(&path, b"new").unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
    }

    #[test]
    fn the_longest_names_can_be_written() {
        let folder = Folder::new("atomic_long");
        for name in ["a".repeat(255), "\u{e9}".repeat(127)] {
            write(&folder.join(&name), b"x").unwrap();
            assert_eq!(fs::read(folder.join(&name)).unwrap(), b"x");
        }
    }

    #[test]
    fn a_new_file_replaces_none() {
        let folder = Folder::new("atomic_new");
        let path = folder.join("a.txt");
        write_new(&path, b"one").unwrap();
        assert_eq!(write_new(&path, b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(names(folder.path()), ["a.txt"], "nothing is left beside");
    }
}
