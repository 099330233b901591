//! Convolution of any window and stride: the positions under each window are packed into rows, and one matrix
//! product with all the weights follows ("im2col", a few rows at a time, so that they never leave the cache).
//!
//! ```text
//! a  [rows of MR output positions][kernel * kernel * in]     packed: padding, upsampling, AdaIN, ReLU on the way
//! b  [kernel * kernel * in][out]                              weights, see kernel::gemm
//! ```
//! Packing copies each value `kernel * kernel` times; each copy then takes part in `out` products, which hides it.

mod bytes;

use super::finish::{Finish, Sums};
use super::gemm::{column_tiles, pack_columns};
use super::paint::Painter;
use super::picture::Size;
use super::step::{Frame, Picture, Step};
use super::view::{Axis, View, window_axis};
use crate::memory::Arena;
use crate::simd::{BLOCK, Isa, Kernel, Simd};
use crate::winograd::GemmShape;
use impasto_core::Padding;

/// Values of packed rows that are in work at once.
const A_VALUES: usize = 96 << 10;

/// Where the positions come from.
#[derive(Clone, Copy)]
pub(crate) enum Feed {
    /// An activation.
    View(View),
    /// The frame's picture, extended at the bottom and right by repeating its edge.
    Picture {
        /// Its size; 1 to 4 channels.
        size: Size,
        /// What is done to every value: `mul * x + add`.
        mul: f32,
        /// See `mul`.
        add: f32,
    },
}

/// Where results go.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// An activation; never pooled.
    Map(Finish),
    /// The frame's canvas. Positions are those of the input; with [`Painter::up`] each has four pixels.
    Canvas(Painter),
}

/// What a layer is made of.
pub(crate) struct Layer<'a> {
    /// `weight(out, in)[tap]`.
    pub weight: &'a dyn Fn(usize, usize, usize) -> f32,
    /// What it reads, and its size as the table sees it (rows, columns).
    pub feed: Feed,
    /// Size of the input as the table sees it.
    pub size: (usize, usize),
    /// Side of the window.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// What stands outside.
    pub padding: Padding,
    /// What follows.
    pub goal: Goal,
    /// Channels in the table: in and out.
    pub channels: (usize, usize),
}

/// A planned layer.
pub(crate) struct Packed {
    isa: Isa,
    feed: Feed,
    goal: Goal,
    /// Rows and columns of results, and blocks of their channels.
    size: (usize, usize),
    blocks: usize,
    kernel: usize,
    stride: usize,
    rows: Axis,
    columns: Axis,
    weights: Arena,
    /// Length of a packed row, a multiple of 16.
    k: usize,
    mr: usize,
    panels: usize,
    macs: u64,
}

impl Packed {
    pub(crate) fn new(isa: Isa, layer: &Layer<'_>) -> Packed {
        let (mr, widest) = isa.run(GemmShape);
        let Layer { feed, kernel, goal, stride, .. } = *layer;
        let size = (layer.size.0.div_ceil(stride), layer.size.1.div_ceil(stride));
        let (cin, cout) = layer.channels;
        let stored = match feed {
            Feed::View(view) => view.map.channels,
            Feed::Picture { size, .. } => size.channels,
        };
        let taps = kernel * kernel;
        let k = (taps * stored).next_multiple_of(BLOCK);
        let blocks = match goal {
            Goal::Map(finish) => finish.out.channels / BLOCK,
            Goal::Canvas(_) => 1,
        };
        let mut weights = Arena::new(k * blocks * BLOCK);
        let value = |i: usize, o: usize| {
            let (tap, c) = (i / stored, i % stored);
            if tap < taps && c < cin && o < cout { (layer.weight)(o, c, tap) } else { 0.0 }
        };
        pack_columns(widest, k, blocks, value, weights.as_mut_slice());
        let axis = |picture: usize, len: usize, out: usize| axis_of(feed, picture, len, out, layer);
        let (ph, pw) = match feed {
            Feed::Picture { size, .. } => (size.height, size.width),
            Feed::View(_) => (0, 0),
        };
        Packed {
            isa,
            feed,
            goal,
            size,
            blocks,
            kernel,
            stride,
            rows: axis(ph, layer.size.0, size.0),
            columns: axis(pw, layer.size.1, size.1),
            weights,
            k,
            mr,
            panels: (A_VALUES / (k * mr)).clamp(1, 8),
            macs: (size.0 * size.1 * taps * cin * cout) as u64,
        }
    }
}

fn axis_of(feed: Feed, picture: usize, len: usize, out: usize, layer: &Layer<'_>) -> Axis {
    let up = matches!(feed, Feed::View(view) if view.up);
    let mut axis = window_axis(len, up, out, layer.kernel, layer.stride, layer.padding);
    if let Feed::Picture { .. } = feed {
        axis.iter_mut().for_each(|i| *i = (*i).min(picture as i32 - 1));
    }
    axis
}

impl Step for Packed {
    fn label(&self) -> String {
        let from = match self.feed {
            Feed::View(view) => format!("{}", view.map.channels),
            Feed::Picture { size, .. } => format!("picture {}", size.channels),
        };
        let to = match self.goal {
            Goal::Map(finish) => format!("{}", finish.out.channels),
            Goal::Canvas(painter) if painter.up => format!("doubled canvas {}", painter.size.channels),
            Goal::Canvas(painter) => format!("canvas {}", painter.size.channels),
        };
        format!("packed {0}x{0} {from}>{to} at {2}x{1}", self.kernel, self.size.0, self.size.1)
    }

    fn jobs(&self) -> usize {
        (self.size.0 * self.size.1).div_ceil(self.mr * self.panels)
    }

    fn scratch(&self) -> usize {
        self.panels * self.mr * self.k + 2 * self.mr * BLOCK + bytes::lines(self)
    }

    fn macs(&self) -> u64 {
        self.macs
    }

    fn positions(&self, job: usize) -> usize {
        let each = self.mr * self.panels;
        each.min(self.size.0 * self.size.1 - job * each)
    }

    fn finish_mut(&mut self) -> Option<&mut Finish> {
        match &mut self.goal {
            Goal::Map(finish) => Some(finish),
            Goal::Canvas(_) => None,
        }
    }

    unsafe fn job(&self, job: usize, scratch: *mut f32, frame: &Frame<'_>) {
        let (first, count) = (job * self.mr * self.panels, self.positions(job));
        // SAFETY: `scratch()` adds up the two parts.
        let c = unsafe { scratch.add(self.panels * self.mr * self.k) };
        self.isa.run(Job { layer: self, job, first, count, a: scratch, c, frame });
    }
}

struct Job<'a> {
    layer: &'a Packed,
    job: usize,
    first: usize,
    count: usize,
    a: *mut f32,
    c: *mut f32,
    frame: &'a Frame<'a>,
}

impl Kernel for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: the layer's sizes were planned together; `Step::job` vouches for the pointers.
        unsafe {
            match self.layer.feed {
                Feed::View(view) => {
                    for lane in (0..view.map.channels).step_by(S::LANES) {
                        self.pack(s, &view, lane);
                    }
                }
                Feed::Picture { size, mul, add } => match self.frame.input {
                    Picture::Bytes(data) if bytes::fits(self.layer) => {
                        self.pack_bytes(s, data, size, (mul, add));
                    }
                    _ => {
                        let mut walk = self.walk(0);
                        for r in 0..self.count {
                            self.pack_picture::<S>(size, (mul, add), (walk.y, walk.x), self.row::<S>(r));
                            walk.on();
                        }
                    }
                },
            }
            for (block, wide) in column_tiles::<S>(self.layer.blocks) {
                self.columns(s, block, wide);
            }
        }
    }
}

/// Goes through positions row by row; a division each would cost more than the rest.
#[derive(Clone, Copy)]
struct Walk {
    y: usize,
    x: usize,
    width: usize,
}

impl Walk {
    #[inline(always)]
    fn on(&mut self) {
        self.x += 1;
        if self.x == self.width {
            (self.y, self.x) = (self.y + 1, 0);
        }
    }
}

impl Job<'_> {
    /// From row `r` of the job on.
    #[inline(always)]
    fn walk(&self, r: usize) -> Walk {
        let (at, width) = (self.first + r, self.layer.size.1);
        Walk { y: at / width, x: at % width, width }
    }

    /// The stored positions under a window, tap by tap.
    #[inline(always)]
    fn taps(&self, y: usize, x: usize) -> impl Iterator<Item = (i32, i32)> {
        let n = self.layer.kernel;
        let rows = &self.layer.rows[y * n..(y + 1) * n];
        let columns = &self.layer.columns[x * n..(x + 1) * n];
        rows.iter().flat_map(move |&row| columns.iter().map(move |&column| (row, column)))
    }

    /// Where packed row `r` begins.
    ///
    /// # Safety
    /// `r` must be a row of the job.
    #[inline(always)]
    unsafe fn row<S: Simd>(&self, r: usize) -> *mut f32 {
        // SAFETY: as the caller says.
        unsafe { self.a.add(r / S::MR * S::MR * self.layer.k + r % S::MR * BLOCK) }
    }

    /// Packs one register of channels of all windows.
    ///
    /// # Safety
    /// As for [`Step::job`]; the channels must be inside the view.
    #[inline(always)]
    unsafe fn pack<S: Simd>(&self, s: S, view: &View, lane: usize) {
        let Packed { kernel: n, rows, columns, .. } = self.layer;
        let blocks = view.map.channels / BLOCK;
        let mut walk = self.walk(0);
        for r in 0..self.count {
            // SAFETY: indices of the axes are inside the map; the packed row has room for all taps.
            unsafe {
                let touch = view.touch(s, lane);
                let mut out = self.row::<S>(r).add(lane / BLOCK * S::MR * BLOCK + lane % BLOCK);
                for &row in &rows[walk.y * n..][..*n] {
                    let line = view.map.at::<f32>(row.max(0) as usize, 0).add(lane);
                    for &column in &columns[walk.x * n..][..*n] {
                        let v = if row < 0 || column < 0 {
                            s.splat(0.0)
                        } else {
                            touch.apply(s, s.load(line.add(column as usize * view.map.channels)))
                        };
                        s.store(out, v);
                        out = out.wrapping_add(blocks * S::MR * BLOCK);
                    }
                }
            }
            walk.on();
        }
    }

    /// Packs the window of one output position over the frame's picture.
    ///
    /// # Safety
    /// As for [`Job::pack`].
    #[inline(always)]
    unsafe fn pack_picture<S: Simd>(
        &self,
        size: Size,
        (mul, add): (f32, f32),
        (y, x): (usize, usize),
        row: *mut f32,
    ) {
        let put = |i: usize, v: f32| {
            // SAFETY: `i` is below the packed row's length.
            unsafe { *row.add(i / BLOCK * S::MR * BLOCK + i % BLOCK) = v }
        };
        let mut i = 0;
        for (from_y, from_x) in self.taps(y, x) {
            for c in 0..size.channels {
                let outside = from_y < 0 || from_x < 0;
                // Indices were clamped to the picture, so they are not negative when they are inside.
                let at = if outside { 0 } else { from_y as usize * size.width + from_x as usize };
                put(i, if outside { 0.0 } else { mul * self.frame.input.value(size, c, at) + add });
                i += 1;
            }
        }
        while i < self.layer.k {
            put(i, 0.0);
            i += 1;
        }
    }

    /// The products of all packed rows with one tile of columns, finished and written.
    ///
    /// # Safety
    /// As for [`Step::job`], after packing.
    #[inline(always)]
    unsafe fn columns<S: Simd>(&self, s: S, block: usize, wide: usize) {
        let Packed { k, goal, weights, .. } = self.layer;
        let mut sums = [[Sums::new(s); 4]; 2];
        for panel in 0..self.count.div_ceil(S::MR) {
            // SAFETY: panel and block are below what scratch and weights were sized for.
            unsafe {
                let b = weights.ptr().add(block * BLOCK * k);
                s.gemm_tile(wide, *k, self.a.add(panel * S::MR * k), b, self.c, b);
                match goal {
                    Goal::Canvas(painter) => self.paint(s, painter, panel),
                    Goal::Map(finish) => {
                        for (j, sums) in sums.iter_mut().enumerate().take(wide) {
                            self.write(s, finish, panel, (j, block + j), sums);
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
                let slot = slots.0.add(self.job * 3 * out.channels);
                sums.store(s, slot, block * BLOCK + lane, out.channels);
            }
        }
    }

    /// Paints one panel.
    ///
    /// # Safety
    /// `c` must hold the panel's products.
    #[inline(always)]
    unsafe fn paint<S: Simd>(&self, s: S, painter: &Painter, panel: usize) {
        let (mut r, end) = (panel * S::MR, self.count.min((panel + 1) * S::MR));
        while r < end {
            let Walk { y, x, width } = self.walk(r);
            let count = (end - r).min(width - x);
            // SAFETY: positions of the job are on the canvas or cropped; `c` holds 16 sums for each.
            unsafe {
                let sums = self.c.add(r % S::MR * BLOCK);
                painter.span(s, self.frame.output, sums, BLOCK, (y, x), count);
            }
            r += count;
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
        panel: usize,
        (j, block): (usize, usize),
        sums: &mut [Sums<S>; 4],
    ) {
        let start = self.walk(panel * S::MR);
        for (part, sums) in sums.iter_mut().enumerate().take(BLOCK / S::LANES) {
            let lane = part * S::LANES;
            let mut walk = start;
            // SAFETY: rows below `count` are positions of the output.
            unsafe {
                let finisher = finish.lane(s, block * BLOCK + lane);
                for r in 0..S::MR.min(self.count - panel * S::MR) {
                    let sum = s.load(self.c.add((j * S::MR + r) * BLOCK + lane));
                    let v = finisher.value::<f32>(s, sum, walk.y, walk.x);
                    s.store(finish.out.at::<f32>(walk.y, walk.x).add(block * BLOCK + lane), v);
                    if finish.sums.is_some() {
                        sums.add(s, v);
                    }
                    walk.on();
                }
            }
        }
    }
}
