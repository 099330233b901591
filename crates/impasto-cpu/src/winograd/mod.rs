//! 3x3 convolution with stride 1 by Winograd's F(4x4, 3x3) or F(6x6, 3x3), fused with what stands around it.
//!
//! The output is cut into tiles of 4x4 positions. A job takes a few tiles through three phases, small enough that
//! everything between them stays in the core's second-level cache:
//!
//! ```text
//! 1. input     6x6 positions of each tile -> v [36][tiles][in]        padding, upsampling, AdaIN, ReLU on the way
//! 2. product   v[p] x u[p] -> m [36][tiles][out]   for each of the 36 points, see kernel::gemm
//! 3. output    m -> 4x4 positions of each tile                         bias, ReLU, residual, statistics, pool
//! ```
//!
//! With F(6x6, 3x3) it is 8x8 positions for 6x6 and 64 points: a fifth fewer products for a result, for weights of 64/9 their room.
//!
//! Errors, of the largest output: about 2e-6 with 4x4 and 5e-6 with 6x6, for 64 channels of noise (a test of `transform`).
//! An infinity or NaN spreads over its tiles.

mod ahead;
mod store;
pub(crate) mod transform;

use crate::kernel::finish::Finish;
use crate::kernel::gemm::{Prefetch, column_tiles};
use crate::kernel::step::{Frame, Step};
use crate::kernel::sums::{SLOT, Sums};
use crate::kernel::view::{Axis, View, line_axis};
use crate::memory::Arena;
use crate::simd::{BLOCK, Isa, Kernel, Simd};
use ahead::Ahead;
use impasto_core::Padding;
use impasto_core::noise::MAX_PLANES;
use store::store_tile;
use transform::{Form, Input, InputSix, InputUp, Output, OutputSix, OutputUp, square};

/// Values of `m` that are alive at once stay below this.
const M_VALUES: usize = 512 << 10;
/// Added to strides that would otherwise be multiples of a page, which caches map to one place.
const SKEW: usize = BLOCK;

/// A planned layer.
pub(crate) struct Winograd {
    isa: Isa,
    form: Form,
    view: View,
    finish: Finish,
    rows: Axis,
    columns: Axis,
    /// Transformed weights: for each point the packed columns of [`crate::kernel::gemm`].
    weights: Arena,
    tiles: Tiling,
    macs: u64,
}

/// Cut of the picture into tiles.
#[derive(Clone, Copy)]
struct Tiling {
    across: usize,
    total: usize,
    /// Tiles in one job, a multiple of the product's rows.
    per_job: usize,
    /// Blocks of output channels that are in work at once.
    chunk: usize,
    /// Values from one point of `v` to the next, and of `m`.
    v_step: usize,
    m_step: usize,
}

/// Weights, bias and geometry of one convolution.
pub(crate) struct Layer<'a> {
    /// `[out][in][3][3]`.
    pub weight: &'a dyn Fn(usize, usize) -> [f32; 9],
    /// Its input.
    pub view: View,
    /// Values outside the picture.
    pub padding: Padding,
    /// Operations behind the sums.
    pub finish: Finish,
    /// Channels in the table: in and out.
    pub channels: (usize, usize),
}

impl Winograd {
    /// Plans a layer and transforms its weights.
    pub(crate) fn new(isa: Isa, layer: &Layer<'_>) -> Winograd {
        let Layer { view, finish, padding, .. } = *layer;
        let form = Form::fastest(view.up, (view.height(), view.width()), layer.channels);
        let (rows, simd) = isa.run(GemmShape);
        let tiles = Tiling::new(form, view, rows);
        let down = view.height().div_ceil(form.tile());
        let count = |tiles: usize| tiles * form.step() + form.inputs() - form.step();
        let (cin, cout) = layer.channels;
        Winograd {
            isa,
            form,
            view,
            finish,
            rows: line_axis(view.map.height, view.up, count(down), padding),
            columns: line_axis(view.map.width, view.up, count(tiles.across), padding),
            weights: transformed(form, simd, layer),
            tiles: tiles.for_output(finish.out.channels, form),
            macs: (view.height() * view.width() * 9 * cin * cout) as u64,
        }
    }
}

impl Winograd {
    /// First tile and number of tiles of a job.
    fn share(&self, job: usize) -> (usize, usize) {
        let first = job * self.tiles.per_job;
        (first, self.tiles.per_job.min(self.tiles.total - first))
    }

    /// Positions that a tile writes.
    fn tile_positions(&self, t: usize) -> usize {
        let tile = self.form.tile();
        let (y, x) = (t / self.tiles.across * tile, t % self.tiles.across * tile);
        let (high, wide) = ((self.view.height() - y).min(tile), (self.view.width() - x).min(tile));
        if self.finish.pool { high.div_ceil(2) * wide.div_ceil(2) } else { high * wide }
    }
}

/// Register tile of an instruction set: rows, and blocks of columns.
pub(crate) struct GemmShape;
impl Kernel for GemmShape {
    type Out = (usize, usize);
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> (usize, usize) {
        (S::MR, S::NB)
    }
}

impl Tiling {
    fn new(form: Form, view: View, rows: usize) -> Tiling {
        let across = view.width().div_ceil(form.tile());
        let total = form.total((view.height(), view.width()));
        // At least some sixteen jobs where the picture allows it, so that threads end together.
        let per_job = form.tiles().min(total.div_ceil(16)).next_multiple_of(rows);
        let v_step = per_job * view.map.channels + SKEW;
        Tiling { across, total, per_job, chunk: 0, v_step, m_step: 0 }
    }

    fn for_output(self, channels: usize, form: Form) -> Tiling {
        let blocks = channels / BLOCK;
        let fits = M_VALUES / (form.products().pow(2) * self.per_job * BLOCK);
        // An even number of blocks, so that the widest register tiles fit.
        let chunk = (fits & !1).clamp(2, blocks.max(2)).min(blocks);
        Tiling { chunk, m_step: self.per_job * chunk * BLOCK + SKEW, ..self }
    }
}

/// Bias and weights are packed once: `[point][column tile][in][width]`.
fn transformed(form: Form, widest: usize, layer: &Layer<'_>) -> Arena {
    let (cin, cout) = layer.channels;
    let (kin, blocks) = (layer.view.map.channels, layer.finish.out.channels / BLOCK);
    let points = form.products().pow(2);
    let mut arena = Arena::new(points * kin * blocks * BLOCK);
    let out = arena.as_mut_slice();
    for o in 0..cout {
        let tile = o / BLOCK / widest * widest;
        let width = widest.min(blocks - tile) * BLOCK;
        let at = tile * BLOCK * kin + (o - tile * BLOCK);
        for i in 0..cin {
            for (p, v) in form.weights(&(layer.weight)(o, i)).into_iter().enumerate() {
                out[p * kin * blocks * BLOCK + at + i * width] = v as f32;
            }
        }
    }
    arena
}

impl Step for Winograd {
    fn label(&self) -> String {
        let (map, out) = (self.view.map, self.finish.out);
        let form = match self.form {
            Form::Four => "",
            Form::Six => " 6x6",
            Form::Doubled => " up",
        };
        format!(
            "winograd{form} {}>{} at {}x{}",
            map.channels,
            out.channels,
            self.view.width(),
            self.view.height()
        )
    }

    fn jobs(&self) -> usize {
        self.tiles.total.div_ceil(self.tiles.per_job)
    }

    fn scratch(&self) -> usize {
        let (v, m) = (self.form.inputs().pow(2), self.form.products().pow(2));
        v * self.tiles.v_step + m * self.tiles.m_step + v * BLOCK
    }

    fn macs(&self) -> u64 {
        self.macs
    }

    fn products(&self) -> u64 {
        let (rows, _) = self.isa.run(GemmShape);
        let tiles: usize = (0..self.jobs()).map(|job| self.share(job).1.next_multiple_of(rows)).sum();
        (tiles * self.weights.len()) as u64
    }

    fn positions(&self, job: usize) -> usize {
        let (first, count) = self.share(job);
        (first..first + count).map(|t| self.tile_positions(t)).sum()
    }

    fn finish_mut(&mut self) -> Option<&mut Finish> {
        Some(&mut self.finish)
    }

    unsafe fn job(&self, job: usize, scratch: *mut f32, _: &Frame<'_>) {
        let (first, count) = self.share(job);
        let v = scratch;
        // SAFETY: `scratch()` adds up these parts.
        let (m, patch) = unsafe {
            let m = v.add(self.form.inputs().pow(2) * self.tiles.v_step);
            (m, m.add(self.form.products().pow(2) * self.tiles.m_step))
        };
        self.isa.run(Job { layer: self, job, first, count, v, m, patch });
    }
}

/// One job on its way through the three phases.
struct Job<'a> {
    layer: &'a Winograd,
    job: usize,
    first: usize,
    count: usize,
    v: *mut f32,
    m: *mut f32,
    patch: *mut f32,
}

impl Kernel for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let blocks = self.layer.finish.out.channels / BLOCK;
        let chunk = self.layer.tiles.chunk;
        // SAFETY: the layer's sizes were planned together; `Step::job` vouches for the pointers.
        unsafe {
            self.inputs(s);
            for first in (0..blocks).step_by(chunk) {
                let width = chunk.min(blocks - first);
                self.products(s, first, width);
                self.outputs(s, first, width);
            }
        }
    }
}

impl Job<'_> {
    /// Row and column of a tile of this job.
    #[inline(always)]
    fn tile(&self, t: usize) -> (usize, usize) {
        let t = self.first + t;
        (t / self.layer.tiles.across, t % self.layer.tiles.across)
    }

    /// Phase 1.
    ///
    /// # Safety
    /// As for [`Step::job`].
    #[inline(always)]
    unsafe fn inputs<S: Simd>(&self, s: S) {
        let map = self.layer.view.map;
        let (side, step) = (self.layer.form.inputs(), self.layer.form.step());
        for t in 0..self.count {
            let (ty, tx) = self.tile(t);
            let (y, x) = (ty * step, tx * step);
            let inside = y > 0 && x > 0 && y - 1 + side <= map.height && x - 1 + side <= map.width;
            for block in 0..map.channels / BLOCK {
                // SAFETY: rows and columns of the axes are inside the map, and so is a window that is `inside`.
                unsafe {
                    let out =
                        self.v.add(t / S::MR * S::MR * map.channels + (block * S::MR + t % S::MR) * BLOCK);
                    if inside && self.layer.view.noise.is_some() {
                        self.add_noise(s, (y - 1, x - 1), block);
                        self.transform::<S, false>(s, self.patch, (side * BLOCK, BLOCK), block, out);
                    } else if inside {
                        let from = map.at::<f32>(y - 1, x - 1).add(block * BLOCK);
                        let steps = (map.width * map.channels, map.channels);
                        self.transform::<S, true>(s, from, steps, block, out);
                    } else {
                        self.gather(s, y, x, block);
                        self.transform::<S, false>(s, self.patch, (side * BLOCK, BLOCK), block, out);
                    }
                }
            }
        }
    }

    /// Copies one tile's window from the border into the patch, padded, with the view applied.
    ///
    /// # Safety
    /// As for [`Job::inputs`].
    #[inline(always)]
    unsafe fn gather<S: Simd>(&self, s: S, y: usize, x: usize, block: usize) {
        let side = self.layer.form.inputs();
        let view = &self.layer.view;
        for lane in (0..BLOCK).step_by(S::LANES) {
            // SAFETY: indices of the axes are inside the map or negative; the patch holds a window's blocks.
            unsafe {
                let transform = view.load_transform(s, block * BLOCK + lane);
                for (dy, &row) in self.layer.rows[y..y + side].iter().enumerate() {
                    for (dx, &column) in self.layer.columns[x..x + side].iter().enumerate() {
                        let value = if row < 0 || column < 0 {
                            s.splat(0.0)
                        } else {
                            let at = view.map.at::<f32>(row as usize, column as usize);
                            let cell = view.cell(row as usize, column as usize);
                            transform.apply(s, s.load(at.add(block * BLOCK + lane)), cell)
                        };
                        s.store(self.patch.add((dy * side + dx) * BLOCK + lane), value);
                    }
                }
            }
        }
    }

    /// Copies a window inside the picture into the patch, with the view applied, to which noise is added.
    ///
    /// # Safety
    /// As for [`Job::inputs`]; the window's positions from `(y, x)` on must be inside.
    #[inline(always)]
    unsafe fn add_noise<S: Simd>(&self, s: S, (y, x): (usize, usize), block: usize) {
        let side = self.layer.form.inputs();
        let view = &self.layer.view;
        for lane in (0..BLOCK).step_by(S::LANES) {
            // SAFETY: as the caller says; the patch holds a window's blocks.
            unsafe {
                let transform = view.load_transform(s, block * BLOCK + lane);
                let planes = transform.planes(s);
                for dy in 0..side {
                    let from = view.map.at::<f32>(y + dy, x).add(block * BLOCK + lane);
                    let (cell, out) = (view.cell(y + dy, x), self.patch.add(dy * side * BLOCK + lane));
                    for dx in 0..side {
                        let v = s.load(from.add(dx * view.map.channels));
                        let v = transform.noisy(s, v, &planes, cell.add(dx * MAX_PLANES));
                        s.store(out.add(dx * BLOCK), v);
                    }
                }
            }
        }
    }

    /// Transforms one window of one block of channels, with the view, which adds no noise, applied if `TOUCH`.
    ///
    /// # Safety
    /// The window must be readable at `from` with these strides, `out` writable at every point.
    #[inline(always)]
    unsafe fn transform<S: Simd, const TOUCH: bool>(
        &self,
        s: S,
        from: *const f32,
        (row, column): (usize, usize),
        block: usize,
        out: *mut f32,
    ) {
        let view = &self.layer.view;
        let v_step = self.layer.tiles.v_step;
        let touched = TOUCH && !view.is_plain();
        for lane in (0..BLOCK).step_by(S::LANES) {
            // SAFETY: as the caller says.
            unsafe {
                let transform = view.load_transform(s, block * BLOCK + lane);
                let plain = |y: usize, x: usize| s.load(from.add(y * row + x * column + lane));
                let quiet = |y: usize, x: usize| transform.quiet(s, plain(y, x));
                let six = |y: usize, x: usize, v| s.store(out.add((y * 8 + x) * v_step + lane), v);
                let four = |y: usize, x: usize, v| s.store(out.add((y * 6 + x) * v_step + lane), v);
                let doubled = |y: usize, x: usize, v| s.store(out.add((y * 4 + x) * v_step + lane), v);
                match (self.layer.form, touched) {
                    (Form::Four, false) => square(s, Input, plain, four),
                    (Form::Four, true) => square(s, Input, quiet, four),
                    (Form::Six, false) => square(s, InputSix, plain, six),
                    (Form::Six, true) => square(s, InputSix, quiet, six),
                    (Form::Doubled, false) => square(s, InputUp, plain, doubled),
                    (Form::Doubled, true) => square(s, InputUp, quiet, doubled),
                }
            }
        }
    }

    /// Phase 2, for `width` blocks of output channels from `first` on.
    ///
    /// # Safety
    /// As for [`Step::job`], after phase 1.
    #[inline(always)]
    unsafe fn products<S: Simd>(&self, s: S, first: usize, width: usize) {
        let layer = self.layer;
        let kin = layer.view.map.channels;
        let blocks = layer.finish.out.channels / BLOCK;
        let panels = self.count.div_ceil(S::MR);
        let mut ahead = Ahead::new(layer, self.first);
        for p in 0..layer.form.products().pow(2) {
            // SAFETY: points, panels and blocks are below what scratch and weights were sized for.
            unsafe {
                let a = self.v.add(layer.form.source(p) * layer.tiles.v_step);
                let b = layer.weights.ptr().add((p * blocks + first) * BLOCK * kin);
                let c = self.m.add(p * layer.tiles.m_step);
                for (block, wide) in column_tiles::<S>(width) {
                    for panel in 0..panels {
                        let c = c.add((panel * width + block) * S::MR * BLOCK);
                        let b = b.add(block * BLOCK * kin);
                        // The next tile of weights is `wide * kin` lines, spread over the panels.
                        let next = b.wrapping_add((wide + panel) * BLOCK * kin);
                        let soon = Prefetch { weights: next, other: ahead.during(kin).unwrap_or(next) };
                        s.gemm_tile(wide, kin, a.add(panel * S::MR * kin), b, c, soon);
                    }
                }
            }
        }
    }

    /// Phase 3, for the same blocks. All blocks of a tile before the next tile: then lines of the output are written one
    /// after another, which the cache foresees. The other way round this phase took twice as long.
    ///
    /// # Safety
    /// As for [`Step::job`], after phase 2.
    #[inline(always)]
    unsafe fn outputs<S: Simd>(&self, s: S, first: usize, width: usize) {
        for t in 0..self.count {
            let panel = t / S::MR * width;
            for block in 0..width {
                for lane in (0..BLOCK).step_by(S::LANES) {
                    let channel = (first + block) * BLOCK + lane;
                    // SAFETY: the tile is inside `m` and, cut at the edges, inside the output.
                    unsafe {
                        let m = self.m.add(((panel + block) * S::MR + t % S::MR) * BLOCK + lane);
                        self.output_summed(s, m, t, channel);
                    }
                }
            }
        }
    }

    /// Writes one tile of one register of channels, and adds it to the job's sums if there are any.
    ///
    /// # Safety
    /// As for [`Job::output`].
    #[inline(always)]
    unsafe fn output_summed<S: Simd>(&self, s: S, m: *const f32, t: usize, channel: usize) {
        let finish = &self.layer.finish;
        // SAFETY: as the caller says; there is one slot for every job.
        unsafe {
            let Some(slots) = finish.sums else { return self.output(s, m, self.tile(t), channel, None) };
            let channels = finish.out.channels;
            let slot = slots.0.add(self.job * SLOT * channels);
            let mut sums = if t == 0 { Sums::new(s) } else { Sums::load(s, slot, channel, channels) };
            self.output(s, m, self.tile(t), channel, Some(&mut sums));
            sums.store(s, slot, channel, channels);
        }
    }

    /// Writes one tile of one register of channels.
    ///
    /// # Safety
    /// `m` must be readable at every point, the tile be one of the layer's.
    #[inline(always)]
    unsafe fn output<S: Simd>(
        &self,
        s: S,
        m: *const f32,
        (ty, tx): (usize, usize),
        channel: usize,
        sums: Option<&mut Sums<S>>,
    ) {
        let Winograd { form, finish, view, tiles, .. } = self.layer;
        let (side, tile) = (form.products(), form.tile());
        let at = (ty * tile, tx * tile);
        // SAFETY: as the caller says.
        let read = |y: usize, x: usize| unsafe { s.load(m.add((y * side + x) * tiles.m_step)) };
        // SAFETY: as the caller says.
        unsafe {
            match form {
                Form::Four => store_tile(s, finish, Output, read, *view, at, channel, sums),
                Form::Six => store_tile(s, finish, OutputSix, read, *view, at, channel, sums),
                Form::Doubled => store_tile(s, finish, OutputUp, read, *view, at, channel, sums),
            }
        }
    }
}
