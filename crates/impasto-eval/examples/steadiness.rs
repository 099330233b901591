//! Measures what `--steady` does to films: `steadiness OUT.md NAME=FOLDER [NAME=FOLDER]... [--model FILE] [--frames N]`
//!
//! A FOLDER holds a film's frames as pictures (`ffmpeg -i film.mp4 FOLDER/%03d.png`). Each is painted in three built-in styles at a
//! shorter side of 360 px, at several positions of the dial.

use anyhow::{Context, ensure};
use impasto::steady::camera_shift;
use impasto::{Dials, Image, Model, Style, Stylizer, builtin};
use impasto_eval::film::{Film, FilmFigures};
use impasto_media::resize::resize_shorter_side;
use impasto_media::{folder, still};
use std::path::Path;
use std::sync::Arc;

const STYLES: [&str; 3] = ["waves", "starry-night", "red-blue-horse"];
const SHORTER_PX: usize = 360;

/// Positions of the dial.
const STEADY: [f32; 5] = [0.0, 0.3, 0.6, 0.8, 1.0];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
    let out =
        arguments.first().context("usage: steadiness OUT.md NAME=FOLDER... [--model FILE] [--frames N]")?;
    let model = match option("--model") {
        Some(file) => Arc::new(Model::load(Path::new(file))?),
        None => builtin::model("light").expect("it is inside"),
    };
    let count = option("--frames").map_or(Ok(40), |n| n.parse())?;
    let stylizer = Stylizer::builder(model).build()?;
    let mut page = String::from(HEAD);
    for argument in arguments[1..].iter().take_while(|a| !a.starts_with("--")) {
        let (name, folder) = argument.split_once('=').context("a film is given as NAME=FOLDER")?;
        let film = Film::new(frames(Path::new(folder), count)?, camera_shift);
        page += &row(name, "the film itself", &film.unpainted());
        for steady in STEADY {
            let line = row(name, &steady.to_string(), &measure(&stylizer, &film, steady)?);
            eprint!("{line}");
            page += &line;
        }
    }
    std::fs::write(out, page)?;
    Ok(())
}

fn row(name: &str, steady: &str, figures: &FilmFigures) -> String {
    let some = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.2}"));
    let (still, warp) = (some(figures.still), some(figures.warp));
    format!("| {name} | {steady} | {still} | {warp} | {:.1} |\n", figures.sharpness)
}

const HEAD: &str =
    "| film | steady | change of still pixels | warp error | sharpness |\n|---|---|---|---|---|\n";

fn frames(folder: &Path, count: usize) -> anyhow::Result<Vec<Image>> {
    let listed = folder::list_pictures(folder)?;
    ensure!(listed.len() > 2, "{} holds too few pictures", folder.display());
    listed
        .iter()
        .take(count)
        .map(|l| Ok(resize_shorter_side(&still::read(&l.path)?.image, SHORTER_PX)))
        .collect()
}

/// Means over the styles.
fn measure(stylizer: &Stylizer, film: &Film, steady: f32) -> anyhow::Result<FilmFigures> {
    let mut all = Vec::new();
    for name in STYLES {
        let style = builtin::style(name).with_context(|| format!("no style {name}"))?;
        all.push(film.figures(&paint(stylizer, film.frames(), &style, steady)?));
    }
    Ok(FilmFigures::mean(&all))
}

fn paint(stylizer: &Stylizer, frames: &[Image], style: &Style, steady: f32) -> anyhow::Result<Vec<Image>> {
    let (mut session, dials) = (stylizer.session(), Dials { steady, ..Dials::default() });
    let mut one = |frame: &Image| {
        let mut painted = Image::black(1, 1);
        session.paint(frame, style, &dials, &mut painted)?;
        Ok(painted)
    };
    frames.iter().map(&mut one).collect()
}
