//! Convolution on the AMX tile unit: bf16 products with `f32` sums, 1x1 or 3x3, stride 1 or 2.
//!
//! A job first copies the part of its input that it needs into a *patch* in the second-level cache, with a rim:
//! padding, doubling, AdaIN and ReLU happen there. Then every output is a sum of products of rows of 32 channels
//! that tiles read straight from the patch; nothing is packed. Two rows of sixteen positions and 32 output
//! channels are in work at a time ([`crate::amx::tile`]).
//!
//! **Doubled inputs** are never doubled: each of the four output positions above one stored position is a 2x2
//! convolution of the stored ones, whose weights are sums of the 3x3 weights. That is 4/9 of the products.
//!
//! **The picture** is packed instead: all values under a window, 32 or more in a row, are one position of the patch.
//! Bytes are exact in bf16, so 0..255 is packed and the weights are divided.

mod fill;
mod store;

use super::finish::Finish;
use super::paint::Painter;
use super::picture::Size;
use super::step::{Frame, Step};
use super::sums::Sums;
use super::view::{Axis, View, doubled_weight};
use crate::amx::Amx;
use crate::amx::tile::{Block, Step as TileStep, Tiles};
use crate::memory::Arena;
use crate::simd::{BLOCK, Isa, Kernel, Simd};
use half::bf16;
use impasto_core::Padding;
use store::PARTS;

/// Channels of one product, and of one block of outputs.
const LANES: usize = 32;
/// Positions in one tile.
const SPAN: usize = 16;
/// A patch stays below this many values (384 KiB).
const PATCH_VALUES: usize = 192 << 10;

/// Source of the positions.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// An activation in bf16.
    View(View),
    /// The frame's picture, `mul * x + add`.
    Picture { size: Size, mul: f32, add: f32 },
}

/// Destination of the results.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// An activation in bf16.
    Map(Finish),
    /// The frame's canvas.
    Canvas(Painter),
}

/// Weights, bias and geometry of one convolution.
pub(crate) struct Layer<'a> {
    /// `weight(out, in, tap)`.
    pub weight: &'a dyn Fn(usize, usize, usize) -> f32,
    /// Its input.
    pub source: Source,
    /// Size of the input as the table sees it: rows, columns.
    pub size: (usize, usize),
    /// Window, stride, what stands outside.
    pub window: (usize, usize, Padding),
    /// Operations behind the sums.
    pub goal: Goal,
    /// Channels in the table: in and out.
    pub channels: (usize, usize),
}

/// A planned layer.
pub(crate) struct Tiled {
    amx: Amx,
    source: Source,
    goal: Goal,
    kernel: usize,
    stride: usize,
    /// Positions of the patch from one result to the next: the stride, or 1 where windows are packed.
    step: usize,
    /// Stored positions under each row and column of the patches, one after the other over the whole input.
    rows: Axis,
    columns: Axis,
    /// Rows and columns of results before doubling.
    grid: (usize, usize),
    cut: Cut,
    phases: Vec<Phase>,
    /// Bits of bf16, two to a value: `[phase][block][step][2][16][16][2]`.
    weights: Arena,
    blocks: usize,
    macs: u64,
}

/// One of the results above a grid position: the only one, or one of four.
struct Phase {
    dy: usize,
    dx: usize,
    steps: Vec<TileStep>,
    /// First bf16 value of its weights, and values of one block.
    start: usize,
    block: usize,
}

/// A phase's `dy` and `dx`, and its steps: taps, each with a block of inputs.
type Taps = (usize, usize, Vec<(usize, usize)>);

/// Cut of the grid into jobs, and the patch of one.
#[derive(Clone, Copy)]
struct Cut {
    high: usize,
    wide: usize,
    across: usize,
    jobs: usize,
    /// Columns of a patch, and bf16 values of one position.
    patch_wide: usize,
    patch_high: usize,
    position: usize,
}

impl Tiled {
    pub(crate) fn new(amx: Amx, layer: &Layer<'_>) -> Tiled {
        let (kernel, stride, padding) = layer.window;
        let up = matches!(layer.source, Source::View(view) if view.up);
        let halve = |n: usize| if up { n / 2 } else { n.div_ceil(stride) };
        let grid = (halve(layer.size.0), halve(layer.size.1));
        let (position, packed) = match layer.source {
            Source::View(view) => (view.map.channels, false),
            Source::Picture { size, .. } => ((kernel * kernel * size.channels).next_multiple_of(LANES), true),
        };
        let reach = if packed { 1 } else { kernel };
        let step = if packed { 1 } else { stride };
        let cut = Cut::new(grid, step, reach, position);
        let axis = |len: usize, out: usize, last: usize| {
            let mut axis = line(len >> usize::from(up), out, kernel, stride, up, padding);
            axis.iter_mut().for_each(|i| *i = (*i).min(last as i32));
            axis
        };
        // The picture may be smaller than what the table sees: its edge is repeated.
        let last = match layer.source {
            Source::Picture { size, .. } => (size.height - 1, size.width - 1),
            Source::View(view) => (view.map.height - 1, view.map.width - 1),
        };
        let (cin, cout) = layer.channels;
        let mut tiled = Tiled {
            amx,
            source: layer.source,
            goal: layer.goal,
            kernel,
            stride,
            step,
            rows: axis(layer.size.0, grid.0, last.0),
            columns: axis(layer.size.1, grid.1, last.1),
            grid,
            cut,
            phases: vec![],
            weights: Arena::new(0),
            blocks: 0,
            macs: 0,
        };
        let (out_h, out_w) = (layer.size.0.div_ceil(stride), layer.size.1.div_ceil(stride));
        tiled.macs = (out_h * out_w * kernel * kernel * cin * cout) as u64;
        tiled.pack(layer, up);
        tiled
    }

    /// Lists the phases' steps and packs their weights.
    fn pack(&mut self, layer: &Layer<'_>, up: bool) {
        let (cin, cout) = layer.channels;
        let taps = self.kernel * self.kernel;
        if let Source::Picture { size, mul, .. } = self.source {
            let columns = |k: usize, o: usize| {
                let (tap, c) = (k / size.channels, k % size.channels);
                if tap < taps && o < cout { (layer.weight)(o, c, tap) * mul / 255.0 } else { 0.0 }
            };
            let steps = (0..self.cut.position / LANES).map(|k| (0, k)).collect();
            return self.pack_phases(cout, vec![(0, 0, steps)], &|_, _, k, o| columns(k, o));
        }
        let all = (0..taps).flat_map(|tap| (0..self.cut.position / LANES).map(move |k| (tap, k)));
        let value = |o: usize, i: usize, tap: usize| {
            if i < cin && o < cout { (layer.weight)(o, i, tap) } else { 0.0 }
        };
        if !up || self.kernel == 1 {
            assert!(!up, "1x1 convolutions of doubled inputs are lowered otherwise");
            return self.pack_phases(cout, vec![(0, 0, all.collect())], &|_, tap, i, o| value(o, i, tap));
        }
        if matches!(self.goal, Goal::Canvas(_)) {
            // All four phases side by side in one block of columns.
            let each = |tap: usize, i: usize, o: usize| {
                let (phase, o) = (o / cout, o % cout);
                if phase < 4 { doubled_weight(&value, (phase / 2, phase % 2), tap, i, o) } else { 0.0 }
            };
            return self.pack_phases(4 * cout, vec![(0, 0, all.collect())], &|_, tap, i, o| each(tap, i, o));
        }
        let phases = (0..4).map(|p| {
            let (dy, dx) = (p / 2, p % 2);
            let seen = |tap: &(usize, usize)| {
                (dy..dy + 2).contains(&(tap.0 / 3)) && (dx..dx + 2).contains(&(tap.0 % 3))
            };
            (dy, dx, all.clone().filter(seen).collect())
        });
        self.pack_phases(cout, phases.collect(), &|p, tap, i, o| {
            if o < cout { doubled_weight(&value, (p / 2, p % 2), tap, i, o) } else { 0.0 }
        });
    }

    /// `value(phase, tap, in, out)`.
    fn pack_phases(
        &mut self,
        outputs: usize,
        phases: Vec<Taps>,
        value: &dyn Fn(usize, usize, usize, usize) -> f32,
    ) {
        const STEP: usize = LANES * LANES;
        self.blocks = outputs.div_ceil(LANES);
        let total: usize = phases.iter().map(|(_, _, steps)| steps.len()).sum();
        self.weights = Arena::new(total * self.blocks * STEP / 2);
        let out = self.weights.ptr().cast::<u16>();
        let mut start = 0;
        for (p, (dy, dx, taps)) in phases.into_iter().enumerate() {
            let block = taps.len() * STEP;
            for (n, &(tap, k)) in taps.iter().enumerate() {
                for o in 0..self.blocks * LANES {
                    for i in 0..LANES {
                        let at = start + o / LANES * block + n * STEP + o % LANES / 16 * STEP / 2;
                        let v = bf16::from_f32(value(p, tap, k * LANES + i, o)).to_bits();
                        // SAFETY: below the number of values that were allocated, two to an `f32`.
                        unsafe { *out.add(at + (i / 2 * 16 + o % 16) * 2 + i % 2) = v };
                    }
                }
            }
            let away = |tap: usize| {
                (tap / self.kernel * self.cut.patch_wide + tap % self.kernel) * self.cut.position
            };
            let step = |(n, &(tap, k)): (usize, &(usize, usize))| TileStep {
                a: 2 * (away(tap) + k * LANES) as isize,
                b: 2 * (n * STEP) as isize,
            };
            let steps = taps.iter().enumerate().map(step).collect();
            self.phases.push(Phase { dy, dx, steps, start, block });
            start += block * self.blocks;
        }
    }

    fn is_up(&self) -> bool {
        matches!(self.source, Source::View(view) if view.up)
    }

    /// Scratch for the patch, in `f32`.
    fn patch_values(&self) -> usize {
        self.cut.patch().div_ceil(2).next_multiple_of(BLOCK)
    }

    /// Values of all lines of the picture under a patch.
    fn line_values(&self) -> usize {
        let side = |n: usize| (n - 1) * self.stride + self.kernel;
        match self.source {
            Source::Picture { size, .. } => side(self.cut.high) * side(self.cut.wide) * size.channels,
            Source::View(_) => 0,
        }
    }

    /// Grid rows and columns of a job, and how many.
    fn share(&self, job: usize) -> (usize, usize, usize, usize) {
        let (y, x) = (job / self.cut.across * self.cut.high, job % self.cut.across * self.cut.wide);
        (y, x, self.cut.high.min(self.grid.0 - y), self.cut.wide.min(self.grid.1 - x))
    }
}

/// Stored positions along a padded line: `(out - 1) * stride + kernel` of them.
fn line(stored: usize, out: usize, kernel: usize, stride: usize, up: bool, padding: Padding) -> Axis {
    // Doubled and padded by one, mirroring and repeating the edge are the same thing.
    let padding = if up && padding == Padding::Reflect { Padding::Replicate } else { padding };
    let stride = if up { 1 } else { stride };
    let before = (kernel / 2) as isize;
    let at = |i: usize| padding.source(i as isize - before, stored).map_or(-1, |i| i as i32);
    (0..(out - 1) * stride + kernel).map(at).collect()
}

impl Cut {
    fn new((grid_h, grid_w): (usize, usize), stride: usize, reach: usize, position: usize) -> Cut {
        let (mut high, mut wide) = (8, grid_w.next_multiple_of(SPAN).min(64));
        let side = |n: usize| (n - 1) * stride + reach;
        let jobs = |high: usize, wide: usize| grid_h.div_ceil(high) * grid_w.div_ceil(wide);
        while side(high) * side(wide) * position > PATCH_VALUES && wide > SPAN {
            wide = (wide / 2).next_multiple_of(SPAN);
        }
        while high > 2 && (side(high) * side(wide) * position > PATCH_VALUES || jobs(high, wide) < 16) {
            high /= 2;
        }
        Cut {
            high,
            wide,
            across: grid_w.div_ceil(wide),
            jobs: jobs(high, wide),
            patch_wide: side(wide),
            patch_high: side(high),
            position,
        }
    }

    fn patch(&self) -> usize {
        self.patch_high * self.patch_wide * self.position
    }
}

impl Step for Tiled {
    fn label(&self) -> String {
        let from = match self.source {
            Source::View(view) => format!("{}{}", if view.up { "up " } else { "" }, view.map.channels),
            Source::Picture { size, .. } => format!("picture {}", size.channels),
        };
        let (to, (h, w)) = match self.goal {
            Goal::Map(finish) => (format!("{}", finish.out.channels), self.grid),
            Goal::Canvas(Painter { size, .. }) => {
                (format!("canvas {}", size.channels), (size.height, size.width))
            }
        };
        format!("tiled {0}x{0} {from}>{to} at {w}x{h}", self.kernel)
    }

    fn jobs(&self) -> usize {
        self.cut.jobs
    }

    fn scratch(&self) -> usize {
        // The patch in bf16, one block of sums, lines.
        self.patch_values() + LANES * LANES + self.line_values().div_ceil(2)
    }

    fn macs(&self) -> u64 {
        self.macs
    }

    fn positions(&self, job: usize) -> usize {
        let (_, _, high, wide) = self.share(job);
        match self.goal {
            Goal::Map(finish) if finish.pool => high.div_ceil(2) * wide.div_ceil(2),
            _ => high * wide * self.phases.len(),
        }
    }

    fn finish_mut(&mut self) -> Option<&mut Finish> {
        match &mut self.goal {
            Goal::Map(finish) => Some(finish),
            Goal::Canvas(_) => None,
        }
    }

    unsafe fn job(&self, job: usize, scratch: *mut f32, frame: &Frame<'_>) {
        let (y, x, high, wide) = self.share(job);
        let patch = scratch.cast();
        // SAFETY: `scratch()` adds up the parts; scratch is aligned to lines of the cache.
        let (sums, lines) = unsafe {
            let sums = scratch.add(self.patch_values());
            (&mut *sums.cast::<Block>(), sums.add(LANES * LANES).cast())
        };
        Isa::run_beside_tiles(
            self.amx,
            Job { layer: self, job, y, x, high, wide, patch, lines, sums, frame },
        );
    }
}

struct Job<'a> {
    layer: &'a Tiled,
    job: usize,
    /// First grid row and column, and how many.
    y: usize,
    x: usize,
    high: usize,
    wide: usize,
    patch: *mut u16,
    /// Lines of the picture, where one is read.
    lines: *mut u16,
    sums: &'a mut Block,
    frame: &'a Frame<'a>,
}

impl Kernel for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        // SAFETY: the layer's sizes were planned together; `Step::job` vouches for the pointers.
        unsafe {
            match self.layer.source {
                Source::View(view) => self.fill(s, &view),
                Source::Picture { size, mul, add } => self.fill_picture(size, mul, add),
            }
            self.products(s);
        }
    }
}

impl Job<'_> {
    /// Multiplies and writes everything.
    ///
    /// # Safety
    /// As for [`Step::job`], after the patch was filled.
    #[inline(always)]
    unsafe fn products<S: Simd>(&mut self, s: S) {
        let layer = self.layer;
        let Cut { patch_wide, position, .. } = layer.cut;
        let tiles = Tiles::configure(layer.amx);
        for block in 0..layer.blocks {
            let mut sums = [Sums::new(s); PARTS];
            for phase in &layer.phases {
                for y in (0..self.high).step_by(2) {
                    let lower = (y + 1).min(self.high - 1);
                    for x in (0..self.wide).step_by(SPAN) {
                        // SAFETY: rows and columns are inside the patch, which is a whole number of spans wide; the
                        // phase has weights for every block.
                        unsafe {
                            let base = |y: usize| {
                                let at = (y * patch_wide + x) * layer.step * position;
                                self.patch.add(at).cast::<bf16>().cast_const()
                            };
                            let b = layer.weights.ptr().cast::<bf16>().add(phase.start + block * phase.block);
                            let step = 2 * layer.step * position;
                            tiles.multiply(base(y), base(lower), step, &phase.steps, b, self.sums);
                            let wide = SPAN.min(self.wide - x);
                            let high = 2.min(self.high - y);
                            self.write(s, phase, block, (self.y + y, self.x + x), (high, wide), &mut sums);
                        }
                    }
                }
            }
            // SAFETY: there is a slot for every job.
            unsafe { self.leave_sums(s, block, &sums) };
        }
    }
}
