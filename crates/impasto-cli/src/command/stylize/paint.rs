//! The painting itself: photo by photo, look by look.

use super::plan::{Job, Plan};
use crate::console::{Console, Progress, duration};
use crate::failure::words;
use crate::styles::Styles;
use crate::{interrupt, size};
use anyhow::{Context, Result, anyhow};
use impasto::{Image, Mask, Style, Stylizer};
use impasto_media::resize;
use impasto_media::still::{self, OutputFormat, Still};
use std::fs;
use std::path::Path;
use std::time::Instant;

/// What is loaded once and used for every photo.
struct Studio<'a> {
    plan: &'a Plan<'a>,
    stylizer: Stylizer,
    /// The mixed style of each look; none where masks alone paint.
    looks: Vec<Option<Style>>,
    masks: Vec<(Image, Style)>,
}

/// Paints everything; a photo that fails is told at the end.
pub fn run(plan: &Plan, console: &Console) -> Result<()> {
    let studio = Studio::open(plan)?;
    console.note(format!("{} model, {} engine", studio.stylizer.model().name, studio.stylizer.engine_name()));
    let mut progress = console.progress(plan.jobs.iter().map(|job| job.results.len()).sum());
    let mut failed = Vec::new();
    for job in &plan.jobs {
        if let Err(error) = studio.photo(job, console, &mut progress) {
            failed.push(format!("{}: {}", job.photo.display(), words(&error)));
        }
    }
    drop(progress);
    summary(failed, plan.jobs.len())
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
    fn open(plan: &'a Plan<'a>) -> Result<Self> {
        let args = plan.args;
        let stylizer = args.model.stylizer()?;
        let styles = Styles { stylizer: &stylizer, style_px: args.brush.style_size };
        let mix = |look: &Vec<_>| if look.is_empty() { Ok(None) } else { styles.mix(look).map(Some) };
        let looks = plan.looks.iter().map(mix).collect::<Result<_>>()?;
        let mask = |word: &super::args::MaskWord| {
            let mask = still::read(&word.file).context("cannot use the mask")?;
            Ok((mask.image, styles.read(&word.style)?))
        };
        let masks = args.masks.iter().map(mask).collect::<Result<_>>()?;
        Ok(Self { plan, stylizer, looks, masks })
    }

    /// Paints one photo in every look. What was painted before a failure stays.
    fn photo(&self, job: &Job, console: &Console, progress: &mut Progress) -> Result<()> {
        let mut left = job.results.len();
        let outcome = self.looks_of(job, console, progress, &mut left);
        (0..left).for_each(|_| progress.finish(&format!("{}: failed", job.photo.display())));
        outcome
    }

    fn looks_of(
        &self,
        job: &Job,
        console: &Console,
        progress: &mut Progress,
        left: &mut usize,
    ) -> Result<()> {
        progress.begin(&job.photo.display().to_string());
        let photo = still::read(&job.photo)?;
        photo.notes.iter().for_each(|note| console.note(format!("{}: {note}", job.photo.display())));
        let px = self.plan.args.dials.size;
        size::check(&photo.image, px, "--size")?;
        let photo = resize::resize_still(photo, px);
        for (look, result) in self.looks.iter().zip(&job.results) {
            progress.begin(&result.display().to_string());
            let started = Instant::now();
            let image = self.paint(&photo.image, look.as_ref())?;
            let painted = Still { image, ..photo.clone() };
            self.write(&painted, result, console)?;
            progress.finish(&format!("{}: {}", result.display(), duration(started.elapsed().as_secs_f64())));
            *left -= 1;
            console.result(result.display().to_string())?;
        }
        Ok(())
    }

    fn paint(&self, photo: &Image, look: Option<&Style>) -> Result<Image> {
        let dials = self.plan.args.dials.dials();
        let painted = match look {
            Some(style) if self.masks.is_empty() => self.stylizer.paint(photo, style, &dials)?,
            _ => self.stylizer.paint_regions(photo, &self.regions(photo, look), &dials)?,
        };
        Ok(painted)
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

    fn write(&self, painted: &Still, result: &Path, console: &Console) -> Result<()> {
        let format = OutputFormat::of(result)?;
        if painted.alpha.is_some() && format == OutputFormat::Jpeg {
            let shown = result.display();
            console.note(format!(
                "{shown}: a JPEG has no transparency, the picture is laid on white; -o FILE.png keeps it"
            ));
        }
        if self.plan.write.keep_metadata && painted.exif.is_some() && !format.keeps_metadata() {
            console.note(format!("{}: metadata cannot be kept in a {}", result.display(), format.name()));
        }
        let folder = result.parent().filter(|folder| !folder.as_os_str().is_empty());
        let _whole = interrupt::hold();
        if let Some(folder) = folder {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        Ok(still::write(result, painted, self.plan.write)?)
    }
}
