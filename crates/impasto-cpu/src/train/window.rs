//! Convolution window by window, without a transform.

use super::pack::PackedConv;
use super::sum::Operands;
use super::{Finish, room};
use crate::kernel::gemm::column_tiles;
use crate::simd::{BLOCK, Isa, Kernel, Simd};

/// Some pixels of a row: where they are read and written, in pixels of the maps.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub source: usize,
    pub goal: usize,
    pub count: usize,
}

/// As [`super::conv`].
pub(super) fn conv(
    isa: Isa,
    x: &[f32],
    (height, width): (usize, usize),
    weights: &PackedConv,
    stride: usize,
    finish: &Finish,
    y: &mut [f32],
) {
    let (out_h, out_w, row) = (height.div_ceil(stride), width.div_ceil(stride), width + 2);
    let spans: Vec<Span> = (0..out_h)
        .map(|v| Span { source: (v * stride + 1) * row + 1, goal: (v + 1) * (out_w + 2) + 1, count: out_w })
        .collect();
    let lanes = weights.input_lanes() as isize;
    let away = |t: usize| {
        if weights.kernel == 1 {
            0
        } else {
            t as isize / 3 * row as isize + t as isize % 3 - row as isize - 1
        }
    };
    let steps: Vec<(isize, isize)> =
        (0..weights.kernel * weights.kernel).map(|t| (away(t) * lanes, weights.tap(t) as isize)).collect();
    let store = Store { finish, y: y.as_mut_ptr(), lanes: weights.output_lanes(), goals: None };
    // SAFETY: spans and taps stay inside the rimmed maps, whose lengths the caller has checked; tiles read at most SLACK_PX behind.
    unsafe { run(isa, x.as_ptr(), weights, stride, &steps, &spans, &store) };
}

/// Destination of the sums.
pub(super) struct Store<'a> {
    pub finish: &'a Finish<'a>,
    pub y: *mut f32,
    /// Padded channels of the output.
    pub lanes: usize,
    /// The pixel of the output that each goal means; without, itself.
    pub goals: Option<&'a [usize]>,
}

/// Sums up every span's windows and stores them.
///
/// # Safety
/// `x` must be readable at each span's pixels, `stride` apart, shifted by each step, and up to a register tile's rows (at most 8 pixels)
/// behind; goals must be inside the output, whose finish has been checked.
pub(super) unsafe fn run(
    isa: Isa,
    x: *const f32,
    weights: &PackedConv,
    stride: usize,
    steps: &[(isize, isize)],
    spans: &[Span],
    store: &Store,
) {
    room::with(ROWS_MOST * 2 * BLOCK, |c| isa.run(Run { x, weights, stride, steps, spans, store, c }));
}

/// At least the rows of every instruction set's tile.
const ROWS_MOST: usize = 8;

struct Run<'a> {
    x: *const f32,
    weights: &'a PackedConv,
    stride: usize,
    steps: &'a [(isize, isize)],
    spans: &'a [Span],
    store: &'a Store<'a>,
    c: *mut f32,
}

impl Kernel for Run<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        const { assert!(S::ROWS <= ROWS_MOST) };
        let (inputs, lanes) = (self.weights.inputs, self.weights.input_lanes());
        for (first, wide) in column_tiles::<S>(self.weights.blocks) {
            let width = wide * BLOCK;
            let operands = Operands {
                steps: self.steps,
                length: inputs,
                a_k: 1,
                a_row: self.stride * lanes,
                b_k: width,
                c_row: width,
            };
            // SAFETY: the tile's weights start here in each tap; for the rest the caller of `run` vouches.
            let b = unsafe { self.weights.taps.ptr().add(first * BLOCK * inputs) };
            for span in self.spans {
                for start in (0..span.count).step_by(S::ROWS) {
                    // SAFETY: as above.
                    unsafe {
                        let a = self.x.add((span.source + start * self.stride) * lanes);
                        s.sum_tile(wide, &operands, a, b, self.c);
                        let rows = S::ROWS.min(span.count - start);
                        self.finish(s, (span.goal + start, rows), first * BLOCK, width);
                    }
                }
            }
        }
    }
}

impl Run<'_> {
    /// # Safety
    /// As for [`run`]; `c` holds the sums.
    #[inline(always)]
    unsafe fn finish<S: Simd>(&self, s: S, (goal, rows): (usize, usize), channel: usize, width: usize) {
        for r in 0..rows {
            let pixel = self.store.goals.map_or(goal + r, |goals| goals[goal + r]);
            for lane in (0..width).step_by(S::LANES) {
                // SAFETY: the goal is inside the output, `c` holds `width` sums for each row.
                unsafe {
                    let sum = s.load(self.c.add(r * width + lane));
                    let at = pixel * self.store.lanes + channel + lane;
                    self.store.finish.store(s, sum, channel + lane, self.store.y, at);
                }
            }
        }
    }
}
