//! The painting itself: photo by photo, look by look.

use super::args::Compare;
use super::finish::Finish;
use super::found::STDIN;
use super::plan::{Job, Output, Plan, files_of};
use crate::console::{Console, Progress, duration};
use crate::failure::words;
use crate::styles::Styles;
use crate::{interrupt, page, sheet, size};
use anyhow::{Context, Result, anyhow};
use impasto::{Image, Mask, Style, Stylizer, regions};
use impasto_media::still::animation::{self, Animation, Frame};
use impasto_media::still::{self, Format, Limits, Note, OutputFormat, Still, cutout, mark};
use impasto_media::{atomic, resize};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

/// Names that a note lists; of more, the count is told.
const LISTED: usize = 12;

/// What is loaded once and used for every photo.
pub struct Studio<'a> {
    plan: &'a Plan<'a>,
    stylizer: Stylizer,
    /// The mixed style of each look; none where masks alone paint.
    looks: Vec<Option<Style>>,
    masks: Vec<(Image, Style)>,
    finish: Option<Finish>,
    /// Results so far, for `--json`.
    painted: RefCell<Vec<Value>>,
}

/// Paints everything; a photo that fails is told at the end.
pub fn run(plan: &Plan, console: &Console) -> Result<()> {
    tell_left_out(plan, console);
    if plan.jobs.iter().all(|job| job.results.is_empty()) {
        return told(plan, Vec::new(), &[], console);
    }
    let studio = Studio::open(plan)?;
    let model = plan.args.model.shown(&studio.stylizer);
    console.note(format!("{model}, {} engine", studio.stylizer.engine_name()));
    let mut progress = console.progress(plan.jobs.iter().map(|job| job.results.len()).sum());
    let mut failed = Vec::new();
    for job in plan.jobs.iter().filter(|job| !job.results.is_empty()) {
        if let Err(error) = studio.photo(job, console, &mut progress) {
            failed.push((shown(&job.photo), named(job, &words(&error))));
        }
    }
    drop(progress);
    table(plan, &failed, console);
    told(plan, studio.painted.take(), &failed, console)?;
    summary(failed.into_iter().map(|(_, what)| what).collect(), plan.jobs.len())
}

/// Summary of a run over several photos; what was passed over stands above, with reasons, and the failures follow.
fn table(plan: &Plan, failed: &[(String, String)], console: &Console) {
    let begun = plan.jobs.iter().filter(|job| !job.results.is_empty()).count();
    if plan.jobs.len() + plan.skipped.len() < 2 {
        return;
    }
    let rows = [
        ("painted", begun - failed.len()),
        ("there already", plan.there),
        ("painted by earlier runs", plan.earlier.len()),
        ("passed over", plan.skipped.len()),
        ("failed", failed.len()),
    ];
    for (what, count) in rows.into_iter().filter(|(what, count)| *count > 0 || *what == "painted") {
        console.note(format!("{count:>7}  {what}"));
    }
}

/// The same for programs, where `--json` asks for it.
fn told(plan: &Plan, painted: Vec<Value>, failed: &[(String, String)], console: &Console) -> Result<()> {
    if !plan.args.json {
        return Ok(());
    }
    let path = |path: &std::path::PathBuf| path.display().to_string();
    let skipped = plan
        .skipped
        .iter()
        .map(|skipped| json!({"path": path(&skipped.path), "why": skipped.why.to_string()}));
    let failed = failed.iter().map(|(photo, why)| json!({"photo": photo, "why": why}));
    console.result(serde_json::to_string_pretty(&json!({
        "painted": painted, "failed": failed.collect::<Vec<_>>(), "passed_over": skipped.collect::<Vec<_>>(),
        "painted_by_earlier_runs": plan.earlier.iter().map(path).collect::<Vec<_>>(),
        "there_already": plan.there,
    }))?)
}

/// The photo's name before what happened to it, unless that begins with it.
fn named(job: &Job, what: &str) -> String {
    let name = shown(&job.photo);
    if what.contains(&name) { what.into() } else { format!("{name}: {what}") }
}

fn shown(photo: &Path) -> String {
    if photo == Path::new(STDIN) { "standard input".into() } else { photo.display().to_string() }
}

/// What is in the folders and is not painted, with reasons.
fn tell_left_out(plan: &Plan, console: &Console) {
    let skipped = plan.skipped.iter().map(|skipped| format!("{} ({})", skipped.path.display(), skipped.why));
    tell(console, "passed over", skipped.collect());
    let earlier = plan.earlier.iter().map(|path| path.display().to_string());
    tell(console, "not painted again, as earlier runs painted them", earlier.collect());
    if plan.there > 0 {
        console.note(format!("{} results are there already and stay as they are", plan.there));
    }
}

fn tell(console: &Console, what: &str, names: Vec<String>) {
    let more = names.len().saturating_sub(LISTED);
    let and = if more > 0 { format!(" and {more} more") } else { String::new() };
    if !names.is_empty() {
        console.note(format!("{what}: {}{and}", names[..names.len() - more].join(", ")));
    }
}

/// The error that tells of all photos that failed, if any did.
fn summary(failed: Vec<String>, photos: usize) -> Result<()> {
    match failed.as_slice() {
        [] => Ok(()),
        [only] if photos == 1 => Err(anyhow!("{only}")),
        several => {
            let (count, list) = (several.len(), several.join("\n  "));
            Err(anyhow!("{count} of {photos} photos could not be painted:\n  {list}"))
        }
    }
}

impl<'a> Studio<'a> {
    /// Loads model, styles and masks.
    pub fn open(plan: &'a Plan<'a>) -> Result<Self> {
        let args = plan.args;
        let stylizer = args.model.stylizer()?;
        let styles = Styles { stylizer: &stylizer, style_px: args.brush.style_size };
        let mix = |look: &Vec<_>| if look.is_empty() { Ok(None) } else { styles.mix(look).map(Some) };
        let looks = plan.looks.iter().map(mix).collect::<Result<_>>()?;
        let mask = |word: &super::args::MaskWord| {
            let mask = still::read(&word.file).context("cannot use the mask")?;
            Ok((mask.image, styles.read(&word.style)?))
        };
        let masks = plan.masks.iter().map(mask).collect::<Result<_>>()?;
        let of_masks: Vec<_> = plan.masks.iter().map(|word| word.style.as_str()).collect();
        let finish = Finish::new(args, &styles, &plan.looks, &of_masks)?;
        Ok(Self { plan, stylizer, looks, masks, finish, painted: RefCell::default() })
    }

    /// Paints one photo in every look. What was painted before a failure stays.
    pub fn photo(&self, job: &Job, console: &Console, progress: &mut Progress) -> Result<()> {
        let mut left = job.results.len();
        let outcome = self.looks_of(job, console, progress, &mut left);
        (0..left).for_each(|_| progress.finish(&format!("{}: failed", shown(&job.photo))));
        outcome
    }

    fn looks_of(
        &self,
        job: &Job,
        console: &Console,
        progress: &mut Progress,
        left: &mut usize,
    ) -> Result<()> {
        progress.begin(&shown(&job.photo));
        let (photo, moving) = self.opened(job, console)?;
        for (look, output) in &job.results {
            let target = output.file().map_or("standard output".into(), |file| file.display().to_string());
            progress.begin(&target);
            let started = Instant::now();
            let image = self.image(&photo, *look, job, console)?;
            let painted = Still { image, xmp: self.mark(*look), ..photo.clone() };
            match moving.as_ref().filter(|_| can_move(output)) {
                Some(moving) => self.write_moving(moving, &painted, *look, output, console)?,
                None => self.write(&photo, &painted, output, console)?,
            }
            let seconds = started.elapsed().as_secs_f64();
            progress.finish(&format!("{target}: {}", duration(seconds)));
            *left -= 1;
            let files = output.file().map(|file| files_of(file, self.plan.args.compare)).unwrap_or_default();
            match self.plan.args.json {
                true => self.painted.borrow_mut().push(json!({
                    "photo": shown(&job.photo), "style": self.plan.names[*look], "seconds": seconds,
                    "results": files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>(),
                })),
                false => {
                    files.iter().try_for_each(|file| console.result(file.display().to_string()))?;
                }
            }
        }
        Ok(())
    }

    /// The photo at the size that is asked for, and all its frames where it moves and a result can.
    fn opened(&self, job: &Job, console: &Console) -> Result<(Still, Option<Animation>)> {
        let name = shown(&job.photo);
        let bytes = read(&job.photo)?;
        let photo = still::read_own(&bytes, &name, Limits::default())?;
        let animated = photo.notes.contains(&Note::FirstFrameOnly);
        let wanted = animated && job.results.iter().all(|(_, output)| can_move(output));
        let moving = if wanted { animation::read(&bytes, &name, Limits::default())? } else { None };
        let told = photo.notes.iter().filter(|note| moving.is_none() || **note != Note::FirstFrameOnly);
        told.for_each(|note| console.note(format!("{name}: {note}")));
        let px = self.plan.args.dials.size;
        size::check(&photo.image, px, "--size")?;
        let resized = |frame: Frame| Frame { still: resize::resize_still(frame.still, px), ..frame };
        let moving = moving
            .map(|moving| Animation { frames: moving.frames.into_iter().map(resized).collect(), ..moving });
        Ok((resize::resize_still(photo, px), moving))
    }

    /// Paints the frames one by one, and writes them as an APNG. The first is painted already.
    fn write_moving(
        &self,
        moving: &Animation,
        first: &Still,
        look: usize,
        output: &Output,
        console: &Console,
    ) -> Result<()> {
        let paint = |frame: &Frame| -> Result<Frame> {
            let seen = frame.still.alpha.as_ref().is_none_or(|alpha| cutout::is_seen(alpha));
            let image =
                if seen { self.paint(&frame.still.image, look, console)? } else { frame.still.image.clone() };
            Ok(Frame { still: Still { image, ..frame.still.clone() }, delay_ms: frame.delay_ms })
        };
        let frames = moving.frames.iter().map(paint).collect::<Result<_>>()?;
        let painted = Animation { frames, plays: moving.plays };
        let Output::File(result) = output else {
            return console.bytes(&animation::encode_apng(
                &painted,
                first.xmp.as_deref(),
                "standard output",
            )?);
        };
        let bytes = animation::encode_apng(&painted, first.xmp.as_deref(), &result.display().to_string())?;
        let _whole = interrupt::hold();
        make_folder(result)?;
        let write = if self.plan.args.force { atomic::write } else { atomic::write_new };
        write(result, &bytes).with_context(|| format!("cannot write {}", result.display()))?;
        self.compare(&moving.frames[0].still.image, first, result)
    }

    /// The painted picture; one of which nothing is seen stays as it is.
    fn image(&self, photo: &Still, look: usize, job: &Job, console: &Console) -> Result<Image> {
        if photo.alpha.as_ref().is_some_and(|alpha| !cutout::is_seen(alpha)) {
            console.note(format!("{}: every pixel is transparent; it is kept as it is", shown(&job.photo)));
            return Ok(photo.image.clone());
        }
        self.paint(&photo.image, look, console)
    }

    fn mark(&self, look: usize) -> Option<String> {
        let plan = self.plan;
        (!plan.args.no_mark).then(|| mark::packet(&self.stylizer.model().name, &plan.names[look]))
    }

    /// The photo painted, and its painting again as often as `--passes` asks; or finished.
    fn paint(&self, photo: &Image, look: usize, console: &Console) -> Result<Image> {
        if let Some(finish) = &self.finish {
            return self.finished(photo, look, finish, console);
        }
        let style = self.looks[look].as_ref();
        let first = self.pass(photo, style)?;
        (1..self.plan.args.passes).try_fold(first, |painted, _| self.pass(&painted, style))
    }

    fn pass(&self, photo: &Image, style: Option<&Style>) -> Result<Image> {
        let dials = self.plan.args.dials.dials();
        let painted = match style {
            Some(style) if self.masks.is_empty() => self.stylizer.paint(photo, style, &dials)?,
            _ => self.stylizer.paint_regions(photo, &self.regions(photo, style), &dials)?,
        };
        Ok(painted)
    }

    /// Paints each region's style over the whole photo, finishes it, and puts the regions together.
    fn finished(&self, photo: &Image, look: usize, finish: &Finish, console: &Console) -> Result<Image> {
        let dials = self.plan.args.dials.dials();
        let style = self.looks[look].as_ref();
        let paint = |(mask, style): (Mask, Style), target| -> Result<(Mask, Image)> {
            let painted = finish.painted(&self.stylizer, (photo, &style), target, &dials, console)?;
            Ok((mask, painted))
        };
        let regions = match style {
            Some(style) if self.masks.is_empty() => {
                vec![(Mask::whole(photo.width(), photo.height()), style.clone())]
            }
            _ => self.regions(photo, style),
        };
        let painted =
            regions.into_iter().zip(finish.targets(look)).map(|(region, target)| paint(region, target));
        regions::joined(photo, painted)
    }

    /// The masks at the photo's size with their styles, and the look for what they leave.
    fn regions(&self, photo: &Image, look: Option<&Style>) -> Vec<(Mask, Style)> {
        let fitted = |mask: &Image| Mask::from_image(&resize::resize(mask, photo.width(), photo.height()));
        let mut regions: Vec<_> =
            self.masks.iter().map(|(mask, style)| (fitted(mask), style.clone())).collect();
        if let Some(look) = look {
            let masks: Vec<_> = regions.iter().map(|(mask, _)| mask).collect();
            regions.push((Mask::rest(&masks), look.clone()));
        }
        regions
    }

    fn write(&self, photo: &Still, painted: &Still, output: &Output, console: &Console) -> Result<()> {
        let Output::File(result) = output else {
            let bytes = still::encode(painted, stdout_format(photo.format), self.plan.write)?;
            return console.bytes(&bytes);
        };
        let format = OutputFormat::of(result)?;
        let shown = result.display();
        if painted.alpha.is_some() && format == OutputFormat::Jpeg {
            console.note(format!(
                "{shown}: a JPEG has no transparency, the picture is laid on white; -o FILE.png keeps it"
            ));
        }
        if self.plan.write.keep_metadata && painted.exif.is_some() && !format.keeps_metadata() {
            console.note(format!("{shown}: metadata cannot be kept in a {}", format.name()));
        }
        let _whole = interrupt::hold();
        make_folder(result)?;
        match self.plan.args.force {
            true => still::write(result, painted, self.plan.write)?,
            false => still::write_new(result, painted, self.plan.write)?,
        }
        self.compare(&photo.image, painted, result)
    }

    /// Before and after in one, beside the result.
    fn compare(&self, photo: &Image, painted: &Still, result: &Path) -> Result<()> {
        let Some(compare) = self.plan.args.compare else { return Ok(()) };
        let files = files_of(result, Some(compare));
        let file = files.last().expect("the result and its comparison");
        match compare {
            Compare::Side => {
                let image = sheet::side_by_side(photo, &painted.image);
                let both = Still { xmp: painted.xmp.clone(), ..Still::from_image(image) };
                Ok(still::write(file, &both, self.plan.write)?)
            }
            Compare::Slider => {
                let title = result.file_name().unwrap_or_default().to_string_lossy();
                let text = page::slider(&title, photo, &painted.image)?;
                atomic::write(file, text.as_bytes())
                    .with_context(|| format!("cannot write {}", file.display()))
            }
        }
    }
}

/// All bytes of a photo, within the usual limit.
fn read(photo: &Path) -> Result<Vec<u8>> {
    match photo == Path::new(STDIN) {
        true => Ok(still::bytes_from(&mut io::stdin().lock(), "standard input", Limits::default())?),
        false => Ok(still::bytes_of(photo, Limits::default())?),
    }
}

fn make_folder(result: &Path) -> Result<()> {
    match result.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => {
            fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))
        }
        None => Ok(()),
    }
}

/// Whether a result can hold an animation: a PNG.
fn can_move(output: &Output) -> bool {
    match output {
        Output::File(file) => OutputFormat::of(file).is_ok_and(|format| format == OutputFormat::Png),
        Output::Stdout => false,
    }
}

/// The format that comes nearest to the photo's.
fn stdout_format(photo: Format) -> OutputFormat {
    match photo {
        Format::Jpeg | Format::Heif | Format::Avif => OutputFormat::Jpeg,
        Format::WebP => OutputFormat::WebP,
        Format::Tiff => OutputFormat::Tiff,
        Format::Png | Format::Bmp | Format::Gif | Format::Jxl => OutputFormat::Png,
        _ => OutputFormat::Png,
    }
}
