//! From the words to the film.

use super::args::Args;
use super::painter::FilmPainter;
use super::progress::FilmProgress;
use crate::console::{Console, duration};
use crate::interrupt;
use crate::size;
use crate::styles::Styles;
use anyhow::{Context, Result, bail};
use impasto::Style;
use impasto_media::resize;
use impasto_media::video::pipeline::{self, Job, Report, STAGES};
use impasto_media::video::{self, Info, Input, InputOptions, Mark, Output, OutputOptions, VideoError};
use std::path::Path;

/// Seconds between two moments from which a broken run can be taken up.
const CHECKPOINT_SECS: f64 = 2.0;

/// Paints the film.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let stylizer = args.model.stylizer_for_frames()?;
    let style = Styles { stylizer: &stylizer, style_px: args.brush.style_size }.mix(&args.styles)?;
    let options = InputOptions { backend: args.backend.into(), rate: args.fps };
    let input = video::open(&args.input, &options)?;
    let info = painted_info(input.source.info(), args)?;
    console.note(format!("{} model, {} engine", stylizer.model().name, stylizer.engine_name()));
    describe(&info, console);
    let (output, sink) =
        begin(args, &info, &input, fingerprint(args, &info, &style, stylizer.model().id())?)?;
    output.notes().iter().for_each(|note| console.note(note));
    let dials = impasto::Dials { steady: args.steady, ..args.dials.dials() };
    let mut painter = FilmPainter::new(stylizer.session(), &style, dials);
    let _whole = interrupt::hold();
    let report = match all_frames(&info, input, sink, &output, &mut painter, console) {
        Ok(report) => report,
        Err(failure) => {
            if !output.can_resume() {
                output.discard();
            }
            return Err(failure);
        }
    };
    if report.stopped || interrupt::asked() {
        stopped(output, &report, &info, console);
        interrupt::leave();
    }
    finish(args, output, report, console)
}

/// Runs the film through the painter, from where the output stands.
fn all_frames(
    info: &Info,
    input: Input,
    sink: Box<dyn video::Sink>,
    output: &Output,
    painter: &mut FilmPainter,
    console: &Console,
) -> Result<Report> {
    let mark = output.mark();
    if mark.frames > 0 {
        console.note(format!("going on after {} frames", mark.frames));
    }
    let job = Job {
        size: (info.width, info.height),
        mark,
        checkpoint_frames: (info.rate() * CHECKPOINT_SECS).round().clamp(1.0, 120.0) as u64,
        save: &|mark: &Mark| output.save(mark),
        stop: interrupt::flag(),
    };
    let mut progress = FilmProgress::new(console, mark.frames, info.frames);
    let report = pipeline::run(input.source, sink, painter, &job, &mut |frames| progress.painted(frames));
    console.end_status();
    Ok(report?)
}

fn begin(
    args: &Args,
    info: &Info,
    input: &Input,
    fingerprint: String,
) -> Result<(Output, Box<dyn video::Sink>)> {
    let options = OutputOptions {
        quality: args.quality,
        sound: !args.no_sound,
        resume: args.resume,
        fingerprint,
        backend: args.backend.into(),
    };
    Ok(Output::begin(&args.output, info, input, &options)?)
}

/// The film as it will be: upright, at the size that is asked for.
fn painted_info(info: &Info, args: &Args) -> Result<Info> {
    let (width, height) = resize::size_for_shorter_side(info.width, info.height, args.dials.size);
    size::check_sides(width, height, &format!("--size {}", args.dials.size))?;
    Ok(Info { width, height, ..info.clone() })
}

fn describe(info: &Info, console: &Console) {
    let frames = info.frames.map_or(String::new(), |frames| format!(", {frames} frames"));
    console.note(format!(
        "{}: {}, {}x{} px, {:.2} a second{frames}",
        info.name,
        info.format,
        info.width,
        info.height,
        info.rate()
    ));
    info.notes.iter().for_each(|note| console.note(note));
}

/// One line for all that the painted frames depend on.
fn fingerprint(args: &Args, info: &Info, style: &Style, model: &str) -> Result<String> {
    let file = match std::fs::metadata(&args.input) {
        Ok(meta) => {
            let changed = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
            (meta.len(), changed.map_or(0, |t| t.as_nanos()))
        }
        Err(_) => (0, 0),
    };
    let words = serde_json::json!({
        "program": env!("CARGO_PKG_VERSION"), "film": info.name, "bytes": file.0, "changed": file.1.to_string(),
        "size": [info.width, info.height], "fps": args.fps.map(|rate| rate.to_string()), "quality": args.quality,
        "model": model, "engine": args.model.engine.map(|engine| format!("{engine:?}")),
        "precision": format!("{:?}", args.model.precision), "style": digest(style), "steady": args.steady,
        "strength": args.dials.strength, "keep_color": args.dials.keep_color,
        "backend": format!("{:?}", args.backend),
    });
    Ok(serde_json::to_string(&words)?)
}

/// FNV-1a over the vector's bits: tells styles apart, no more.
fn digest(style: &Style) -> String {
    let bytes = style.vector().iter().flat_map(|value| value.to_bits().to_le_bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}

/// Says what is there after Ctrl-C.
fn stopped(output: Output, report: &Report, info: &Info, console: &Console) {
    let of = info.frames.map_or(String::new(), |total| format!(" of {total}"));
    if output.can_resume() {
        let part = output.part().display();
        console.note(format!(
            "stopped after {}{of} frames; the same words with --resume go on (what is painted is kept in {part})",
            report.frames
        ));
    } else {
        console.note(format!("stopped after {}{of} frames", report.frames));
        output.discard();
    }
}

fn finish(args: &Args, output: Output, report: Report, console: &Console) -> Result<()> {
    if report.frames == 0 {
        output.discard();
        return match report.source_error {
            Some(error) => Err(error.into()),
            None => bail!("{} holds no frame", args.input.display()),
        };
    }
    output.complete().context("the film is painted, but could not be completed")?;
    console.note(summary(&report));
    if args.output != Path::new("-") {
        console.result(args.output.display().to_string())?;
    }
    match report.source_error {
        Some(impasto_media::Error::Video(error)) if error.leaves_frames() => Err(cut_short(args, error)),
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

fn cut_short(args: &Args, error: VideoError) -> anyhow::Error {
    let shown = args.output.display().to_string();
    anyhow::Error::from(error).context(format!("{shown} holds what could be read"))
}

/// Frames, rate, and the seconds in which each stage was at work.
fn summary(report: &Report) -> String {
    let stages: Vec<_> =
        STAGES.iter().zip(report.busy).map(|(name, secs)| format!("{name} {secs:.1} s")).collect();
    format!(
        "{} frames in {}, {:.1} a second ({})",
        report.painted,
        duration(report.elapsed),
        report.painted as f64 / report.elapsed.max(1e-9),
        stages.join(", ")
    )
}
