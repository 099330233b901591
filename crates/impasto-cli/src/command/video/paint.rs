//! From the words to the film.

use super::args::PaintArgs;
use super::look::Look;
use super::painter::FilmPainter;
use super::progress::FilmProgress;
use crate::args::StyleWord;
use crate::console::{Console, duration};
use crate::interrupt;
use crate::size;
use crate::styles::name_of;
use anyhow::{Context, Result, bail};
use impasto::steady;
use impasto::{Model, Style};
use impasto_core::SiteKind;
use impasto_media::resize;
use impasto_media::still::mark;
use impasto_media::video::pipeline::{self, Job, Report, STAGES};
use impasto_media::video::{
    self, Info, Input, InputOptions, Mark, Output, OutputOptions, Section, Until, VideoError,
    without_passwords,
};
use std::path::Path;

/// Seconds between two moments from which a broken run can be taken up.
const CHECKPOINT_SECS: f64 = 2.0;
/// Share of a memory that does not count any more.
const FORGOTTEN: f64 = 1e-12;

/// Paints the film.
pub fn run(args: &PaintArgs, console: &Console) -> Result<()> {
    let stylizer = args.model.stylizer_for_frames()?;
    let style_options = InputOptions { backend: args.backend.into(), ..Default::default() };
    let look = Look::of(&args.styles, &stylizer, args.brush.style_size, style_options)?;
    let input = video::open(&args.input, &args.input_options())?;
    let info = painted_info(input.source.info(), args)?;
    console.note(format!("{} model, {} engine", stylizer.model().name, stylizer.engine_name()));
    describe(&info, console);
    let names = [stylizer.model().name.clone(), style_names(args)];
    let fingerprint = fingerprint(args, &info, &look, stylizer.model().id(), &names)?;
    let xmp = (!args.no_mark).then(|| mark::packet(&names[0], &names[1]));
    let checkpoint_frames = (info.rate() * CHECKPOINT_SECS).round().clamp(1.0, 120.0) as u64;
    let section = section(args, &info, checkpoint_frames)?;
    let _whole = interrupt::hold();
    let (output, sink) = begin(args, &info, &input, fingerprint, xmp, section.clone())?;
    output.notes().iter().for_each(|note| console.note(note));
    if let Some(section) = &section {
        console.note(words_of(section));
    }
    let end = section.as_ref().and_then(|section| section.end);
    let input = Input { source: Box::new(Until::new(input.source, end)), ..input };
    let dials = impasto::Dials { steady: args.steady, ..args.dials.dials() };
    let mut painter = FilmPainter::new(stylizer.session(), look, dials);
    let run = Run {
        info: &info,
        checkpoint_frames,
        warm_up_frames: warm_up(args, section.as_ref(), stylizer.model()),
        end,
    };
    let report = match run.all_frames(input, sink, &output, &mut painter, console) {
        Ok(report) => report,
        Err(failure) => return Err(failed(output, failure)),
    };
    if report.stopped || interrupt::asked() {
        stopped(output, &report, &info, console);
        interrupt::leave();
    }
    let notes = [info.notes.as_slice(), output.notes()].concat();
    finish(args, output, report, &notes, console)
}

/// How the film runs through the painter.
struct Run<'a> {
    info: &'a Info,
    checkpoint_frames: u64,
    warm_up_frames: u64,
    /// The frame after the last, where only a part is painted.
    end: Option<u64>,
}

impl Run<'_> {
    /// Runs all frames, from where the output stands.
    fn all_frames(
        &self,
        input: Input,
        sink: Box<dyn video::Sink>,
        output: &Output,
        painter: &mut FilmPainter,
        console: &Console,
    ) -> Result<Report> {
        let mark = output.mark();
        if output.is_resumed() {
            console.note(format!("going on after {} frames", mark.frames));
        }
        let job = Job {
            size: (self.info.width, self.info.height),
            mark,
            warm_up_frames: self.warm_up_frames,
            checkpoint_frames: self.checkpoint_frames,
            save: &|mark: &Mark| output.save(mark),
            stop: interrupt::flag(),
        };
        let total = self.end.or(self.info.frames);
        let mut progress = FilmProgress::new(console, mark.frames, total);
        let report = pipeline::run(input.source, sink, painter, &job, &mut |frames| progress.painted(frames));
        console.end_status();
        Ok(report?)
    }
}

fn begin(
    args: &PaintArgs,
    info: &Info,
    input: &Input,
    fingerprint: String,
    xmp: Option<String>,
    section: Option<Section>,
) -> Result<(Output, Box<dyn video::Sink>)> {
    let options = OutputOptions {
        quality: args.quality,
        sound: !args.no_sound,
        tags: !args.strip,
        resume: args.resume,
        fingerprint,
        backend: args.backend.into(),
        encoder: args.encoder.clone(),
        section,
        xmp,
    };
    Ok(Output::begin(&args.output, info, input, &options)?)
}

/// The part that is asked for: all machines find the same borders.
fn section(args: &PaintArgs, info: &Info, grid: u64) -> Result<Option<Section>> {
    let Some(part) = args.part else { return Ok(None) };
    let frames = match info.frames {
        Some(frames) => frames,
        None => count_frames(args)?,
    };
    Ok(Some(Section::of(part.number, part.count, frames, grid, &args.input)))
}

fn count_frames(args: &PaintArgs) -> Result<u64> {
    let mut input = video::open(&args.input, &args.input_options())?;
    let mut frames = 0;
    // A film that is cut short is painted as far as it goes.
    while let Ok(Some(_)) = input.source.read() {
        frames += 1;
    }
    Ok(frames)
}

fn words_of(section: &Section) -> String {
    let Section { number, count, first, .. } = section;
    let last = section.end.map_or("the end".into(), |end| end.to_string());
    format!("part {number} of {count}: frames {} to {last}", first + 1)
}

/// Frames before a part after which what the painter remembers is the same, to the bit or nearly, as in one run.
fn warm_up(args: &PaintArgs, section: Option<&Section>, model: &Model) -> u64 {
    let kept = f64::from(steady::kept_statistics(args.steady));
    if section.is_none() || kept <= 0.0 {
        return 0;
    }
    let sites = model.painter.sites.iter().filter(|site| site.kind == SiteKind::AdaIn).count();
    (sites as u64..).find(|&frames| remembered(frames, kept, sites as u64) < FORGOTTEN).unwrap_or(0)
}

/// Share of what was before that is left after so many frames. Each site smooths its statistics over time, and those of a site
/// come from what the sites before it made: so many low-pass filters one behind the other, whose memory is the lower tail of
/// a binomial distribution.
fn remembered(frames: u64, kept: f64, sites: u64) -> f64 {
    let mut term = kept.powf(frames as f64);
    let mut sum = term;
    for j in 1..sites {
        term *= (frames - j + 1) as f64 / j as f64 * (1.0 - kept) / kept;
        sum += term;
    }
    sum
}

/// Says what is left of a run that failed.
fn failed(output: Output, failure: anyhow::Error) -> anyhow::Error {
    let name = output.target().display().to_string();
    let kept = match output.leave() {
        Some(part) => {
            format!("what is painted is kept in {}, and the same words with --resume go on", part.display())
        }
        None => "nothing is left of it".into(),
    };
    failure.context(format!("{name} is not whole ({kept})"))
}

/// The film as it will be: upright, at the size that is asked for.
fn painted_info(info: &Info, args: &PaintArgs) -> Result<Info> {
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
fn fingerprint(
    args: &PaintArgs,
    info: &Info,
    look: &Look,
    model: &str,
    names: &[String; 2],
) -> Result<String> {
    // Parts of one film are painted on many machines, from copies of it perhaps.
    let film = match args.part {
        Some(_) => args.input.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        None => info.name.clone(),
    };
    let file = match std::fs::metadata(&args.input) {
        Ok(meta) if args.part.is_some() => (meta.len(), 0),
        Ok(meta) => {
            let changed = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
            (meta.len(), changed.map_or(0, |t| t.as_nanos()))
        }
        Err(_) => (0, 0),
    };
    let style = match look {
        Look::Still(style) => digest(style),
        Look::Moving(_) => moving_digest(args)?,
    };
    let words = serde_json::json!({
        "program": env!("CARGO_PKG_VERSION"), "film": film, "bytes": file.0, "changed": file.1.to_string(),
        "size": [info.width, info.height], "fps": args.fps.map(|rate| rate.to_string()), "quality": args.quality,
        "model": model, "engine": args.model.engine.map(|engine| format!("{engine:?}")),
        "precision": format!("{:?}", args.model.precision), "style": style, "steady": args.steady,
        "strength": args.dials.strength, "keep_color": args.dials.keep_color, "strokes": args.dials.strokes,
        "seed": args.dials.seed, "every": args.every.map(|every| every.to_string()), "rotate": args.view.rotate,
        "crop": args.view.crop.to_string(), "mirror": args.view.mirror,
        "backend": format!("{:?}", args.backend), "encoder": args.encoder,
        "mark": (!args.no_mark).then_some(names),
    });
    Ok(serde_json::to_string(&words)?)
}

/// The styles' names, for the mark.
fn style_names(args: &PaintArgs) -> String {
    args.styles.iter().map(|word| name_of(&word.what)).collect::<Vec<_>>().join("+")
}

/// Names, weights and lengths of all styles, at least one of which is a film.
fn moving_digest(args: &PaintArgs) -> Result<String> {
    let told = |word: &StyleWord| {
        let bytes = std::fs::metadata(&word.what).map_or(0, |meta| meta.len());
        format!("{word} of {bytes} bytes at {} px", args.brush.style_size)
    };
    Ok(args.styles.iter().map(told).collect::<Vec<_>>().join(", "))
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
    console.note(match output.leave() {
        Some(part) => format!(
            "stopped after {}{of} frames; the same words with --resume go on (what is painted is kept in {})",
            report.frames,
            part.display()
        ),
        None => {
            format!("stopped after {}{of} frames; nothing is kept of the first two seconds", report.frames)
        }
    });
}

fn finish(
    args: &PaintArgs,
    output: Output,
    report: Report,
    notes: &[String],
    console: &Console,
) -> Result<()> {
    if report.frames == 0 && args.part.is_none() {
        output.discard();
        return match report.source_error {
            Some(error) => Err(error.into()),
            None => bail!("{} holds no frame", without_passwords(&args.input.display().to_string())),
        };
    }
    let part = output.part().display().to_string();
    output.complete().with_context(|| {
        format!(
            "the film is painted, but could not be completed; its pictures are kept in {part}, which plays. \
             The same words with --resume try the end again, and with --resume --no-sound without its sound"
        )
    })?;
    console.note(summary(&report));
    if args.json {
        console.result(serde_json::to_string_pretty(&told(args, &report, notes))?)?;
    } else if args.output != Path::new("-") {
        console.result(args.output.display().to_string())?;
    }
    match report.source_error {
        Some(impasto_media::Error::Video(error)) if error.leaves_frames() => Err(cut_short(args, error)),
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

/// Outcome of the run, for programs.
fn told(args: &PaintArgs, report: &Report, notes: &[String]) -> serde_json::Value {
    let stages: serde_json::Map<_, _> =
        STAGES.iter().zip(report.busy).map(|(name, secs)| (name.to_string(), secs.into())).collect();
    serde_json::json!({
        "result": args.output.display().to_string(), "frames": report.frames, "painted": report.painted,
        "seconds": report.elapsed, "stages": stages, "notes": notes,
        "cut_short": report.source_error.as_ref().map(ToString::to_string),
    })
}

fn cut_short(args: &PaintArgs, error: VideoError) -> anyhow::Error {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_behind_each_other_remember_longer() {
        // One filter keeps `0.57^n`. Of two, the impulse's rest is kept^n + n kept^(n-1) (1-kept).
        assert!((remembered(10, 0.57, 1) - 0.57f64.powi(10)).abs() < 1e-12);
        let two = 0.57f64.powi(10) + 10.0 * 0.57f64.powi(9) * 0.43;
        assert!((remembered(10, 0.57, 2) - two).abs() < 1e-12);
        let frames = |sites| (sites..).find(|&n| remembered(n, 0.57, sites) < FORGOTTEN).unwrap();
        assert_eq!([1, 6, 12].map(frames), [50, 77, 103]);
    }
}
