//! The curriculum: reconstruction first, then the style weight ramped up, larger pictures at the end.

use crate::learner::Recipe;
use serde::{Deserialize, Serialize};

/// Phases of a run. A step is one batch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Schedule {
    /// Steps of painting photos in their own style, before the loss network is asked anything.
    pub identity_steps: u64,
    /// Steps after those.
    pub steps: u64,
    /// Part of [`Self::steps`] over which the style weight grows geometrically.
    pub ramp: f64,
    /// Start value, as part of the full one.
    pub ramp_start: f64,
    /// Steps over which the rate grows from 0.
    pub warm_up: u64,
    /// The last rate, as part of the full one.
    pub last_rate: f64,
    /// Part of [`Self::steps`], at the end, with crops of [`Self::large_px`].
    pub large_part: f64,
    /// Side of a photo's crop there, px.
    pub large_px: usize,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            identity_steps: 600,
            steps: 12_000,
            ramp: 0.3,
            ramp_start: 1.0 / 6.0,
            warm_up: 50,
            last_rate: 0.01,
            large_part: 0.0,
            large_px: 256,
        }
    }
}

/// Rate in the identity steps, as part of the full one, and limit of the gradient there.
const IDENTITY_RATE: f32 = 4.0 / 3.0;
const IDENTITY_CLIP: f32 = 1.0;

impl Schedule {
    /// All steps.
    pub fn total(&self) -> u64 {
        self.identity_steps + self.steps
    }

    /// The recipe of a step.
    pub fn at(&self, step: u64, full: &Recipe) -> Recipe {
        if step < self.identity_steps {
            return self.identity(step, full);
        }
        let step = step - self.identity_steps;
        let part = step as f64 / self.steps.max(1) as f64;
        let grown = if self.ramp > 0.0 { (part / self.ramp).min(1.0) } else { 1.0 };
        let style = f64::from(full.style) * self.ramp_start.powf(1.0 - grown);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * part.min(1.0)).cos());
        let rate = self.last_rate + (1.0 - self.last_rate) * cosine;
        let rate = f64::from(full.rate) * rate * self.warm(step);
        Recipe { style: style as f32, rate: rate as f32, ..*full }
    }

    fn identity(&self, step: u64, full: &Recipe) -> Recipe {
        let left = (self.identity_steps - step) as f64 / (0.5 * self.identity_steps as f64) + 0.05;
        let rate = full.rate * IDENTITY_RATE * (left.min(1.0) * self.warm(step)) as f32;
        Recipe { identity: 1.0, rate, clip: IDENTITY_CLIP, ..full.without_judge() }
    }

    fn warm(&self, step: u64) -> f64 {
        ((step + 1) as f64 / self.warm_up.max(1) as f64).min(1.0)
    }

    /// Whether the style weight has reached its full value before `step`.
    pub fn is_ramped(&self, step: u64) -> bool {
        step > self.identity_steps && (step - self.identity_steps) as f64 > self.ramp * self.steps as f64
    }

    /// Whether a step takes large crops.
    pub fn is_large(&self, step: u64) -> bool {
        let first = self.total() as f64 - self.large_part * self.steps as f64;
        self.large_part > 0.0 && step as f64 >= first
    }

    /// The first step with large crops.
    pub fn first_large(&self) -> u64 {
        (0..=self.total()).find(|&s| self.is_large(s)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_weight_grows_and_the_rate_falls() {
        let (schedule, full) =
            (Schedule { identity_steps: 10, steps: 1000, ..Schedule::default() }, Recipe::moments());
        assert_eq!((schedule.at(9, &full).content, schedule.at(9, &full).style), (0.0, 0.0));
        assert!((schedule.at(10, &full).style - 0.5).abs() < 1e-6);
        assert!((schedule.at(160, &full).style - (0.5f32 * 3.0).sqrt()).abs() < 1e-3);
        assert_eq!(schedule.at(900, &full).style, 3.0);
        assert!(schedule.at(1009, &full).rate < 0.02 * full.rate);
        assert!((schedule.at(60, &full).rate / full.rate - 1.0).abs() < 0.02);
    }

    #[test]
    fn large_crops_come_last() {
        let schedule = Schedule { identity_steps: 0, steps: 100, large_part: 0.1, ..Schedule::default() };
        assert_eq!(schedule.first_large(), 90);
        assert!(!schedule.is_large(89));
    }
}
