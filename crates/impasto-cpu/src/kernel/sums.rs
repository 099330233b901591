//! Sums over the values that a layer writes, for statistics and for ranges in eight bits.

use crate::simd::{Simd, zero};

/// Values that the sums of one channel take in memory.
pub(crate) const SLOT: usize = 5;

/// Running sums of `x - shift` and its square; `shift` is the job's first value, so that nothing cancels. And the least and the
/// largest value, the least with its sign turned.
/// In memory, for each job: `shift[channels]`, `sum[channels]`, `square[channels]`, `least[channels]`, `most[channels]`.
#[derive(Clone, Copy)]
pub(crate) struct Sums<S: Simd> {
    shift: S::F,
    sum: S::F,
    square: S::F,
    least: S::F,
    most: S::F,
    started: bool,
}

impl<S: Simd> Sums<S> {
    /// Nothing yet.
    #[inline(always)]
    pub(crate) fn new(s: S) -> Self {
        let (zero, none) = (zero(s), s.splat(f32::NEG_INFINITY));
        Sums { shift: zero, sum: zero, square: zero, least: none, most: none, started: false }
    }

    /// Takes a value in.
    #[inline(always)]
    pub(crate) fn add(&mut self, s: S, v: S::F) {
        if !self.started {
            self.started = true;
            self.shift = v;
        }
        let d = s.sub(v, self.shift);
        self.sum = s.add(self.sum, d);
        self.square = s.fma(d, d, self.square);
        self.least = s.at_least(self.least, s.sub(zero(s), v));
        self.most = s.at_least(self.most, v);
    }

    /// The sums that [`Sums::store`] wrote, to go on with.
    ///
    /// # Safety
    /// `slot` must be readable for `SLOT * channels` values, `channel + LANES` at most `channels`.
    #[inline(always)]
    pub(crate) unsafe fn load(s: S, slot: *const f32, channel: usize, channels: usize) -> Self {
        // SAFETY: inside the slot, as the caller says.
        unsafe {
            Sums {
                shift: s.load(slot.add(channel)),
                sum: s.load(slot.add(channels + channel)),
                square: s.load(slot.add(2 * channels + channel)),
                least: s.load(slot.add(3 * channels + channel)),
                most: s.load(slot.add(4 * channels + channel)),
                started: true,
            }
        }
    }

    /// Writes the sums of one job.
    ///
    /// # Safety
    /// `slot` must be writable for `SLOT * channels` values, `channel + LANES` at most `channels`.
    #[inline(always)]
    pub(crate) unsafe fn store(&self, s: S, slot: *mut f32, channel: usize, channels: usize) {
        // SAFETY: inside the slot, as the caller says.
        unsafe {
            s.store(slot.add(channel), self.shift);
            s.store(slot.add(channels + channel), self.sum);
            s.store(slot.add(2 * channels + channel), self.square);
            s.store(slot.add(3 * channels + channel), self.least);
            s.store(slot.add(4 * channels + channel), self.most);
        }
    }
}
