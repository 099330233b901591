//! Fetches what the next job will touch while this one multiplies.
//!
//! A tile's lines lie in rows far apart, too short for the processor to foresee: the transforms would wait for each. The products
//! read only what is near, so the lines of the next job come meanwhile, some with each register tile.

use super::Winograd;
use crate::kernel::view::Map;
use crate::simd::BLOCK;

/// Rows of positions, at most: of the input, the output and the residual.
const ROWS: usize = 8 + 2 * 6;

/// The lines of the next job, and how far they were asked for.
pub(super) struct Ahead {
    rows: [*const f32; ROWS],
    count: usize,
    /// Lines of a row.
    wide: usize,
    row: usize,
    line: usize,
}

impl Ahead {
    /// For the job behind the one that begins with tile `first`.
    #[inline(always)]
    pub(super) fn new(layer: &Winograd, first: usize) -> Ahead {
        let Winograd { view, finish, form, tiles, .. } = layer;
        let next = first + tiles.per_job;
        let (ty, tx) = (next / tiles.across, next % tiles.across);
        let tile = form.tile();
        let most = (form.step() * view.map.channels).max(tile * finish.out.channels);
        let wide = tiles.per_job * most / BLOCK;
        let mut ahead = Ahead { rows: [view.map.data.0; ROWS], count: 0, wide, row: 0, line: 0 };
        ahead.note(view.map, (ty * form.step(), tx * form.step()), form.inputs());
        ahead.note(finish.out, (ty * tile, tx * tile), tile);
        if let Some(other) = &finish.residual {
            ahead.note(other.map, (ty * tile, tx * tile), tile);
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

    /// Called before each register tile, which fetches as many `lines` from the pointer that this gives, if there is anything left.
    #[inline(always)]
    pub(super) fn during(&mut self, lines: usize) -> Option<*const f32> {
        if self.row >= self.count {
            return None;
        }
        let from = self.rows[self.row].wrapping_add(self.line * BLOCK);
        self.line += lines;
        if self.line >= self.wide {
            (self.row, self.line) = (self.row + 1, 0);
        }
        Some(from)
    }
}
