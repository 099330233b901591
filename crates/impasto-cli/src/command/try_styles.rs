//! `impasto try`: a photo in all styles, to choose from.

use super::demo::all_or;
use super::stylize::beside;
use crate::args::{BrushArgs, ModelArgs, StyleWord};
use crate::console::{Console, Progress};
use crate::failure::{words, wrong_use};
use crate::page::{self, Shown};
use crate::styles::resolved;
use crate::{interrupt, sheet, size};
use anyhow::{Context, Result, anyhow};
use impasto::{Dials, Image, Style, Stylizer};
use impasto_media::still::{self, OutputFormat, Still, WriteOptions};
use impasto_media::{atomic, resize};
use std::fs;
use std::path::{Path, PathBuf};

/// Show photos in all built-in styles, on a sheet and a page to choose from
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto try photo.jpg
      photo-try.png, one sheet with all styles and their names, and
      photo-try.html: open it in a browser, each picture has the command that
      paints it
  impasto try photo.jpg --style waves --style wave.jpg --style mosaic.style
      these styles only
  impasto try *.jpg -o choice/")]
pub struct Args {
    /// Photos; each gets its own sheet and page.
    #[arg(required = true, value_name = "PHOTO")]
    photos: Vec<PathBuf>,
    /// Use these styles (each by itself) instead of all built-in ones.
    #[arg(short, long = "style", value_name = "S")]
    styles: Vec<StyleWord>,
    /// The sheet (.png, .jpg), for one photo, or a folder; the page lies beside it. Without it, both lie beside the photo.
    #[arg(short, long, value_name = "FILE|FOLDER")]
    output: Option<PathBuf>,
    /// Shorter side of each picture of the sheet in px.
    #[arg(long, value_name = "N", default_value_t = 240, value_parser = clap::value_parser!(u16).range(16..=1080))]
    size: u16,
    /// Replace sheets and pages that are there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    brush: BrushArgs,
    #[command(flatten)]
    model: ModelArgs,
}

/// A photo, and where its sheet goes.
struct Job {
    photo: PathBuf,
    sheet: PathBuf,
}

impl Job {
    fn page(&self) -> PathBuf {
        self.sheet.with_extension("html")
    }
}

/// Paints the sheets; a photo that fails is told at the end.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let typed = resolved(&args.styles)?;
    let jobs = jobs(args)?;
    let stylizer = args.model.stylizer()?;
    let styles = all_or(&typed, &stylizer, args.brush.style_size)?;
    let mut progress = console.progress(jobs.len() * styles.len());
    let mut failed = Vec::new();
    for job in &jobs {
        match one(args, job, &stylizer, &styles, &mut progress) {
            Ok(()) => [job.sheet.clone(), job.page()]
                .iter()
                .try_for_each(|file| console.result(file.display().to_string()))?,
            Err(error) => failed.push(words(&error)),
        }
    }
    drop(progress);
    if failed.is_empty() { Ok(()) } else { Err(anyhow!("{}", failed.join("\n  "))) }
}

/// Where every sheet goes; nothing is replaced unless that is asked for.
fn jobs(args: &Args) -> Result<Vec<Job>> {
    let jobs: Vec<_> = args.photos.iter().map(|photo| job(args, photo)).collect::<Result<_>>()?;
    for (i, job) in jobs.iter().enumerate() {
        if jobs[..i].iter().any(|other| other.sheet == job.sheet) {
            let shown = job.sheet.display();
            return Err(wrong_use(format!(
                "two sheets would both be called {shown}; try these photos in two runs"
            )));
        }
        for file in [job.sheet.clone(), job.page()] {
            if file.exists() && !args.force {
                let shown = file.display();
                return Err(wrong_use(format!(
                    "{shown} is there already; --force replaces it, and -o names another"
                )));
            }
        }
    }
    Ok(jobs)
}

fn job(args: &Args, photo: &Path) -> Result<Job> {
    if photo.is_dir() {
        let shown = photo.display();
        return Err(wrong_use(format!("{shown} is a folder; name photos in it: impasto try {shown}/*.jpg")));
    }
    let own = beside(photo, "-try", "png");
    let sheet = match &args.output {
        None => own,
        Some(file) if args.photos.len() == 1 && file.extension().is_some() && !file.is_dir() => {
            OutputFormat::of(file).map_err(|e| wrong_use(e.to_string()))?;
            file.clone()
        }
        Some(folder) if folder.extension().is_none() || folder.is_dir() => {
            folder.join(own.file_name().unwrap_or_default())
        }
        Some(file) => {
            let shown = file.display();
            return Err(wrong_use(format!(
                "-o {shown} is one file, and there are several photos; name a folder"
            )));
        }
    };
    Ok(Job { photo: photo.into(), sheet })
}

fn one(args: &Args, job: &Job, stylizer: &Stylizer, styles: &[Style], progress: &mut Progress) -> Result<()> {
    let photo = still::read(&job.photo)?.image;
    let px = usize::from(args.size);
    size::check(&photo, px, "--size")?;
    let photo = resize::resize_shorter_side(&photo, px);
    let mut pictures = vec![Shown { image: photo.clone(), label: "the photo".into(), command: None }];
    for style in styles {
        let name = &style.provenance.name;
        progress.begin(name);
        let image = stylizer.paint(&photo, style, &Dials::default())?;
        let command = Some(command(args, &job.photo, name));
        pictures.push(Shown { image, label: name.clone(), command });
        progress.finish(&format!("{} in {name}", job.photo.display()));
    }
    write(job, pictures)
}

/// The command that paints the photo at its full size.
fn command(args: &Args, photo: &Path, name: &str) -> String {
    let is_called = |word: &&StyleWord| crate::styles::name_of(&word.what) == name;
    let style = args.styles.iter().find(is_called).map_or(name, |word| &word.what);
    let model = args.model.model.as_ref().map(|model| format!(" --model {}", quoted(model)));
    format!(
        "impasto stylize {} --style {}{}",
        quoted(&photo.display().to_string()),
        quoted(style),
        model.unwrap_or_default()
    )
}

/// As a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:+,".contains(c);
    if word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

fn write(job: &Job, pictures: Vec<Shown>) -> Result<()> {
    let title = format!("{} in {} styles", job.photo.display(), pictures.len() - 1);
    let page = page::sheet(&title, &pictures)?;
    let labelled: Vec<(Image, String)> =
        pictures.into_iter().map(|shown| (shown.image, shown.label)).collect();
    let sheet = Still::from_image(sheet::draw(&labelled));
    let _whole = interrupt::hold();
    if let Some(folder) = job.sheet.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    still::write(&job.sheet, &sheet, WriteOptions::default())?;
    let file = job.page();
    atomic::write(&file, page.as_bytes()).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_pasted() {
        assert_eq!(quoted("holiday/a.jpg"), "holiday/a.jpg");
        assert_eq!(quoted("my photo's.jpg"), "'my photo'\\''s.jpg'");
    }
}
