//! Names beside a result, and the lock that keeps a second run away from them.

use super::VideoError;
use crate::error::{Error, Result, name_of};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// Bytes that a name may have on all common file systems.
const MAX_NAME_BYTES: usize = 255;
/// Bytes that are kept free for what a journal is called while it is written.
const ROOM: usize = 24;

/// A hidden or open name in the folder of `target`: its own name between `before` and `after`, shortened where that is too long.
pub(crate) fn beside(target: &Path, before: &str, after: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default();
    let whole = before.len() + name.len() + after.len() + ROOM <= MAX_NAME_BYTES;
    let mut beside = OsString::from(before);
    match whole {
        true => beside.push(name),
        false => beside.push(shortened(&name.to_string_lossy(), before.len() + after.len() + ROOM)),
    }
    beside.push(after);
    target.with_file_name(beside)
}

/// The beginning of a name and a digest of all of it, so that names that begin alike stay apart.
fn shortened(name: &str, taken: usize) -> String {
    let digest = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut end = MAX_NAME_BYTES.saturating_sub(taken + 17).min(name.len());
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}-{digest:016x}", &name[..end])
}

/// Holds an unfinished output: as long as it lives, no other run writes there.
pub(crate) struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// Takes `part`, which is made if it is not there (a folder must be). `target` is for messages.
    pub fn take(part: &Path, target: &Path) -> Result<Self> {
        let folder = part.is_dir();
        if cfg!(windows) {
            // A lock there keeps this program's own second handle out as well.
            return Ok(Self { _file: None });
        }
        let opened = match folder {
            true => File::open(part),
            false => OpenOptions::new().read(true).write(true).create(true).truncate(false).open(part),
        };
        let file = match opened {
            Ok(file) => file,
            Err(e) => return Err(Error::write(part, e)),
        };
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                let why =
                    "another run is writing it; wait for that one, or name another result with -o".into();
                Err(VideoError::Unfit { name: name_of(target), why }.into())
            }
            // Some network file systems know no locks.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self { _file: Some(file) }),
        }
    }
}

/// Refuses a target whose folder is missing, or that cannot be called so.
pub(crate) fn check(target: &Path) -> Result<()> {
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::metadata(folder).map_err(|e| Error::write(target, e))?;
    let name = target.file_name().unwrap_or_default();
    if name.len() > MAX_NAME_BYTES {
        let why =
            format!("its name has {} bytes, and a file's name has at most {MAX_NAME_BYTES}", name.len());
        return Err(VideoError::Unfit { name: name_of(target), why }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    #[test]
    fn long_names_are_shortened_and_stay_apart() {
        let (a, b) = (format!("{}a.mp4", "é".repeat(120)), format!("{}b.mp4", "é".repeat(120)));
        let names = [&a, &b].map(|name| beside(Path::new(name), "", ".part-journal"));
        assert!(names[0] != names[1]);
        for name in names {
            assert!(name.as_os_str().len() + ROOM <= MAX_NAME_BYTES, "{name:?}");
        }
        assert_eq!(beside(Path::new("x/film.mp4"), ".", ".part"), Path::new("x/.film.mp4.part"));
    }

    #[cfg(unix)]
    #[test]
    fn a_second_run_is_refused() {
        let folder = Folder::new("place_lock");
        let (part, target) = (folder.join("a.mp4.part"), folder.join("a.mp4"));
        let first = Lock::take(&part, &target).unwrap();
        let refused = Lock::take(&part, &target).err().unwrap().to_string();
        assert!(refused.contains("a.mp4") && refused.contains("another run"), "{refused}");
        drop(first);
        Lock::take(&part, &target).unwrap();
    }
}
