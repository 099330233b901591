//! Measures what `--steady` does to films: `steadiness OUT.md NAME=FOLDER [NAME=FOLDER]... [--model FILE] [--frames N]`
//!
//! A FOLDER holds a film's frames as pictures (`ffmpeg -i film.mp4 FOLDER/%03d.png`). Each is painted in three built-in styles at a
//! shorter side of 360 px, with the noise gate, the smoothed statistics or both, at several positions of the dial.

use anyhow::{Context, ensure};
use impasto::steady::{Settler, Steadier};
use impasto::{Dials, Image, Model, Style, Stylizer, builtin};
use impasto_eval::metrics::{luma, ssim};
use impasto_media::resize::resize_shorter_side;
use impasto_media::{folder, still};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

const STYLES: [&str; 3] = ["waves", "starry-night", "red-blue-horse"];
const SHORTER_PX: usize = 360;
/// A pixel is still while the mean of its surroundings changes by less than this, of 255.
const STILL: f32 = 3.0;
/// Half the side of the surroundings, px: wide enough to average a camera's noise away.
const AROUND: usize = 4;

/// Which parts of the dial are in use.
#[derive(Clone, Copy)]
struct Setting {
    name: &'static str,
    gate: bool,
    smoothing: bool,
    settle: bool,
    steady: f32,
}

const fn setting(name: &'static str, [gate, smoothing, settle]: [bool; 3], steady: f32) -> Setting {
    Setting { name, gate, smoothing, settle, steady }
}

const SETTINGS: [Setting; 9] = [
    setting("off", [false; 3], 0.0),
    setting("gate alone, 0.6", [true, false, false], 0.6),
    setting("statistics alone, 0.6", [false, true, false], 0.6),
    setting("settled painting alone, 0.6", [false, false, true], 0.6),
    setting("gate and statistics, 0.6", [true, true, false], 0.6),
    setting("all, 0.3", [true; 3], 0.3),
    setting("all, 0.6", [true; 3], 0.6),
    setting("all, 0.8", [true; 3], 0.8),
    setting("all, 1", [true; 3], 1.0),
];

/// Means over the frames and styles.
#[derive(Clone, Copy, Default)]
struct Figures {
    /// Mean change from frame to frame of still pixels, of 255.
    flicker: f64,
    /// SSIM of luma to the frame itself, and to the frame before it.
    own: f64,
    before: f64,
}

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
    for film in arguments[1..].iter().take_while(|a| !a.starts_with("--")) {
        let (name, folder) = film.split_once('=').context("a film is given as NAME=FOLDER")?;
        let frames = frames(Path::new(folder), count)?;
        let still = still_pixels(&frames);
        writeln!(page, "| {name} | the film itself | {:.2} | | |", flicker(&frames, &still))?;
        for setting in SETTINGS {
            let f = measure(&stylizer, &frames, &still, setting)?;
            let row = format!(
                "| {name} | {} | {:.2} | {:.3} | {:.3} |\n",
                setting.name, f.flicker, f.own, f.before
            );
            eprint!("{row}");
            page += &row;
        }
    }
    std::fs::write(out, page)?;
    Ok(())
}

const HEAD: &str = "| film | steady | change of still pixels | SSIM to the frame | to the frame before |\n|---|---|---|---|---|\n";

fn frames(folder: &Path, count: usize) -> anyhow::Result<Vec<Image>> {
    let listed = folder::list_pictures(folder)?;
    ensure!(listed.len() > 2, "{} holds too few pictures", folder.display());
    listed
        .iter()
        .take(count)
        .map(|l| Ok(resize_shorter_side(&still::read(&l.path)?.image, SHORTER_PX)))
        .collect()
}

fn measure(
    stylizer: &Stylizer,
    frames: &[Image],
    still: &[Vec<bool>],
    setting: Setting,
) -> anyhow::Result<Figures> {
    let mut sum = Figures::default();
    for name in STYLES {
        let style = builtin::style(name).with_context(|| format!("no style {name}"))?;
        let painted = paint(stylizer, frames, &style, setting)?;
        let part = 1.0 / STYLES.len() as f64;
        sum.flicker += part * flicker(&painted, still);
        let pairs = (frames.len() - 1) as f64;
        for t in 1..frames.len() {
            let own = luma(&painted[t].to_tensor());
            sum.own += part / pairs * ssim(&own, &luma(&frames[t].to_tensor()));
            sum.before += part / pairs * ssim(&own, &luma(&frames[t - 1].to_tensor()));
        }
    }
    Ok(sum)
}

fn paint(
    stylizer: &Stylizer,
    frames: &[Image],
    style: &Style,
    setting: Setting,
) -> anyhow::Result<Vec<Image>> {
    let (mut steadier, mut settler, mut session) = (Steadier::new(), Settler::new(), stylizer.session());
    let mut one = |frame: &Image| {
        let mut calmed = frame.clone();
        let advice = steadier.calm(&mut calmed, setting.steady);
        if advice.cut {
            session.reset();
        }
        let smoothing = if setting.smoothing { advice.smoothing } else { 0.0 };
        let mut painted = Image::black(frame.width(), frame.height());
        let input = if setting.gate { &calmed } else { frame };
        let dials = Dials { smoothing, ..Dials::default() };
        session.paint(input, style, &dials, &mut painted)?;
        if setting.settle {
            settler.settle(&mut painted, &advice.motion, style, &dials, setting.steady);
        }
        Ok(painted)
    };
    frames.iter().map(&mut one).collect()
}

/// For each frame after the first, which pixels stand still.
fn still_pixels(frames: &[Image]) -> Vec<Vec<bool>> {
    let smooth: Vec<Vec<f32>> = frames.iter().map(averaged).collect();
    let pair = |pair: &[Vec<f32>]| pair[0].iter().zip(&pair[1]).map(|(a, b)| (a - b).abs() < STILL).collect();
    smooth.windows(2).map(pair).collect()
}

/// Mean green of each pixel's surroundings, by sums along rows and then along columns.
fn averaged(image: &Image) -> Vec<f32> {
    let (w, h) = (image.width(), image.height());
    let green: Vec<f32> = image.rgb().iter().skip(1).step_by(3).map(|v| f32::from(*v)).collect();
    let rows = box_mean(&green, w, h, |x, y| y * w + x);
    box_mean(&rows, h, w, |y, x| y * w + x)
}

/// Means over `2 * AROUND + 1` values along the first coordinate, cut off at the ends.
fn box_mean(values: &[f32], along: usize, across: usize, at: impl Fn(usize, usize) -> usize) -> Vec<f32> {
    let mut out = vec![0.0; values.len()];
    for j in 0..across {
        for i in 0..along {
            let range = i.saturating_sub(AROUND)..(i + AROUND + 1).min(along);
            let count = range.len() as f32;
            out[at(i, j)] = range.map(|k| values[at(k, j)]).sum::<f32>() / count;
        }
    }
    out
}

/// Mean change of the still pixels' channels from frame to frame, of 255.
fn flicker(frames: &[Image], still: &[Vec<bool>]) -> f64 {
    let (mut sum, mut count) = (0u64, 0u64);
    for (pair, still) in frames.windows(2).zip(still) {
        let pixels = pair[0].rgb().chunks_exact(3).zip(pair[1].rgb().chunks_exact(3)).zip(still);
        for ((a, b), _) in pixels.filter(|(_, still)| **still) {
            sum += (0..3).map(|c| u64::from(a[c].abs_diff(b[c]))).sum::<u64>();
            count += 3;
        }
    }
    sum as f64 / count.max(1) as f64
}
