//! Records as they stand in the log.

use crate::learner::LOSSES;
use crate::progress::Steps;
use serde::{Deserialize, Serialize};

/// One line of the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Entry {
    /// The run began or went on.
    Started {
        /// Steps already done.
        step: u64,
        /// Steps in all.
        steps: u64,
        /// Photos, paintings.
        pictures: [usize; 2],
        /// Instruction set or adapter that the kernels ran on.
        device: String,
    },
    /// Means over some steps.
    Steps(Steps),
    /// Figures of the held-out pairs.
    Validated(Figures),
    /// Something looked wrong.
    Warning {
        /// After this many steps.
        step: u64,
        /// Fault, cause and remedy.
        message: String,
    },
}

/// A validation without its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// After this many steps.
    pub step: u64,
    /// Content loss.
    pub content: f32,
    /// Style loss.
    pub style: f32,
    /// SSIM of luma to the photo.
    pub ssim: f32,
    /// Flicker under noise, in `0..255`.
    pub flicker: f32,
}

impl Figures {
    /// As TensorBoard names them.
    pub(super) fn scalars(&self) -> [(&'static str, f32); 4] {
        [
            ("held out/content", self.content),
            ("held out/style", self.style),
            ("held out/ssim", self.ssim),
            ("held out/flicker", self.flicker),
        ]
    }
}

impl Entry {
    fn step(&self) -> u64 {
        match self {
            Entry::Started { step, .. } | Entry::Warning { step, .. } => *step,
            Entry::Steps(steps) => steps.step,
            Entry::Validated(figures) => figures.step,
        }
    }
}

/// The entries of a log up to `step`. A last line that was cut off is left out.
pub(super) fn kept(log: &str, step: u64) -> Vec<Entry> {
    let read = |line| serde_json::from_str::<Entry>(line).ok();
    log.lines().filter_map(read).filter(|entry| entry.step() <= step).collect()
}

/// A record of steps as TensorBoard names its numbers; losses that are not asked for are left out.
pub(super) fn scalars(s: &Steps) -> Vec<(String, f32)> {
    let mut found: Vec<(String, f32)> = [
        ("schedule/rate", s.rate),
        ("schedule/style weight", s.style_weight),
        ("speed/samples per second", s.samples_per_second as f32),
        ("gradient norm", s.report.gradient_norm),
    ]
    .map(|(name, value)| (name.into(), value))
    .into();
    let losses = LOSSES.iter().map(|loss| (format!("loss/{}", loss.name), (loss.value)(&s.report)));
    found.extend(losses.filter(|(_, value)| *value != 0.0));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::StepReport;

    #[test]
    fn every_loss_that_is_asked_for_reaches_tensorboard() {
        let mut report = StepReport::default();
        LOSSES.iter().for_each(|loss| *(loss.value_mut)(&mut report) = 0.5);
        let steps = Steps {
            step: 1,
            steps: 2,
            report,
            style_weight: 1.0,
            rate: 1.0,
            samples_per_second: 1.0,
            remaining_secs: 1.0,
            broken: [0; 2],
        };
        let names: Vec<String> = scalars(&steps).into_iter().map(|s| s.0).collect();
        for loss in &LOSSES {
            assert!(names.contains(&format!("loss/{}", loss.name)), "{} in {names:?}", loss.name);
        }
        let nothing = Steps { report: StepReport::default(), ..steps };
        assert!(scalars(&nothing).iter().all(|s| !s.0.starts_with("loss/")));
    }
}
