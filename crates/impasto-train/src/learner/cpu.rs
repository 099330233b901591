//! The learner on our own kernels: the pools of a batch, which are groups that share their paintings, are spread over threads, and their
//! gradients are summed in the batch's order, so that results do not depend on the number of threads.

mod classic;
mod judge;
mod refine;
mod shared;
pub(crate) mod team;
mod worker;

pub use classic::ClassicLearner;
pub use refine::{RefineConfig, RefineError, RefineReport, refine};

use super::pass::{LearnerError, Part};
use super::values::Values;
use super::{Group, Learner, LearnerState, Recipe, StepReport};
use crate::loss_network::LossNetwork;
use crate::optimiser::norm;
use crate::walk::{Gradients, Kernels};
use impasto_core::{Network, Weights};
use judge::Referee;
use std::sync::Mutex;
use team::spread;
use worker::Worker;

/// Trains a painter and its style encoder together.
pub struct CpuLearner<K: Kernels> {
    kernels: K,
    parts: Parts<K>,
    values: Values,
    workers: Vec<Mutex<Worker<K>>>,
    shards: Vec<Mutex<Shard>>,
}

/// The state that all threads read.
struct Parts<K: Kernels> {
    painter: Part<K>,
    encoder: Part<K>,
    referee: Referee<K>,
}

/// One pool's results.
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
        let referee = Referee::new(kernels, loss)?;
        let values = [painter.parameters.values.as_slice(), &encoder.parameters.values].concat();
        Ok(Self {
            kernels,
            values: Values::new(values),
            workers: (0..threads.max(1)).map(|_| Mutex::new(Worker::new(kernels))).collect(),
            shards: vec![],
            parts: Parts { painter, encoder, referee },
        })
    }

    /// Gives the number of pools.
    fn run_pools(&mut self, batch: &[Group], recipe: &Recipe) -> usize {
        let pools: Vec<&[Group]> = batch.chunk_by(|a, b| a.pool == b.pool).collect();
        while self.shards.len() < pools.len() {
            let (painter, encoder) = (self.parts.painter.gradients(), self.parts.encoder.gradients());
            self.shards.push(Mutex::new(Shard { painter, encoder, report: StepReport::default() }));
        }
        let parts = &self.parts;
        spread(&self.workers, &pools, &self.shards, |worker, pool, shard| {
            worker.pool(parts, pool, recipe, batch.len(), shard);
        });
        pools.len()
    }

    fn gathered(&mut self, pools: usize, groups: usize) -> (StepReport, Vec<f32>) {
        let mut flat = vec![0.0; self.values.current.len()];
        let mut report = StepReport::default();
        let count = self.parts.painter.parameters.values.len();
        for shard in &mut self.shards[..pools] {
            let shard = shard.get_mut().expect("no thread holds it any more");
            report.add(&shard.report, 1.0 / groups as f32);
            let (painter, encoder) = flat.split_at_mut(count);
            let (p, e) = (&self.parts.painter, &self.parts.encoder);
            shard.painter.add_to(&p.parameters, painter);
            shard.encoder.add_to(&e.parameters, encoder);
        }
        report.gradient_norm = norm(&flat);
        (report, flat)
    }

    fn repack(&mut self) {
        let (painter, encoder) = self.values.current.split_at(self.parts.painter.parameters.values.len());
        self.parts.painter.repack(self.kernels, painter);
        self.parts.encoder.repack(self.kernels, encoder);
    }
}

impl<K: Kernels> Learner for CpuLearner<K> {
    fn step(&mut self, batch: &[Group], recipe: &Recipe) -> StepReport {
        let pools = self.run_pools(batch, recipe);
        let (report, gradient) = self.gathered(pools, batch.len());
        if report.is_finite() {
            self.values.step(gradient, report.gradient_norm, recipe);
            self.repack();
        }
        report
    }

    fn state(&self) -> LearnerState {
        self.values.state()
    }

    fn restore(&mut self, state: LearnerState) {
        self.values.restore(state);
        self.repack();
    }

    fn weights(&self) -> Weights {
        let (painter, encoder) = self.values.averaged.split_at(self.parts.painter.parameters.values.len());
        let mut weights = self.parts.painter.parameters.to_weights(painter);
        weights.extend(self.parts.encoder.parameters.to_weights(encoder));
        weights
    }
}
