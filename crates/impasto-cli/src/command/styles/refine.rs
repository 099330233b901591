//! `impasto styles make --refine`: a style made better for one painting.

use super::MakeArgs;
use crate::console::Console;
use crate::failure::wrong_use;
use crate::styles::painting;
use anyhow::{Context, Result, anyhow};
use impasto::{Image, Style, Stylizer};
use impasto_import::import_vgg;
use impasto_media::{folder, resize, still};
use impasto_train::loss_network::LossNetwork;
use impasto_train::{RefineConfig, refine as gradient_steps};
use std::path::Path;

/// Photos that a style is tried on: more say little more, and cost time.
const PHOTOS: usize = 24;

/// `style` after gradient steps on its vector. It must be that of one picture.
pub fn refine(
    stylizer: &Stylizer,
    style: Style,
    args: &MakeArgs,
    steps: usize,
    console: &Console,
) -> Result<Style> {
    let [word] = args.paintings.as_slice() else {
        return Err(wrong_use("--refine takes one painting; mix refined styles afterwards"));
    };
    let painting = painting(Path::new(&word.what))
        .with_context(|| format!("--refine needs the painting itself, and {} is none", word.what))?;
    let photos = args.photos.as_ref().expect("clap requires it");
    let judge = match &args.vgg {
        Some(path) if LossNetwork::is_judge_file(path) => LossNetwork::load_judge(path)?,
        Some(vgg) => LossNetwork::normalised(&import_vgg(vgg, None)?.weights)?,
        None => LossNetwork::builtin(),
    };
    let config = RefineConfig { steps, ..RefineConfig::default() };
    let photos = read_photos(photos, config.side_px)?;
    let mut progress = console.progress(steps);
    let vector = gradient_steps(stylizer.model(), &judge, &painting, &photos, &config, &mut |report| {
        progress.finish(&format!("style {:.3}", report.losses.style));
    })?;
    Ok(Style::new(stylizer.model(), style.provenance, vector)?)
}

/// Some photos of a folder, evenly spread over their names, at about `side_px`.
fn read_photos(photos: &Path, side_px: usize) -> Result<Vec<Image>> {
    let listed = folder::list_pictures(photos)?;
    let step = listed.len().div_ceil(PHOTOS).max(1);
    let pictures: Vec<Image> = listed
        .iter()
        .step_by(step)
        .filter_map(|listed| still::read(&listed.path).ok())
        .map(|still| resize::resize_shorter_side(&still.image, side_px))
        .collect();
    if pictures.is_empty() {
        return Err(anyhow!("{} has no picture that can be read; name a folder of photos", photos.display()));
    }
    Ok(pictures)
}
