//! First of a layer in eight bits: the ranges of its inputs in this frame, and how values become codes.

use super::Quantised;
use crate::kernel::statistics::{Parts, Summary, summary_scratch};
use crate::kernel::step::{Frame, Step};
use crate::kernel::view::{Noise, Ptr, View};
use impasto_core::noise::MAX_PLANES;

/// Deviations from its channel's mean beyond which a value is cut off. A few rare values would make all codes, and by
/// way of the weights those of other channels, coarser; cut off, they leave marks. docs/performance.md has what was tried.
const REACH: f64 = 10.0;

/// Deviations that the noise field may add to either end of a range. A plane's numbers reach 4 or 5.
const NOISE_REACH: f32 = 4.0;

/// Finds the ranges, in one job.
pub(crate) struct Ranges {
    /// Sums that the input's writer noted.
    pub parts: Parts,
    /// The layer's input.
    pub view: View,
    /// Destination of the ranges.
    pub to: Quantised,
}

impl Step for Ranges {
    fn label(&self) -> String {
        format!("ranges {}", self.view.map.channels)
    }

    fn jobs(&self) -> usize {
        1
    }

    fn scratch(&self) -> usize {
        summary_scratch(self.view.map.channels)
    }

    unsafe fn job(&self, _: usize, scratch: *mut f32, _: &Frame<'_>) {
        let Ranges { parts, view, to } = self;
        // SAFETY: the layer that writes the slots ran before; `scratch()` has room.
        let Summary { means, variances, least, most } = unsafe { parts.summary(scratch) };
        let floor = if view.relu { 0.0 } else { f32::NEG_INFINITY };
        for c in 0..view.map.channels {
            let far = REACH * variances[c].sqrt();
            let least = least[c].max(means[c] - far) as f32;
            let most = most[c].min(means[c] + far) as f32;
            // SAFETY: all vectors have a value for each channel, the affine map two.
            unsafe {
                let (gain, shift) = match view.affine {
                    Some(Ptr(p)) => (*p.add(c), *p.add(view.map.channels + c)),
                    None => (1.0, 0.0),
                };
                let (a, b) = (gain * least + shift, gain * most + shift);
                let spread = NOISE_REACH * self.noise_deviation(c);
                let (low, high) = ((a.min(b) - spread).max(floor), (a.max(b) + spread).max(floor));
                let span = high - low;
                let inverse = if span > 0.0 { 1.0 / span } else { 0.0 };
                *to.gain.0.add(c) = gain * inverse;
                *to.shift.0.add(c) = (shift - low) * inverse;
                if let Some(Noise { gains, .. }) = view.noise {
                    let channels = view.map.channels;
                    (0..MAX_PLANES).for_each(|k| {
                        *to.noise.0.add(k * channels + c) = inverse * *gains.0.add(k * channels + c)
                    });
                }
                *to.low.0.add(c) = low;
                *to.step.0.add(c) = span / 255.0;
            }
        }
    }
}

impl Ranges {
    /// Deviation of the noise that is added to a channel.
    ///
    /// # Safety
    /// The field's gains must have been written, `c` be below the channels in memory.
    unsafe fn noise_deviation(&self, c: usize) -> f32 {
        let Some(Noise { gains, .. }) = self.view.noise else { return 0.0 };
        // SAFETY: there are gains of every plane for all channels.
        let gain = |k: usize| unsafe { *gains.0.add(k * self.view.map.channels + c) };
        (0..MAX_PLANES).map(|k| gain(k) * gain(k)).sum::<f32>().sqrt()
    }
}
