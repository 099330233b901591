//! `impasto tune`: one painting, its own network.

mod material;
mod preview;

pub use material::drawn;

use crate::console::{Console, duration};
use crate::failure::wrong_use;
use crate::styles::{is_style_file, name_of};
use crate::{interrupt, models};
use anyhow::{Context, Result};
use impasto::{Model, Provenance, Style};
use impasto_media::atomic;
use impasto_train::loss_network::LossNetwork;
use impasto_train::tune::{Go, Length, TuneConfig, TuneReport, Tuned, tune};
use preview::Preview;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two lines of progress where there is no terminal.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Give a painting a network of its own: a few minutes of training, then it paints as boldly as the painting
///
/// The any-style network is trained on for this one painting, on this machine; nothing is downloaded. What it has learned is kept in a .style
/// file of about 250 KB, which every command takes as it takes any style. It ends by itself when it learns nothing more. Ctrl-C keeps what is
/// there; --resume goes on, also after a crash.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto tune wave.jpg
  impasto tune wave.jpg --photos holiday/ --minutes 10 -o wave-bold.style
  impasto tune wave.jpg --photos walk.mp4 --preview wave.html
      learns on a film's frames; the page shows how it goes, and reloads itself
  impasto tune hokusai/ -o hokusai.style
      one network for a folder of works by one hand
  impasto stylize photo.jpg --style wave.style")]
pub struct Args {
    /// The painting; or several by one hand, or a folder of them.
    #[arg(value_name = "PAINTING", required = true)]
    paintings: Vec<PathBuf>,
    /// The file to write; without it, the (first) painting's name with the ending .style, in this folder.
    #[arg(short, long, value_name = "FILE.style")]
    output: Option<PathBuf>,
    /// Folder of photos like those that will be painted, a film, or a photo, which it learns on; may be said several times. Without any it
    /// learns on scenes that the program draws, which is good enough for a first look.
    #[arg(long, value_name = "FOLDER|FILM")]
    photos: Vec<PathBuf>,
    /// Minutes that it learns at most; it ends sooner once it gains nothing more on pictures that it does not learn from.
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
    /// Write a page that shows how it goes, and reloads itself while it does: the painting, three photos painted, the curve.
    #[arg(long, value_name = "FILE.html")]
    preview: Option<PathBuf>,
    /// Seconds between checkpoints, in a folder beside the output that is removed at the end: a crash loses no more.
    #[arg(long, value_name = "S", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=120))]
    save_every: u64,
    /// Go on with a run that was stopped, or that crashed.
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
    check_preview(args)?;
    let paintings = material::paintings(&args.paintings, console)?;
    let model = models::load(args.model.as_deref())?;
    let photos = material::photos(&args.photos, console)?;
    let config = config(args);
    let folder = output.with_extension("tune");
    let name = name_of(&output.display().to_string());
    let preview =
        args.preview.as_deref().map(|path| Preview::new(path, &name, &model, &paintings[0], &photos));
    let mut preview = preview.transpose()?;
    let whole = interrupt::hold();
    let mut show = Show::new(console);
    let (judge, place) = (LossNetwork::builtin(), (Some(folder.as_path()), args.resume));
    let tuned = tune(&model, &judge, &paintings, photos, &config, place, &mut |tuner, report| {
        let words = show.step(report);
        // A page that cannot be written is told, and does not end the run.
        if let Some(Err(why)) = preview.as_mut().map(|preview| preview.step(tuner, report, &words)) {
            console.note(format!("{why:#}"));
            preview = None;
        }
        if interrupt::asked() { Go::Stop } else { Go::On }
    })?;
    show.end();
    let (stopped, flat, steps) = (tuned.stopped, tuned.flat, tuned.steps);
    write(args, &model, &output, tuned)?;
    if stopped {
        console.note(format!("stopped after step {steps}; the same words with --resume go on"));
        console.result(output.display().to_string())?;
        interrupt::leave();
    }
    if flat {
        console.note(format!("ended after step {steps}: it gained nothing more"));
    }
    // The run's checkpoint is of no use any more.
    let _ = std::fs::remove_dir_all(&folder);
    drop(whole);
    console.result(output.display().to_string())
}

fn check_preview(args: &Args) -> Result<()> {
    let Some(path) = &args.preview else { return Ok(()) };
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if !["html", "htm"].contains(&ending.to_ascii_lowercase().as_str()) {
        let shown = path.with_extension("html");
        return Err(wrong_use(format!("the preview is a page; name a file such as {}", shown.display())));
    }
    Ok(())
}

fn output(args: &Args) -> Result<PathBuf> {
    let named = args.output.clone();
    let stem = args.paintings[0].file_stem().map_or_else(|| "tuned".into(), std::ffi::OsStr::to_os_string);
    let own = || PathBuf::from(stem).with_extension("style");
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
        checkpoint_secs: args.save_every,
        ..usual
    }
}

fn write(args: &Args, model: &Model, output: &Path, tuned: Tuned) -> Result<()> {
    let file = args.paintings[0].file_name().unwrap_or_default().to_string_lossy().into_owned();
    let source = args.source.clone().unwrap_or(file);
    let source = format!("{source} (tuned for {} steps, seed {})", tuned.steps, args.seed);
    let style = styled(model, &name_of(&output.display().to_string()), &source, tuned)?;
    atomic::write(output, &style.to_bytes()).with_context(|| {
        format!("cannot write {}; does its folder exist, and is there space?", output.display())
    })
}

/// The style of that name that was learned.
fn styled(model: &Model, name: &str, source: &str, tuned: Tuned) -> Result<Style> {
    let provenance = Provenance { name: name.into(), source: source.into() };
    Ok(Style::new(model, provenance, tuned.vector)?.tuned(model, tuned.update)?)
}

/// Progress, as a bar or as lines.
struct Show<'a> {
    console: &'a Console,
    /// When it began, and at which step.
    begun: Option<(Instant, u64)>,
    shown: Option<Instant>,
    /// The held-out figure.
    left: Option<f32>,
}

impl<'a> Show<'a> {
    fn new(console: &'a Console) -> Self {
        Self { console, begun: None, shown: None, left: None }
    }

    /// Shows how it stands, and gives the words.
    fn step(&mut self, report: &TuneReport) -> String {
        self.left = report.left.or(self.left);
        let due = self.shown.is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        let line = self.line(report);
        if self.console.is_live() {
            self.console.status(line.clone());
        } else if due || report.step == report.steps {
            self.console.note(line.clone());
            self.shown = Some(Instant::now());
        }
        line
    }

    fn line(&mut self, report: &TuneReport) -> String {
        let TuneReport { step, steps, losses, .. } = report;
        let (begun, first) = *self.begun.get_or_insert((Instant::now(), *step));
        let held_out =
            self.left.map_or(String::new(), |left| format!(", {:.0} % of the style left", 100.0 * left));
        let shown = format!("style {:.3}{held_out}", losses.style);
        if *steps == 0 {
            return format!("step {step}, {shown}");
        }
        if *step == first {
            return format!("step {step} of {steps}, {shown}");
        }
        let each = begun.elapsed().as_secs_f64() / (step - first) as f64;
        let left = duration(each * (steps - step) as f64);
        format!("step {step} of {steps}, {shown}, about {left} to go")
    }

    fn end(&self) {
        self.console.end_status();
    }
}

impl Drop for Show<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
