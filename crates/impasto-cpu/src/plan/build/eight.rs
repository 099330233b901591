//! Convolutions in eight bits: three steps each, ranges, codes and product.

use super::Builder;
use super::windows::Windows;
use crate::kernel::eight::{Eight, Goal, Layer, Quantise, Quantised, Ranges};
use crate::kernel::finish::Finish;
use crate::kernel::statistics::Parts;
use crate::kernel::step::Step;
use crate::kernel::view::View;
use crate::simd::BLOCK;
use impasto_core::lower::{Conv, ConvWeights};

impl Builder<'_> {
    /// To an activation, from a doubled one. `ranges` are the sums of its input.
    pub(super) fn eight_to_map(
        &mut self,
        conv: &Conv,
        weights: ConvWeights<'_>,
        ranges: Parts,
        finish: Finish,
    ) -> Box<dyn Step> {
        let mut view = self.view(conv.input);
        view.up = false;
        let windows = Windows::corners(conv, weights, finish.out.channels);
        self.eight(conv, view, &windows, ranges, Goal::Doubled(finish))
    }

    /// The product; the steps that find its ranges and codes are put before it.
    pub(super) fn eight(
        &mut self,
        conv: &Conv,
        view: View,
        windows: &Windows<'_>,
        ranges: Parts,
        goal: Goal,
    ) -> Box<dyn Step> {
        let Windows { ref weight, out, window, columns } = *windows;
        let stored = view.map.channels;
        let k = window.kernel * window.kernel * stored;
        let blocks = goal.columns() / BLOCK;
        let start = self.allocate(Quantised::values(k, blocks * BLOCK, stored));
        // SAFETY: just allocated.
        let codes = unsafe { Quantised::within(start, k, blocks * BLOCK, stored) };
        let value = |i: usize, column: usize| {
            let (tap, channel) = (i / stored, i % stored);
            let inside = channel < conv.geometry.input.channels && column < columns;
            if inside { weight(column, channel, tap) } else { 0.0 }
        };
        self.steps.push(Box::new(Ranges { parts: ranges, view, to: codes }));
        self.steps.push(Box::new(Quantise::new(self.isa, value, blocks, codes)));
        let macs = conv.geometry.macs();
        Box::new(Eight::new(self.isa, &Layer { view, out, window, goal, macs }, codes))
    }
}
