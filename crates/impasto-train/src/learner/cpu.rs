//! The learner on our own kernels: groups of a batch are spread over threads, and their gradients are summed in the
//! batch's order, so that results do not depend on the number of threads.

mod looks;
mod refine;
mod worker;

pub use refine::{RefineConfig, RefineError, RefineReport, refine};

use super::pass::{LearnerError, Part};
use super::{Group, Learner, LearnerState, Recipe, StepReport};
use crate::loss_network::LossNetwork;
use crate::optimiser::{Adam, average, clip, norm};
use crate::walk::{Gradients, Kernels};
use impasto_core::{Network, Weights};
use looks::Memo;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use worker::Worker;

/// Trains a painter and its style encoder together.
pub struct CpuLearner<K: Kernels> {
    kernels: K,
    parts: Parts<K>,
    values: Vec<f32>,
    averaged: Vec<f32>,
    adam: Adam,
    workers: Vec<Mutex<Worker<K>>>,
    shards: Vec<Mutex<Shard>>,
    updates: u64,
}

/// What all threads read.
struct Parts<K: Kernels> {
    painter: Part<K>,
    encoder: Part<K>,
    judge: Part<K>,
    looks: [usize; 4],
    memo: Memo,
}

/// One group's results.
struct Shard {
    painter: Gradients,
    encoder: Gradients,
    report: StepReport,
}

impl<K: Kernels> CpuLearner<K> {
    /// Starts from `weights`, which hold those of both tables.
    pub fn new(
        kernels: K,
        painter: &Network,
        encoder: &Network,
        weights: &Weights,
        loss: &LossNetwork,
        threads: usize,
    ) -> Result<Self, LearnerError> {
        let painter = Part::new(kernels, painter, weights)?;
        let encoder = Part::new(kernels, encoder, weights)?;
        let judge = Part::frozen(kernels, loss)?;
        let values = [painter.parameters.values.as_slice(), &encoder.parameters.values].concat();
        Ok(Self {
            kernels,
            averaged: values.clone(),
            adam: Adam::new(values.len()),
            values,
            workers: (0..threads.max(1)).map(|_| Mutex::new(Worker::new(kernels))).collect(),
            shards: vec![],
            parts: Parts { painter, encoder, judge, looks: loss.looks, memo: Memo::default() },
            updates: 0,
        })
    }

    fn run_groups(&mut self, batch: &[Group], recipe: &Recipe) {
        while self.shards.len() < batch.len() {
            let (painter, encoder) = (self.parts.painter.gradients(), self.parts.encoder.gradients());
            self.shards.push(Mutex::new(Shard { painter, encoder, report: StepReport::default() }));
        }
        let (next, parts, shards) = (AtomicUsize::new(0), &self.parts, &self.shards);
        let work = |worker: &Mutex<Worker<K>>| {
            let mut worker = worker.lock().expect("a worker that panicked has ended the step");
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(group) = batch.get(at) else { break };
                let mut shard = shards[at].lock().expect("each shard is taken once");
                worker.group(parts, group, recipe, batch.len(), &mut shard);
            }
        };
        std::thread::scope(|scope| {
            for worker in &self.workers[1..] {
                scope.spawn(|| work(worker));
            }
            work(&self.workers[0]);
        });
    }

    fn gathered(&mut self, groups: usize) -> (StepReport, Vec<f32>) {
        let mut flat = vec![0.0; self.values.len()];
        let mut report = StepReport::default();
        let count = self.parts.painter.parameters.values.len();
        for shard in &mut self.shards[..groups] {
            let shard = shard.get_mut().expect("no thread holds it any more");
            report.add(&shard.report, 1.0 / groups as f32);
            let (painter, encoder) = flat.split_at_mut(count);
            let (p, e) = (&self.parts.painter, &self.parts.encoder);
            shard.painter.add_to(&p.program, &p.parameters, painter);
            shard.encoder.add_to(&e.program, &e.parameters, encoder);
        }
        report.gradient_norm = norm(&flat);
        (report, flat)
    }

    fn repack(&mut self) {
        let (painter, encoder) = self.values.split_at(self.parts.painter.parameters.values.len());
        self.parts.painter.repack(self.kernels, painter);
        self.parts.encoder.repack(self.kernels, encoder);
    }
}

impl<K: Kernels> Learner for CpuLearner<K> {
    fn step(&mut self, batch: &[Group], recipe: &Recipe) -> StepReport {
        self.run_groups(batch, recipe);
        let (report, mut gradient) = self.gathered(batch.len());
        if !report.is_finite() {
            return report;
        }
        clip(&mut gradient, report.gradient_norm, recipe.clip);
        self.adam.step(&mut self.values, &gradient, recipe.rate);
        average(&mut self.averaged, &self.values, recipe.average, self.updates);
        self.updates += 1;
        self.repack();
        report
    }

    fn state(&self) -> LearnerState {
        LearnerState {
            values: self.values.clone(),
            averaged: self.averaged.clone(),
            first: self.adam.first.clone(),
            second: self.adam.second.clone(),
            steps: self.adam.steps,
        }
    }

    fn restore(&mut self, state: LearnerState) {
        let count = self.values.len();
        assert!(
            [&state.values, &state.averaged, &state.first, &state.second].iter().all(|v| v.len() == count)
        );
        (self.values, self.averaged) = (state.values, state.averaged);
        (self.adam.first, self.adam.second) = (state.first, state.second);
        (self.adam.steps, self.updates) = (state.steps, state.steps);
        self.repack();
    }

    fn weights(&self) -> Weights {
        let (painter, encoder) = self.averaged.split_at(self.parts.painter.parameters.values.len());
        let mut weights = self.parts.painter.parameters.to_weights(painter);
        weights.extend(self.parts.encoder.parameters.to_weights(encoder));
        weights
    }
}
