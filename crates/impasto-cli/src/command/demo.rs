//! `impasto demo`: a picture that needs no file.

use crate::args::{BrushArgs, ModelArgs, StyleWord};
use crate::console::Console;
use crate::interrupt;
use crate::styles::Styles;
use anyhow::{Result, anyhow};
use impasto::{Dials, Image, Style, Stylizer, builtin, scene};
use impasto_media::still::{self, OutputFormat, Still, WriteOptions};
use std::path::PathBuf;

/// Paint a scene that the program draws itself, in every built-in style
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto demo
  impasto demo --style wave.jpg --style mosaic.style -o demo.jpg
  impasto demo --model classic --style wave.jpg --size 540

The first picture of the sheet is the scene, the others are its paintings, in the order that is printed.")]
pub struct Args {
    /// Use these styles (each by itself) instead of all built-in ones.
    #[arg(short, long = "style", value_name = "S")]
    styles: Vec<StyleWord>,
    /// The sheet.
    #[arg(short, long, value_name = "FILE", default_value = "impasto-demo.png")]
    output: PathBuf,
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
/// White between the pictures of the sheet, in px.
const GAP_PX: usize = 8;

/// Paints the sheet.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    OutputFormat::of(&args.output).map_err(|e| crate::failure::wrong_use(e.to_string()))?;
    let stylizer = args.model.stylizer()?;
    let styles = styles(args, &stylizer)?;
    let height = usize::from(args.size);
    let scene = scene::draw(height * 16 / 9, height, MOMENT);
    let mut pictures = vec![scene.clone()];
    let mut progress = console.progress(styles.len());
    for style in &styles {
        progress.begin(&style.provenance.name);
        pictures.push(stylizer.paint(&scene, style, &Dials::default())?);
        progress.finish(&style.provenance.name);
    }
    drop(progress);
    let sheet = Still::from_image(sheet(&pictures));
    {
        let _whole = interrupt::hold();
        still::write(&args.output, &sheet, WriteOptions::default())?;
    }
    let names: Vec<_> = styles.iter().map(|style| style.provenance.name.as_str()).collect();
    console.note(format!("the scene, then: {}", names.join(", ")));
    console.result(args.output.display().to_string())
}

fn styles(args: &Args, stylizer: &Stylizer) -> Result<Vec<Style>> {
    let styles = Styles { stylizer, style_px: args.brush.style_size };
    if !args.styles.is_empty() {
        return args.styles.iter().map(|word| styles.read(&word.what)).collect();
    }
    let built_in: Vec<_> =
        builtin::styles().into_iter().filter(|s| s.check(stylizer.model()).is_ok()).collect();
    if built_in.is_empty() {
        let model = &stylizer.model().name;
        return Err(anyhow!(
            "the {model} model has no built-in styles; name paintings: impasto demo --style FILE"
        ));
    }
    Ok(built_in)
}

/// All pictures, which have one size, in rows of about as many as there are rows.
fn sheet(pictures: &[Image]) -> Image {
    let columns = (pictures.len() as f64).sqrt().ceil() as usize;
    let rows = pictures.len().div_ceil(columns);
    let (width, height) = (pictures[0].width() + GAP_PX, pictures[0].height() + GAP_PX);
    Image::from_fn(columns * width - GAP_PX, rows * height - GAP_PX, |x, y| {
        let (inside_x, inside_y) = (x % width, y % height);
        match pictures.get(y / height * columns + x / width) {
            Some(picture) if inside_x < picture.width() && inside_y < picture.height() => {
                picture.pixel(inside_x, inside_y)
            }
            _ => [255; 3],
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_has_every_picture_once() {
        let pictures: Vec<_> = (1..=3).map(|i| Image::from_fn(4, 2, |_, _| [i; 3])).collect();
        let sheet = sheet(&pictures);
        assert_eq!((sheet.width(), sheet.height()), (2 * 4 + GAP_PX, 2 * 2 + GAP_PX));
        let at = |x, y| sheet.pixel(x, y)[0];
        assert_eq!((at(0, 0), at(4 + GAP_PX, 0), at(3, 3 + GAP_PX)), (1, 2, 3));
        assert_eq!((at(5, 0), at(4 + GAP_PX, 2 + GAP_PX)), (255, 255));
    }
}
