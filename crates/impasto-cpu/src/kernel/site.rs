//! Sites of a style: gain and shift per channel are worked out here, and applied by whoever reads next.

use super::statistics::{Parts, correction, summary_scratch};
use super::step::{Frame, Step};
use super::view::Ptr;
use std::ops::Range;
use std::sync::Mutex;

/// AdaIN: from the content's statistics and the style's to `gain[channels]`, `shift[channels]`.
pub(crate) struct AdaIn {
    pub parts: Parts,
    /// Part of the style vector: means, then deviations.
    pub style: Range<usize>,
    pub eps: f32,
    pub unbiased: bool,
    /// `gain`, `shift`, each as long as the channels in memory.
    pub out: Ptr,
    /// Mean and deviation used in the frame before; empty when there was none.
    pub before: Mutex<Vec<(f64, f64)>>,
}

impl Step for AdaIn {
    fn label(&self) -> String {
        format!("adain {}", self.style.len() / 2)
    }

    fn jobs(&self) -> usize {
        1
    }

    fn scratch(&self) -> usize {
        summary_scratch(self.parts.channels)
    }

    unsafe fn job(&self, _: usize, scratch: *mut f32, frame: &Frame<'_>) {
        let (means, deviations) = frame.conditions.style[self.style.clone()].split_at(self.style.len() / 2);
        let keep = f64::from(frame.conditions.smoothing);
        let strength = f64::from(frame.conditions.strength);
        let mut before = self.before.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let first = before.is_empty();
        // SAFETY: the layer that writes the slots ran before; `scratch()` has room.
        let summary = unsafe { self.parts.summary(scratch) };
        let correction = correction(self.parts.count(), self.unbiased);
        for (c, (&mean, &deviation)) in means.iter().zip(deviations).enumerate() {
            let variance = summary.variances[c] * correction;
            let own = (summary.means[c], (variance + f64::from(self.eps)).sqrt());
            let used = if first { own } else { lerp(own, before[c], keep) };
            if first {
                before.push(used)
            } else {
                before[c] = used
            }
            let target = lerp(used, (f64::from(mean), f64::from(deviation)), strength);
            let gain = target.1 / used.1;
            // SAFETY: `out` holds two values for every channel.
            unsafe { put(self.out, self.parts.channels, c, gain, target.0 - gain * used.0) };
        }
    }

    fn reset(&self) {
        self.before.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clear();
    }

    fn memory_len(&self) -> usize {
        self.style.len()
    }

    fn memory(&self) -> Vec<f64> {
        let before = self.before.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        before.iter().flat_map(|&(mean, deviation)| [mean, deviation]).collect()
    }

    fn recall(&self, memory: &[f64]) {
        let mut before = self.before.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *before = memory.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    }
}

fn lerp(a: (f64, f64), b: (f64, f64), t: f64) -> (f64, f64) {
    ((1.0 - t) * a.0 + t * b.0, (1.0 - t) * a.1 + t * b.1)
}

/// # Safety
/// `out` must hold `2 * channels` values, `c` be below `channels`.
unsafe fn put(out: Ptr, channels: usize, c: usize, gain: f64, shift: f64) {
    // SAFETY: as the caller says.
    unsafe {
        *out.0.add(c) = gain as f32;
        *out.0.add(channels + c) = shift as f32;
    }
}

/// A gain and bias from the style, without statistics.
pub(crate) struct Modulate {
    /// Part of the style vector: biases, then gains.
    pub style: Range<usize>,
    /// `gain`, `shift`, each as long as the channels in memory.
    pub out: Ptr,
    /// Channels in memory.
    pub channels: usize,
}

impl Step for Modulate {
    fn label(&self) -> String {
        format!("modulate {}", self.style.len() / 2)
    }

    fn jobs(&self) -> usize {
        1
    }

    unsafe fn job(&self, _: usize, _scratch: *mut f32, frame: &Frame<'_>) {
        let (biases, gains) = frame.conditions.style[self.style.clone()].split_at(self.style.len() / 2);
        for (c, (&bias, &gain)) in biases.iter().zip(gains).enumerate() {
            // SAFETY: `out` holds two values for every channel.
            unsafe { put(self.out, self.channels, c, f64::from(gain), f64::from(bias)) };
        }
    }
}

/// Gain of each plane of the noise field, by channel.
pub(crate) struct NoiseGains {
    /// `[channels][planes]`.
    pub weights: Vec<f32>,
    /// Part of the style vector: gains.
    pub style: Range<usize>,
    /// `[MAX_PLANES][channels]`; zero where there is no such plane or channel.
    pub out: Ptr,
    /// Channels in memory.
    pub channels: usize,
}

impl Step for NoiseGains {
    fn label(&self) -> String {
        format!("noise gains {}", self.style.len())
    }

    fn jobs(&self) -> usize {
        1
    }

    unsafe fn job(&self, _: usize, _scratch: *mut f32, frame: &Frame<'_>) {
        let gains = &frame.conditions.style[self.style.clone()];
        let amount = frame.conditions.noise_amount();
        let planes = self.weights.len() / gains.len();
        for (c, (weights, gain)) in self.weights.chunks_exact(planes).zip(gains).enumerate() {
            for (k, weight) in weights.iter().enumerate() {
                // SAFETY: `out` holds a value of every plane for every channel in memory.
                unsafe { *self.out.0.add(k * self.channels + c) = amount * gain * weight };
            }
        }
    }
}
