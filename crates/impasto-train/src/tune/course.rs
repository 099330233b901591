//! The course of a run: how many steps there are, how the rate goes, and when it ends by itself.

use super::{Length, TuneConfig};
use crate::learner::Recipe;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Steps whose time is measured before it is known how many there will be.
const MEASURED_STEPS: u64 = 4;
/// Fewest steps of a run that has a time to keep.
const LEAST_STEPS: u64 = 8;
/// The rate at the end, as a part of the rate at the start.
const LAST_RATE: f32 = 0.1;
/// Steps over which the rate rises at the start.
const WARM_UP: u64 = 10;
/// A figure is taken every so many steps.
pub(super) const FIGURE_STEPS: u64 = 20;
/// No run is flat before so many figures.
const LEAST_FIGURES: usize = 10;
/// Gained over the last third of the figures, a part of the figure; a run that gains less is flat.
const FLAT: f32 = 0.02;
/// A run that has become flat lands in this part of the steps that it has done.
const LANDING: f32 = 0.15;

/// State of a run. As JSON it is part of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Course {
    /// Steps done.
    pub step: u64,
    /// Steps in all; 0 while the machine's speed is not known.
    pub steps: u64,
    /// Held-out figures, one every [`FIGURE_STEPS`] steps.
    pub figures: Vec<f32>,
    /// Step and part of the way at which the landing began, once the figures were flat.
    landing: Option<(u64, f32)>,
}

impl Course {
    pub fn new(length: Length) -> Self {
        let steps = match length {
            Length::Steps(steps) | Length::AtMost(steps) => steps,
            Length::Seconds(_) => 0,
        };
        Self { steps, ..Self::default() }
    }

    pub fn is_done(&self) -> bool {
        self.steps > 0 && self.step >= self.steps
    }

    /// Whether the run ends because its figures were flat.
    pub fn is_flat(&self) -> bool {
        self.landing.is_some()
    }

    /// Whether a figure is due after this step.
    pub fn wants_figure(&self) -> bool {
        self.step.is_multiple_of(FIGURE_STEPS)
    }

    /// A step was done, `done` of them in `elapsed`.
    pub fn stepped(&mut self, length: Length, elapsed: Duration, done: u64) {
        self.step += 1;
        if let (Length::Seconds(seconds), 0) = (length, self.steps)
            && done >= MEASURED_STEPS
        {
            let each = elapsed.as_secs_f32() / done as f32;
            self.steps = ((seconds / each) as u64).max(LEAST_STEPS);
        }
    }

    /// Takes a held-out figure. A run that has a limit and whose figures have become flat lands.
    pub fn figure(&mut self, length: Length, value: f32) {
        self.figures.push(value);
        let may_end = match length {
            Length::Steps(_) => false,
            Length::AtMost(_) | Length::Seconds(_) => true,
        };
        if may_end && self.landing.is_none() && is_flat(&self.figures) {
            let end = self.step + ((LANDING * self.step as f32) as u64).max(LEAST_STEPS);
            if self.steps == 0 || end < self.steps {
                self.landing = Some((self.step, self.part()));
                self.steps = end;
            }
        }
    }

    /// The part of the way that is done, `0..1`.
    pub fn part(&self) -> f32 {
        let part = |from: u64| (self.step - from) as f32 / (self.steps - from).max(1) as f32;
        match self.landing {
            _ if self.steps == 0 => 0.0,
            None => part(0),
            Some((from, before)) => before + (1.0 - before) * part(from),
        }
    }

    /// The recipe of the next step: the rate rises, then falls as a cosine.
    pub fn recipe(&self, config: &TuneConfig) -> Recipe {
        let fall = LAST_RATE + (1.0 - LAST_RATE) * 0.5 * (1.0 + (std::f32::consts::PI * self.part()).cos());
        let rise = ((self.step + 1) as f32 / WARM_UP as f32).min(1.0);
        // The average forgets faster while there is little to remember.
        let average = config.recipe.average.min((self.step + 1) as f32 / (self.step + 10) as f32);
        Recipe { rate: config.recipe.rate * rise * fall, average, ..config.recipe }
    }
}

/// Whether the best of the last third of the figures is hardly better than the best before.
fn is_flat(figures: &[f32]) -> bool {
    if figures.len() < LEAST_FIGURES {
        return false;
    }
    let best = |figures: &[f32]| figures.iter().copied().fold(f32::INFINITY, f32::min);
    let (before, last) = figures.split_at(figures.len() - figures.len() / 3);
    best(last) > (1.0 - FLAT) * best(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The course of a run whose figure after some steps is `figure(steps)`.
    fn run(length: Length, figure: impl Fn(f32) -> f32) -> Course {
        let mut course = Course::new(length);
        while !course.is_done() {
            course.stepped(length, Duration::from_secs(course.step + 1), course.step + 1);
            if course.wants_figure() {
                course.figure(length, figure(course.step as f32));
            }
            assert!(course.step < 10_000, "it ends");
        }
        course
    }

    #[test]
    fn it_ends_where_the_figure_has_become_flat() {
        let falling = |step: f32| 0.2 + 0.6 * (-step / 100.0).exp();
        let course = run(Length::Seconds(5000.0), falling);
        assert!(course.is_flat() && (300..1200).contains(&course.step), "{}", course.step);
        assert_eq!(course.part(), 1.0);
        let noisy = |step: f32| 0.3 + 0.01 * (step / 20.0 % 3.0);
        assert!(run(Length::AtMost(5000), noisy).step < 400, "noise is no gain");
        assert!(!run(Length::AtMost(1000), |step| 1.0 / (1.0 + step)).is_flat(), "it was still falling");
        assert_eq!(run(Length::Steps(700), falling).step, 700, "asked for as many");
    }

    #[test]
    fn a_time_becomes_steps_and_the_rate_never_jumps() {
        let length = Length::Seconds(600.0);
        let config = TuneConfig { length, ..TuneConfig::default() };
        let mut course = Course::new(length);
        let mut rates = vec![];
        while !course.is_done() {
            rates.push(course.recipe(&config).rate);
            course.stepped(length, Duration::from_secs(course.step + 1), course.step + 1);
            if course.wants_figure() {
                course.figure(length, 0.5);
            }
        }
        assert!(course.is_flat() && course.step < 600, "{}", course.step);
        let largest = config.recipe.rate;
        // Over the landing the rate falls by up to 0.9 in a seventh of the steps.
        let jumps = rates.windows(2).skip(WARM_UP as usize).map(|pair| (pair[1] - pair[0]).abs());
        assert!(jumps.fold(0.0, f32::max) < 0.08 * largest, "{rates:?}");
        assert!(*rates.last().unwrap() < 0.12 * largest);
    }
}
