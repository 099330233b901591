//! From a block of products to memory: bias, ReLU, residual, pool, statistics, or straight to the canvas.

use super::super::finish::{Finish, Lane};
use super::super::sums::{SLOT, Sums};
use super::super::view::{Half, Map};
use super::{Goal, Job, LANES, Phase, SPAN};
use crate::simd::Simd;

impl Job<'_> {
    /// # Safety
    /// As for [`Step::job`].
    #[inline(always)]
    pub(super) unsafe fn leave_sums<S: Simd>(&self, s: S, block: usize, sums: &BlockSums<S>) {
        let Goal::Map(Finish { sums: Some(slots), out, .. }) = self.layer.goal else { return };
        for lane in (0..LANES).step_by(S::LANES) {
            let part = &sums[lane / S::LANES];
            // SAFETY: there is a slot for every job, with room for all channels.
            unsafe {
                let slot = slots.0.add(self.job * SLOT * out.channels);
                part.store(s, slot, block * LANES + lane, out.channels);
            }
        }
    }

    /// Writes two rows of results at grid position `(y, x)`.
    ///
    /// # Safety
    /// The positions must be inside the grid.
    #[inline(always)]
    pub(super) unsafe fn write<S: Simd>(
        &self,
        s: S,
        phase: &Phase,
        block: usize,
        (y, x): (usize, usize),
        (high, wide): (usize, usize),
        sums: &mut BlockSums<S>,
    ) {
        // SAFETY: as the caller says.
        unsafe {
            match &self.layer.goal {
                Goal::Canvas(painter) => {
                    for row in 0..high {
                        let sums = self.sums.0.as_ptr().add(row * SPAN * LANES);
                        painter.span(s, self.frame.output, sums, LANES, (y + row, x), wide);
                    }
                }
                Goal::Map(finish) => self.store(s, finish, phase, block, (y, x), (high, wide), sums),
            }
        }
    }

    /// [`Job::write`] to an activation. All 32 channels of a position are written before the next: they are one line of
    /// the cache.
    ///
    /// # Safety
    /// As there.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "a piece of `write`, apart only to be readable")]
    unsafe fn store<S: Simd>(
        &self,
        s: S,
        finish: &Finish,
        phase: &Phase,
        block: usize,
        (y, x): (usize, usize),
        (high, wide): (usize, usize),
        sums: &mut BlockSums<S>,
    ) {
        let parts = LANES / S::LANES;
        // SAFETY: as the caller says; the block's channels are inside the output's.
        unsafe {
            let mut lanes = [finish.lane(s, block * LANES); PARTS];
            for (part, lane) in lanes.iter_mut().enumerate().take(parts) {
                *lane = finish.lane(s, block * LANES + part * S::LANES);
            }
            let written = Written { out: finish.out, channel: block * LANES, summed: finish.sums.is_some() };
            if finish.pool {
                return self.store_pooled(s, written, &lanes[..parts], (y, x), (high, wide), sums);
            }
            let scale = if self.layer.phases.len() == 4 { 2 } else { 1 };
            for row in 0..high {
                let y = (y + row) * scale + phase.dy;
                for column in 0..wide {
                    let x = (x + column) * scale + phase.dx;
                    for (part, lane) in lanes.iter().enumerate().take(parts) {
                        let v = lane.value::<Half>(s, self.sum(s, row, column, part), y, x);
                        written.put(s, part, (y, x), v, sums);
                    }
                }
            }
        }
    }

    /// One register of the products of a row and column.
    ///
    /// # Safety
    /// Row, column and part must be inside the block.
    #[inline(always)]
    unsafe fn sum<S: Simd>(&self, s: S, row: usize, column: usize, part: usize) -> S::F {
        // SAFETY: as the caller says; the block has 32 rows of 32 values.
        unsafe { s.load(self.sums.0.as_ptr().add((row * SPAN + column) * LANES + part * S::LANES)) }
    }

    /// The maxima of 2x2 of two rows of results.
    ///
    /// # Safety
    /// As for [`Job::store`].
    #[inline(always)]
    unsafe fn store_pooled<S: Simd>(
        &self,
        s: S,
        written: Written,
        lanes: &[Lane<S>],
        (y, x): (usize, usize),
        (high, wide): (usize, usize),
        sums: &mut BlockSums<S>,
    ) {
        for column in (0..wide).step_by(2) {
            let (below, right) = (high - 1, (column + 1).min(wide - 1));
            for (part, lane) in lanes.iter().enumerate() {
                let mut most = s.splat(f32::NEG_INFINITY);
                for (row, column) in [(0, column), (0, right), (below, column), (below, right)] {
                    // SAFETY: as the caller says; rows and columns are inside the block.
                    let v =
                        unsafe { lane.value::<Half>(s, self.sum(s, row, column, part), y + row, x + column) };
                    most = s.at_least(most, v);
                }
                // SAFETY: half of a position inside the unpooled output.
                unsafe { written.put(s, part, (y / 2, (x + column) / 2), most, sums) };
            }
        }
    }
}

/// Registers of a block's 32 channels, at most.
pub(super) const PARTS: usize = 8;
/// Sums of a block's channels.
pub(super) type BlockSums<S> = [Sums<S>; PARTS];

/// Destination of a block of results.
#[derive(Clone, Copy)]
struct Written {
    out: Map,
    /// First channel of the block.
    channel: usize,
    summed: bool,
}

impl Written {
    /// Writes one register, and sums up what can be read back: the statistics must be those of the rounded values.
    ///
    /// # Safety
    /// The position must be inside the output, the part inside the block.
    #[inline(always)]
    unsafe fn put<S: Simd>(
        self,
        s: S,
        part: usize,
        (y, x): (usize, usize),
        v: S::F,
        sums: &mut BlockSums<S>,
    ) {
        // SAFETY: as the caller says.
        unsafe {
            let out = self.out.at::<Half>(y, x).add(self.channel + part * S::LANES).cast::<u16>();
            s.store_half(out, v);
            if self.summed {
                sums[part].add(s, s.load_half(out));
            }
        }
    }
}
