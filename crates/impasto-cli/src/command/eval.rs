//! `impasto eval`: how good networks are, in figures and sheets.

use crate::args::EngineName;
use crate::console::Console;
use crate::size::Size;
use crate::{interrupt, models};
use anyhow::Result;
use impasto::{EngineChoice, EngineSetup};
use impasto_eval::{Entrant, EvalConfig, Progress, Round, Stage, baseline, evaluate, markdown};
use impasto_import::import_vgg;
use std::path::{Path, PathBuf};

/// Judge networks by figures and contact sheets
///
/// Every model paints the same pairs of photos and paintings; docs/quality.md says what the figures mean.
/// The same command gives the same figures (but for time and memory).
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto eval --model classic --contents photos/ --styles paintings/ \\
      --vgg vgg_normalised.pth -o report/
  impasto eval --model light --model mine.safetensors --round 256x20 \\
      --contents photos/ --styles paintings/ --vgg vgg_normalised.pth \\
      --json")]
pub struct Args {
    /// Models to judge: `light`, `classic`, or files. Without it: the one that paints by default.
    #[arg(long = "model", value_name = "M")]
    models: Vec<String>,
    /// Folder of photos.
    #[arg(long, value_name = "DIR")]
    contents: PathBuf,
    /// Folder of paintings.
    #[arg(long, value_name = "DIR")]
    styles: PathBuf,
    /// The normalised VGG-19 that judges, .pth or .safetensors.
    #[arg(long, value_name = "FILE")]
    vgg: PathBuf,
    /// Folder of other people's networks to judge beside ours.
    #[arg(long, value_name = "DIR")]
    baselines: Option<PathBuf>,
    /// Side of the pictures in px, and number of pairs.
    #[arg(long = "round", value_name = "PXxPAIRS", default_values = ["256x100", "512x25"])]
    rounds: Vec<Size>,
    /// Folder for report.json, report.md and the contact sheets.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// What computes. Without it: the fastest that this machine can run.
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
}

/// Judges.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let vgg = import_vgg(&args.vgg, None)?.weights;
    let mut entrants =
        args.baselines.as_deref().map_or(Ok(Vec::new()), |dir| baseline::found_in(dir, &vgg))?;
    entrants.extend(own(args)?);
    let round = |size: &Size| Round { size_px: size.width, pairs: size.height };
    let mut config = EvalConfig::new(&args.contents, &args.styles);
    config.rounds = args.rounds.iter().map(round).collect();
    if args.output.is_none() {
        config.sheets = None;
    }
    let choice = args.engine.map_or(EngineChoice::Cpu, EngineChoice::from);
    let engine = EngineSetup { choice, ..Default::default() }.strict()?;
    let outcome = evaluate(&config, &entrants, &vgg, engine.as_ref(), &mut stages(console))?;
    if let Some(folder) = &args.output {
        let _whole = interrupt::hold();
        let words: Vec<String> = std::env::args().skip(1).map(|word| without_machine(&word)).collect();
        outcome.save(folder, &format!("impasto {}", words.join(" ")))?;
        console.note(format!("report and sheets are in {}", folder.display()));
    }
    match args.json {
        true => console.result(outcome.report.to_json()),
        false => console.result(markdown::figures(&outcome.report)),
    }
}

/// A word as it may stand in a report: of a whole path, which says how this machine is arranged, the last name.
fn without_machine(word: &str) -> String {
    let path = Path::new(word);
    match path.file_name() {
        Some(name) if path.is_absolute() => name.to_string_lossy().into_owned(),
        _ => word.into(),
    }
}

/// The models named, under the names typed.
fn own(args: &Args) -> Result<Vec<Entrant>> {
    let load = |word: Option<&str>| models::load(word).map(|model| (*model).clone());
    if args.models.is_empty() {
        return Ok(vec![Entrant::from(load(None)?)]);
    }
    let named = |word: &String| {
        let name = crate::styles::name_of(word);
        Ok(Entrant { name, model: load(Some(word))? })
    };
    args.models.iter().map(named).collect()
}

/// Tells each stage as it begins.
fn stages(console: &Console) -> impl FnMut(&Progress) {
    let mut last: Option<(String, usize, Stage)> = None;
    move |progress| {
        let now = (progress.model.to_string(), progress.size_px, progress.stage);
        if last.as_ref() != Some(&now) {
            let Progress { model, size_px, stage, total, .. } = progress;
            console.note(format!("{size_px} px {model} {} ({total})", format!("{stage:?}").to_lowercase()));
            last = Some(now);
        }
    }
}
