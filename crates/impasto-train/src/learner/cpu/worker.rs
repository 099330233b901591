//! One thread's work on the photos that share their paintings.

use super::judge::{Judge, Share};
use super::shared::Shared;
use super::{Parts, Shard};
use crate::data::{add_window, window};
use crate::learner::group::Overlap;
use crate::learner::looks::{Asked, Looks};
use crate::learner::pass::Tapes;
use crate::learner::{Group, LOSSES, Recipe, Stage, StepReport, StylePicture, View};
use crate::loss::picture;
use crate::walk::{Kernels, Tape, Wanted};
use impasto_core::{Field, Tensor};

/// Tapes of one thread.
pub(super) struct Worker<K: Kernels> {
    kernels: K,
    /// One for each photo of a pool: all are painted and looked at before the way back begins.
    seats: Vec<Seat<K>>,
    twin: Tapes<K>,
    encoder: Tapes<K>,
}

/// A photo's tapes.
struct Seat<K: Kernels> {
    painter: Tapes<K>,
    judge: Judge<K>,
}

impl<K: Kernels> Worker<K> {
    pub fn new(kernels: K) -> Self {
        let [twin, encoder] = [(); 2].map(|()| Tapes::new(kernels));
        Self { kernels, seats: vec![], twin, encoder }
    }

    fn seat(&mut self, at: usize) -> &mut Seat<K> {
        while self.seats.len() <= at {
            let (painter, judge) = (Tapes::new(self.kernels), Judge::new(self.kernels));
            self.seats.push(Seat { painter, judge });
        }
        &mut self.seats[at]
    }

    /// Fills `shard` with the losses of a pool, which is some groups that share their paintings, and their gradients; each group counts as
    /// its part of a mean over `groups`.
    pub fn pool(
        &mut self,
        parts: &Parts<K>,
        pool: &[Group],
        recipe: &Recipe,
        groups: usize,
        shard: &mut Shard,
    ) {
        shard.painter.clear();
        shard.encoder.clear();
        shard.report = StepReport::default();
        let styles = pool[0].styles.len();
        let share = Share { recipe, style: 1.0 / (groups * styles) as f32, group: 1.0 / groups as f32 };
        if recipe.asks_judge() {
            for (at, group) in pool.iter().enumerate() {
                let judge = &mut self.seat(at).judge;
                judge.look_at_content(&parts.referee, &group.content, group.view, recipe);
            }
            for number in 0..styles {
                self.paint(parts, pool, number, &share, shard);
            }
        }
        if recipe.identity > 0.0 {
            pool.iter().for_each(|group| self.identity(parts, group, &share, shard));
        }
    }

    /// Statistics of a painting to match.
    pub fn look_at_style(&mut self, parts: &Parts<K>, style: &StylePicture, recipe: &Recipe) -> Looks {
        self.seat(0).judge.look_at_style(&parts.referee, style, Asked::of(recipe))
    }

    /// Paints a pool's photos in the `number`-th of their styles: all forward, what they share, all back.
    fn paint(&mut self, parts: &Parts<K>, pool: &[Group], number: usize, share: &Share, shard: &mut Shard) {
        let (style, recipe) = (&pool[0].styles[number], share.recipe);
        let wanted = self.look_at_style(parts, style, recipe);
        let vector = self.encode(parts, &style.picture);
        let mut d_vector = vec![0.0; vector.len()];
        let pictures: Vec<Tensor> = (0..pool.len())
            .map(|at| self.painted(parts, at, (&pool[at].content, pool[at].view, &pool[at].field()), &vector))
            .collect();
        let seed = |group: &Group| group.seed ^ number as u64;
        let shared = self.shared(parts, pool.len(), pool[0].view.side, &wanted, (share, seed(&pool[0])));
        for (at, (group, picture)) in pool.iter().zip(&pictures).enumerate() {
            let seen = (&wanted, &shared, seed(group));
            let (report, mut gradient) =
                self.judged(parts, at, (picture, &group.content, group.view), seen, share);
            shard.report.add(&report, 1.0 / group.styles.len() as f32);
            if number == 0 && recipe.noise > 0.0 {
                self.twin(parts, group, (picture, &mut gradient), &vector, &mut d_vector, share, shard);
            }
            let (height, width) = (picture.shape().height, picture.shape().width);
            let tape = self.seats[at].painter.of_size(&parts.painter.program, height, width);
            back(parts, tape, &gradient, &mut d_vector, shard);
        }
        self.encode_back(parts, &style.picture, &d_vector, shard);
    }

    /// Paints a photo, and shows the pastiche to the seat's judge.
    fn painted(
        &mut self,
        parts: &Parts<K>,
        at: usize,
        (photo, view, field): (&Tensor, View, &Field),
        vector: &[f32],
    ) -> Tensor {
        let (height, width) = (photo.shape().height, photo.shape().width);
        let painter = &parts.painter;
        let seat = self.seat(at);
        let tape = seat.painter.of_size(&painter.program, height, width);
        tape.set_field(field);
        tape.run(&painter.program, &painter.packed, photo, vector);
        let picture = tape.output().map().to_tensor();
        seat.judge.look_at(&parts.referee, &picture, view);
        picture
    }

    /// Joint statistics of the pastiches of the first `members` seats.
    fn shared(
        &mut self,
        parts: &Parts<K>,
        members: usize,
        side: usize,
        wanted: &Looks,
        share: (&Share, u64),
    ) -> Shared {
        let mut judges: Vec<&mut Judge<K>> =
            self.seats[..members].iter_mut().map(|seat| &mut seat.judge).collect();
        Shared::of(self.kernels, &parts.referee, &mut judges, side, wanted, share)
    }

    /// The losses of a seat's pastiche and their gradient to it.
    fn judged(
        &mut self,
        parts: &Parts<K>,
        at: usize,
        (picture, photo, view): (&Tensor, &Tensor, View),
        (wanted, shared, seed): (&Looks, &Shared, u64),
        share: &Share,
    ) -> (StepReport, Tensor) {
        let mut gradient = Tensor::zeros(picture.shape());
        let judge = &mut self.seats[at].judge;
        let mut report = judge.back(&parts.referee, view, wanted, (share, seed), (shared, at), &mut gradient);
        picture_losses(picture, photo, share, &mut report, &mut gradient);
        (report, gradient)
    }

    /// Paints the twin, and asks that it looks the same where it shows the same.
    #[allow(clippy::too_many_arguments)]
    fn twin(
        &mut self,
        parts: &Parts<K>,
        group: &Group,
        (picture, gradient): (&Tensor, &mut Tensor),
        vector: &[f32],
        d_vector: &mut [f32],
        share: &Share,
        shard: &mut Shard,
    ) {
        let twin = &group.twin;
        let photo = twin.noisy(share.recipe.noise_sigma);
        let painter = &parts.painter;
        let tape = self.twin.of_size(&painter.program, photo.shape().height, photo.shape().width);
        tape.set_field(&group.field());
        tape.run(&painter.program, &painter.packed, &photo, vector);
        let other = tape.output().map().to_tensor();
        let Overlap { here, there, side } = Overlap::new(twin.moved, photo.shape().height);
        let (mine, its) = (window(picture, here, side), window(&other, there, side));
        let [mut to_mine, mut to_its] = [Tensor::zeros(mine.shape()), Tensor::zeros(its.shape())];
        let weight = share.group * share.recipe.noise;
        shard.report.noise += picture::l1_both(&mine, &its, weight, &mut to_mine, &mut to_its);
        add_window(gradient, &to_mine, here);
        let mut to_other = Tensor::zeros(other.shape());
        add_window(&mut to_other, &to_its, there);
        back(parts, tape, &to_other, d_vector, shard);
    }

    /// The losses of `photo` painted with `vector` in the style of `wanted`, as one of `share` photos, and their gradient to the vector alone.
    pub fn style_gradient(
        &mut self,
        parts: &Parts<K>,
        photo: &Tensor,
        vector: &[f32],
        wanted: &Looks,
        recipe: &Recipe,
        d_vector: &mut [f32],
    ) -> StepReport {
        let view = View { at: (0, 0), side: photo.shape().height };
        self.seat(0).judge.look_at_content(&parts.referee, photo, view, recipe);
        let share = Share { recipe, style: 1.0, group: 1.0 };
        let picture = self.painted(parts, 0, (photo, view, &Field::default()), vector);
        let shared = self.shared(parts, 1, view.side, wanted, (&share, 0));
        let (report, gradient) = self.judged(parts, 0, (&picture, photo, view), (wanted, &shared, 0), &share);
        let painter = &parts.painter;
        let tape = self.seats[0].painter.of_size(&painter.program, photo.shape().height, photo.shape().width);
        tape.seed(painter.program.network.output(), false, |_, _, room| room.read_tensor(&gradient));
        let mut wanted = Wanted { weights: None, style: Some(d_vector), picture: false };
        tape.backward(&painter.program, &painter.packed, &mut wanted);
        report
    }

    /// The photo in its own style must stay the photo.
    fn identity(&mut self, parts: &Parts<K>, group: &Group, share: &Share, shard: &mut Shard) {
        let content = &group.content;
        let vector = self.encode(parts, content);
        let mut d_vector = vec![0.0; vector.len()];
        let painter = &parts.painter;
        let tapes = &mut self.seat(0).painter;
        let tape = tapes.of_size(&painter.program, content.shape().height, content.shape().width);
        tape.set_field(&group.field());
        tape.run(&painter.program, &painter.packed, content, &vector);
        let picture = tape.output().map().to_tensor();
        let mut gradient = Tensor::zeros(picture.shape());
        let weight = share.group * share.recipe.identity;
        shard.report.identity += picture::l1(&picture, content, weight, &mut gradient);
        back(parts, tape, &gradient, &mut d_vector, shard);
        self.encode_back(parts, content, &d_vector, shard);
    }

    pub fn encode(&mut self, parts: &Parts<K>, picture: &Tensor) -> Vec<f32> {
        let encoder = &parts.encoder;
        let tape = self.encoder.of_size(&encoder.program, picture.shape().height, picture.shape().width);
        tape.run(&encoder.program, &encoder.packed, picture, &[]);
        tape.output().vector().to_vec()
    }

    /// The encoder's tape still holds what [`Self::encode`] has left there.
    fn encode_back(&mut self, parts: &Parts<K>, picture: &Tensor, d_vector: &[f32], shard: &mut Shard) {
        let encoder = &parts.encoder;
        let tape = self.encoder.of_size(&encoder.program, picture.shape().height, picture.shape().width);
        tape.seed_vector(encoder.program.network.output(), d_vector);
        let mut wanted = Wanted { weights: Some(&mut shard.encoder), style: None, picture: false };
        tape.backward(&encoder.program, &encoder.packed, &mut wanted);
    }
}

/// The painter's way back from its picture.
fn back<K: Kernels>(
    parts: &Parts<K>,
    tape: &mut Tape<K>,
    gradient: &Tensor,
    d_vector: &mut [f32],
    shard: &mut Shard,
) {
    let painter = &parts.painter;
    tape.seed(painter.program.network.output(), false, |_, _, room| room.read_tensor(gradient));
    let mut wanted = Wanted { weights: Some(&mut shard.painter), style: Some(d_vector), picture: false };
    tape.backward(&painter.program, &painter.packed, &mut wanted);
}

/// The losses over the pastiche itself.
pub(super) fn picture_losses(
    picture: &Tensor,
    photo: &Tensor,
    share: &Share,
    report: &mut StepReport,
    gradient: &mut Tensor,
) {
    for loss in &LOSSES {
        let weight = (loss.weight)(share.recipe);
        match loss.stage {
            Stage::Picture(value) if weight > 0.0 => {
                *(loss.value_mut)(report) = value(picture, photo, share.style * weight, gradient);
            }
            Stage::Picture(_) | Stage::Judge | Stage::Twin | Stage::Identity => {}
        }
    }
}
