//! Mean and variance per channel.
//!
//! The layer that writes an activation also sums it up, job by job, around the job's first value
//! ([`super::finish::Sums`]); here the jobs' sums are joined, in `f64` and always in the same order, so that the
//! result depends neither on the number of threads nor on chance.

use super::finish::Sums;
use super::step::{Frame, Step};
use super::view::{Element, Half, Map, Ptr};
use crate::simd::{Isa, Kernel, Simd};
use std::marker::PhantomData;

/// Where the jobs of a layer left their sums.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    /// One slot of `3 * channels` for each job.
    pub slots: Ptr,
    /// Positions that each job has summed.
    pub positions: Vec<f64>,
    /// Channels in memory.
    pub channels: usize,
}

impl Parts {
    /// Mean and variance of a channel (Chan, Golub and LeVeque 1979); the variance of one position is 0.
    ///
    /// # Safety
    /// All slots must have been written.
    pub(crate) unsafe fn moments(&self, channel: usize, unbiased: bool) -> (f64, f64) {
        let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for (job, &count) in self.positions.iter().enumerate() {
            // SAFETY: there is a slot for every job.
            let part =
                |i: usize| unsafe { f64::from(*self.slots.0.add((job * 3 + i) * self.channels + channel)) };
            let (shift, sum, square) = (part(0), part(1), part(2));
            let part_mean = shift + sum / count;
            let part_squares = (square - sum * sum / count).max(0.0);
            let total = n + count;
            let delta: f64 = part_mean - mean;
            mean += delta * count / total;
            squares += part_squares + delta * delta * n * count / total;
            n = total;
        }
        (mean, squares / if unbiased { (n - 1.0).max(1.0) } else { n })
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
                sums.store(s, slots.0.add(self.y * 3 * map.channels), channel, map.channels);
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

    unsafe fn job(&self, _: usize, _scratch: *mut f32, _: &Frame<'_>) {
        // SAFETY: the output has one position of at least `2 * channels` channels.
        let out = unsafe { std::slice::from_raw_parts_mut(self.out.data.0, self.out.channels) };
        out.fill(0.0);
        for c in 0..self.channels {
            // SAFETY: the layer that writes the slots ran before.
            let (mean, var) = unsafe { self.parts.moments(c, self.unbiased) };
            out[c] = mean as f32;
            out[self.channels + c] = (var + f64::from(self.eps)).sqrt() as f32;
        }
    }
}
