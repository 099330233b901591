//! Operations on a convolution's sums before they are written: bias, ReLU, residual, ReLU, statistics.

use super::view::{Element, LoadTransform, Map, Ptr, View};
use crate::simd::Simd;

/// The way of a sum `v` into memory: `max(max(v + bias, floor) + residual, floor)`.
#[derive(Clone, Copy)]
pub(crate) struct Finish {
    /// One per channel, padded.
    pub bias: Ptr,
    /// ReLU before the residual is added.
    pub relu_before: bool,
    /// The residual; of the output's size, not doubled.
    pub residual: Option<View>,
    /// ReLU after that.
    pub relu_after: bool,
    /// The output.
    pub out: Map,
    /// Whether the maximum of 2x2 positions is written instead of each.
    pub pool: bool,
    /// Slots in which each job leaves its sums for the statistics, see [`super::sums`].
    pub sums: Option<Ptr>,
}

/// [`Finish`] for one register of channels: everything is read once, so that it can stay in registers.
#[derive(Clone, Copy)]
pub(crate) struct Lane<S: Simd> {
    channel: usize,
    bias: S::F,
    before: S::F,
    residual: Option<(View, LoadTransform<S>)>,
    after: S::F,
}

/// A residual from one position on.
#[derive(Clone, Copy)]
pub(crate) struct Beside<S: Simd> {
    /// Its register of channels in memory.
    pub at: *const f32,
    /// See [`View::cell`].
    pub cell: *const f32,
    /// Operations on it.
    pub transform: LoadTransform<S>,
}

impl Finish {
    /// For channels `channel..channel + LANES`.
    ///
    /// # Safety
    /// They must be inside the output's channels.
    #[inline(always)]
    #[expect(clippy::manual_map, reason = "a closure could be compiled without the instruction set")]
    pub(crate) unsafe fn lane<S: Simd>(&self, s: S, channel: usize) -> Lane<S> {
        // SAFETY: `bias` has as many values as the output has channels, and so has the residual.
        let (bias, residual) = unsafe {
            let residual = match &self.residual {
                Some(view) => Some((*view, view.load_transform(s, channel))),
                None => None,
            };
            (s.load(self.bias.0.add(channel)), residual)
        };
        let (before, after) = (floor(s, self.relu_before), floor(s, self.relu_after));
        Lane { channel, bias, before, residual, after }
    }
}

/// Smallest value, after a ReLU and without one.
#[inline(always)]
pub(crate) fn floor<S: Simd>(s: S, relu: bool) -> S::F {
    s.splat(if relu { 0.0 } else { f32::NEG_INFINITY })
}

impl<S: Simd> Lane<S> {
    /// The value to write at row `y`, column `x`.
    ///
    /// # Safety
    /// The position must be inside the residual, if there is one, and `E` be what that holds.
    #[inline(always)]
    pub(crate) unsafe fn value<E: Element>(&self, s: S, sum: S::F, y: usize, x: usize) -> S::F {
        let Some((view, transform)) = self.residual else { return self.alone(s, sum) };
        // SAFETY: inside, as the caller says; residual and output have the same channels.
        let other = unsafe {
            let v = E::load(s, view.map.at::<E>(y, x).add(self.channel));
            transform.apply(s, v, view.cell(y, x))
        };
        self.joined(s, sum, other)
    }

    /// The value where there is no residual.
    #[inline(always)]
    pub(crate) fn alone(&self, s: S, sum: S::F) -> S::F {
        s.at_least(self.after, s.at_least(self.before, s.add(sum, self.bias)))
    }

    /// The value with the residual's `other`.
    #[inline(always)]
    pub(crate) fn joined(&self, s: S, sum: S::F, other: S::F) -> S::F {
        s.at_least(self.after, s.add(s.at_least(self.before, s.add(sum, self.bias)), other))
    }

    /// Address of a position's residual, and the operations on it.
    ///
    /// # Safety
    /// The position must be inside the residual, and that hold `f32`.
    #[inline(always)]
    pub(crate) unsafe fn beside(&self, y: usize, x: usize) -> Option<Beside<S>> {
        let (view, transform) = self.residual?;
        // SAFETY: inside, as the caller says; residual and output have the same channels.
        let (at, cell) =
            unsafe { (view.map.at::<f32>(y, x).add(self.channel).cast_const(), view.cell(y, x)) };
        Some(Beside { at, cell, transform })
    }
}
