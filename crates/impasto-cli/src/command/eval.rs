//! `impasto eval`: how good networks are, in figures and sheets.

mod clips;
mod limit;

use crate::args::{EngineName, unit};
use crate::console::Console;
use crate::failure::wrong_use;
use crate::{interrupt, models};
use anyhow::{Context, Result};
use clips::Clips;
use impasto::{EngineChoice, EngineSetup};
use impasto_eval::{
    Candidate, EvalConfig, Limit, Progress, Round, Stage, baseline, evaluate, markdown, shown_size, tuned,
};
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
      --json
  A tuned style against the same network untuned, on stills and films:
  impasto eval --style-file wave.style --styles wave.jpg --round 512x14 \\
      --contents photos/ --clips films/ --vgg vgg_normalised.pth")]
pub struct Args {
    /// Models to judge: `light`, `classic`, or files. Without it: the one that paints by default.
    #[arg(long = "model", value_name = "M")]
    models: Vec<String>,
    /// A tuned style to judge as a model of its own, beside its model untuned; --styles then names its painting. May be said several times.
    #[arg(long = "style-file", value_name = "FILE.style")]
    style_files: Vec<PathBuf>,
    /// Folder of photos.
    #[arg(long, value_name = "DIR")]
    contents: PathBuf,
    /// Folder of paintings, or one painting.
    #[arg(long, value_name = "DIR|FILE")]
    styles: PathBuf,
    /// Folder of short films, or of folders of frames, whose steadiness is measured too, at 360 px in up to 3 of the paintings.
    #[arg(long, value_name = "DIR")]
    clips: Option<PathBuf>,
    /// Frames of each film.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(3..=1000), requires = "clips")]
    frames: u16,
    /// Positions of the video command's dial at which films are painted; may be said several times.
    #[arg(long, value_name = "0..1", default_values = ["0", "0.6"], value_parser = unit, requires = "clips")]
    steady: Vec<f32>,
    /// The normalised VGG-19 that judges, .pth or .safetensors.
    #[arg(long, value_name = "FILE")]
    vgg: PathBuf,
    /// Folder of other people's networks to judge beside ours.
    #[arg(long, value_name = "DIR")]
    baselines: Option<PathBuf>,
    /// Side of square photos, or width and height, in px, and number of pairs.
    #[arg(long = "round", value_name = "PXxPAIRS|WxHxPAIRS", default_values = ["256x100", "512x25", "768x432x8", "1280x720x4"], value_parser = round)]
    rounds: Vec<Round>,
    /// Pairs of the first size whose picture is optimised by 200 gradient steps, the limit for networks; a minute or so each at 256 px.
    #[arg(long, value_name = "PAIRS", default_value_t = 0)]
    optimised: usize,
    /// Folder for report.json, report.md and the contact sheets.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The engine that computes. Without it: the CPU.
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
}

/// Longest side of a photo, px.
const MAX_SIDE_PX: usize = 4096;

/// A round as typed.
fn round(word: &str) -> Result<Round, String> {
    let numbers: Option<Vec<usize>> = word.split('x').map(|number| number.parse().ok()).collect();
    let round = match numbers.as_deref() {
        Some(&[side, pairs]) => Round::square(side, pairs),
        Some(&[width, height, pairs]) => Round { width, height, pairs },
        Some(_) | None => {
            return Err("PXxPAIRS or WIDTHxHEIGHTxPAIRS is needed, such as 512x25 or 768x432x8".into());
        }
    };
    let most = round.width.max(round.height);
    if most > MAX_SIDE_PX {
        return Err(format!("photos of {most} px are too large to judge; the limit is {MAX_SIDE_PX} px"));
    }
    Ok(round)
}

/// Judges.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let vgg = import_vgg(&args.vgg, None)?.weights;
    let mut candidates =
        args.baselines.as_deref().map_or(Ok(Vec::new()), |dir| baseline::found_in(dir, &vgg))?;
    candidates.extend(own(args)?);
    let mut config = EvalConfig::new(&args.contents, &args.styles);
    config.rounds = args.rounds.clone();
    if args.output.is_none() {
        config.sheets = None;
    }
    let choice = args.engine.map_or(EngineChoice::Cpu, EngineChoice::from);
    let engine = EngineSetup { choice, ..Default::default() }.strict()?;
    let mut paint = (args.optimised > 0).then(|| limit::painter(&vgg)).transpose()?;
    let limit = paint.as_mut().map(|paint| Limit { name: limit::NAME.into(), pairs: args.optimised, paint });
    let films = (usize::from(args.frames), args.steady.as_slice());
    let open = |folder: &PathBuf| Clips::open(folder, &args.styles, films, choice);
    let clips = args.clips.as_ref().map(open).transpose()?;
    let mut outcome = evaluate(&config, &candidates, &vgg, engine.as_ref(), limit, &mut stages(console))?;
    if let Some(clips) = &clips {
        outcome.report.clips = clips.judge(&candidates, console)?;
    }
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

/// The models named, under the names typed, and the tuned styles.
fn own(args: &Args) -> Result<Vec<Candidate>> {
    let load = |word: Option<&str>| models::load(word).map(|model| (*model).clone());
    let named = |word: &String| {
        let name = crate::styles::name_of(word);
        Ok(Candidate { name, model: load(Some(word))? })
    };
    let mut candidates = match args.models.is_empty() {
        true => vec![Candidate::from(load(None)?)],
        false => args.models.iter().map(named).collect::<Result<Vec<_>>>()?,
    };
    if !args.style_files.is_empty() && !args.styles.is_file() {
        return Err(wrong_use(format!(
            "a tuned style is judged on its own painting; --styles must name that picture, and {} is none",
            args.styles.display()
        )));
    }
    let untuned = candidates.clone();
    for path in &args.style_files {
        candidates.push(tuned_candidate(path, &untuned)?);
    }
    Ok(candidates)
}

/// A tuned style on the model that it belongs to.
fn tuned_candidate(path: &Path, models: &[Candidate]) -> Result<Candidate> {
    let shown = || path.display().to_string();
    let style = crate::styles::read_file(path)?;
    let own = models.iter().find(|candidate| style.check(&candidate.model).is_ok()).unwrap_or(&models[0]);
    let model = tuned(&own.model, &style).with_context(shown)?;
    Ok(Candidate { name: crate::styles::name_of(&shown()), model })
}

/// Tells each stage as it begins.
fn stages(console: &Console) -> impl FnMut(&Progress) {
    let mut last: Option<(String, (usize, usize), Stage)> = None;
    move |progress| {
        let now = (progress.model.to_string(), progress.size, progress.stage);
        if last.as_ref() != Some(&now) {
            let Progress { model, size, stage, total, .. } = progress;
            let (size, stage) = (shown_size(*size), format!("{stage:?}").to_lowercase());
            console.note(format!("{size} {model} {stage} ({total})"));
            last = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_have_two_or_three_numbers() {
        assert_eq!(round("512x25"), Ok(Round::square(512, 25)));
        assert_eq!(round("768x432x8"), Ok(Round { width: 768, height: 432, pairs: 8 }));
        for bad in ["512", "512x", "axb", "1x2x3x4", "9000x1", "-5x2"] {
            assert!(round(bad).is_err(), "{bad}");
        }
    }
}
