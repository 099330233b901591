//! The loss network at work: what one thread asks it about a photo, a painting and a pastiche.

use crate::data::{add_window, window};
use crate::learner::looks::{ANCHORS, COHERENT_FROM, Look, Looks, Memo, first_kept};
use crate::learner::pass::{LearnerError, Part, Tapes};
use crate::learner::{ContentKind, Recipe, StepReport, StyleKind, StylePicture, View};
use crate::loss::coherence::{anchors, coherence};
use crate::loss::feature::{ContentTarget, StyleTerm, content_mse, style_mean_std, style_mean_std_sqrt};
use crate::loss::gram::{gram, style_gram};
use crate::loss_network::{EPS, LossNetwork};
use crate::walk::{Kernels, Map, Moments, Tape, Value, Wanted, add_statistics_gradient, moments};
use impasto_core::Tensor;
use impasto_core::conformance::Random;
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

/// How much each loss of one painting counts in the batch's mean.
pub(super) struct Share<'a> {
    pub recipe: &'a Recipe,
    /// `1 / (groups * styles)`.
    pub style: f32,
    /// `1 / groups`.
    pub group: f32,
}

/// One thread's tapes of the loss network, and the photo that it has looked at last.
pub(super) struct Judge<K: Kernels> {
    kernels: K,
    tapes: Tapes<K>,
    photo: [Option<Map<K::Element>>; 4],
    content: [Moments; 4],
    scratch: K::Scratch,
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

    /// What is to be matched of a painting.
    pub fn look_at_style(&mut self, referee: &Referee<K>, style: &StylePicture, kind: StyleKind) -> Looks {
        if let Some(known) = referee.memo.get(style.key) {
            return known;
        }
        let (height, width) = (style.picture.shape().height, style.picture.shape().width);
        let tape = self.tapes.of_size(&referee.part.program, height, width);
        tape.run(&referee.part.program, &referee.part.packed, &style.picture, &[]);
        let looks: Looks = Arc::new(referee.layers.map(|id| {
            let features = tape.value(id).map();
            let gram = (kind == StyleKind::Gram).then(|| gram(self.kernels, features, &mut self.scratch));
            Look { moments: moments(features, EPS, false), gram }
        }));
        referee.memo.keep(style.key, &looks);
        looks
    }

    /// Shows the pastiche's view to the loss network; adds the gradient of content, style and coherence to `gradient`. `seed` chooses
    /// the places where coherence is looked at.
    pub fn judge(
        &mut self,
        referee: &Referee<K>,
        (pastiche, view): (&Tensor, View),
        wanted: &Looks,
        (share, seed): (&Share, u64),
        gradient: &mut Tensor,
    ) -> StepReport {
        let Self { kernels, tapes, photo, content, scratch } = self;
        let tape = tapes.of_size(&referee.part.program, view.side, view.side);
        let seen = window(pastiche, view.at, view.side);
        tape.run(&referee.part.program, &referee.part.packed, &seen, &[]);
        let (mut report, mut random) = (StepReport::default(), Random::new(seed));
        for (layer, id) in referee.layers.into_iter().enumerate() {
            report.style += seed_style(*kernels, tape, id, &wanted[layer], share, scratch);
            let Some(photo) = photo[layer].as_ref().filter(|_| layer >= first_kept(share.recipe)) else {
                continue;
            };
            if layer + share.recipe.content_layers >= 4 {
                let styles = &wanted[layer].moments;
                report.content += seed_content(tape, id, (photo, &content[layer]), styles, share);
            }
            if share.recipe.coherence > 0.0 && layer >= COHERENT_FROM {
                report.coherence += seed_coherence(tape, id, photo, share, &mut random);
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

fn seed_style<K: Kernels>(
    kernels: K,
    tape: &mut Tape<K>,
    id: NodeId,
    wanted: &Look,
    share: &Share,
    scratch: &mut K::Scratch,
) -> f32 {
    let (weight, kind) = (share.style * share.recipe.style, share.recipe.style_kind);
    if let (StyleKind::Gram, Some(target)) = (kind, &wanted.gram) {
        let own = gram(kernels, tape.value(id).map(), scratch);
        let mut value = 0.0;
        tape.seed(id, true, |y, keep, dy| {
            value = style_gram(kernels, y, &own, target, weight, (true, keep), dy);
        });
        return value;
    }
    let own = moments(tape.value(id).map(), EPS, false);
    let term = if kind == StyleKind::Root { style_mean_std_sqrt } else { style_mean_std };
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
