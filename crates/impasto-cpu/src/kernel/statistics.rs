//! Mean and variance per channel.
//!
//! The layer that writes an activation also sums it up, job by job, around the job's first value
//! ([`super::sums`]); here the jobs' sums are joined, in `f64` and always in the same order, so that the
//! result depends neither on the number of threads nor on chance.

use super::step::{Frame, Step};
use super::sums::{SLOT, Sums};
use super::view::{Element, Half, Map, Ptr};
use crate::simd::{Isa, Kernel, Simd};
use std::marker::PhantomData;

/// Slots in which the jobs of a layer left their sums.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub isa: Isa,
    /// One slot of [`SLOT`]` * channels` for each job.
    pub slots: Ptr,
    /// Positions that each job has summed.
    pub positions: Vec<f64>,
    /// Channels in memory.
    pub channels: usize,
}

/// Statistics of every channel in memory.
pub(crate) struct Summary<'a> {
    pub means: &'a [f64],
    /// Of all positions; that of one position is 0.
    pub variances: &'a [f64],
    /// Of what is not a number nothing is known.
    pub least: &'a [f64],
    pub most: &'a [f64],
}

/// Values of scratch memory for a [`Summary`] of so many channels.
pub(crate) const fn summary_scratch(channels: usize) -> usize {
    4 * channels * (size_of::<f64>() / size_of::<f32>())
}

impl Parts {
    /// Joins the jobs' sums. All are told around the first job's shift, so that nothing cancels but what differs between jobs.
    ///
    /// # Safety
    /// All slots must have been written, and `scratch` have room for [`summary_scratch`] values, aligned to 8 bytes.
    pub(crate) unsafe fn summary<'a>(&self, scratch: *mut f32) -> Summary<'a> {
        // SAFETY: as the caller says; zero is a value.
        let work = unsafe {
            scratch.write_bytes(0, summary_scratch(self.channels));
            std::slice::from_raw_parts_mut(scratch.cast::<f64>(), 4 * self.channels)
        };
        let (moments, extremes) = work.split_at_mut(2 * self.channels);
        let (means, variances) = moments.split_at_mut(self.channels);
        let (least, most) = extremes.split_at_mut(self.channels);
        self.isa.run(Join {
            parts: self,
            means: &mut *means,
            variances: &mut *variances,
            least: &mut *least,
            most: &mut *most,
        });
        Summary { means, variances, least, most }
    }

    /// Positions of all jobs.
    pub(crate) fn count(&self) -> f64 {
        self.positions.iter().sum()
    }

    /// One part of a slot of [`super::sums`].
    ///
    /// # Safety
    /// The slot must have been written.
    #[inline(always)]
    unsafe fn part(&self, job: usize, part: usize) -> &[f32] {
        // SAFETY: there is a slot for every job.
        unsafe {
            let at = self.slots.0.add((job * SLOT + part) * self.channels).cast_const();
            std::slice::from_raw_parts(at, self.channels)
        }
    }
}

/// The body of [`Parts::summary`]; means begin as sums, variances as squares.
struct Join<'a> {
    parts: &'a Parts,
    means: &'a mut [f64],
    variances: &'a mut [f64],
    least: &'a mut [f64],
    most: &'a mut [f64],
}

impl Kernel for Join<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Join { parts, means, variances, least, most } = self;
        let channels = parts.channels;
        least.fill(f64::INFINITY);
        most.fill(f64::NEG_INFINITY);
        // SAFETY: the layer that writes the slots ran before.
        let first = unsafe { parts.part(0, 0) };
        for (job, &count) in parts.positions.iter().enumerate() {
            // SAFETY: as above.
            let [shift, sum, square, low, high] = unsafe {
                let part = |i| parts.part(job, i);
                [part(0), part(1), part(2), part(3), part(4)]
            };
            for c in 0..channels {
                let (away, sum) = (f64::from(shift[c]) - f64::from(first[c]), f64::from(sum[c]));
                means[c] += sum + count * away;
                variances[c] += f64::from(square[c]) + away * (2.0 * sum + count * away);
                least[c] = least[c].min(f64::from(-low[c]));
                most[c] = most[c].max(f64::from(high[c]));
            }
        }
        let count = parts.count();
        for c in 0..channels {
            let mean = means[c] / count;
            means[c] = f64::from(first[c]) + mean;
            variances[c] = (variances[c] / count - mean * mean).max(0.0);
        }
    }
}

/// Sums up an activation that no layer summed while writing it. One job is one row.
pub(crate) struct Summed {
    pub isa: Isa,
    pub map: Map,
    pub slots: Ptr,
}

impl Step for Summed {
    fn label(&self) -> String {
        format!("sums {} at {}x{}", self.map.channels, self.map.width, self.map.height)
    }

    fn jobs(&self) -> usize {
        self.map.height
    }

    fn positions(&self, _job: usize) -> usize {
        self.map.width
    }

    unsafe fn job(&self, job: usize, _scratch: *mut f32, _: &Frame<'_>) {
        match self.map.half {
            false => self.isa.run(Row::<f32> { step: self, y: job, element: PhantomData }),
            true => self.isa.run(Row::<Half> { step: self, y: job, element: PhantomData }),
        }
    }
}

struct Row<'a, E> {
    step: &'a Summed,
    y: usize,
    element: PhantomData<E>,
}

impl<E: Element> Kernel for Row<'_, E> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Summed { map, slots, .. } = self.step;
        for channel in (0..map.channels).step_by(S::LANES) {
            let mut sums = Sums::new(s);
            // SAFETY: positions are inside the map; there is one slot for every row.
            unsafe {
                for x in 0..map.width {
                    sums.add(s, E::load(s, map.at::<E>(self.y, x).add(channel)));
                }
                sums.store(s, slots.0.add(self.y * SLOT * map.channels), channel, map.channels);
            }
        }
    }
}

/// Writes `[mean[C], sqrt(var + eps)[C]]` as an activation of one position.
pub(crate) struct MeanStd {
    pub parts: Parts,
    /// Channels in the table.
    pub channels: usize,
    pub eps: f32,
    pub unbiased: bool,
    pub out: Map,
}

impl Step for MeanStd {
    fn label(&self) -> String {
        format!("mean and deviation of {}", self.channels)
    }

    fn jobs(&self) -> usize {
        1
    }

    fn scratch(&self) -> usize {
        summary_scratch(self.parts.channels)
    }

    unsafe fn job(&self, _: usize, scratch: *mut f32, _: &Frame<'_>) {
        // SAFETY: the output has one position of at least `2 * channels` channels.
        let out = unsafe { std::slice::from_raw_parts_mut(self.out.data.0, self.out.channels) };
        out.fill(0.0);
        // SAFETY: the layer that writes the slots ran before; `scratch()` has room.
        let summary = unsafe { self.parts.summary(scratch) };
        let correction = correction(self.parts.count(), self.unbiased);
        for c in 0..self.channels {
            out[c] = summary.means[c] as f32;
            let variance = summary.variances[c] * correction;
            out[self.channels + c] = (variance + f64::from(self.eps)).sqrt() as f32;
        }
    }
}

/// Factor that makes a variance over `count` positions an unbiased one, if that is wanted.
pub(crate) fn correction(count: f64, unbiased: bool) -> f64 {
    if unbiased { count / (count - 1.0).max(1.0) } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Arena;
    use crate::simd::{BLOCK, Portable};

    #[test]
    fn a_summary_joins_what_jobs_saw() {
        let jobs: [&[f32]; 2] = [&[1e4 + 1.0, 1e4 - 3.0, 1e4 + 2.0], &[1e4 + 5.0, 1e4 + 1.0, 1e4]];
        let arena = Arena::new(2 * SLOT * BLOCK);
        for (job, values) in jobs.into_iter().enumerate() {
            for channel in (0..BLOCK).step_by(Portable::LANES) {
                let mut sums = Sums::new(Portable);
                values.iter().for_each(|&v| sums.add(Portable, Portable.splat(v)));
                // SAFETY: the arena holds two slots of one block.
                unsafe { sums.store(Portable, arena.ptr().add(job * SLOT * BLOCK), channel, BLOCK) };
            }
        }
        let scratch = Arena::new(summary_scratch(BLOCK));
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            let parts = Parts { isa, slots: Ptr(arena.ptr()), positions: vec![3.0, 3.0], channels: BLOCK };
            // SAFETY: both slots were written, and there is room.
            let Summary { means, variances, least, most } = unsafe { parts.summary(scratch.ptr()) };
            assert!(means.iter().all(|v| (v - 1e4 - 1.0).abs() < 1e-9), "{isa}: {means:?}");
            assert!(variances.iter().all(|v| (v - 34.0 / 6.0).abs() < 1e-9), "{isa}: {variances:?}");
            assert!(least.iter().all(|&v| v == 1e4 - 3.0) && most.iter().all(|&v| v == 1e4 + 5.0), "{isa}");
        }
        assert_eq!((correction(6.0, true), correction(1.0, true), correction(6.0, false)), (1.2, 1.0, 1.0));
    }
}
