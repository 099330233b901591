//! `impasto demo`: a picture that needs no file.

use crate::args::{BrushArgs, ModelArgs, StyleWord};
use crate::console::Console;
use crate::styles::Styles;
use crate::{interrupt, sheet};
use anyhow::{Result, anyhow};
use impasto::{Dials, Style, Stylizer, builtin, scene};
use impasto_media::still::{self, OutputFormat, Still, WriteOptions};
use std::path::PathBuf;

/// Paint a scene that the program draws itself, in every built-in style
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto demo
  impasto demo --scene photo.jpg --size 720
  impasto demo --style wave.jpg --style mosaic.style -o demo.jpg
  impasto demo --model classic --style wave.jpg --size 540

The first picture of the sheet is the scene, the others are its paintings,
each with the style's name.")]
pub struct Args {
    /// Use these styles (each by itself) instead of all built-in ones.
    #[arg(short, long = "style", value_name = "S")]
    styles: Vec<StyleWord>,
    /// The sheet.
    #[arg(short, long, value_name = "FILE", default_value = "impasto-demo.png")]
    output: PathBuf,
    /// Write the scene alone into this file, unpainted: a photo to try the other commands on.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["styles", "output"])]
    scene: Option<PathBuf>,
    /// Height of each picture of the sheet in px; 16:9.
    #[arg(long, value_name = "N", default_value_t = 360, value_parser = clap::value_parser!(u16).range(16..=2160))]
    size: u16,
    #[command(flatten)]
    brush: BrushArgs,
    #[command(flatten)]
    model: ModelArgs,
}

/// When the scene is drawn, in seconds.
const MOMENT: f32 = 4.0;

/// Paints the sheet, or writes the scene.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let height = usize::from(args.size);
    let scene = scene::draw(height * 16 / 9, height, MOMENT);
    if let Some(file) = &args.scene {
        OutputFormat::of(file).map_err(|e| crate::failure::wrong_use(e.to_string()))?;
        let _whole = interrupt::hold();
        still::write_new(file, &Still::from_image(scene), WriteOptions::default())?;
        return console.result(file.display().to_string());
    }
    OutputFormat::of(&args.output).map_err(|e| crate::failure::wrong_use(e.to_string()))?;
    let typed = crate::styles::resolved(&args.styles)?;
    let stylizer = args.model.stylizer()?;
    let styles = all_or(&typed, &stylizer, args.brush.style_size)?;
    let mut pictures = vec![(scene.clone(), "the scene".to_string())];
    let mut progress = console.progress(styles.len());
    for style in &styles {
        progress.begin(&style.provenance.name);
        let painted = stylizer.paint(&scene, style, &Dials::default())?;
        pictures.push((painted, style.provenance.name.clone()));
        progress.finish(&style.provenance.name);
    }
    drop(progress);
    let sheet = Still::from_image(sheet::draw(&pictures));
    {
        let _whole = interrupt::hold();
        still::write(&args.output, &sheet, WriteOptions::default())?;
    }
    console.result(args.output.display().to_string())
}

/// The styles that were typed, or all built-in ones of the model.
pub fn all_or(typed: &[StyleWord], stylizer: &Stylizer, style_px: usize) -> Result<Vec<Style>> {
    let styles = Styles { stylizer, style_px };
    if !typed.is_empty() {
        return typed.iter().map(|word| styles.read(&word.what)).collect();
    }
    let built_in: Vec<_> =
        builtin::styles().into_iter().filter(|s| s.check(stylizer.model()).is_ok()).collect();
    if built_in.is_empty() {
        let model = &stylizer.model().name;
        return Err(anyhow!("the {model} model has no built-in styles; name paintings with --style FILE"));
    }
    Ok(built_in)
}
