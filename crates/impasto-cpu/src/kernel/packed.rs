//! Convolution of any window and stride: the positions under each window are packed into rows, and one matrix
//! product with all the weights follows ("im2col", a few rows at a time, so that they never leave the cache).
//!
//! ```text
//! a  [rows of MR output positions][kernel * kernel * in]     packed: padding, upsampling, AdaIN, ReLU on the way
//! b  [kernel * kernel * in][out]                              weights, see kernel::gemm
//! ```
//! Packing copies each value `kernel * kernel` times; each copy then takes part in `out` products, which hides it.

use super::finish::{Finish, Sums};
use super::gemm::{column_tiles, pack_columns};
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
    /// What follows; never pools.
    pub finish: Finish,
    /// Channels in the table: in and out.
    pub channels: (usize, usize),
}

/// A planned layer.
pub(crate) struct Packed {
    isa: Isa,
    feed: Feed,
    finish: Finish,
    kernel: usize,
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
        let Layer { feed, kernel, finish, .. } = *layer;
        let (cin, cout) = layer.channels;
        let stored = match feed {
            Feed::View(view) => view.map.channels,
            Feed::Picture { size, .. } => size.channels,
        };
        let taps = kernel * kernel;
        let k = (taps * stored).next_multiple_of(BLOCK);
        let blocks = finish.out.channels / BLOCK;
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
            finish,
            kernel,
            rows: axis(ph, layer.size.0, finish.out.height),
            columns: axis(pw, layer.size.1, finish.out.width),
            weights,
            k,
            mr,
            panels: (A_VALUES / (k * mr)).clamp(1, 8),
            macs: (finish.out.height * finish.out.width * taps * cin * cout) as u64,
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
        let out = self.finish.out;
        let from = match self.feed {
            Feed::View(view) => format!("{}", view.map.channels),
            Feed::Picture { size, .. } => format!("picture {}", size.channels),
        };
        format!("packed {0}x{0} {from}>{1} at {2}x{3}", self.kernel, out.channels, out.width, out.height)
    }

    fn jobs(&self) -> usize {
        (self.finish.out.height * self.finish.out.width).div_ceil(self.mr * self.panels)
    }

    fn scratch(&self) -> usize {
        self.panels * self.mr * self.k + 2 * self.mr * BLOCK
    }

    fn macs(&self) -> u64 {
        self.macs
    }

    fn positions(&self, job: usize) -> usize {
        let each = self.mr * self.panels;
        each.min(self.finish.out.height * self.finish.out.width - job * each)
    }

    fn finish_mut(&mut self) -> Option<&mut Finish> {
        Some(&mut self.finish)
    }

    unsafe fn job(&self, job: usize, scratch: *mut f32, frame: &Frame<'_>) {
        let (first, count) = (job * self.mr * self.panels, self.positions(job));
        // SAFETY: `scratch()` adds up the two parts.
        let c = unsafe { scratch.add(self.panels * self.mr * self.k) };
        self.isa.run(Job { layer: self, job, first, count, a: scratch, c, input: frame.input });
    }
}

struct Job<'a> {
    layer: &'a Packed,
    job: usize,
    first: usize,
    count: usize,
    a: *mut f32,
    c: *mut f32,
    input: Picture<'a>,
}

impl Kernel for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: the layer's sizes were planned together; `Step::job` vouches for the pointers.
        unsafe {
            for r in 0..self.count {
                let row = self.a.add(r / S::MR * S::MR * self.layer.k + r % S::MR * BLOCK);
                let at = self.first + r;
                let (y, x) = (at / self.layer.finish.out.width, at % self.layer.finish.out.width);
                match self.layer.feed {
                    Feed::View(view) => self.pack(s, view, y, x, row),
                    Feed::Picture { size, mul, add } => self.pack_picture::<S>(size, (mul, add), (y, x), row),
                }
            }
            let blocks = self.layer.finish.out.channels / BLOCK;
            for (block, wide) in column_tiles::<S>(blocks) {
                self.columns(s, block, wide);
            }
        }
    }
}

impl Job<'_> {
    /// The stored positions under a window, tap by tap.
    #[inline(always)]
    fn taps(&self, y: usize, x: usize) -> impl Iterator<Item = (i32, i32)> {
        let n = self.layer.kernel;
        let rows = &self.layer.rows[y * n..(y + 1) * n];
        let columns = &self.layer.columns[x * n..(x + 1) * n];
        rows.iter().flat_map(move |&row| columns.iter().map(move |&column| (row, column)))
    }

    /// Packs the window of one output position.
    ///
    /// # Safety
    /// `row` must be a row of the packed panel.
    #[inline(always)]
    unsafe fn pack<S: Simd>(&self, s: S, view: View, y: usize, x: usize, row: *mut f32) {
        let blocks = view.map.channels / BLOCK;
        for (tap, (from_y, from_x)) in self.taps(y, x).enumerate() {
            // SAFETY: indices of the axes are inside the map; the packed row has room for all taps.
            unsafe {
                let out = row.add(tap * blocks * S::MR * BLOCK);
                if from_y < 0 || from_x < 0 {
                    for lane in (0..blocks * BLOCK).step_by(S::LANES) {
                        s.store(out.add(lane / BLOCK * S::MR * BLOCK + lane % BLOCK), s.splat(0.0));
                    }
                    continue;
                }
                let from = view.map.at::<f32>(from_y as usize, from_x as usize);
                for lane in (0..blocks * BLOCK).step_by(S::LANES) {
                    let v = view.touch(s, lane).apply(s, s.load(from.add(lane)));
                    s.store(out.add(lane / BLOCK * S::MR * BLOCK + lane % BLOCK), v);
                }
            }
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
                put(i, if outside { 0.0 } else { mul * self.input.value(size, c, at) + add });
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
        let Packed { k, finish, weights, .. } = self.layer;
        let mut sums = [[Sums::new(s); 4]; 2];
        for panel in 0..self.count.div_ceil(S::MR) {
            // SAFETY: panel and block are below what scratch and weights were sized for.
            unsafe {
                let b = weights.ptr().add(block * BLOCK * k);
                s.gemm_tile(wide, *k, self.a.add(panel * S::MR * k), b, self.c);
                for (j, sums) in sums.iter_mut().enumerate().take(wide) {
                    self.write(s, panel, j, block + j, sums);
                }
            }
        }
        let Some(slots) = finish.sums else { return };
        let channels = finish.out.channels;
        for lane in (0..wide * BLOCK).step_by(S::LANES) {
            let sums = &sums[lane / BLOCK][lane % BLOCK / S::LANES];
            // SAFETY: there is one slot for every job.
            unsafe {
                let slot = slots.0.add(self.job * 3 * channels);
                sums.store(s, slot, block * BLOCK + lane, channels);
            }
        }
    }

    /// Finishes one panel of one block.
    ///
    /// # Safety
    /// `c` must hold the panel's products.
    #[inline(always)]
    unsafe fn write<S: Simd>(&self, s: S, panel: usize, j: usize, block: usize, sums: &mut [Sums<S>; 4]) {
        let finish = &self.layer.finish;
        for (part, sums) in sums.iter_mut().enumerate().take(BLOCK / S::LANES) {
            let lane = part * S::LANES;
            // SAFETY: rows below `count` are positions of the output.
            unsafe {
                let finisher = finish.lane(s, block * BLOCK + lane);
                for r in 0..S::MR.min(self.count - panel * S::MR) {
                    let at = self.first + panel * S::MR + r;
                    let (y, x) = (at / finish.out.width, at % finish.out.width);
                    let sum = s.load(self.c.add((j * S::MR + r) * BLOCK + lane));
                    let v = finisher.value::<f32>(s, sum, y, x);
                    s.store(finish.out.at::<f32>(y, x).add(block * BLOCK + lane), v);
                    if finish.sums.is_some() {
                        sums.add(s, v);
                    }
                }
            }
        }
    }
}
