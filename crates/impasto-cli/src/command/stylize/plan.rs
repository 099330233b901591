//! From the words of `impasto stylize` to what they mean: which photos, in which looks, to which files.

use super::args::{Args, MaskWord};
use super::naming;
use crate::args::StyleWord;
use crate::failure::wrong_use;
use crate::styles::{check_weights, name_of};
use anyhow::{Result, bail};
use impasto_media::folder::list_pictures;
use impasto_media::still::{OutputFormat, WriteOptions};
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// Everything that is to be done.
#[derive(Debug)]
pub struct Plan<'a> {
    /// What was typed, for the dials, the model and the masks.
    pub args: &'a Args,
    /// The mixes in which every photo is painted; an empty mix leaves the photo to its masks.
    pub looks: Vec<Vec<StyleWord>>,
    /// The photos.
    pub jobs: Vec<Job>,
    /// How results are written.
    pub write: WriteOptions,
}

/// A photo, and one result for each look.
#[derive(Debug, PartialEq)]
pub struct Job {
    /// The photo.
    pub photo: PathBuf,
    /// Where its results go, in the order of the looks.
    pub results: Vec<PathBuf>,
}

/// A photo that was found, and its place in the tree under an output folder.
struct Found {
    photo: PathBuf,
    relative: PathBuf,
}

/// What `-o` means.
enum Target {
    Beside,
    Folder(PathBuf),
    File(PathBuf),
}

impl<'a> Plan<'a> {
    /// Looks at the words and the folders, and refuses what cannot be meant. No picture is read yet.
    pub fn from_args(args: &'a Args) -> Result<Self> {
        check_weights(&args.styles)?;
        let looks = looks(args);
        let names: Vec<_> = looks.iter().map(|look| look_name(look, &args.masks)).collect();
        let target = target(args, names.len())?;
        let found = photos(args, &target)?;
        let job = |found: Found| Job { results: results(&found, &target, &names), photo: found.photo };
        let jobs: Vec<_> = found.into_iter().map(job).collect();
        check_results(&jobs, args)?;
        let write = WriteOptions { quality: args.quality, keep_metadata: args.keep_metadata };
        Ok(Self { args, looks, jobs, write })
    }
}

fn looks(args: &Args) -> Vec<Vec<StyleWord>> {
    match args.each && !args.styles.is_empty() {
        true => args.styles.iter().map(|style| vec![style.clone()]).collect(),
        false => vec![args.styles.clone()],
    }
}

/// The names of the styles in a look; those of the masks where it has none of its own.
fn look_name(look: &[StyleWord], masks: &[MaskWord]) -> String {
    let counts = look.iter().filter(|word| word.weight != Some(0.0)).map(|word| name_of(&word.what));
    let mut names: Vec<_> = counts.collect();
    if names.is_empty() {
        names = masks.iter().map(|mask| name_of(&mask.style)).collect();
    }
    names.join("+")
}

fn target(args: &Args, looks: usize) -> Result<Target> {
    let one = args.photos.len() == 1 && !args.photos[0].is_dir() && looks == 1;
    let Some(output) = &args.output else { return Ok(Target::Beside) };
    if output.is_dir() || ends_with_separator(output) || (output.extension().is_none() && !output.exists()) {
        check_parent(output)?;
        return Ok(Target::Folder(output.clone()));
    }
    if let Err(error) = OutputFormat::of(output) {
        return Err(wrong_use(format!("{error} (For a folder of that name, write a / at its end.)")));
    }
    if !one {
        let shown = output.display();
        return Err(wrong_use(format!(
            "-o {shown} is one file, and there is more than one picture to paint; name a folder: -o {}/",
            output.with_extension("").display()
        )));
    }
    check_parent(output)?;
    Ok(Target::File(output.clone()))
}

fn ends_with_separator(path: &Path) -> bool {
    path.to_string_lossy().ends_with(std::path::is_separator)
}

/// An output folder is made when it is needed, but not the folders above it: a slip of the pen would make many.
fn check_parent(output: &Path) -> Result<()> {
    match output.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) if !parent.is_dir() => {
            bail!(
                "cannot write to {}: there is no folder {}; make it first",
                output.display(),
                parent.display()
            )
        }
        _ => Ok(()),
    }
}

fn photos(args: &Args, target: &Target) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for typed in &args.photos {
        if !typed.is_dir() {
            let relative = typed.file_name().map(PathBuf::from).unwrap_or_default();
            found.push(Found { photo: typed.clone(), relative });
            continue;
        }
        let Target::Folder(output) = target else {
            let shown = typed.display();
            return Err(wrong_use(format!("{shown} is a folder; say where its results go: -o FOLDER")));
        };
        found.extend(photos_in(typed, output)?);
    }
    Ok(found)
}

/// The photos in a folder tree, without those in the output folder: these are the results of an earlier run.
fn photos_in(folder: &Path, output: &Path) -> Result<Vec<Found>> {
    let mut listed = list_pictures(folder)?;
    let (folder_real, output_real) = (fs::canonicalize(folder).ok(), fs::canonicalize(output).ok());
    if let (Some(folder), Some(output)) = (folder_real, output_real)
        && let Ok(inside) = output.strip_prefix(&folder)
        && !inside.as_os_str().is_empty()
    {
        listed.retain(|picture| !picture.relative.starts_with(inside));
    }
    if listed.is_empty() {
        bail!("there is no picture in {} (JPEG, PNG, WebP, TIFF, BMP, GIF)", folder.display());
    }
    Ok(listed.into_iter().map(|p| Found { photo: p.path, relative: p.relative }).collect())
}

fn results(found: &Found, target: &Target, names: &[String]) -> Vec<PathBuf> {
    match target {
        Target::File(file) => vec![file.clone()],
        Target::Beside => names.iter().map(|name| naming::result_of(&found.photo, name)).collect(),
        Target::Folder(folder) => {
            names.iter().map(|name| folder.join(naming::result_of(&found.relative, name))).collect()
        }
    }
}

/// Refuses two results of one name, and a result that would replace a file that is read.
fn check_results(jobs: &[Job], args: &Args) -> Result<()> {
    let inputs = inputs(jobs, args);
    let mut taken: HashMap<_, &Path> = HashMap::new();
    for job in jobs {
        for result in &job.results {
            let real = real(result);
            if inputs.contains(&real) {
                let shown = result.display();
                return Err(wrong_use(format!(
                    "{shown} is read and would be overwritten; name another with -o"
                )));
            }
            if let Some(other) = taken.insert(real, &job.photo) {
                return Err(twice(result, other, &job.photo));
            }
        }
    }
    Ok(())
}

fn twice(result: &Path, one: &Path, other: &Path) -> anyhow::Error {
    let (result, one, other) = (result.display(), one.display(), other.display());
    if one.to_string() == other.to_string() {
        return wrong_use(format!(
            "two results for {one} would both be called {result}: a photo or a style is named twice, or two styles \
             have one name; rename one of them"
        ));
    }
    wrong_use(format!(
        "{one} and {other} would both be painted to {result}; rename one, or paint them in two runs"
    ))
}

/// All files that are read: photos, paintings, style files, masks, the model.
fn inputs(jobs: &[Job], args: &Args) -> HashSet<PathBuf> {
    let photos = jobs.iter().map(|job| job.photo.clone());
    let styles = args.styles.iter().map(|word| PathBuf::from(&word.what));
    let masks = args.masks.iter().flat_map(|mask| [mask.file.clone(), PathBuf::from(&mask.style)]);
    let model = args.model.model.iter().map(PathBuf::from);
    photos.chain(styles).chain(masks).chain(model).filter_map(|path| fs::canonicalize(path).ok()).collect()
}

/// The path with its links followed as far as it exists, so that one file has one name.
fn real(path: &Path) -> PathBuf {
    if let Ok(real) = fs::canonicalize(path) {
        return real;
    }
    let name: OsString = path.file_name().unwrap_or_default().into();
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => real(Path::new(".")).join(name),
        Some(parent) => real(parent).join(name),
        None => path.into(),
    }
}
