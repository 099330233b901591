//! Places that results go to, looked at before anything is painted.

use super::args::Args;
use super::plan::Output;
use crate::failure::wrong_use;
use anyhow::{Result, bail};
use impasto_media::atomic::AtomicFile;
use std::collections::HashSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Refuses to work in a folder that was deleted: a name without a folder then leads nowhere.
pub fn check_working_folder(args: &Args) -> Result<()> {
    let needs_it = |path: &PathBuf| path.is_relative() && path.as_path() != Path::new("-");
    let relative = args.photos.iter().chain(&args.output).any(needs_it);
    if relative && env::current_dir().and_then(fs::canonicalize).is_err() {
        return Err(wrong_use(
            "the working folder is gone (deleted or renamed); change to one that is there, or give whole paths",
        ));
    }
    Ok(())
}

/// Refuses a place where no file can be made: the nearest folder that exists is tried. The rest is made when it is needed.
pub fn check_writable<'a>(results: impl Iterator<Item = &'a (usize, Output)>) -> Result<()> {
    let mut tried = HashSet::new();
    for result in results.filter_map(|(_, output)| output.file()) {
        let folder = result.parent().unwrap_or(Path::new(""));
        if !tried.insert(folder.to_path_buf()) {
            continue;
        }
        let nearest = nearest(folder);
        let shown = result.display();
        if !nearest.is_dir() {
            bail!("cannot write to {shown}: {} is no folder; name another place with -o", nearest.display());
        }
        // A device or a pipe is written as it is.
        if fs::metadata(result).is_ok_and(|meta| !meta.is_file()) {
            continue;
        }
        if let Err(cause) = AtomicFile::create(&nearest.join("impasto-tries-to-write")) {
            bail!(
                "cannot write to {shown}: {}: {cause}; name a folder that you may write to",
                nearest.display()
            );
        }
    }
    Ok(())
}

/// The folder itself or the nearest one above it that is there.
fn nearest(folder: &Path) -> PathBuf {
    let there = |path: &&Path| path.as_os_str().is_empty() || fs::symlink_metadata(path).is_ok();
    match folder.ancestors().find(there) {
        Some(path) if !path.as_os_str().is_empty() => path.into(),
        _ => PathBuf::from("."),
    }
}

/// The path with its links followed as far as it exists, so that one file has one name.
pub fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    for above in path.ancestors() {
        if let Ok(real) = fs::canonicalize(above) {
            let rest = path.strip_prefix(above).expect("an ancestor is a prefix");
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_has_one_name_whether_it_is_there_or_not() {
        let here = fs::canonicalize(".").unwrap();
        assert_eq!(real(Path::new("no/such.png")), here.join("no/such.png"));
        assert_eq!(real(Path::new("./src")), here.join("src"));
        assert_eq!(real(Path::new("")), PathBuf::from(""), "nothing stays nothing");
    }

    #[test]
    fn the_nearest_folder_is_found() {
        assert_eq!(nearest(Path::new("src/no/such")), Path::new("src"));
        assert_eq!(nearest(Path::new("no/such")), Path::new("."));
        assert_eq!(nearest(Path::new("")), Path::new("."));
    }
}
