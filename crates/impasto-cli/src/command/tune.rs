//! `impasto tune`: one painting, its own network.

use crate::console::{Console, duration};
use crate::failure::wrong_use;
use crate::styles::{is_style_file, name_of};
use crate::{interrupt, models};
use anyhow::{Context, Result};
use impasto::{Image, Model, Provenance, Style, scene};
use impasto_media::{atomic, still};
use impasto_train::data::{Folder, Library};
use impasto_train::loss_network::LossNetwork;
use impasto_train::tune::{Length, TuneConfig, TuneReport, Tuned, tune};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Decoded photos are kept up to this many bytes.
const ROOM_BYTES: usize = 400 << 20;
/// Scenes that are drawn where no photos are given.
const DRAWN: usize = 16;
/// Between two lines of progress where there is no terminal.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Give a painting a network of its own: a few minutes of training, then it paints as boldly as the painting
///
/// The any-style network is trained on for this one painting, on this machine; nothing is downloaded. What it has learned is kept in a .style
/// file of about 250 KB, which every command takes as it takes any style. Ctrl-C keeps what is there; --resume goes on.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto tune wave.jpg
  impasto tune wave.jpg --photos holiday/ --minutes 10 -o wave-bold.style
  impasto stylize photo.jpg --style wave.style")]
pub struct Args {
    /// The painting.
    #[arg(value_name = "PAINTING")]
    painting: PathBuf,
    /// The file to write; without it, the painting's name with the ending .style, in this folder.
    #[arg(short, long, value_name = "FILE.style")]
    output: Option<PathBuf>,
    /// Folder of photos like those that will be painted, which it learns on; may be said several times. Without one it learns on scenes
    /// that the program draws, which is good enough for a first look.
    #[arg(long, value_name = "FOLDER")]
    photos: Vec<PathBuf>,
    /// How long it learns.
    #[arg(long, value_name = "N", default_value_t = 6.0, value_parser = minutes, allow_negative_numbers = true)]
    minutes: f32,
    /// Learn for so many steps, whatever time they take: the same on every machine of a kind.
    #[arg(long, value_name = "N", conflicts_with = "minutes", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    steps: Option<u64>,
    /// Shorter side in px at which the painting is looked at: the brush. Larger gives larger strokes.
    #[arg(long, value_name = "PX", default_value_t = 384, value_parser = clap::value_parser!(u16).range(64..=1024))]
    style_size: u16,
    /// Rank of what is kept of each layer's change: 16 makes a file of about 250 KB, 8 of half that; 0 keeps everything.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(0..=256))]
    rank: u16,
    /// Seed of everything random.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Painter, title, year and rights, kept in the file for people; without it, the painting's file name.
    #[arg(long, value_name = "WORDS")]
    source: Option<String>,
    /// Go on with a run that was stopped.
    #[arg(long)]
    resume: bool,
    /// The network to start from: `light`, or a model file. Without it: `light`.
    #[arg(long, value_name = "light|FILE")]
    model: Option<String>,
    /// Threads; 0 is one a core.
    #[arg(long, value_name = "N", default_value_t = 0)]
    threads: usize,
}

/// Minutes that a run may take.
fn minutes(word: &str) -> Result<f32, String> {
    match word.parse::<f32>() {
        Ok(value) if value > 0.0 && value <= 10_000.0 => Ok(value),
        _ => Err("a number of minutes above 0 is needed, such as 6 or 0.5".into()),
    }
}

/// Tunes.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let output = output(args)?;
    let painting = still::read(&args.painting)?.image;
    let model = models::load(args.model.as_deref())?;
    let photos = photos(&args.photos)?;
    let config = config(args);
    let folder = output.with_extension("tune");
    let whole = interrupt::hold();
    let mut show = Show::new(console);
    let tuned = tune(
        &model,
        &LossNetwork::builtin(),
        &painting,
        photos,
        &config,
        (Some(&folder), args.resume),
        &interrupt::asked,
        &mut |report| show.step(report),
    )?;
    drop(show);
    write(args, &model, &output, &tuned)?;
    if tuned.stopped {
        console.note(format!("stopped after step {}; the same words with --resume go on", tuned.steps));
        console.result(output.display().to_string())?;
        interrupt::leave();
    }
    // The run's checkpoint is of no use any more.
    let _ = std::fs::remove_dir_all(&folder);
    drop(whole);
    console.result(output.display().to_string())
}

fn output(args: &Args) -> Result<PathBuf> {
    let named = args.output.clone();
    let own = || PathBuf::from(args.painting.file_stem().unwrap_or_default()).with_extension("style");
    let output = named.unwrap_or_else(own);
    if !is_style_file(&output) {
        let shown = output.with_extension("style");
        return Err(wrong_use(format!("a style's file must end in .style, such as {}", shown.display())));
    }
    Ok(output)
}

fn config(args: &Args) -> TuneConfig {
    let usual = TuneConfig::default();
    TuneConfig {
        length: args.steps.map_or(Length::Seconds(60.0 * args.minutes), Length::Steps),
        seed: args.seed,
        rank: usize::from(args.rank),
        painting_px: usize::from(args.style_size),
        threads: if args.threads == 0 { usual.threads } else { args.threads },
        ..usual
    }
}

fn photos(folders: &[PathBuf]) -> Result<Library> {
    if folders.is_empty() {
        return Ok(Library::of_images(drawn()));
    }
    let folders: Vec<Folder> = folders.iter().cloned().map(Folder::from).collect();
    Ok(Library::open(&folders, "photos", ROOM_BYTES)?)
}

/// The demo scene at several times of its day and sizes.
fn drawn() -> Vec<Image> {
    let size = |i: usize| if i.is_multiple_of(2) { (640, 360) } else { (480, 480) };
    (0..DRAWN).map(|i| scene::draw(size(i).0, size(i).1, 3.7 * i as f32)).collect()
}

fn write(args: &Args, model: &Model, output: &Path, tuned: &Tuned) -> Result<()> {
    let file = args.painting.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = args.source.clone().unwrap_or(file);
    let source = format!("{source} (tuned for {} steps, seed {})", tuned.steps, args.seed);
    let provenance = Provenance { name: name_of(&output.display().to_string()), source };
    let style = Style::new(model, provenance, tuned.vector.clone())?.tuned(model, tuned.update.clone())?;
    atomic::write(output, &style.to_bytes()).with_context(|| {
        format!("cannot write {}; does its folder exist, and is there space?", output.display())
    })
}

/// Progress, as a bar or as lines.
struct Show<'a> {
    console: &'a Console,
    begun: Instant,
    shown: Option<Instant>,
}

impl<'a> Show<'a> {
    fn new(console: &'a Console) -> Self {
        Self { console, begun: Instant::now(), shown: None }
    }

    fn step(&mut self, report: &TuneReport) {
        let due = self.shown.is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        let line = self.line(report);
        if self.console.is_live() {
            self.console.status(line);
        } else if due || report.step == report.steps {
            self.console.note(line);
            self.shown = Some(Instant::now());
        }
    }

    fn line(&self, report: &TuneReport) -> String {
        let TuneReport { step, steps, losses } = report;
        let style = losses.style;
        if *steps == 0 {
            return format!("step {step}, style {style:.3}");
        }
        let each = self.begun.elapsed().as_secs_f64() / *step as f64;
        let left = duration(each * (steps - step) as f64);
        format!("step {step} of {steps}, style {style:.3}, about {left} left")
    }
}

impl Drop for Show<'_> {
    fn drop(&mut self) {
        self.console.end_status();
    }
}
