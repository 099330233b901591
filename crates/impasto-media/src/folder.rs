//! Folders of pictures.

use std::collections::HashSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A picture in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Where it is.
    pub path: PathBuf,
    /// The same, seen from the folder that was asked for: keep it to keep the tree.
    pub relative: PathBuf,
}

/// Something in a folder that is no picture to paint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub path: PathBuf,
    /// Why it was passed over.
    pub why: Why,
}

/// Why something in a folder is passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its ending is none of a picture.
    Ending,
    /// A named pipe, a device or a socket: reading it could wait for ever.
    NoFile,
    /// A link to nothing, or to itself.
    DeadLink,
    /// A folder that cannot be read, in the system's words.
    Unreadable(String),
    /// A folder that was walked under another name (a link leads to it).
    SeenBefore,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Why::Ending => f.write_str("no picture by its ending"),
            Why::NoFile => f.write_str("a pipe, device or socket"),
            Why::DeadLink => f.write_str("a link that leads nowhere"),
            Why::Unreadable(cause) => write!(f, "it cannot be read: {cause}"),
            Why::SeenBefore => f.write_str("a link to a folder that is painted already"),
        }
    }
}

/// The contents of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// The pictures, sorted by name with numbers in order (2 before 10).
    pub pictures: Vec<Listed>,
    /// All else but hidden files, sorted likewise.
    pub skipped: Vec<Skipped>,
}

/// Endings of files that are taken for pictures.
const ENDINGS: [&str; 19] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "tif", "tiff", "bmp", "dib", "gif", "jxl", "avif",
    "heic", "heif", "hif", "heics", "avifs",
];

/// All pictures in `folder` and the folders in it, and what else is there.
///
/// A picture is a file with one of the usual endings. Hidden files and folders are passed over without a word; links
/// are followed, and a folder that several lead to is walked once. A folder further down that cannot be read is skipped.
///
/// # Errors
/// When `folder` itself cannot be read.
pub fn list(folder: &Path) -> Result<Listing> {
    let mut listing = Listing::default();
    let mut seen = HashSet::new();
    seen.insert(fs::canonicalize(folder).map_err(|e| Error::read(folder, e))?);
    let entries = fs::read_dir(folder).map_err(|e| Error::read(folder, e))?;
    walk(entries, Path::new(""), &mut seen, &mut listing);
    listing.pictures.sort_by_cached_key(|listed| order(&listed.relative));
    listing.skipped.sort_by_cached_key(|skipped| order(&skipped.path));
    Ok(listing)
}

/// The pictures of [`list`].
///
/// # Errors
/// When `folder` itself cannot be read.
pub fn list_pictures(folder: &Path) -> Result<Vec<Listed>> {
    Ok(list(folder)?.pictures)
}

/// Whether the name ends as pictures do.
pub fn has_picture_ending(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    ending.is_some_and(|e| ENDINGS.contains(&e.as_str()))
}

fn walk(entries: fs::ReadDir, relative: &Path, seen: &mut HashSet<PathBuf>, listing: &mut Listing) {
    // An entry that goes away while the folder is read was never there.
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let (path, relative) = (entry.path(), relative.join(entry.file_name()));
        match fs::metadata(&path) {
            Err(_) => skip(listing, path, Why::DeadLink),
            Ok(meta) if meta.is_dir() => enter(path, &relative, seen, listing),
            Ok(meta) if !meta.is_file() => skip(listing, path, Why::NoFile),
            Ok(_) if has_picture_ending(&path) => listing.pictures.push(Listed { path, relative }),
            Ok(_) => skip(listing, path, Why::Ending),
        }
    }
}

fn enter(path: PathBuf, relative: &Path, seen: &mut HashSet<PathBuf>, listing: &mut Listing) {
    match fs::canonicalize(&path).and_then(|real| Ok((real, fs::read_dir(&path)?))) {
        Err(cause) => skip(listing, path, Why::Unreadable(cause.to_string())),
        Ok((real, _)) if seen.contains(&real) => skip(listing, path, Why::SeenBefore),
        Ok((real, entries)) => {
            seen.insert(real);
            walk(entries, relative, seen, listing);
        }
    }
}

fn skip(listing: &mut Listing, path: PathBuf, why: Why) {
    listing.skipped.push(Skipped { path, why });
}

/// A key that sorts by folder, then by text and numbers in turn.
fn order(path: &Path) -> Vec<Vec<Piece>> {
    path.components().map(|c| pieces(&c.as_os_str().to_string_lossy())).collect()
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Piece {
    /// Digits without leading zeros, longest first where lengths differ, then as written.
    Number(usize, String, String),
    Text(String),
}

fn pieces(name: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        let plain = piece.trim_start_matches('0');
        pieces.push(match digits {
            true => Piece::Number(plain.len(), plain.into(), piece.into()),
            false => Piece::Text(piece.into()),
        });
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Folder;

    fn relatives(folder: &Folder) -> Vec<String> {
        let listed = list_pictures(folder.path()).unwrap();
        listed.into_iter().map(|l| l.relative.to_string_lossy().replace('\\', "/")).collect()
    }

    #[test]
    fn the_tree_is_kept_and_sorted_by_number() {
        let folder = Folder::new("folder_tree");
        fs::create_dir_all(folder.join("sub/deep")).unwrap();
        fs::create_dir_all(folder.join(".hidden")).unwrap();
        for name in
            ["b10.JPG", "b2.png", "b002.gif", "a.txt", "sub/z.webp", "sub/deep/y.tiff", ".hidden/x.png"]
        {
            fs::write(folder.join(name), b"").unwrap();
        }
        assert_eq!(relatives(&folder), ["b002.gif", "b2.png", "b10.JPG", "sub/deep/y.tiff", "sub/z.webp"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_circle_of_links_ends() {
        let folder = Folder::new("folder_circle");
        fs::create_dir(folder.join("sub")).unwrap();
        fs::write(folder.join("sub/a.png"), b"").unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.join("sub/up")).unwrap();
        std::os::unix::fs::symlink(folder.join("gone"), folder.join("dangling.png")).unwrap();
        assert_eq!(relatives(&folder), ["sub/a.png"]);
        let skipped = list(folder.path()).unwrap().skipped;
        let whys: Vec<_> = skipped.into_iter().map(|s| s.why).collect();
        assert_eq!(whys, [Why::DeadLink, Why::SeenBefore]);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_and_a_link_to_itself_are_passed_over() {
        let folder = Folder::new("folder_pipe");
        fs::write(folder.join("a.png"), b"").unwrap();
        fs::write(folder.join("notes.txt"), b"").unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.join("b.png")).status();
        std::os::unix::fs::symlink(folder.join("loop.png"), folder.join("loop.png")).unwrap();
        let listing = list(folder.path()).unwrap();
        assert_eq!(listing.pictures.len(), 1);
        let whys: Vec<_> = listing.skipped.into_iter().map(|s| s.why).collect();
        match made.is_ok_and(|status| status.success()) {
            true => assert_eq!(whys, [Why::NoFile, Why::DeadLink, Why::Ending]),
            false => println!("skipped: mkfifo is missing"),
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_cannot_be_read_does_not_stop_the_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = Folder::new("folder_closed");
        fs::create_dir(folder.join("closed")).unwrap();
        fs::write(folder.join("a.png"), b"").unwrap();
        fs::set_permissions(folder.join("closed"), fs::Permissions::from_mode(0o000)).unwrap();
        let open_to_us = fs::read_dir(folder.join("closed")).is_ok();
        let listing = list(folder.path());
        fs::set_permissions(folder.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
        let listing = listing.unwrap();
        assert_eq!(listing.pictures.len(), 1);
        match open_to_us {
            true => println!("skipped: this user may read every folder"),
            false => assert!(matches!(listing.skipped[0].why, Why::Unreadable(_)), "{:?}", listing.skipped),
        }
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = list_pictures(Path::new("no/such/folder")).unwrap_err().to_string();
        assert!(error.contains("no/such/folder"), "{error}");
    }
}
