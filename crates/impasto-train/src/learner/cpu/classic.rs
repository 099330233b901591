//! Trains the decoder of the classic network: the loss network's own features, moved to the painting's statistics, become a picture.
//!
//! The encoder is the loss network itself and stays as it is, so that only the decoder has weights to learn (Huang and Belongie 2017).

use super::judge::{Judge, Referee, Share};
use super::shared::Shared;
use super::team::spread;
use super::worker::picture_losses;
use crate::data::window;
use crate::learner::looks::Asked;
use crate::learner::pass::{LearnerError, Part, Tapes};
use crate::learner::values::Values;
use crate::learner::{Group, Learner, LearnerState, Recipe, StepReport};
use crate::loss::feature::ContentTarget;
use crate::loss::picture;
use crate::loss_network::LossNetwork;
use crate::optimiser::norm;
use crate::walk::{Gradients, Kernels, Wanted, affine};
use impasto_core::{Network, Tensor, Weights};
use std::sync::Mutex;

/// Trains a decoder.
pub struct ClassicLearner<K: Kernels> {
    kernels: K,
    decoder: Part<K>,
    referee: Referee<K>,
    values: Values,
    workers: Vec<Mutex<Worker<K>>>,
    shards: Vec<Mutex<Shard>>,
}

/// One group's results.
struct Shard {
    gradients: Gradients,
    report: StepReport,
}

impl<K: Kernels> ClassicLearner<K> {
    /// Starts from `weights`. `decoder` takes the loss network's deepest features.
    pub fn new(
        kernels: K,
        decoder: &Network,
        weights: &Weights,
        loss: &LossNetwork,
        threads: usize,
    ) -> Result<Self, LearnerError> {
        let decoder = Part::new(kernels, decoder, weights)?;
        Ok(Self {
            kernels,
            values: Values::new(decoder.parameters.values.clone()),
            decoder,
            referee: Referee::new(kernels, loss)?,
            workers: (0..threads.max(1)).map(|_| Mutex::new(Worker::new(kernels))).collect(),
            shards: vec![],
        })
    }

    /// The mean over the groups.
    fn gathered(&mut self, groups: usize) -> (StepReport, Vec<f32>) {
        let (mut report, mut flat) = (StepReport::default(), vec![0.0; self.values.current.len()]);
        for shard in &mut self.shards[..groups] {
            let shard = shard.get_mut().expect("no thread holds it any more");
            report.add(&shard.report, 1.0 / groups as f32);
            shard.gradients.add_to(&self.decoder.parameters, &mut flat);
        }
        report.gradient_norm = norm(&flat);
        (report, flat)
    }
}

impl<K: Kernels> Learner for ClassicLearner<K> {
    fn step(&mut self, batch: &[Group], recipe: &Recipe) -> StepReport {
        while self.shards.len() < batch.len() {
            let gradients = self.decoder.gradients();
            self.shards.push(Mutex::new(Shard { gradients, report: StepReport::default() }));
        }
        let (decoder, referee) = (&self.decoder, &self.referee);
        spread(&self.workers, batch, &self.shards, |worker, group, shard| {
            worker.group(decoder, referee, (group, batch.len()), recipe, shard);
        });
        let (report, gradient) = self.gathered(batch.len());
        if report.is_finite() {
            self.values.step(gradient, report.gradient_norm, recipe);
            self.decoder.repack(self.kernels, &self.values.current);
        }
        report
    }

    fn state(&self) -> LearnerState {
        self.values.state()
    }

    fn restore(&mut self, state: LearnerState) {
        self.values.restore(state);
        self.decoder.repack(self.kernels, &self.values.current);
    }

    fn weights(&self) -> Weights {
        self.decoder.parameters.to_weights(&self.values.averaged)
    }
}

/// One thread.
struct Worker<K: Kernels> {
    kernels: K,
    judge: Judge<K>,
    decoder: Tapes<K>,
}

impl<K: Kernels> Worker<K> {
    fn new(kernels: K) -> Self {
        Self { kernels, judge: Judge::new(kernels), decoder: Tapes::new(kernels) }
    }

    fn group(
        &mut self,
        decoder: &Part<K>,
        referee: &Referee<K>,
        (group, groups): (&Group, usize),
        recipe: &Recipe,
        shard: &mut Shard,
    ) {
        shard.gradients.clear();
        shard.report = StepReport::default();
        let styles = group.styles.len();
        let share = Share { recipe, style: 1.0 / (groups * styles) as f32, group: 1.0 / groups as f32 };
        self.judge.look_at_content(referee, &group.content, group.view, recipe);
        let photo = window(&group.content, group.view.at, group.view.side);
        if recipe.asks_judge() {
            for number in 0..styles {
                let report = self.paint(decoder, referee, (group, number), &photo, &share, shard);
                shard.report.add(&report, 1.0 / styles as f32);
            }
        }
        if recipe.identity > 0.0 {
            let channels = self.judge.content().1.mean.len();
            let picture = self.decode(decoder, &ContentTarget::features(channels));
            let mut gradient = Tensor::zeros(picture.shape());
            shard.report.identity =
                picture::l1(&picture, &photo, share.group * recipe.identity, &mut gradient);
            self.back(decoder, &gradient, shard);
        }
    }

    /// The photo in the `number`-th style.
    fn paint(
        &mut self,
        decoder: &Part<K>,
        referee: &Referee<K>,
        (group, number): (&Group, usize),
        photo: &Tensor,
        share: &Share,
        shard: &mut Shard,
    ) -> StepReport {
        let wanted = self.judge.look_at_style(referee, &group.styles[number], Asked::of(share.recipe));
        let target = ContentTarget::new(self.judge.content().1, &wanted[3].moments, share.recipe.gain_limit);
        let picture = self.decode(decoder, &target);
        let mut gradient = Tensor::zeros(picture.shape());
        let whole = crate::learner::View { at: (0, 0), side: photo.shape().height };
        let seed = group.seed ^ number as u64;
        self.judge.look_at(referee, &picture, whole);
        let judges = &mut [&mut self.judge];
        let shared = Shared::of(self.kernels, referee, judges, whole.side, &wanted, (share, seed));
        let mut report = self.judge.back(referee, whole, &wanted, (share, seed), (&shared, 0), &mut gradient);
        picture_losses(&picture, photo, share, &mut report, &mut gradient);
        self.back(decoder, &gradient, shard);
        report
    }

    /// The photo's features, moved to `target`, as a picture.
    fn decode(&mut self, decoder: &Part<K>, target: &ContentTarget) -> Tensor {
        let features = self.judge.content().0;
        let (height, width) = (features.shape().height, features.shape().width);
        let tape = self.decoder.of_size(&decoder.program, height, width);
        affine(features, &target.gain, &target.shift, false, false, tape.input_mut());
        tape.forward(&decoder.program, &decoder.packed, &[]);
        tape.output().map().to_tensor()
    }

    /// From the gradient to the picture that [`Self::decode`] has made last to the decoder's weights.
    fn back(&mut self, decoder: &Part<K>, gradient: &Tensor, shard: &mut Shard) {
        let features = self.judge.content().0.shape();
        let tape = self.decoder.of_size(&decoder.program, features.height, features.width);
        tape.seed(decoder.program.network.output(), false, |_, _, room| room.read_tensor(gradient));
        let mut wanted = Wanted { weights: Some(&mut shard.gradients), style: None, picture: false };
        tape.backward(&decoder.program, &decoder.packed, &mut wanted);
    }
}
