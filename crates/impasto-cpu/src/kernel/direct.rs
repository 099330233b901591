//! Convolution of any window and stride, straight from where the positions lie.
//!
//! Channels of a position lie together, and so do the positions of a line: what one line of a window covers is one run of
//! values, and the same run of the next window lies `stride` positions further. That is a matrix whose rows overlap, and the
//! product ([`super::gemm::windows`]) reads it where it is:
//!
//! ```text
//! row r, line ky    map[y * stride + ky - before][(x + r) * stride - before ..][.. kernel][channels]
//! b                 [kernel * kernel * in][out]                                    weights, see kernel::gemm
//! ```
//! Panels of `MR` neighbouring results read the activation itself. Those at a border, and all of an input that must be scaled,
//! rectified, doubled or turned from bytes first, read a *patch*: a copy of their lines in which that is done ([`patch`]).

mod patch;

use super::finish::Finish;
use super::gemm::{Windows, column_tiles, pack_columns};
use super::paint::Painter;
use super::picture::Size;
use super::step::{Frame, Step};
use super::sums::{SLOT, Sums};
use super::view::{Spread, View};
use crate::memory::Arena;
use crate::simd::{BLOCK, Isa, Kernel, Simd};
use crate::winograd::GemmShape;
use impasto_core::Padding;

/// Values under the windows of one job, about.
const JOB_VALUES: usize = 96 << 10;
/// Panels of one job, at most.
const PANELS: usize = 8;

/// Source of the positions.
#[derive(Clone, Copy)]
pub(crate) enum Feed {
    /// An activation.
    View(View),
    /// The frame's picture, extended at the bottom and right by repeating its edge.
    Picture {
        /// Its size; 1 to 4 channels.
        size: Size,
        /// Map of every value: `mul * x + add`.
        mul: f32,
        /// See `mul`.
        add: f32,
    },
}

/// Destination of the results.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// An activation; never pooled.
    Map(Finish),
    /// The frame's canvas.
    Canvas(Painter),
}

/// Windows along both sides.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    /// Side of the window.
    pub kernel: usize,
    /// Positions that the first window lies outside.
    pub before: usize,
    /// Step between windows.
    pub stride: usize,
    /// Values outside the picture.
    pub padding: Padding,
}

/// Weights, bias and geometry of one convolution.
pub(crate) struct Layer<'a> {
    /// `weight(out, in, tap)`.
    pub weight: &'a dyn Fn(usize, usize, usize) -> f32,
    /// Its input, and its size as the table sees it (rows, columns).
    pub feed: Feed,
    /// Size of the input as the table sees it.
    pub size: (usize, usize),
    /// Rows and columns of results.
    pub out: (usize, usize),
    /// Its window.
    pub window: Window,
    /// Operations behind the sums.
    pub goal: Goal,
    /// Channels: in as in the table, and out.
    pub channels: (usize, usize),
    /// Multiply-accumulates, for reports.
    pub macs: u64,
}

/// A planned layer.
pub(crate) struct Direct {
    isa: Isa,
    feed: Feed,
    goal: Goal,
    /// Rows and columns of results, and blocks of their channels.
    size: (usize, usize),
    blocks: usize,
    window: Window,
    rows: Spread,
    columns: Spread,
    weights: Arena,
    /// Channels of a position in memory.
    stored: usize,
    mr: usize,
    /// Panels in a row of results, and in a job.
    across: usize,
    panels: usize,
    macs: u64,
}

impl Direct {
    pub(crate) fn new(isa: Isa, layer: &Layer<'_>) -> Direct {
        let (mr, widest) = isa.run(GemmShape);
        let Layer { feed, goal, window, out: size, macs, .. } = *layer;
        let (stored, up, picture) = match feed {
            Feed::View(view) => (view.map.channels, view.up, None),
            Feed::Picture { size, .. } => (size.channels, false, Some((size.height, size.width))),
        };
        let k = window.kernel * window.kernel * stored;
        let blocks = match goal {
            Goal::Map(finish) => finish.out.channels / BLOCK,
            Goal::Canvas(_) => 1,
        };
        let axis = |len: usize, out: usize, most: Option<usize>| {
            let Window { kernel, before, stride, padding } = window;
            Spread::new((len, up), (out - 1) * stride + kernel, before, padding, most)
        };
        Direct {
            isa,
            feed,
            goal,
            size,
            blocks,
            window,
            rows: axis(layer.size.0, size.0, picture.map(|size| size.0)),
            columns: axis(layer.size.1, size.1, picture.map(|size| size.1)),
            weights: packed(layer, stored, (widest, k, blocks)),
            stored,
            mr,
            across: size.1.div_ceil(mr),
            panels: (JOB_VALUES / (k * mr)).clamp(1, PANELS),
            macs,
        }
    }

    /// First panel of a job, and how many.
    fn share(&self, job: usize) -> (usize, usize) {
        let first = job * self.panels;
        (first, self.panels.min(self.size.0 * self.across - first))
    }

    /// Row and first column of a panel, and its results.
    fn panel(&self, panel: usize) -> (usize, usize, usize) {
        let x = panel % self.across * self.mr;
        (panel / self.across, x, self.mr.min(self.size.1 - x))
    }

    /// Positions of one line under `panels` panels.
    fn line(&self, panels: usize) -> usize {
        (panels * self.mr - 1) * self.window.stride + self.window.kernel
    }
}

/// The weights as columns of the product.
fn packed(layer: &Layer<'_>, stored: usize, (widest, k, blocks): (usize, usize, usize)) -> Arena {
    let mut weights = Arena::new(k * blocks * BLOCK);
    let (cin, cout) = layer.channels;
    let value = |i: usize, o: usize| {
        let (tap, c) = (i / stored, i % stored);
        if c < cin && o < cout { (layer.weight)(o, c, tap) } else { 0.0 }
    };
    pack_columns(widest, k, blocks, value, weights.as_mut_slice());
    weights
}

impl Step for Direct {
    fn label(&self) -> String {
        let from = match self.feed {
            Feed::View(view) => format!("{}", view.map.channels),
            Feed::Picture { size, .. } => format!("picture {}", size.channels),
        };
        let (to, (height, width)) = match self.goal {
            Goal::Map(finish) => (format!("{}", finish.out.channels), self.size),
            Goal::Canvas(Painter { size, .. }) => {
                (format!("canvas {}", size.channels), (size.height, size.width))
            }
        };
        let Window { kernel, stride, .. } = self.window;
        format!("direct {kernel}x{kernel}/{stride} {from}>{to} at {width}x{height}")
    }

    fn jobs(&self) -> usize {
        (self.size.0 * self.across).div_ceil(self.panels)
    }

    fn scratch(&self) -> usize {
        let patch = self.window.kernel * (self.mr * self.window.stride + self.window.kernel) * self.stored;
        (self.panels * patch).next_multiple_of(BLOCK) + 2 * self.mr * BLOCK
    }

    fn macs(&self) -> u64 {
        self.macs
    }

    fn products(&self) -> u64 {
        (self.size.0 * self.across * self.mr * self.weights.len()) as u64
    }

    fn positions(&self, job: usize) -> usize {
        let (first, count) = self.share(job);
        (first..first + count).map(|panel| self.panel(panel).2).sum()
    }

    fn finish_mut(&mut self) -> Option<&mut Finish> {
        match &mut self.goal {
            Goal::Map(finish) => Some(finish),
            Goal::Canvas(_) => None,
        }
    }

    unsafe fn job(&self, job: usize, scratch: *mut f32, frame: &Frame<'_>) {
        let (first, count) = self.share(job);
        let c = scratch;
        // SAFETY: `scratch()` adds up the two parts.
        let patch = unsafe { scratch.add(2 * self.mr * BLOCK) };
        self.isa.run(Job { layer: self, job, first, count, c, patch, frame });
    }
}

struct Job<'a> {
    layer: &'a Direct,
    job: usize,
    /// First panel, and how many.
    first: usize,
    count: usize,
    /// Products of one panel.
    c: *mut f32,
    patch: *mut f32,
    frame: &'a Frame<'a>,
}

impl Kernel for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: the layer's sizes were planned together; `Step::job` vouches for the pointers.
        unsafe {
            let places = self.places(s);
            for (block, wide) in column_tiles::<S>(self.layer.blocks) {
                self.columns(s, &places, block, wide);
            }
        }
    }
}

impl Job<'_> {
    /// The products of all panels with one tile of columns, finished and written.
    ///
    /// # Safety
    /// As for [`Step::job`]; `places` must be those of the job's panels.
    #[inline(always)]
    unsafe fn columns<S: Simd>(&self, s: S, places: &[Windows; PANELS], block: usize, wide: usize) {
        let Direct { goal, weights, window, stored, .. } = self.layer;
        let k = window.kernel * window.kernel * stored;
        let mut sums = [[Sums::new(s); 4]; 2];
        for (i, windows) in places.iter().enumerate().take(self.count) {
            let (y, x, rows) = self.layer.panel(self.first + i);
            // SAFETY: panel and block are below what scratch and weights were sized for.
            unsafe {
                s.gemm_windows(wide, windows, weights.ptr().add(block * BLOCK * k), self.c);
                match goal {
                    Goal::Canvas(painter) => {
                        painter.span(s, self.frame.output, self.c, BLOCK, (y, x), rows);
                    }
                    Goal::Map(finish) => {
                        for (j, sums) in sums.iter_mut().enumerate().take(wide) {
                            self.write(s, finish, (y, x, rows), (j, block + j), sums);
                        }
                    }
                }
            }
        }
        let Goal::Map(Finish { sums: Some(slots), out, .. }) = goal else { return };
        for lane in (0..wide * BLOCK).step_by(S::LANES) {
            let sums = &sums[lane / BLOCK][lane % BLOCK / S::LANES];
            // SAFETY: there is one slot for every job.
            unsafe {
                let slot = slots.0.add(self.job * SLOT * out.channels);
                sums.store(s, slot, block * BLOCK + lane, out.channels);
            }
        }
    }

    /// Finishes one panel of one block.
    ///
    /// # Safety
    /// `c` must hold the panel's products.
    #[inline(always)]
    unsafe fn write<S: Simd>(
        &self,
        s: S,
        finish: &Finish,
        (y, x, rows): (usize, usize, usize),
        (j, block): (usize, usize),
        sums: &mut [Sums<S>; 4],
    ) {
        for (part, sums) in sums.iter_mut().enumerate().take(BLOCK / S::LANES) {
            let lane = part * S::LANES;
            // SAFETY: the panel's results are positions of the output.
            unsafe {
                let finisher = finish.lane(s, block * BLOCK + lane);
                // A copy, which stays in registers.
                let mut own = *sums;
                for r in 0..rows {
                    let sum = s.load(self.c.add((j * S::MR + r) * BLOCK + lane));
                    let v = finisher.value::<f32>(s, sum, y, x + r);
                    s.store(finish.out.at::<f32>(y, x + r).add(block * BLOCK + lane), v);
                    if finish.sums.is_some() {
                        own.add(s, v);
                    }
                }
                *sums = own;
            }
        }
    }
}
