//! Folders of pictures.

use std::collections::HashSet;
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

/// Endings of files that are taken for pictures.
const ENDINGS: [&str; 10] = ["jpg", "jpeg", "jpe", "jfif", "png", "webp", "tif", "tiff", "bmp", "gif"];

/// All pictures in `folder` and the folders in it, sorted by name with numbers in order (2 before 10).
///
/// A picture is a file with one of the usual endings; hidden files and folders are passed over, links are
/// followed once.
///
/// # Errors
/// When a folder cannot be read.
pub fn list_pictures(folder: &Path) -> Result<Vec<Listed>> {
    let mut found = Vec::new();
    walk(folder, Path::new(""), &mut HashSet::new(), &mut found)?;
    found.sort_by_cached_key(|listed| order(&listed.relative));
    Ok(found)
}

/// Whether the name ends as pictures do.
pub fn has_picture_ending(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    ending.is_some_and(|e| ENDINGS.contains(&e.as_str()))
}

fn walk(folder: &Path, relative: &Path, seen: &mut HashSet<PathBuf>, found: &mut Vec<Listed>) -> Result<()> {
    let fail = |e| Error::read(folder, e);
    if !seen.insert(fs::canonicalize(folder).map_err(fail)?) {
        return Ok(());
    }
    for entry in fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let (path, relative) = (entry.path(), relative.join(entry.file_name()));
        // A link that leads nowhere is no picture and no folder.
        let Ok(meta) = fs::metadata(&path) else { continue };
        if meta.is_dir() {
            walk(&path, &relative, seen, found)?;
        } else if has_picture_ending(&path) {
            found.push(Listed { path, relative });
        }
    }
    Ok(())
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
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = list_pictures(Path::new("no/such/folder")).unwrap_err().to_string();
        assert!(error.contains("no/such/folder"), "{error}");
    }
}
