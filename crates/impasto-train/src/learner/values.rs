//! The values that steps change. Every learner keeps them here, on the host, so that a run can move from one to another.

use super::{LearnerState, Recipe};
use crate::optimiser::{Adam, average, clip};

/// Weights, their average over time, and the optimiser's state.
pub(crate) struct Values {
    pub current: Vec<f32>,
    pub averaged: Vec<f32>,
    adam: Adam,
    updates: u64,
}

impl Values {
    pub fn new(current: Vec<f32>) -> Self {
        Self { averaged: current.clone(), adam: Adam::new(current.len()), current, updates: 0 }
    }

    /// A step against `gradient`, of length `norm`. Not with numbers that are not finite.
    pub fn step(&mut self, mut gradient: Vec<f32>, norm: f32, recipe: &Recipe) {
        clip(&mut gradient, norm, recipe.clip);
        self.adam.decay = recipe.decay;
        self.adam.step(&mut self.current, &gradient, recipe.rate);
        average(&mut self.averaged, &self.current, recipe.average, self.updates);
        self.updates += 1;
    }

    pub fn state(&self) -> LearnerState {
        LearnerState {
            values: self.current.clone(),
            averaged: self.averaged.clone(),
            first: self.adam.first.clone(),
            second: self.adam.second.clone(),
            steps: self.adam.steps,
        }
    }

    /// # Panics
    /// If the state is of another length.
    pub fn restore(&mut self, state: LearnerState) {
        let count = self.current.len();
        assert!(
            [&state.values, &state.averaged, &state.first, &state.second].iter().all(|v| v.len() == count)
        );
        (self.current, self.averaged) = (state.values, state.averaged);
        (self.adam.first, self.adam.second) = (state.first, state.second);
        (self.adam.steps, self.updates) = (state.steps, state.steps);
    }
}
