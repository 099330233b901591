//! `impasto watch`: paints what lands in a folder.

use super::stylize::{self, Job, Plan, Studio};
use crate::args::{BrushArgs, DialArgs, ModelArgs, StyleWord};
use crate::console::Console;
use crate::failure::{words, wrong_use};
use crate::preset::PresetArgs;
use anyhow::Result;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Paint every photo that lands in a folder, until Ctrl-C
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto watch inbox/ --style waves -o painted/
  impasto watch /srv/photos --each --style waves --style mosaic \\
      -o /srv/painted --every 5
      as a service: docs/stills.md has a file for systemd

A photo is painted once its file has not changed between two looks, so that
one that is still being copied is waited for. What has a result in OUT is
done: after a restart it is not painted again. A photo that cannot be painted
is reported, and tried again when its file changes.")]
pub struct Args {
    /// The folder; those in it are watched too.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Where the results go, with the same tree.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// A built-in name, a picture, or a .style file; several make one mix, by their weights.
    #[arg(short, long = "style", value_name = "S[:WEIGHT]", required = true)]
    styles: Vec<StyleWord>,
    /// Paint every style by itself instead of their mix.
    #[arg(long)]
    each: bool,
    /// Seconds between two looks at the folder.
    #[arg(long, value_name = "S", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=3600))]
    every: u16,
    /// Paint what is there, and end.
    #[arg(long)]
    once: bool,
    /// Quality of JPEG and WebP.
    #[arg(long, value_name = "1..100", default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100))]
    quality: u8,
    /// Keep the photo's metadata (camera, date, place); it is left out otherwise.
    #[arg(long)]
    keep_metadata: bool,
    /// Leave out the mark that says that a program with a trained network made the picture.
    #[arg(long)]
    no_mark: bool,
    #[command(flatten)]
    preset: PresetArgs,
    #[command(flatten)]
    dials: DialArgs,
    #[command(flatten)]
    brush: BrushArgs,
    #[command(flatten)]
    model: ModelArgs,
}

/// Length and time of change: what tells a file from what it was.
type Seen = (u64, Option<SystemTime>);

/// Watches until Ctrl-C, which ends the program once the picture being written is whole.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    if !args.folder.is_dir() {
        return Err(wrong_use(format!("{} is no folder; name one that is there", args.folder.display())));
    }
    let words = as_stylize(args);
    let plan = Plan::without_photos(&words)?;
    let studio = Studio::open(&plan)?;
    console.note(format!("watching {}; Ctrl-C ends it", args.folder.display()));
    let mut watch = Watch {
        output: &args.output,
        plan: &plan,
        studio: &studio,
        seen: HashMap::new(),
        failed: HashMap::new(),
    };
    loop {
        watch.look(args.once, console);
        if args.once {
            let failed = watch.failed.len();
            return if failed == 0 { Ok(()) } else { anyhow::bail!("{failed} photos could not be painted") };
        }
        std::thread::sleep(Duration::from_secs(args.every.into()));
    }
}

/// The words of `stylize` that mean the same: what is there already is not painted again.
fn as_stylize(args: &Args) -> stylize::Args {
    stylize::Args {
        photos: vec![args.folder.clone()],
        styles: args.styles.clone(),
        each: args.each,
        output: Some(args.output.clone()),
        masks: Vec::new(),
        dials: args.dials,
        brush: args.brush,
        model: args.model.clone(),
        quality: args.quality,
        keep_metadata: args.keep_metadata,
        no_mark: args.no_mark,
        force: false,
        resume: true,
        compare: None,
        finish: None,
        finish_like: Vec::new(),
        texture: false,
        json: false,
        passes: 1,
        preset: args.preset.clone(),
    }
}

struct Watch<'a> {
    output: &'a Path,
    plan: &'a Plan<'a>,
    studio: &'a Studio<'a>,
    /// Photos that are not painted, as they were at the last look.
    seen: HashMap<PathBuf, Seen>,
    /// Photos that failed, as they were then.
    failed: HashMap<PathBuf, Seen>,
}

impl Watch<'_> {
    /// Paints what has come to rest; with `all`, everything.
    fn look(&mut self, all: bool, console: &Console) {
        let jobs = match self.plan.open_jobs(self.output) {
            Ok(jobs) => jobs,
            Err(error) => return console.note(format!("{}; looking again", words(&error))),
        };
        let mut seen = HashMap::new();
        for job in jobs {
            let Some(now) = seen_now(&job.photo) else { continue };
            let at_rest = all || self.seen.get(&job.photo) == Some(&now);
            seen.insert(job.photo.clone(), now);
            if at_rest && self.failed.get(&job.photo) != Some(&now) {
                self.paint(&job, now, console);
            }
        }
        self.seen = seen;
    }

    fn paint(&mut self, job: &Job, now: Seen, console: &Console) {
        let mut progress = console.progress(job.results.len());
        match self.studio.photo(job, console, &mut progress) {
            Ok(()) => drop(self.failed.remove(&job.photo)),
            Err(error) => {
                drop(progress);
                eprintln!("error: {}", words(&error));
                self.failed.insert(job.photo.clone(), now);
            }
        }
    }
}

fn seen_now(path: &Path) -> Option<Seen> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.len(), meta.modified().ok()))
}
