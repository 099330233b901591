//! Means since the last record.

use crate::learner::StepReport;
use crate::progress::Steps;
use std::time::Instant;

/// Sums since the last record.
pub(super) struct Window {
    sum: StepReport,
    steps: u64,
    since: Instant,
}

impl Window {
    pub fn new() -> Self {
        Self { sum: StepReport::default(), steps: 0, since: Instant::now() }
    }

    pub fn add(&mut self, report: &StepReport) {
        self.sum.add(report, 1.0);
        self.steps += 1;
    }

    pub fn take(
        &mut self,
        (step, steps, samples, broken): (u64, u64, usize, [usize; 2]),
        style_weight: f32,
        rate: f32,
    ) -> Steps {
        let secs = self.since.elapsed().as_secs_f64().max(1e-9);
        let count = self.steps.max(1);
        let mut report = StepReport::default();
        report.add(&self.sum, 1.0 / count as f32);
        let samples_per_second = (count as usize * samples) as f64 / secs;
        let remaining_secs = (steps - step) as f64 * secs / count as f64;
        *self = Self::new();
        Steps { step, steps, report, style_weight, rate, samples_per_second, remaining_secs, broken }
    }
}
