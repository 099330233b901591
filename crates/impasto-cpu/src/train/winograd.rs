//! 3x3 convolution with stride 1 by Winograd's F(4x4, 3x3) over rimmed maps, in the three phases of [`crate::winograd`].

use super::pack::{PackedConv, column, width_of};
use super::sum::Operands;
use super::{Finish, room};
use crate::kernel::gemm::column_tiles;
use crate::memory::Arena;
use crate::simd::{BLOCK, Isa, Kernel, Simd};
use crate::winograd::transform::{Input, Output, Weights, square};

/// Output positions along one side of a tile, and input positions.
const TILE: usize = 4;
const WINDOW: usize = 6;
/// Products of one tile and pair of channels.
const POINTS: usize = 36;
/// Added to strides that would otherwise be multiples of a page, which caches map to one place.
const SKEW: usize = BLOCK;
/// Values of transformed inputs that are alive at once, about: they and the results fit the second-level cache.
const V_VALUES: usize = 96 << 10;
/// Transformed weights of more values than this come from farther away, and want more tiles for each time that they are read.
const FAR: usize = 512 << 10;
const FAR_TILES: usize = 64;

/// Transformed weights: `[point][column tile][inputs][width]`.
pub(super) struct Points(Arena);

impl Points {
    /// Transforms windows `value(o, i, 0..9)`.
    pub fn new(
        isa: Isa,
        (inputs, outputs): (usize, usize),
        (blocks, widest): (usize, usize),
        value: impl Fn(usize, usize, usize) -> f32 + Copy,
    ) -> Self {
        let mut points = Arena::new(POINTS * inputs * blocks * BLOCK);
        let goal = points.as_mut_slice();
        isa.run(Transform { value, inputs, outputs, blocks, widest, goal });
        Self(points)
    }
}

struct Transform<'a, V> {
    value: V,
    inputs: usize,
    outputs: usize,
    blocks: usize,
    widest: usize,
    goal: &'a mut [f32],
}

impl<V: Fn(usize, usize, usize) -> f32 + Copy> Kernel for Transform<'_, V> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let step = self.inputs * self.blocks * BLOCK;
        for block in 0..self.blocks {
            let width = width_of(block, self.blocks, self.widest);
            let first = column(block * BLOCK, self.inputs, self.widest);
            for i in 0..self.inputs {
                let mut windows = [[0.0f32; BLOCK]; 9];
                for (t, lanes) in windows.iter_mut().enumerate() {
                    for (o, lane) in (block * BLOCK..self.outputs).zip(lanes) {
                        *lane = (self.value)(o, i, t);
                    }
                }
                let goal = &mut self.goal[first + i * width..];
                assert!(goal.len() >= (POINTS - 1) * step + BLOCK);
                for lane in (0..BLOCK).step_by(S::LANES) {
                    // SAFETY: a register from `lane` on is inside the block; points are inside the goal, as seen above.
                    let read = |y: usize, x: usize| unsafe { s.load(windows[y * 3 + x].as_ptr().add(lane)) };
                    let to = goal.as_mut_ptr();
                    // SAFETY: as above.
                    let write =
                        |y: usize, x: usize, v| unsafe { s.store(to.add((y * 6 + x) * step + lane), v) };
                    square(s, Weights, read, write);
                }
            }
        }
    }
}

/// As [`super::conv`], with the stride 1.
pub(super) fn conv(
    isa: Isa,
    x: &[f32],
    size: (usize, usize),
    weights: &PackedConv,
    points: &Points,
    finish: &Finish,
    y: &mut [f32],
) {
    let (down, across) = (size.0.div_ceil(TILE), size.1.div_ceil(TILE));
    let total = down * across;
    let k = weights.inputs.next_multiple_of(BLOCK);
    let near = (V_VALUES / (POINTS * k)).max(8);
    let tiles = if points.0.len() > FAR { near.max(FAR_TILES) } else { near };
    // Whole register tiles; as many rows as the widest has.
    let tiles = tiles.min(total).next_multiple_of(8);
    let (v_step, m_step) = (tiles * k + SKEW, tiles * weights.blocks * BLOCK + SKEW);
    room::with(POINTS * (v_step + m_step) + POINTS * BLOCK + BLOCK, |room| {
        for first in (0..total).step_by(tiles) {
            let count = tiles.min(total - first);
            let (x, y, v) = (x.as_ptr(), y.as_mut_ptr(), room);
            // SAFETY: the room is the sum of these parts.
            let (m, patch) = unsafe { (v.add(POINTS * v_step), v.add(POINTS * (v_step + m_step))) };
            isa.run(Job {
                x,
                y,
                size,
                across,
                first,
                count,
                weights,
                points,
                finish,
                k,
                v_step,
                m_step,
                v,
                m,
                patch,
            });
        }
    });
}

/// Some tiles on their way.
struct Job<'a> {
    x: *const f32,
    y: *mut f32,
    size: (usize, usize),
    across: usize,
    first: usize,
    count: usize,
    weights: &'a PackedConv,
    points: &'a Points,
    finish: &'a Finish<'a>,
    /// Channels of a tile's row in `v`.
    k: usize,
    v_step: usize,
    m_step: usize,
    /// `[point][tile][k]`.
    v: *mut f32,
    /// `[point][tile][blocks * 16]`.
    m: *mut f32,
    /// One window of one block of channels.
    patch: *mut f32,
}

impl Kernel for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: `conv` has sized all parts together, and `super::conv` has checked the maps.
        unsafe {
            self.inputs(s);
            self.products(s);
            self.outputs(s);
        }
    }
}

impl Job<'_> {
    /// First row and column of a tile.
    #[inline(always)]
    fn place(&self, t: usize) -> (usize, usize) {
        let t = self.first + t;
        (t / self.across * TILE, t % self.across * TILE)
    }

    /// Transforms the windows of all tiles.
    ///
    /// # Safety
    /// As the fields say.
    #[inline(always)]
    unsafe fn inputs<S: Simd>(&self, s: S) {
        let (row, lanes) = (self.size.1 + 2, self.weights.input_lanes());
        for t in 0..self.count {
            let (top, left) = self.place(t);
            let inside = top + TILE <= self.size.0 && left + TILE <= self.size.1;
            for channel in (0..self.k).step_by(BLOCK) {
                // SAFETY: a window that is inside starts one before its tile and ends one after it, in the rim at most.
                unsafe {
                    let goal = self.v.add(t * self.k + channel);
                    let from = self.x.add((top * row + left) * lanes + channel);
                    if inside {
                        self.transform(s, from, row * lanes, lanes, goal);
                    } else {
                        self.gather(s, (top, left), channel);
                        self.transform(s, self.patch, WINDOW * BLOCK, BLOCK, goal);
                    }
                }
            }
        }
    }

    /// Copies the window of a tile that reaches over the map's end into the patch, with zeros beyond the rim.
    ///
    /// # Safety
    /// As the fields say.
    #[inline(always)]
    unsafe fn gather<S: Simd>(&self, s: S, (top, left): (usize, usize), channel: usize) {
        let (height, width) = (self.size.0 + 2, self.size.1 + 2);
        for (dy, dx) in (0..WINDOW * WINDOW).map(|i| (i / WINDOW, i % WINDOW)) {
            let inside = top + dy < height && left + dx < width;
            for lane in (0..BLOCK).step_by(S::LANES) {
                // SAFETY: read only inside the map; the patch holds 36 blocks.
                unsafe {
                    let at = ((top + dy) * width + left + dx) * self.weights.input_lanes() + channel + lane;
                    let value = if inside { s.load(self.x.add(at)) } else { s.splat(0.0) };
                    s.store(self.patch.add((dy * WINDOW + dx) * BLOCK + lane), value);
                }
            }
        }
    }

    /// # Safety
    /// The window must be readable at `from` with these strides, `goal` writable at every point.
    #[inline(always)]
    unsafe fn transform<S: Simd>(&self, s: S, from: *const f32, row: usize, column: usize, goal: *mut f32) {
        for lane in (0..BLOCK).step_by(S::LANES) {
            // SAFETY: as the caller says.
            unsafe {
                let read = |y: usize, x: usize| s.load(from.add(y * row + x * column + lane));
                let write = |y: usize, x: usize, v| s.store(goal.add((y * 6 + x) * self.v_step + lane), v);
                square(s, Input, read, write);
            }
        }
    }

    /// `v[p] x weights[p] -> m[p]` for each of the 36 points.
    ///
    /// # Safety
    /// As the fields say, after [`Self::inputs`]. Rows of tiles that are not there hold what was left, and are not read later.
    #[inline(always)]
    unsafe fn products<S: Simd>(&self, s: S) {
        let PackedConv { inputs, blocks, .. } = *self.weights;
        for p in 0..POINTS {
            for (block, wide) in column_tiles::<S>(blocks) {
                let operands = Operands {
                    steps: &[(0, 0)],
                    length: inputs,
                    a_k: 1,
                    a_row: self.k,
                    b_k: wide * BLOCK,
                    c_row: blocks * BLOCK,
                };
                for t in (0..self.count).step_by(S::ROWS) {
                    // SAFETY: rows divide 8, and both rooms hold a multiple of 8 tiles.
                    unsafe {
                        let a = self.v.add(p * self.v_step + t * self.k);
                        let b = self.points.0.ptr().add((p * blocks + block) * BLOCK * inputs);
                        let c = self.m.add(p * self.m_step + t * operands.c_row + block * BLOCK);
                        s.sum_tile(wide, &operands, a, b, c);
                    }
                }
            }
        }
    }

    /// Transforms back and stores what of each tile lies inside the map.
    ///
    /// # Safety
    /// As the fields say, after [`Self::products`].
    #[inline(always)]
    unsafe fn outputs<S: Simd>(&self, s: S) {
        const { assert!(8usize.is_multiple_of(S::ROWS)) };
        let channels = self.weights.blocks * BLOCK;
        let (row, lanes) = (self.size.1 + 2, self.weights.output_lanes());
        for t in 0..self.count {
            let (top, left) = self.place(t);
            let (high, wide) = ((self.size.0 - top).min(TILE), (self.size.1 - left).min(TILE));
            for channel in (0..channels).step_by(S::LANES) {
                let mut tile = [[s.splat(0.0); TILE]; TILE];
                // SAFETY: the tile's sums are inside `m`; positions below `high` and `wide` are inside the map.
                unsafe {
                    let m = self.m.add(t * channels + channel);
                    let read = |y: usize, x: usize| s.load(m.add((y * 6 + x) * self.m_step));
                    square(s, Output, read, |y, x, v| tile[y][x] = v);
                    for (dy, values) in tile.iter().enumerate().take(high) {
                        for (dx, &value) in values.iter().enumerate().take(wide) {
                            let at = ((top + dy + 1) * row + left + dx + 1) * lanes + channel;
                            self.finish.store(s, value, channel, self.y, at);
                        }
                    }
                }
            }
        }
    }
}
