//! Convolution in eight bits: inputs and weights are bytes, sums are integers, results `f32` again.
//!
//! Activations stay `f32` in memory. Who writes one notes the least and the largest value of each channel ([`super::sums`]), so that
//! its reader knows the range that the 256 codes must cover in this very frame; nothing is calibrated beforehand:
//!
//! ```text
//! code(x)  = round(255 (x - least) / (most - least))              0 to 255, one range for each input channel
//! w x      = w step code(x) + w least,  step = (most - least) / 255
//! ```
//! The range's `step` goes into the weights, which are then rounded to -127..127 with one scale for each output channel, anew in every
//! frame ([`quantise`]); what `least` adds is a number for each output channel. So every input channel has its own range, which
//! costs nothing in the product. A job then takes a rectangle of results through two phases:
//!
//! ```text
//! 1. patch     the positions under its windows, as codes               padding, AdaIN and ReLU on the way: one multiply and add
//! 2. product   windows of the patch x weights, see kernel::gemm::dots   bias, ReLU, residual, statistics on the way to memory
//! ```
//! A convolution of a doubled input is a 2x2 one around the corners where four stored positions meet, with the results of the four pixels
//! there side by side ([`Goal::Doubled`]).

mod quantise;
mod ranges;

use super::direct::Window;
use super::finish::Finish;
use super::gemm::{Windows, column_tiles};
use super::paint::Painter;
use super::step::{Frame, Step};
use super::sums::{SLOT, Sums};
use super::view::{Map, Ptr, Spread, View};
use crate::simd::{BLOCK, DotKernel, Dots, Isa, Simd};
use impasto_core::noise::MAX_PLANES;
pub(crate) use quantise::{Quantise, Quantised};
pub(crate) use ranges::Ranges;

/// Bytes of a patch, at most about: a good part of a second-level cache.
const PATCH_BYTES: usize = 160 << 10;
/// Rows of results in one job, at most: more would read fewer lines twice, fewer leave more jobs to share.
const HIGH: usize = 8;

/// Destination of the results.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// An activation twice as large. Columns are `[2][2][channels]`, for the pixels around a corner; the first corner is that
    /// above and to the left of all.
    Doubled(Finish),
    /// The frame's canvas.
    Canvas(Painter),
}

impl Goal {
    /// Columns of the product, a multiple of 16.
    pub(crate) fn columns(&self) -> usize {
        match self {
            Goal::Doubled(finish) => 4 * finish.out.channels,
            Goal::Canvas(_) => BLOCK,
        }
    }
}

/// Weights, bias and geometry of one convolution.
pub(crate) struct Layer {
    /// Its input; not doubled.
    pub view: View,
    /// Rows and columns of windows.
    pub out: (usize, usize),
    /// Its window. Values outside the picture are never zero.
    pub window: Window,
    /// Operations behind the sums.
    pub goal: Goal,
    /// Multiply-accumulates, for reports.
    pub macs: u64,
}

/// A planned layer. [`Ranges`] and [`Quantise`] come before it in every frame.
pub(crate) struct Eight {
    isa: Isa,
    view: View,
    goal: Goal,
    size: (usize, usize),
    window: Window,
    rows: Spread,
    columns: Spread,
    codes: Quantised,
    cut: Cut,
    macs: u64,
}

/// Cut of the windows into jobs: rectangles of `high` rows and `panels` panels of `mr` windows.
#[derive(Clone, Copy)]
struct Cut {
    mr: usize,
    high: usize,
    panels: usize,
    /// Rectangles side by side.
    across: usize,
}

impl Cut {
    fn new(mr: usize, (rows, columns): (usize, usize), window: Window, stored: usize) -> Cut {
        let side = |n: usize| (n - 1) * window.stride + window.kernel;
        let all = columns.div_ceil(mr);
        let (mut high, mut panels) = (HIGH.min(rows), all);
        let bytes = |high: usize, panels: usize| side(high) * side(panels * mr) * stored;
        while panels > 1 && bytes(high.min(4), panels) > PATCH_BYTES {
            panels = panels.div_ceil(2);
        }
        let jobs = |high: usize| rows.div_ceil(high) * all.div_ceil(panels);
        while high > 1 && (bytes(high, panels) > PATCH_BYTES || jobs(high) < 16) {
            high -= 1;
        }
        Cut { mr, high, panels, across: all.div_ceil(panels) }
    }
}

/// A job's rectangle: first row and column, and how many.
#[derive(Clone, Copy)]
struct Share {
    y: usize,
    x: usize,
    high: usize,
    wide: usize,
}

impl Eight {
    /// Plans a layer whose codes come from `codes`.
    pub(crate) fn new(isa: Isa, layer: &Layer, codes: Quantised) -> Eight {
        let Layer { view, goal, window, out: size, macs, .. } = *layer;
        let (mr, _) = isa.run_dots(DotShape);
        let axis = |len: usize, out: usize| {
            let Window { kernel, before, stride, padding } = window;
            let mut axis = Spread::new((len, false), (out - 1) * stride + kernel, before, padding, None);
            // Nothing is padded with zeros; what lies beyond all padding is in no result that is kept, and may be anything.
            axis.at.iter_mut().for_each(|at| *at = (*at).max(0));
            axis
        };
        Eight {
            isa,
            view,
            goal,
            size,
            window,
            rows: axis(view.map.height, size.0),
            columns: axis(view.map.width, size.1),
            codes,
            cut: Cut::new(mr, size, window, view.map.channels),
            macs,
        }
    }

    fn share(&self, job: usize) -> Share {
        let Cut { mr, high, panels, across } = self.cut;
        let (y, x) = (job / across * high, job % across * panels * mr);
        Share { y, x, high: high.min(self.size.0 - y), wide: (panels * mr).min(self.size.1 - x) }
    }

    /// Positions in a line of a patch.
    fn line(&self) -> usize {
        (self.cut.panels * self.cut.mr - 1) * self.window.stride + self.window.kernel
    }

    /// Values that hold a patch.
    fn patch_values(&self) -> usize {
        let lines = (self.cut.high - 1) * self.window.stride + self.window.kernel;
        (lines * self.line() * self.view.map.channels / 4).next_multiple_of(BLOCK)
    }
}

/// Register tile of an instruction set's products of bytes: rows, and blocks of columns.
pub(crate) struct DotShape;
impl DotKernel for DotShape {
    type Out = (usize, usize);
    #[inline(always)]
    fn run<S: Dots>(self, _: S) -> (usize, usize) {
        (S::MR, S::NB)
    }
}

impl Step for Eight {
    fn label(&self) -> String {
        let (kernel, stride, from) = (self.window.kernel, self.window.stride, self.view.map.channels);
        let (up, to, (height, width)) = match self.goal {
            Goal::Doubled(Finish { out, .. }) => {
                (" up", format!("{}", out.channels), (out.height, out.width))
            }
            Goal::Canvas(Painter { size, .. }) => {
                ("", format!("canvas {}", size.channels), (size.height, size.width))
            }
        };
        format!("eight bits{up} {kernel}x{kernel}/{stride} {from}>{to} at {width}x{height}")
    }

    fn jobs(&self) -> usize {
        self.size.0.div_ceil(self.cut.high) * self.cut.across
    }

    fn scratch(&self) -> usize {
        // The patch, and the results of one panel; the painter reads a little beyond these.
        self.patch_values() + self.cut.mr * self.goal.columns() + 2 * BLOCK
    }

    fn macs(&self) -> u64 {
        self.macs
    }

    fn products(&self) -> u64 {
        // Four in the time of one.
        let panels = self.size.0 * self.size.1.div_ceil(self.cut.mr);
        (panels * self.cut.mr * self.codes.k * self.goal.columns() / 4) as u64
    }

    fn positions(&self, job: usize) -> usize {
        let Share { y, x, high, wide } = self.share(job);
        // Corners `first..first + count` lie around the pixels `2 first - 1..2 (first + count) - 1`.
        let around = |first: usize, count: usize, len: usize| {
            (2 * (first + count) - 1).min(len) - (2 * first).saturating_sub(1)
        };
        match self.goal {
            Goal::Doubled(Finish { out, .. }) => around(y, high, out.height) * around(x, wide, out.width),
            _ => high * wide,
        }
    }

    fn finish_mut(&mut self) -> Option<&mut Finish> {
        match &mut self.goal {
            Goal::Doubled(finish) => Some(finish),
            Goal::Canvas(_) => None,
        }
    }

    unsafe fn job(&self, job: usize, scratch: *mut f32, frame: &Frame<'_>) {
        // SAFETY: `scratch()` adds up the two parts.
        let c = unsafe { scratch.add(self.patch_values()) };
        self.isa.run_dots(Job { layer: self, job, share: self.share(job), patch: scratch.cast(), c, frame });
    }
}

struct Job<'a> {
    layer: &'a Eight,
    job: usize,
    share: Share,
    patch: *mut u8,
    /// Results of one panel: `[columns / 16][MR][16]`.
    c: *mut f32,
    frame: &'a Frame<'a>,
}

impl DotKernel for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dots>(self, s: S) {
        // SAFETY: the layer's sizes were planned together; `Step::job` vouches for the pointers.
        unsafe {
            self.fill(s);
            self.products(s);
        }
    }
}

impl Job<'_> {
    /// Phase 1. What stands behind the last position of a row is left from elsewhere, and read by no result that is kept.
    ///
    /// # Safety
    /// As for [`Step::job`].
    #[inline(always)]
    unsafe fn fill<S: Simd>(&self, s: S) {
        let Eight { view, window, rows, columns, codes, .. } = self.layer;
        let stored = view.map.channels;
        let side = |n: usize| (n - 1) * window.stride + window.kernel;
        let rows = &rows.at[self.share.y * window.stride..][..side(self.share.high)];
        let columns = &columns.at[self.share.x * window.stride..][..side(self.share.wide)];
        for (line, &row) in rows.iter().enumerate() {
            // SAFETY: indices of the axes are inside the map; the patch has room for all, and there are gains and shifts for every channel.
            unsafe {
                let mut out = self.patch.add(line * self.layer.line() * stored);
                let from = view.map.at::<f32>(row as usize, 0).cast_const();
                for &column in columns {
                    let from = from.add(column as usize * stored);
                    let cell = view.cell(row as usize, column as usize);
                    for lane in (0..stored).step_by(S::LANES) {
                        let (gain, shift) = (s.load(codes.gain.0.add(lane)), s.load(codes.shift.0.add(lane)));
                        let mut v = s.fma(gain, s.load(from.add(lane)), shift);
                        if !cell.is_null() {
                            for k in 0..MAX_PLANES {
                                let plane = s.load(codes.noise.0.add(k * stored + lane));
                                v = s.fma(plane, s.splat(*cell.add(k)), v);
                            }
                        }
                        s.store_bytes(out.add(lane), v);
                    }
                    out = out.add(stored);
                }
            }
        }
    }

    /// Phase 2, panel by panel: all columns, so that results are written position after position.
    ///
    /// # Safety
    /// As for [`Step::job`], after phase 1.
    #[inline(always)]
    unsafe fn products<S: Dots>(&self, s: S) {
        let Eight { view, window, codes, goal, .. } = self.layer;
        let stored = view.map.channels;
        let (line, step) = (self.layer.line() * stored, window.stride * stored);
        let blocks = goal.columns() / BLOCK;
        let mut fresh = true;
        for y in 0..self.share.high {
            for x in (0..self.share.wide).step_by(S::MR) {
                // SAFETY: the panel's windows are inside the patch; there are codes for every block.
                unsafe {
                    let first = self.patch.add(y * window.stride * line + x * step).cast_const();
                    let (lines, run) = (window.kernel, window.kernel * stored);
                    let windows = Windows { first, line, lines, run, step };
                    for (block, wide) in column_tiles::<S>(blocks) {
                        let columns = codes.columns(block);
                        s.dot_windows(wide, &windows, &columns, self.c.add(block * S::MR * BLOCK));
                    }
                    let rows = S::MR.min(self.share.wide - x);
                    self.write(s, (self.share.y + y, self.share.x + x), rows, &mut fresh);
                }
            }
        }
    }

    /// Writes a panel's results. `fresh` while the job has summed nothing.
    ///
    /// # Safety
    /// `c` must hold them.
    #[inline(always)]
    unsafe fn write<S: Simd>(&self, s: S, (y, x): (usize, usize), rows: usize, fresh: &mut bool) {
        // SAFETY: as the caller says; steps of two from a panel's first pixel reach just the pixels around its corners.
        unsafe {
            match &self.layer.goal {
                Goal::Canvas(painter) => painter.span(s, self.frame.output, self.c, BLOCK, (y, x), rows),
                Goal::Doubled(finish) => {
                    let Map { height, width, channels, .. } = finish.out;
                    for phase in 0..4 {
                        let (dy, dx) = (phase / 2, phase % 2);
                        // One more than the pixel's row and column: those before the first are none.
                        let (row, column) = (2 * y + dy, 2 * x + dx);
                        let before = usize::from(column == 0);
                        let rows = rows.min((width + 2 - dx) / 2 - x) - before;
                        let c = self.c.add(phase * channels * S::MR + before * BLOCK);
                        if (1..=height).contains(&row) && rows > 0 {
                            let at = (row - 1, column + 2 * before - 1, 2);
                            self.store(s, finish, c, at, rows, fresh);
                        }
                    }
                }
            }
        }
    }

    /// Finishes `rows` of a panel's results: the first belongs at row `y`, column `x`, the others each `step` columns further.
    ///
    /// # Safety
    /// `c` must hold them; their positions must be inside the output.
    #[inline(always)]
    unsafe fn store<S: Simd>(
        &self,
        s: S,
        finish: &Finish,
        c: *const f32,
        (y, x, step): (usize, usize, usize),
        rows: usize,
        fresh: &mut bool,
    ) {
        let channels = finish.out.channels;
        for channel in (0..channels).step_by(S::LANES) {
            // SAFETY: as the caller says; there is one slot for every job.
            unsafe {
                let lane = finish.lane(s, channel);
                let c = c.add(channel / BLOCK * S::MR * BLOCK + channel % BLOCK);
                let slot = match finish.sums {
                    Some(Ptr(slots)) => slots.add(self.job * SLOT * channels),
                    None => std::ptr::null_mut(),
                };
                let summed = !slot.is_null();
                let mut sums =
                    if !summed || *fresh { Sums::new(s) } else { Sums::load(s, slot, channel, channels) };
                for r in 0..rows {
                    let v = lane.value::<f32>(s, s.load(c.add(r * BLOCK)), y, x + r * step);
                    s.store(finish.out.at::<f32>(y, x + r * step).add(channel), v);
                    if summed {
                        sums.add(s, v);
                    }
                }
                if summed {
                    sums.store(s, slot, channel, channels);
                }
            }
        }
        *fresh = false;
    }
}
