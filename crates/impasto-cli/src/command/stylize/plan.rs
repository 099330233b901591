//! From the words of `impasto stylize` to what they mean: which photos, in which looks, to which files.

use super::args::{Args, Compare, MaskWord};
use super::found::{self, Found, STDIN};
use super::naming;
use super::place;
use crate::args::StyleWord;
use crate::failure::wrong_use;
use crate::styles::{name_of, resolved, resolved_name};
use anyhow::Result;
use impasto_media::folder::Skipped;
use impasto_media::still::{OutputFormat, WriteOptions};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Everything that is to be done.
#[derive(Debug)]
pub struct Plan<'a> {
    /// What was typed, for the dials and the model.
    pub args: &'a Args,
    /// The mixes in which every photo is painted; an empty mix leaves the photo to its masks.
    pub looks: Vec<Vec<StyleWord>>,
    /// The looks' names.
    pub names: Vec<String>,
    /// The masks.
    pub masks: Vec<MaskWord>,
    /// The photos.
    pub jobs: Vec<Job>,
    /// What lies in the folders besides.
    pub skipped: Vec<Skipped>,
    /// Results of earlier runs among the photos, which are not painted again.
    pub earlier: Vec<PathBuf>,
    /// Results that are there already and stay (`--resume`).
    pub there: usize,
    /// How results are written.
    pub write: WriteOptions,
}

/// A photo, and its results.
#[derive(Debug, PartialEq)]
pub struct Job {
    /// The photo, or `-`.
    pub photo: PathBuf,
    /// Where its results go: the look's number, and the file.
    pub results: Vec<(usize, Output)>,
}

/// Where a result goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A file.
    File(PathBuf),
    /// Standard output, in the photo's format where that can be written.
    Stdout,
}

/// What `-o` means.
pub enum Target {
    /// Beside the photos.
    Beside,
    /// In a folder.
    Folder(PathBuf),
    /// To one file.
    File(PathBuf),
    /// To standard output.
    Stdout,
}

impl<'a> Plan<'a> {
    /// Looks at the words and the folders, and refuses what cannot be meant. No picture is read yet, and no model.
    pub fn from_args(args: &'a Args) -> Result<Self> {
        place::check_working_folder(args)?;
        let mut plan = Self::without_photos(args)?;
        let target = target(args, plan.names.len())?;
        let gathered = found::photos(args, &target, &plan.names)?;
        plan.jobs = jobs(&gathered.photos, &target, &plan.names);
        check_results(&plan.jobs, args, &plan.masks)?;
        plan.there = there_already(&mut plan.jobs, args)?;
        place::check_writable(plan.jobs.iter().flat_map(|job| &job.results))?;
        (plan.skipped, plan.earlier) = (gathered.skipped, gathered.earlier);
        Ok(plan)
    }

    /// Looks and masks, for photos that are not known yet.
    pub fn without_photos(args: &'a Args) -> Result<Self> {
        let (styles, masks) = (resolved(&args.styles)?, masks(args)?);
        if styles.is_empty() && masks.is_empty() {
            return Err(no_style(args));
        }
        let looks = looks(args, styles);
        let names: Vec<_> = looks.iter().map(|look| look_name(look, &masks)).collect();
        let write = WriteOptions { quality: args.quality, keep_metadata: args.keep_metadata };
        let (jobs, skipped, earlier) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { args, looks, names, masks, jobs, skipped, earlier, there: 0, write })
    }

    /// The jobs for the photos that lie in the plan's folder now and are not painted yet.
    pub fn open_jobs(&self, output: &Path) -> Result<Vec<Job>> {
        let folder = Target::Folder(output.into());
        let gathered = found::now(self.args, &folder, &self.names)?;
        let mut jobs = jobs(&gathered.photos, &folder, &self.names);
        there_already(&mut jobs, self.args)?;
        jobs.retain(|job| !job.results.is_empty());
        Ok(jobs)
    }
}

fn no_style(args: &Args) -> anyhow::Error {
    let photo = args.photos.first().map(|photo| photo.display().to_string()).unwrap_or_default();
    wrong_use(format!(
        "in which style? Say --style S: a built-in name, a picture or a .style file. `impasto try {photo}` shows the \
         photo in all built-in styles, `impasto styles list` names them"
    ))
}

fn masks(args: &Args) -> Result<Vec<MaskWord>> {
    let resolve =
        |mask: &MaskWord| Ok(MaskWord { file: mask.file.clone(), style: resolved_name(&mask.style)? });
    args.masks.iter().map(resolve).collect()
}

fn looks(args: &Args, styles: Vec<StyleWord>) -> Vec<Vec<StyleWord>> {
    match args.each && !styles.is_empty() {
        true => styles.into_iter().map(|style| vec![style]).collect(),
        false => vec![styles],
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
    let piped = args.photos.iter().filter(|photo| photo.as_path() == Path::new(STDIN)).count();
    if piped > 1 {
        return Err(wrong_use("standard input (-) holds one photo, and is named twice"));
    }
    let Some(output) = &args.output else {
        return if one && piped == 1 { stdout() } else { Ok(Target::Beside) };
    };
    if output == Path::new("-") && args.json {
        return Err(wrong_use("--json and -o - both write to standard output; name a file"));
    }
    if output == Path::new("-") {
        let more = "-o - is one picture on standard output, and there is more than one to paint; name a folder: -o painted/";
        return if one { stdout() } else { Err(wrong_use(more)) };
    }
    if output.is_dir() || ends_with_separator(output) || (output.extension().is_none() && !output.exists()) {
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
    Ok(Target::File(output.clone()))
}

fn stdout() -> Result<Target> {
    if std::io::stdout().is_terminal() {
        return Err(wrong_use(
            "a picture on a terminal is of no use; name a file with -o, or redirect the output",
        ));
    }
    Ok(Target::Stdout)
}

fn ends_with_separator(path: &Path) -> bool {
    path.to_string_lossy().ends_with(std::path::is_separator)
}

/// Photos times looks. Two photos whose names differ in their endings alone get results that differ too.
fn jobs(found: &[Found], target: &Target, names: &[String]) -> Vec<Job> {
    let mut count = HashMap::new();
    for photo in found {
        *count.entry(results(photo, target, names, false)).or_insert(0) += 1;
    }
    let job = |photo: &Found| {
        let short = results(photo, target, names, false);
        let results = if count[&short] > 1 { results(photo, target, names, true) } else { short };
        let output =
            |path: PathBuf| if path == Path::new(STDIN) { Output::Stdout } else { Output::File(path) };
        Job { photo: photo.photo.clone(), results: results.into_iter().map(output).enumerate().collect() }
    };
    found.iter().map(job).collect()
}

/// One path for each look; [`STDIN`] stands for standard output.
fn results(found: &Found, target: &Target, names: &[String], whole: bool) -> Vec<PathBuf> {
    let named = |photo: &Path| -> Vec<PathBuf> {
        names.iter().map(|name| naming::result_of(photo, name, whole)).collect()
    };
    match target {
        Target::File(file) => vec![file.clone()],
        Target::Stdout => vec![PathBuf::from(STDIN)],
        Target::Beside if found.photo == Path::new(STDIN) => named(&found.relative),
        Target::Beside => named(&found.photo),
        Target::Folder(folder) => named(&found.relative).into_iter().map(|name| folder.join(name)).collect(),
    }
}

/// Files that a result makes: itself, and what compares it with the photo.
pub fn files_of(result: &Path, compare: Option<Compare>) -> Vec<PathBuf> {
    let ending = |compare| match compare {
        Compare::Side => None,
        Compare::Slider => Some("html"),
    };
    let comparison = compare.map(|compare| naming::comparison_of(result, ending(compare)));
    [result.to_path_buf()].into_iter().chain(comparison).collect()
}

/// Refuses two results of one name, and a result that would replace a file that is read.
fn check_results(jobs: &[Job], args: &Args, masks: &[MaskWord]) -> Result<()> {
    let inputs = inputs(jobs, args, masks);
    let mut taken: HashMap<_, &Path> = HashMap::new();
    for job in jobs {
        for result in job.results.iter().filter_map(|(_, output)| output.file()) {
            let real = place::real(result);
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

impl Output {
    /// The file, if it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Output::File(path) => Some(path),
            Output::Stdout => None,
        }
    }
}

/// Refuses to replace what is there, or leaves out what need not be painted again; the count of these.
fn there_already(jobs: &mut [Job], args: &Args) -> Result<usize> {
    if args.force {
        return Ok(0);
    }
    let is_there = |output: &Output| {
        let files = output.file().map(|file| files_of(file, args.compare)).unwrap_or_default();
        // A pipe or a device is written to, and a link to nothing is no file yet.
        files.into_iter().find(|file| fs::metadata(file).is_ok_and(|meta| meta.is_file()))
    };
    let results = || jobs.iter().flat_map(|job| &job.results);
    let there: Vec<_> = results().filter_map(|(_, output)| is_there(output)).collect();
    let all = results().count();
    if args.resume {
        jobs.iter_mut().for_each(|job| job.results.retain(|(_, output)| is_there(output).is_none()));
        return Ok(there.len());
    }
    match there.as_slice() {
        [] => Ok(0),
        [only] if all == 1 => Err(wrong_use(format!(
            "{} is there already; --force replaces it, and -o names another",
            only.display()
        ))),
        [first, ..] => Err(wrong_use(format!(
            "{} of {all} results are there already ({}{}); --force replaces them, --resume paints only the others",
            there.len(),
            first.display(),
            if there.len() > 1 { ", …" } else { "" }
        ))),
    }
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
fn inputs(jobs: &[Job], args: &Args, masks: &[MaskWord]) -> HashSet<PathBuf> {
    let photos = jobs.iter().map(|job| job.photo.clone());
    let styles = args.styles.iter().map(|word| PathBuf::from(&word.what));
    let masks = masks.iter().flat_map(|mask| [mask.file.clone(), PathBuf::from(&mask.style)]);
    let model = args.model.model.iter().map(PathBuf::from);
    photos.chain(styles).chain(masks).chain(model).filter_map(|path| fs::canonicalize(path).ok()).collect()
}
