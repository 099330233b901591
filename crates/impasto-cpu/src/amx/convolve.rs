//! A convolution over maps, and its transpose.

use super::Amx;
use super::finish::{self, Finish, Goal};
use super::pack::{LANES, PackedConv};
use super::tile::{Block, Step, Tiles};
use half::bf16;
use impasto_core::Padding;

/// Pixels after the last row that a map must own, because tiles always read 16 pixels.
pub const SLACK_PX: usize = 40;

/// Length of a map of `channels` (padded) with its rim and slack.
pub fn map_len(height: usize, width: usize, channels: usize) -> usize {
    ((height + 2) * (width + 2) + SLACK_PX) * channels
}

/// `y = finish(conv(x))`: `x` is `[height + 2][width + 2][inputs]`, its rim filled as the padding says;
/// `y` is `[ceil(height / stride) + 2][ceil(width / stride) + 2][outputs]`, whose rim is left alone.
///
/// # Panics
/// If a map is too short or the stride is neither 1 nor 2.
pub fn conv(
    amx: Amx,
    x: &[bf16],
    (height, width): (usize, usize),
    weights: &PackedConv,
    stride: usize,
    finish: &Finish,
    y: &mut [bf16],
) {
    assert!(stride == 1 || stride == 2);
    let (out_h, out_w) = (height.div_ceil(stride), width.div_ceil(stride));
    assert!(x.len() >= map_len(height, width, weights.inputs), "input map too short");
    assert!(y.len() >= map_len(out_h, out_w, weights.outputs), "output map too short");
    let steps = steps(weights, width + 2, |t| t as isize - 1);
    let spans: Vec<Span> = (0..out_h)
        .flat_map(|v| {
            spans(out_w).map(move |(u, first, count)| Span {
                source: (v * stride + 1) * (width + 2) + u * stride + 1,
                goal: (v + 1) * (out_w + 2) + u + 1,
                first,
                count,
            })
        })
        .collect();
    run(amx, x, weights, stride, &steps, &spans, |block, rows, goal| {
        finish::store(amx, block, rows, finish, y, Goal { channels: weights.outputs, ..goal });
    });
}

/// The gradient to the input of a 3x3 or 1x1 convolution of stride 1: `dx = finish(transposed conv(dy))`. `dy` has zeros in its
/// rim. What would land in the rim of the input is folded back as `padding` says.
///
/// # Panics
/// If a map is too short.
pub fn conv_transposed(
    amx: Amx,
    dy: &[bf16],
    (height, width): (usize, usize),
    weights: &PackedConv,
    padding: Padding,
    finish: &Finish,
    dx: &mut [bf16],
) {
    assert!(dy.len() >= map_len(height, width, weights.inputs), "gradient map too short");
    assert!(dx.len() >= map_len(height, width, weights.outputs), "gradient map too short");
    let steps = steps(weights, width + 2, |t| 1 - t as isize);
    let inside: Vec<Span> = (0..height)
        .flat_map(|v| {
            spans(width).map(move |(u, first, count)| {
                let at = (v + 1) * (width + 2) + u + 1;
                Span { source: at, goal: at, first, count }
            })
        })
        .collect();
    run(amx, dy, weights, 1, &steps, &inside, |block, rows, goal| {
        finish::store(amx, block, rows, finish, dx, Goal { channels: weights.outputs, ..goal });
    });
    if weights.kernel == 3 && padding != Padding::Zero {
        fold_rim(amx, dy, (height, width), weights, padding, finish, dx);
    }
}

/// Sixteen pixels of a row: where they are read and written (in pixels of the maps), and which of them count.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    source: usize,
    goal: usize,
    first: usize,
    count: usize,
}

/// `(start, first, count)` of the spans that cover `0..width`: the last one is moved back, and skips what is done.
fn spans(width: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..width.div_ceil(16)).map(move |i| {
        let start = (16 * i).min(width.saturating_sub(16));
        (start, 16 * i - start, width.min(16))
    })
}

/// Steps over all taps; `shift` is where tap row or column `t` reads, seen from the pixel. Taps are innermost: they
/// read the same few lines of 32 channels again and again, which then stay in the first-level cache.
fn steps(weights: &PackedConv, row_px: usize, shift: impl Fn(usize) -> isize) -> Vec<Step> {
    let (kernel, pixel) = (weights.kernel, 2 * weights.inputs as isize);
    let mut steps = Vec::new();
    for k in 0..weights.inputs / LANES {
        for t in 0..kernel * kernel {
            let away = match kernel {
                1 => 0,
                _ => shift(t / kernel) * row_px as isize + shift(t % kernel),
            };
            let a = away * pixel + 2 * (k * LANES) as isize;
            steps.push(Step { a, b: weights.offset(t, k) });
        }
    }
    steps
}

/// Multiplies every span with every block of 32 outputs, and hands the results out.
fn run(
    amx: Amx,
    x: &[bf16],
    weights: &PackedConv,
    stride: usize,
    steps: &[Step],
    spans: &[Span],
    mut done: impl FnMut(&Block, usize, Goal),
) {
    let tiles = Tiles::configure(amx);
    let mut out = Block([0.0; 32 * 32]);
    let bytes = 2 * weights.inputs * stride;
    for block in 0..weights.outputs / LANES {
        let b = weights.block(block).as_ptr();
        for pair in spans.chunks(2) {
            let (upper, lower) = (pair[0], *pair.last().expect("chunks are not empty"));
            // SAFETY: spans start inside the map, and windows of 16 pixels end before its slack does: the
            // callers have checked its length against `map_len`; the block of weights is whole.
            unsafe {
                let base = |span: Span| x.as_ptr().add(span.source * weights.inputs);
                tiles.multiply(base(upper), base(lower), bytes, steps, b, &mut out);
            }
            for (half, span) in pair.iter().enumerate() {
                let origin = 16 * half;
                let goal = Goal { pixel: span.goal, origin, first: origin + span.first, channels: 0, block };
                done(&out, origin + span.count, goal);
            }
        }
    }
}

/// Adds the gradients of the four sides of the rim, each a convolution along one line, to the pixels they were copied from.
fn fold_rim(
    amx: Amx,
    dy: &[bf16],
    (height, width): (usize, usize),
    weights: &PackedConv,
    padding: Padding,
    finish: &Finish,
    dx: &mut [bf16],
) {
    let c = weights.inputs;
    let source = |at: isize, len| padding.source(at, len).expect("only zero padding has no source");
    let pixel = |v: usize, u: usize| (v + 1) * (width + 2) + u + 1;
    let finish = Finish { add: true, bias: None, ..*finish };
    let along_row: fn(usize) -> isize = |t| 1 - t as isize;
    for (v, at, row) in [(0, -1, 0), (height - 1, height as isize, 2)] {
        // The corners belong to the horizontal lines: positions -1..=width, seen from a line with two zeros on either side.
        let wanted: fn(usize, usize) -> bool = if row == 0 { |r, _| r == 0 } else { |r, _| r == 2 };
        let line = line(c, 2, (0..width).map(|u| &dy[pixel(v, u) * c..][..c]));
        let goals: Vec<usize> =
            (-1..=width as isize).map(|u| pixel(source(at, height), source(u, width))).collect();
        fold_line(amx, &line, weights, &steps_along(weights, along_row, wanted, true), &goals, &finish, dx);
    }
    for (u, at, column) in [(0, -1, 0), (width - 1, width as isize, 2)] {
        let wanted: fn(usize, usize) -> bool = if column == 0 { |_, c| c == 0 } else { |_, c| c == 2 };
        let line = line(c, 1, (0..height).map(|v| &dy[pixel(v, u) * c..][..c]));
        let goals: Vec<usize> = (0..height).map(|v| pixel(v, source(at, width))).collect();
        fold_line(amx, &line, weights, &steps_along(weights, along_row, wanted, false), &goals, &finish, dx);
    }
}

/// Pixels one after another, `margin` zeros before, and enough of them behind.
fn line<'a>(channels: usize, margin: usize, pixels: impl Iterator<Item = &'a [bf16]>) -> Vec<bf16> {
    let mut line = vec![bf16::ZERO; margin * channels];
    pixels.for_each(|p| line.extend_from_slice(p));
    line.resize(line.len() + (margin + 16) * channels, bf16::ZERO);
    line
}

/// Steps of the taps along a line: along a row the tap's column counts, along a column its row.
fn steps_along(
    weights: &PackedConv,
    shift: fn(usize) -> isize,
    wanted: fn(usize, usize) -> bool,
    row: bool,
) -> Vec<Step> {
    let pixel = 2 * weights.inputs as isize;
    let mut steps = Vec::new();
    for t in (0..9).filter(|t| wanted(t / 3, t % 3)) {
        let away = shift(if row { t % 3 } else { t / 3 });
        for k in 0..weights.inputs / LANES {
            let a = away * pixel + 2 * (k * LANES) as isize;
            steps.push(Step { a, b: weights.offset(t, k) });
        }
    }
    steps
}

/// `dx[goals[i]] += conv along the line at position i + 1`.
fn fold_line(
    amx: Amx,
    line: &[bf16],
    weights: &PackedConv,
    steps: &[Step],
    goals: &[usize],
    finish: &Finish,
    dx: &mut [bf16],
) {
    let spans: Vec<Span> = (0..goals.len().div_ceil(16))
        .map(|i| Span { source: 16 * i + 1, goal: 16 * i, first: 0, count: (goals.len() - 16 * i).min(16) })
        .collect();
    run(amx, line, weights, 1, steps, &spans, |block, rows, goal| {
        for row in goal.first..rows {
            let pixel = goals[goal.pixel + row - goal.origin];
            let single =
                Goal { pixel, origin: row, first: row, channels: weights.outputs, block: goal.block };
            finish::store(amx, block, row + 1, finish, dx, single);
        }
    });
}
