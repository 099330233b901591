//! Patterns that belong to the pixel grid or to the picture's edge, and so to no painting.

use super::{Evidence, mean};
use crate::loss::ssim::luma;
use impasto_core::Tensor;

/// Periods of a lattice, px: what nearest upsampling by 2, 4 and 8 leaves.
const PERIODS: [usize; 3] = [2, 4, 8];
/// A square of so many periods is looked at at once.
const SQUARE_PERIODS: usize = 8;
/// A lattice of more than this, beyond what photo and painting have, is seen.
const MOST_LATTICE: f32 = 0.3;
/// The step between an edge and what lies inside, over that between two places inside.
const MOST_RIM: f32 = 2.0;
/// Steps smaller than this are not seen.
const INVISIBLE: f32 = 0.02;

/// A lattice that sits on the pixel grid.
pub fn checkerboard(evidence: &Evidence) -> Option<String> {
    let g = &evidence.validation.gallery;
    let [own, photos, paintings] = [&g.pastiches, &g.photos, &g.paintings].map(|p| mean(p, lattice));
    (own - photos.max(paintings) > MOST_LATTICE).then(|| {
        format!(
            "there is a checkerboard: {:.0} % of the fine detail repeats with the pixel grid (photos {:.0} %, paintings {:.0} %). Let the loss \
             network's view shift (sampling.jitter_px=8), lower recipe.style, or add a little recipe.total_variation; a table of one's own \
             should upsample by nearest neighbour before a 3x3 convolution, not by a transposed one",
            100.0 * own,
            100.0 * photos,
            100.0 * paintings
        )
    })
}

/// A frame along the edges.
pub fn border(evidence: &Evidence) -> Option<String> {
    let g = &evidence.validation.gallery;
    let [(own, inside), (photo, photo_inside)] =
        [&g.pastiches, &g.photos].map(|p| (mean(p, |p| rim(p).0), mean(p, |p| rim(p).1)));
    let (ratio, usual) = (own / inside.max(1e-6), photo / photo_inside.max(1e-6));
    (own > INVISIBLE && ratio > MOST_RIM * usual.max(1.0)).then(|| {
        format!(
            "there is a rim along the border: colours step by {own:.3} from the edge inwards, and by {inside:.3} elsewhere. Zero padding does \
             this: a table should pad by replicating the edge, from the first step on"
        )
    })
}

/// Part of a picture's detail that is a lattice of period 2, 4 or 8 px that sits on the pixel grid: 0 none, 1 all. The most of the three.
pub fn lattice(picture: &Tensor) -> f32 {
    let (width, luma) = (picture.shape().width, luma(picture));
    PERIODS.into_iter().map(|period| of_period(&luma, width, period)).fold(0.0, f32::max)
}

/// In each square: the energy of the mean over all places of one phase, over the energy of the detail.
fn of_period(luma: &[f32], width: usize, period: usize) -> f32 {
    let (side, height) = (SQUARE_PERIODS * period, luma.len() / width);
    let detail = detail(luma, width, period / 2);
    let squares: Vec<(usize, usize)> =
        (0..height / side).flat_map(|v| (0..width / side).map(move |u| (v * side, u * side))).collect();
    // What a mean over so many places has by chance.
    let chance = 1.0 / (SQUARE_PERIODS * SQUARE_PERIODS) as f32;
    let (mut on_grid, mut all) = (0.0f32, 0.0f32);
    for (top, left) in squares {
        let mut phases = vec![0.0f32; period * period];
        for at in 0..side * side {
            let (v, u) = (at / side, at % side);
            let value = detail[(top + v) * width + left + u];
            phases[v % period * period + u % period] += value * chance;
            all += value * value;
        }
        on_grid += phases.iter().map(|p| p * p).sum::<f32>() / chance;
    }
    ((on_grid / all.max(1e-6) - chance) / (1.0 - chance)).max(0.0)
}

/// The picture less its mean over `2 * reach + 1` px each way.
fn detail(luma: &[f32], width: usize, reach: usize) -> Vec<f32> {
    let height = luma.len() / width;
    let near = |at: usize, length: usize| at.saturating_sub(reach)..(at + reach + 1).min(length);
    (0..luma.len())
        .map(|at| {
            let (rows, columns) = (near(at / width, height), near(at % width, width));
            luma[at] - mean(rows, |v| mean(columns.clone(), |u| luma[v * width + u]))
        })
        .collect()
}

/// Mean step of colour from the outermost 3 px to those 6 to 10 px inside, along each edge; and the same between strips deeper inside.
pub fn rim(picture: &Tensor) -> (f32, f32) {
    let step = |from: usize| {
        mean(0..12, |i| {
            let (channel, side) = (i / 4, i % 4);
            (strip(picture, channel, side, from, 3) - strip(picture, channel, side, from + 6, 4)).abs()
        })
    };
    (step(0), 0.5 * (step(16) + step(28)))
}

/// Mean of a channel over the strip of `depth` px that begins `from` px inside an edge: 0 top, 1 bottom, 2 left, 3 right.
fn strip(picture: &Tensor, channel: usize, side: usize, from: usize, depth: usize) -> f32 {
    let (height, width) = (picture.shape().height, picture.shape().width);
    let inside = |v: usize, u: usize| [v, height - 1 - v, u, width - 1 - u][side];
    let values = picture.channel(channel).iter().enumerate();
    let those = values.filter(|(at, _)| (from..from + depth).contains(&inside(at / width, at % width)));
    mean(those, |(_, v)| *v)
}
