//! Gradients to the padding, folded back to the pixels that it was copied from.
//!
//! Each side of the rim is a convolution along one line of `dy` with the one row or column of taps that reaches it.

use super::pack::PackedConv;
use super::window::{self, Span, Store};
use super::{Finish, LANES};
use crate::simd::Isa;
use impasto_core::Padding;

/// Zeros behind a line, so that register tiles may read on.
const BEHIND_PX: usize = 12;

/// Adds the gradients of the four sides of the rim. The arguments are those of [`super::conv_transposed`].
pub(super) fn fold(
    isa: Isa,
    dy: &[f32],
    (height, width): (usize, usize),
    weights: &PackedConv,
    padding: Padding,
    finish: &Finish,
    dx: &mut [f32],
) {
    let (lanes, row) = (weights.input_lanes(), width + 2);
    let source = |at: isize, len| padding.source(at, len).expect("only zero padding has no source");
    let pixel = |v: usize, u: usize| (v + 1) * row + u + 1;
    let finish = Finish { add: true, bias: None, ..*finish };
    // Windows are turned: the taps that reach beyond the upper edge are those that read the row below their pixel.
    for (v, at, taps) in [(0, -1, [6, 7, 8]), (height - 1, height as isize, [0, 1, 2])] {
        // The corners belong to these lines: positions -1..=width, seen from a line with two zeros on either side.
        let line = line(lanes, 2, (0..width).map(|u| &dy[pixel(v, u) * lanes..][..lanes]));
        let goals: Vec<usize> =
            (-1..=width as isize).map(|u| pixel(source(at, height), source(u, width))).collect();
        fold_line(isa, &line, weights, taps, &goals, &finish, dx);
    }
    for (u, at, taps) in [(0, -1, [2, 5, 8]), (width - 1, width as isize, [0, 3, 6])] {
        let line = line(lanes, 1, (0..height).map(|v| &dy[pixel(v, u) * lanes..][..lanes]));
        let goals: Vec<usize> = (0..height).map(|v| pixel(v, source(at, width))).collect();
        fold_line(isa, &line, weights, taps, &goals, &finish, dx);
    }
}

/// Pixels one after another, `margin` zeros before, and enough of them behind.
fn line<'a>(lanes: usize, margin: usize, pixels: impl Iterator<Item = &'a [f32]>) -> Vec<f32> {
    let mut line = vec![0.0; margin * lanes];
    pixels.for_each(|p| line.extend_from_slice(p));
    line.resize(line.len() + (margin + BEHIND_PX) * lanes, 0.0);
    line
}

/// `dx[goals[i]] += sum of the taps over the line from position i on`.
fn fold_line(
    isa: Isa,
    line: &[f32],
    weights: &PackedConv,
    taps: [usize; 3],
    goals: &[usize],
    finish: &Finish,
    dx: &mut [f32],
) {
    let lanes = weights.input_lanes();
    assert!(line.len() >= (goals.len() + 2 + BEHIND_PX - 2) * lanes && lanes.is_multiple_of(LANES));
    let steps: Vec<(isize, isize)> =
        taps.into_iter().enumerate().map(|(k, t)| ((k * lanes) as isize, weights.tap(t) as isize)).collect();
    let spans = [Span { source: 0, goal: 0, count: goals.len() }];
    let store = Store { finish, y: dx.as_mut_ptr(), lanes: weights.output_lanes(), goals: Some(goals) };
    // SAFETY: the line is long enough for the last tile, as seen above; goals are pixels of the map, whose length `conv` has checked.
    // Two goals may be one pixel: they are stored one after another.
    unsafe { window::run(isa, line.as_ptr(), weights, 1, &steps, &spans, &store) };
}
