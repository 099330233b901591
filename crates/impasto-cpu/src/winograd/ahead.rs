//! Fetches what the next job will touch while this one multiplies.
//!
//! A tile's lines lie in rows far apart, too short for the processor to foresee: the transforms would wait for each. The products
//! read only what is near, so the lines of the next job come meanwhile, some with each register tile.

use super::{TILE, Winograd};
use crate::kernel::view::Map;
use crate::simd::{BLOCK, Simd};

/// Weights up to this many values (512 KiB) stay in the second-level cache from job to job.
const NEAR_VALUES: usize = 128 << 10;
/// Rows of positions: of the input, the output and the residual.
const ROWS: usize = 6 + 2 * TILE;

/// The lines of the next job, and how far they were asked for.
pub(super) struct Ahead {
    rows: [*const f32; ROWS],
    count: usize,
    /// Lines of a row.
    wide: usize,
    /// Lines to ask for with each register tile where the weights need to be fetched too, else 0.
    each: usize,
    row: usize,
    line: usize,
}

impl Ahead {
    /// For the job behind the one that begins with tile `first`; it has `calls` register tiles for each point.
    #[inline(always)]
    pub(super) fn new(layer: &Winograd, first: usize, calls: usize) -> Ahead {
        let Winograd { view, finish, form, tiles, .. } = layer;
        let next = first + tiles.per_job;
        let (ty, tx) = (next / tiles.across, next % tiles.across);
        let mut ahead = Ahead { rows: [view.map.data.0; ROWS], count: 0, wide: 0, each: 0, row: 0, line: 0 };
        ahead.note(view.map, (ty * form.step(), tx * form.step()), form.inputs());
        ahead.note(finish.out, (ty * TILE, tx * TILE), TILE);
        if let Some(other) = &finish.residual {
            ahead.note(other.map, (ty * TILE, tx * TILE), TILE);
        }
        let most = (form.step() * view.map.channels).max(TILE * finish.out.channels);
        ahead.wide = tiles.per_job * most / BLOCK;
        if layer.weights.len() > NEAR_VALUES {
            ahead.each = (ahead.count * ahead.wide).div_ceil(calls * form.products().pow(2));
        }
        ahead
    }

    #[inline(always)]
    fn note(&mut self, map: Map, (y, x): (usize, usize), rows: usize) {
        for dy in 0..rows {
            // Behind the map's end there is nothing to fetch, and no harm in trying.
            self.rows[self.count] = map.data.0.wrapping_add(((y + dy) * map.width + x) * map.channels);
            self.count += 1;
        }
    }

    /// Called before each register tile of `k` steps, which fetches `k` lines from the pointer that this gives: those of the next
    /// job, or `weights` where these are too many to stay near.
    #[inline(always)]
    pub(super) fn during<S: Simd>(&mut self, s: S, k: usize, weights: *const f32) -> *const f32 {
        let lines = if self.each > 0 { self.each } else { k };
        if self.row >= self.count {
            return weights;
        }
        let from = self.rows[self.row].wrapping_add(self.line * BLOCK);
        self.line += lines;
        if self.line >= self.wide {
            (self.row, self.line) = (self.row + 1, 0);
        }
        if self.each == 0 {
            return from;
        }
        for line in 0..lines {
            s.prefetch(from.wrapping_add(line * BLOCK));
        }
        weights
    }
}
