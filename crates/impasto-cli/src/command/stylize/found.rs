//! The photos that are meant: those that were named, and those in the folders.

use super::args::Args;
use super::naming;
use super::plan::Target;
use crate::failure::wrong_use;
use anyhow::{Result, bail};
use impasto::builtin;
use impasto_media::folder::{self, Listed, Skipped};
use impasto_media::still::mark;
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The photo on standard input.
pub const STDIN: &str = "-";
/// Its name where one is needed.
const STDIN_NAME: &str = "stdin";

/// A photo that was found, and its place in the tree under an output folder.
pub struct Found {
    /// Where it is, or [`STDIN`].
    pub photo: PathBuf,
    /// Its name, with the folders below the one that was named.
    pub relative: PathBuf,
}

/// What is to be painted, and what is not.
#[derive(Default)]
pub struct Gathered {
    /// The photos, in order.
    pub photos: Vec<Found>,
    /// What else lies in the folders.
    pub skipped: Vec<Skipped>,
    /// Pictures in the folders that earlier runs painted.
    pub earlier: Vec<PathBuf>,
}

/// Finds the photos. A photo that is named is taken whatever it is; in folders, results of earlier runs are passed over.
pub fn photos(args: &Args, target: &Target, looks: &[String]) -> Result<Gathered> {
    let mut gathered = Gathered::default();
    for typed in &args.photos {
        if typed == Path::new(STDIN) {
            gathered.photos.push(Found { photo: typed.clone(), relative: STDIN_NAME.into() });
        } else if !typed.is_dir() {
            let relative = typed.file_name().map(PathBuf::from).unwrap_or_default();
            gathered.photos.push(Found { photo: typed.clone(), relative });
        } else {
            let Target::Folder(output) = target else {
                let shown = typed.display();
                return Err(wrong_use(format!("{shown} is a folder; say where its results go: -o FOLDER")));
            };
            take_folder(&mut gathered, typed, output, looks)?;
        }
    }
    Ok(gathered)
}

/// Photos that lie in the folders now, of which there may be none.
pub fn now(args: &Args, target: &Target, looks: &[String]) -> Result<Gathered> {
    let mut gathered = Gathered::default();
    if let Target::Folder(output) = target {
        args.photos.iter().try_for_each(|folder| sort_out(&mut gathered, folder, output, looks).map(drop))?;
    }
    Ok(gathered)
}

fn take_folder(gathered: &mut Gathered, folder: &Path, output: &Path, looks: &[String]) -> Result<()> {
    if sort_out(gathered, folder, output, looks)? == 0 {
        bail!(
            "there is no picture in {} (JPEG, PNG, WebP, TIFF, BMP, GIF, JPEG XL, AVIF, HEIC)",
            folder.display()
        );
    }
    if gathered.photos.is_empty() {
        bail!(
            "all pictures in {} were painted by earlier runs; name a photo to paint it again",
            folder.display()
        );
    }
    Ok(())
}

/// Sorts what lies in a folder; the count of pictures, painted or not.
fn sort_out(gathered: &mut Gathered, folder: &Path, output: &Path, looks: &[String]) -> Result<usize> {
    let folder::Listing { pictures, skipped } = folder::list(folder)?;
    let count = pictures.len();
    gathered.skipped.extend(skipped);
    let inside = inside(folder, output);
    let is_below =
        |picture: &Listed| inside.as_ref().is_some_and(|inside| picture.relative.starts_with(inside));
    let known = known_styles(looks);
    let photos: HashSet<PathBuf> = pictures.iter().map(|picture| without_ending(&picture.relative)).collect();
    let is_earlier =
        |p: &Listed| is_below(p) || is_named_so(&p.relative, &photos, &known) || has_mark(&p.path);
    let earlier: Vec<bool> = pictures.iter().map(is_earlier).collect();
    for (picture, earlier) in pictures.into_iter().zip(earlier) {
        match earlier {
            true => gathered.earlier.push(picture.path),
            false => gathered.photos.push(Found { photo: picture.path, relative: picture.relative }),
        }
    }
    Ok(count)
}

fn without_ending(path: &Path) -> PathBuf {
    path.with_file_name(path.file_stem().unwrap_or_default())
}

/// The output folder as seen from `folder`, if it lies in it.
fn inside(folder: &Path, output: &Path) -> Option<PathBuf> {
    let (folder, output) = (fs::canonicalize(folder).ok()?, fs::canonicalize(output).ok()?);
    let inside = output.strip_prefix(folder).ok()?;
    (!inside.as_os_str().is_empty()).then(|| inside.to_path_buf())
}

/// Names that results may end in: the built-in styles', and those of this run.
fn known_styles(looks: &[String]) -> Vec<String> {
    let built_in = builtin::names().into_iter().map(|style| style.name);
    built_in.chain(looks.iter().flat_map(|look| look.split('+').map(String::from))).collect()
}

/// Whether a picture is called like the result of another one beside it: `photos` are their names without endings.
fn is_named_so(name: &Path, photos: &HashSet<PathBuf>, styles: &[String]) -> bool {
    let stem = name.file_stem().unwrap_or_default().to_string_lossy();
    stem.match_indices('-').any(|(at, _)| {
        photos.contains(&name.with_file_name(&stem[..at])) && naming::is_mix_of(&stem[at + 1..], styles)
    })
}

/// Whether our mark stands near the beginning or the end of a file, where all formats have it.
fn has_mark(path: &Path) -> bool {
    const NEAR: u64 = 64 << 10;
    let look = || -> std::io::Result<bool> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut bytes = Vec::new();
        (&mut file).take(NEAR).read_to_end(&mut bytes)?;
        if length > NEAR {
            file.seek(SeekFrom::Start(length.saturating_sub(NEAR).max(NEAR)))?;
            file.take(NEAR).read_to_end(&mut bytes)?;
        }
        Ok(mark::is_in(&bytes))
    };
    look().unwrap_or(false)
}
