//! What a person sees of a run.

use crate::console::{Console, Progress as Bar, duration};
use anyhow::{Context, Result};
use impasto_train::learner::LOSSES;
use impasto_train::progress::{Steps, Validation};
use impasto_train::{Journal, Progress};
use std::path::Path;

/// Progress line and notes.
pub struct Show<'a> {
    console: &'a Console,
    bar: Bar<'a>,
    run: &'a Path,
    broken: [usize; 2],
    journal: Journal,
}

impl<'a> Show<'a> {
    /// For a run of `steps` steps in folder `run`; `title` heads its report.
    pub fn new(console: &'a Console, run: &'a Path, title: &str, steps: u64) -> Self {
        let (bar, journal) = (console.progress(steps as usize), Journal::new(run, title));
        Self { console, bar, run, broken: [0; 2], journal }
    }

    /// Shows a record, and takes it down.
    pub fn progress(&mut self, progress: &Progress) {
        let kept = self.journal.record(progress);
        self.problem(
            kept.with_context(|| format!("cannot write curves and sheets in {}", self.run.display())),
        );
        match progress {
            Progress::Started { step, steps, pictures: [photos, paintings], device } => {
                let begin =
                    if *step == 0 { "beginning".into() } else { format!("going on after step {step}") };
                self.console.note(format!(
                    "{begin}: {steps} steps on {photos} photos and {paintings} paintings, in {device}; \
                     curves and sheets are in {}, Ctrl-C saves and ends",
                    Journal::report_path(self.run).display()
                ));
            }
            Progress::Steps(steps) => {
                self.bar.reach(steps.step as usize, &line(steps));
                self.tell_broken(steps.broken);
            }
            Progress::Validated(v) => self.validated(v),
            Progress::Warning { step, message } => {
                self.console.note(format!("step {step}, take note: {message}"))
            }
            Progress::Saved { .. } => {}
        }
    }

    /// Something beside the training went wrong; it goes on.
    pub fn problem(&self, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.console.note(format!("take note: {}", crate::failure::words(&error)));
        }
    }

    fn tell_broken(&mut self, broken: [usize; 2]) {
        if broken != self.broken {
            let [photos, paintings] = broken;
            self.console.note(format!(
                "left out so far, as they cannot be read: {photos} photos, {paintings} paintings"
            ));
            self.broken = broken;
        }
    }

    fn validated(&self, v: &Validation) {
        self.console.note(format!(
            "step {}, held out: content {:.3}, style {:.3}, SSIM {:.3}, flicker {:.2}",
            v.step, v.content, v.style, v.ssim, v.flicker
        ));
    }
}

fn line(s: &Steps) -> String {
    let r = &s.report;
    let asked = LOSSES.iter().map(|loss| (loss.name, (loss.value)(r))).filter(|(_, value)| *value != 0.0);
    let losses: Vec<String> = asked.map(|(name, value)| format!("{name} {value:.3}")).collect();
    let losses = losses.join(", ");
    format!("{losses}; {:.1} samples/s, about {} left", s.samples_per_second, duration(s.remaining_secs))
}
