//! One thread's work on one group.

use super::judge::{Judge, Share};
use super::{Parts, Shard};
use crate::data::{add_window, window};
use crate::learner::group::Overlap;
use crate::learner::looks::Looks;
use crate::learner::pass::Tapes;
use crate::learner::{Group, Recipe, StepReport, StyleKind, StylePicture, View};
use crate::loss::{laplacian, picture, ssim};
use crate::walk::{Kernels, Tape, Wanted};
use impasto_core::{Field, Tensor};

/// Tapes of one thread.
pub(super) struct Worker<K: Kernels> {
    painter: Tapes<K>,
    twin: Tapes<K>,
    encoder: Tapes<K>,
    judge: Judge<K>,
}

/// A pastiche, what was said about it, and the gradient to it.
struct Painted {
    picture: Tensor,
    gradient: Tensor,
    report: StepReport,
}

impl<K: Kernels> Worker<K> {
    pub fn new(kernels: K) -> Self {
        let [painter, twin, encoder] = [(); 3].map(|()| Tapes::new(kernels));
        Self { painter, twin, encoder, judge: Judge::new(kernels) }
    }

    /// Fills `shard` with the group's losses and their gradients, each counted as its part of a mean over `groups`.
    pub fn group(
        &mut self,
        parts: &Parts<K>,
        group: &Group,
        recipe: &Recipe,
        groups: usize,
        shard: &mut Shard,
    ) {
        shard.painter.clear();
        shard.encoder.clear();
        shard.report = StepReport::default();
        let share =
            Share { recipe, style: 1.0 / (groups * group.styles.len()) as f32, group: 1.0 / groups as f32 };
        if recipe.content > 0.0 || recipe.style > 0.0 {
            self.judge.look_at_content(&parts.referee, &group.content, group.view, recipe);
            for (i, style) in group.styles.iter().enumerate() {
                self.paint(parts, group, (style, i), &share, shard);
            }
        }
        if recipe.identity > 0.0 {
            self.identity(parts, group, &share, shard);
        }
    }

    /// What is to be matched of a painting.
    pub fn look_at_style(&mut self, parts: &Parts<K>, style: &StylePicture, kind: StyleKind) -> Looks {
        self.judge.look_at_style(&parts.referee, style, kind)
    }

    /// Paints the photo in the `number`-th of the group's styles.
    fn paint(
        &mut self,
        parts: &Parts<K>,
        group: &Group,
        (style, number): (&StylePicture, usize),
        share: &Share,
        shard: &mut Shard,
    ) {
        let wanted = self.look_at_style(parts, style, share.recipe.style_kind);
        let vector = self.encode(parts, &style.picture);
        let mut d_vector = vec![0.0; vector.len()];
        let (height, width) = (group.content.shape().height, group.content.shape().width);
        let painter = &parts.painter;
        let recipe = share.recipe;
        let Painted { picture, mut gradient, report } = self.painted(
            parts,
            (&group.content, group.view, &group.field()),
            &vector,
            &wanted,
            (share, group.seed ^ number as u64),
        );
        shard.report.add(&report, 1.0 / group.styles.len() as f32);
        if number == 0 && recipe.noise > 0.0 {
            self.twin(parts, group, (&picture, &mut gradient), &vector, &mut d_vector, share, shard);
        }
        back(parts, self.painter.of_size(&painter.program, height, width), &gradient, &mut d_vector, shard);
        self.encode_back(parts, &style.picture, &d_vector, shard);
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

    /// Paints the photo that the judge has looked at, and has the pastiche judged.
    fn painted(
        &mut self,
        parts: &Parts<K>,
        (photo, view, field): (&Tensor, View, &Field),
        vector: &[f32],
        wanted: &Looks,
        (share, seed): (&Share, u64),
    ) -> Painted {
        let (height, width) = (photo.shape().height, photo.shape().width);
        let painter = &parts.painter;
        let tape = self.painter.of_size(&painter.program, height, width);
        tape.set_field(field);
        tape.run(&painter.program, &painter.packed, photo, vector);
        let picture = tape.output().map().to_tensor();
        let mut gradient = Tensor::zeros(picture.shape());
        let mut report =
            self.judge.judge(&parts.referee, (&picture, view), wanted, (share, seed), &mut gradient);
        picture_losses(&picture, photo, share, &mut report, &mut gradient);
        Painted { picture, gradient, report }
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
        self.judge.look_at_content(&parts.referee, photo, view, recipe);
        let share = Share { recipe, style: 1.0, group: 1.0 };
        let Painted { gradient, report, .. } =
            self.painted(parts, (photo, view, &Field::default()), vector, wanted, (&share, 0));
        let painter = &parts.painter;
        let tape = self.painter.of_size(&painter.program, photo.shape().height, photo.shape().width);
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
        let tape = self.painter.of_size(&painter.program, content.shape().height, content.shape().width);
        tape.set_field(&group.field());
        tape.run(&painter.program, &painter.packed, content, &vector);
        let picture = tape.output().map().to_tensor();
        let mut gradient = Tensor::zeros(picture.shape());
        let weight = share.group * share.recipe.identity;
        shard.report.identity = picture::l1(&picture, content, weight, &mut gradient);
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

/// The losses over the pastiche itself: range, structure, lines, total variation.
pub(super) fn picture_losses(
    picture: &Tensor,
    photo: &Tensor,
    share: &Share,
    report: &mut StepReport,
    gradient: &mut Tensor,
) {
    let (recipe, part) = (share.recipe, share.style);
    report.range = picture::range(picture, part * recipe.range, gradient);
    if recipe.ssim > 0.0 {
        report.ssim = ssim::ssim_loss(picture, photo, part * recipe.ssim, gradient);
    }
    if recipe.laplacian > 0.0 {
        report.laplacian = laplacian::laplacian(picture, photo, part * recipe.laplacian, gradient);
    }
    if recipe.total_variation > 0.0 {
        report.total_variation = picture::total_variation(picture, part * recipe.total_variation, gradient);
    }
}
