//! Measures what `--steady` does to films: `steadiness OUT.md NAME=FOLDER [NAME=FOLDER]... [--model FILE] [--frames N]`
//!
//! A FOLDER holds a film's frames as pictures (`ffmpeg -i film.mp4 FOLDER/%03d.png`). Each is painted in three built-in styles at a
//! shorter side of 360 px, at several positions of the dial.

use anyhow::{Context, ensure};
use impasto::steady::camera_shift;
use impasto::{Dials, Image, Model, Style, Stylizer, builtin};
use impasto_core::Tensor;
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
/// The film is predicted by the camera's motion where it differs by less than this, of 255.
const PREDICTED: f32 = 6.0;
/// Pixels at the border that the motion cannot predict.
const BORDER: usize = 12;

/// Positions of the dial.
const STEADY: [f32; 5] = [0.0, 0.3, 0.6, 0.8, 1.0];

/// Means over the frames and styles.
#[derive(Clone, Copy, Default)]
struct Figures {
    /// Mean change from frame to frame of still pixels, of 255.
    flicker: f64,
    /// Mean difference to the frame before, moved along with the camera, where the film itself is predicted within
    /// [`PREDICTED`]; of 255.
    warp: f64,
    /// Mean absolute Laplacian of luma, of 255: what holding still costs in sharpness.
    sharpness: f64,
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
        let shifts = shifts(&frames);
        let (flicker, warp) = (flicker(&frames, &still), warp_error(&frames, &frames, &shifts));
        writeln!(
            page,
            "| {name} | the film itself | {flicker:.2} | {warp:.2} | {:.1} |",
            sharpness(&frames)
        )?;
        for steady in STEADY {
            let f = measure(&stylizer, &frames, (&still, &shifts), steady)?;
            let row =
                format!("| {name} | {steady} | {:.2} | {:.2} | {:.1} |\n", f.flicker, f.warp, f.sharpness);
            eprint!("{row}");
            page += &row;
        }
    }
    std::fs::write(out, page)?;
    Ok(())
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

fn measure(
    stylizer: &Stylizer,
    frames: &[Image],
    (still, shifts): (&[Vec<bool>], &[Option<[f32; 2]>]),
    steady: f32,
) -> anyhow::Result<Figures> {
    let mut sum = Figures::default();
    for name in STYLES {
        let style = builtin::style(name).with_context(|| format!("no style {name}"))?;
        let painted = paint(stylizer, frames, &style, steady)?;
        let part = 1.0 / STYLES.len() as f64;
        sum.flicker += part * flicker(&painted, still);
        sum.warp += part * warp_error(frames, &painted, shifts);
        sum.sharpness += part * sharpness(&painted);
    }
    Ok(sum)
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

/// The camera's motion from each frame to the next.
fn shifts(frames: &[Image]) -> Vec<Option<[f32; 2]>> {
    frames.windows(2).map(|pair| camera_shift(&pair[0], &pair[1])).collect()
}

/// See [`Figures::warp`].
fn warp_error(frames: &[Image], painted: &[Image], shifts: &[Option<[f32; 2]>]) -> f64 {
    let (mut sum, mut count) = (0.0f64, 0u64);
    for (t, shift) in shifts.iter().enumerate().filter_map(|(t, shift)| Some((t, (*shift)?))) {
        let (film, films) = (frames[t + 1].to_tensor(), frames[t].to_tensor());
        let (now, before) = (painted[t + 1].to_tensor(), painted[t].to_tensor());
        let (height, width) = (film.shape().height, film.shape().width);
        for y in BORDER..height - BORDER {
            for x in BORDER..width - BORDER {
                let (u, v) = (x as f32 - shift[0], y as f32 - shift[1]);
                let inside = |at: f32, len: usize| at >= 0.0 && at < (len - 1) as f32;
                if !inside(u, width) || !inside(v, height) {
                    continue;
                }
                let away = |a: &Tensor, b: &Tensor| {
                    (0..3).map(|c| (a.row(c, y)[x] - between(b, c, u, v)).abs()).sum::<f32>() * 255.0 / 3.0
                };
                if away(&film, &films) < PREDICTED {
                    (sum, count) = (sum + f64::from(away(&now, &before)), count + 1);
                }
            }
        }
    }
    sum / count.max(1) as f64
}

/// Between four values.
fn between(t: &Tensor, c: usize, x: f32, y: f32) -> f32 {
    let (left, top) = (x as usize, y as usize);
    let (fx, fy) = (x - left as f32, y - top as f32);
    let across = |row: &[f32]| row[left] + fx * (row[left + 1] - row[left]);
    let (upper, lower) = (across(t.row(c, top)), across(t.row(c, top + 1)));
    upper + fy * (lower - upper)
}

/// See [`Figures::sharpness`].
fn sharpness(frames: &[Image]) -> f64 {
    let one = |frame: &Image| {
        let (width, height) = (frame.width(), frame.height());
        let luma: Vec<f32> = frame
            .rgb()
            .chunks_exact(3)
            .map(|p| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]))
            .collect();
        let mut sum = 0.0f64;
        for y in 1..height - 1 {
            for at in y * width + 1..(y + 1) * width - 1 {
                let around = luma[at - width] + luma[at + width] + luma[at - 1] + luma[at + 1];
                sum += f64::from((around - 4.0 * luma[at]).abs());
            }
        }
        sum / ((height - 2) * (width - 2)) as f64
    };
    frames.iter().map(one).sum::<f64>() / frames.len() as f64
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
