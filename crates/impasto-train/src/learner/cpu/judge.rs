//! The loss network at work: what one thread asks it about a photo, a painting and a pastiche.
//!
//! A pastiche is looked at first ([`Judge::look_at`]); what all pastiches of a painting have in common is worked out between
//! ([`super::shared`]); then the losses are taken and their gradients carried back ([`Judge::back`]).

use super::shared::Shared;
use crate::data::{add_window, window};
use crate::learner::looks::{
    ANCHORS, Asked, COHERENT_FROM, Look, Looks, Memo, SIMILAR_FROM, SIMILAR_PLACES, SLICED, SLICED_PLACES,
    first_kept,
};
use crate::learner::pass::{LearnerError, Part, Tapes};
use crate::learner::{ContentKind, Recipe, StepReport, StyleKind, StylePicture, View};
use crate::loss::coherence::{anchors, coherence};
use crate::loss::covariance::{self, Covariance};
use crate::loss::feature::{ContentTarget, StyleTerm, content_mse, style_mean_std, style_mean_std_sqrt};
use crate::loss::gram::{gram, style_gram};
use crate::loss::instance::instance_content;
use crate::loss::similarity::self_similarity;
use crate::loss_network::{EPS, LossNetwork};
use crate::walk::{Element, Kernels, Map, Moments, Tape, Value, Wanted, add_statistics_gradient, moments};
use impasto_core::Random;
use impasto_core::Tensor;
use impasto_core::network::NodeId;
use std::sync::Arc;

/// The loss network, which all threads read, and what it said about paintings.
pub(super) struct Referee<K: Kernels> {
    part: Part<K>,
    layers: [NodeId; 4],
    memo: Memo,
}

impl<K: Kernels> Referee<K> {
    pub fn new(kernels: K, loss: &LossNetwork) -> Result<Self, LearnerError> {
        Ok(Self { part: Part::frozen(kernels, loss)?, layers: loss.looks, memo: Memo::default() })
    }
}

/// Weight of each loss of one painting in the batch's mean.
pub(super) struct Share<'a> {
    pub recipe: &'a Recipe,
    /// `1 / (groups * styles)`.
    pub style: f32,
    /// `1 / groups`.
    pub group: f32,
}

/// One thread's tapes of the loss network for one photo, which it has looked at last.
pub(super) struct Judge<K: Kernels> {
    kernels: K,
    tapes: Tapes<K>,
    photo: [Option<Map<K::Element>>; 4],
    content: [Moments; 4],
    pub scratch: K::Scratch,
}

impl<K: Kernels> Judge<K> {
    pub fn new(kernels: K) -> Self {
        Self {
            kernels,
            tapes: Tapes::new(kernels),
            photo: [None, None, None, None],
            content: Default::default(),
            scratch: K::Scratch::default(),
        }
    }

    /// Keeps those features of the photo's view that the recipe needs.
    pub fn look_at_content(&mut self, referee: &Referee<K>, photo: &Tensor, view: View, recipe: &Recipe) {
        let tape = self.tapes.of_size(&referee.part.program, view.side, view.side);
        let seen = window(photo, view.at, view.side);
        tape.run(&referee.part.program, &referee.part.packed, &seen, &[]);
        for (layer, id) in referee.layers.into_iter().enumerate().skip(first_kept(recipe)) {
            let features = tape.value(id).map();
            self.content[layer] = moments(features, EPS, false);
            match &mut self.photo[layer] {
                Some(kept) if kept.shape() == features.shape() => kept.copy_from(features),
                kept => *kept = Some(features.clone()),
            }
        }
    }

    /// The photo's deepest features and their statistics.
    pub fn content(&self) -> (&Map<K::Element>, &Moments) {
        (self.photo[3].as_ref().expect("a photo was looked at"), &self.content[3])
    }

    /// Statistics of a painting to match. What was looked at before on a picture of the painting's size is forgotten.
    pub fn look_at_style(&mut self, referee: &Referee<K>, style: &StylePicture, asked: Asked) -> Looks {
        if let Some(known) = referee.memo.get(style.key) {
            return known;
        }
        let (height, width) = (style.picture.shape().height, style.picture.shape().width);
        let tape = self.tapes.of_size(&referee.part.program, height, width);
        tape.run(&referee.part.program, &referee.part.packed, &style.picture, &[]);
        let (kernels, scratch) = (self.kernels, &mut self.scratch);
        let looks: Looks = Arc::new(std::array::from_fn(|layer| {
            let features = tape.value(referee.layers[layer]).map();
            Look {
                moments: moments(features, EPS, false),
                gram: asked.gram.then(|| gram(kernels, features, scratch)),
                covariance: asked.covariance.then(|| Covariance::of(kernels, features, scratch)),
                samples: (asked.samples && SLICED[layer])
                    .then(|| samples(features, SLICED_PLACES, layer as u64).1),
            }
        }));
        referee.memo.keep(style.key, &looks);
        looks
    }

    /// Shows the pastiche's view to the loss network.
    pub fn look_at(&mut self, referee: &Referee<K>, pastiche: &Tensor, view: View) {
        let tape = self.tapes.of_size(&referee.part.program, view.side, view.side);
        let seen = window(pastiche, view.at, view.side);
        tape.run(&referee.part.program, &referee.part.packed, &seen, &[]);
    }

    /// The features at one of the four layers of the picture that was looked at last, by its side.
    pub fn features(
        &mut self,
        referee: &Referee<K>,
        side: usize,
        layer: usize,
    ) -> (&Map<K::Element>, &mut K::Scratch) {
        let tape = self.tapes.of_size(&referee.part.program, side, side);
        (tape.value(referee.layers[layer]).map(), &mut self.scratch)
    }

    /// The losses of the pastiche that was looked at last; adds their gradient to `gradient`. `shared` is what it has in common with others,
    /// among whom it is the `member`-th; `seed` chooses the places that losses look at.
    pub fn back(
        &mut self,
        referee: &Referee<K>,
        view: View,
        wanted: &Looks,
        (share, seed): (&Share, u64),
        (shared, member): (&Shared, usize),
        gradient: &mut Tensor,
    ) -> StepReport {
        let Self { kernels, tapes, photo, content, scratch } = self;
        let tape = tapes.of_size(&referee.part.program, view.side, view.side);
        let (mut report, mut random) = (StepReport::default(), Random::new(seed));
        let recipe = share.recipe;
        for (layer, id) in referee.layers.into_iter().enumerate() {
            report.style += seed_style(*kernels, tape, id, &wanted[layer], (share, shared, layer), scratch);
            if let Some(sliced) = &shared.sliced[layer] {
                report.wasserstein += sliced.value;
                tape.seed(id, true, |y, keep, dy| scatter(y, &sliced.members[member], keep, dy));
            }
            let Some(photo) = photo[layer].as_ref().filter(|_| layer >= first_kept(recipe)) else {
                continue;
            };
            if recipe.content > 0.0 && layer + recipe.content_layers >= 4 {
                let styles = &wanted[layer].moments;
                report.content += seed_content(tape, id, (photo, &content[layer]), styles, share);
            }
            if recipe.coherence > 0.0 && layer >= COHERENT_FROM {
                report.coherence += seed_coherence(tape, id, photo, share, &mut random);
            }
            if recipe.self_similarity > 0.0 && layer >= SIMILAR_FROM {
                report.self_similarity += seed_similarity(tape, id, photo, share, &mut random);
            }
            if recipe.instance_content > 0.0 && layer == 3 {
                let own = moments(tape.value(id).map(), EPS, false);
                let weight = share.style * recipe.instance_content;
                tape.seed(id, false, |y, keep, dy| {
                    report.instance_content =
                        instance_content((y, &own), (photo, &content[layer]), weight, keep, dy);
                });
            }
        }
        let mut only_picture = Wanted { weights: None, style: None, picture: true };
        tape.backward(&referee.part.program, &referee.part.packed, &mut only_picture);
        if let Value::Map(map) = tape.gradient(0) {
            add_window(gradient, &map.to_tensor(), view.at);
        }
        report
    }
}

/// Up to `count` places of a map, drawn by `seed`, and their features, `[n][C]`.
pub(super) fn samples<E: Element>(f: &Map<E>, count: usize, seed: u64) -> (Vec<(usize, usize)>, Vec<f32>) {
    let (shape, lanes) = (f.shape(), f.lanes());
    let places = places((shape.height, shape.width), count, &mut Random::new(seed));
    let one = |&(v, u): &(usize, usize)| f.row(v)[u * lanes..][..shape.channels].iter().map(|x| x.wide());
    let features = places.iter().flat_map(one).collect();
    (places, features)
}

/// Up to `count` different places, one in each of as many stretches of about equal length in reading order.
fn places((height, width): (usize, usize), count: usize, random: &mut Random) -> Vec<(usize, usize)> {
    let (area, count) = (height * width, count.min(height * width));
    let edge = |i: usize| i * area / count;
    (0..count).map(|i| random.integer(edge(i), edge(i + 1) - 1)).map(|at| (at / width, at % width)).collect()
}

/// Adds gradients to the features of some places; only where the feature is positive.
fn scatter<E: Element>(
    y: &Map<E>,
    (places, gradients): &(Vec<(usize, usize)>, Vec<f32>),
    keep: bool,
    dy: &mut Map<E>,
) {
    if !keep {
        (0..y.shape().height).for_each(|v| dy.row_mut(v).fill(E::default()));
    }
    let (channels, lanes) = (y.shape().channels, y.lanes());
    for (&(v, u), by) in places.iter().zip(gradients.chunks_exact(channels)) {
        let values = &y.row(v)[u * lanes..];
        let room = &mut dy.row_mut(v)[u * lanes..];
        for ((room, y), by) in room.iter_mut().zip(values).zip(by) {
            if y.wide() > 0.0 {
                *room = E::narrow(room.wide() + by);
            }
        }
    }
}

fn seed_style<K: Kernels>(
    kernels: K,
    tape: &mut Tape<K>,
    id: NodeId,
    wanted: &Look,
    (share, shared, layer): (&Share, &Shared, usize),
    scratch: &mut K::Scratch,
) -> f32 {
    let weight = share.style * share.recipe.style;
    if share.recipe.style <= 0.0 {
        return 0.0;
    }
    let term = match share.recipe.style_kind {
        StyleKind::Balanced => {
            let balanced = shared.balanced[layer].as_ref().expect("the recipe asks for it");
            tape.seed(id, true, |y, keep, dy| {
                covariance::back(kernels, y, &balanced.own, &balanced.slope, (true, keep), dy);
            });
            return balanced.value;
        }
        StyleKind::Gram => {
            let target = wanted.gram.as_ref().expect("the recipe asks for it");
            let own = gram(kernels, tape.value(id).map(), scratch);
            let mut value = 0.0;
            tape.seed(id, true, |y, keep, dy| {
                value = style_gram(kernels, y, &own, target, weight, (true, keep), dy);
            });
            return value;
        }
        StyleKind::Moments => style_mean_std,
        StyleKind::Root => style_mean_std_sqrt,
    };
    let own = moments(tape.value(id).map(), EPS, false);
    let StyleTerm { value, d_mean, d_std } = term(&own, &wanted.moments, weight);
    tape.seed(id, true, |y, keep, dy| {
        add_statistics_gradient(y, &own, &d_mean, &d_std, true, keep, dy);
    });
    value
}

fn seed_content<K: Kernels>(
    tape: &mut Tape<K>,
    id: NodeId,
    (photo, content): (&Map<K::Element>, &Moments),
    style: &Moments,
    share: &Share,
) -> f32 {
    let target = match share.recipe.content_target {
        ContentKind::AdaIn => ContentTarget::new(content, style, share.recipe.gain_limit),
        ContentKind::Features => ContentTarget::features(content.mean.len()),
    };
    let mut value = 0.0;
    tape.seed(id, true, |y, keep, dy| {
        value = content_mse(y, photo, &target, share.style * share.recipe.content, (true, keep), dy);
    });
    value
}

fn seed_coherence<K: Kernels>(
    tape: &mut Tape<K>,
    id: NodeId,
    photo: &Map<K::Element>,
    share: &Share,
    random: &mut Random,
) -> f32 {
    let places = anchors((photo.shape().height, photo.shape().width), ANCHORS, random);
    let mut value = 0.0;
    tape.seed(id, true, |y, keep, dy| {
        value = coherence(y, photo, &places, share.style * share.recipe.coherence, (true, keep), dy);
    });
    value
}

/// The mean of the two layers.
fn seed_similarity<K: Kernels>(
    tape: &mut Tape<K>,
    id: NodeId,
    photo: &Map<K::Element>,
    share: &Share,
    random: &mut Random,
) -> f32 {
    let part = 1.0 / (4 - SIMILAR_FROM) as f32;
    let places = places((photo.shape().height, photo.shape().width), SIMILAR_PLACES, random);
    let weight = part * share.style * share.recipe.self_similarity;
    let mut value = 0.0;
    tape.seed(id, true, |y, keep, dy| {
        value = part * self_similarity(y, photo, &places, weight, (true, keep), dy);
    });
    value
}
