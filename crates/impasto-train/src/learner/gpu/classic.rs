//! The classic network's passes: only the decoder is learned. It makes pictures of the loss network's own features.

use super::judge::{Gallery, Judge, Kinds, Referee};
use super::kernel::{Finish, Kit, Point, Weight};
use super::loss_slots::LossSlots;
use super::pictures::PictureLosses;
use super::room::{Room, floats};
use super::table::Table;
use super::tape::{Aims, Tape};
use super::work::Work;
use super::{Fault, Gradients, Share, Sizes, host_losses, overlaps};
use crate::data::window;
use crate::learner::group::Overlap;
use crate::learner::{Group, StepReport};
use impasto_core::{Shape, Tensor};
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Gpu, Launch};

/// Tapes, and the launches between them.
pub(super) struct Classic {
    sizes: Sizes,
    recipe: Buffer,
    told: LossSlots,
    overlaps: Buffer,
    /// The photos' views.
    photos: Room,
    decoder: Tape,
    judge: Judge,
    gallery: Gallery,
    /// Moves the photos' features to the styles' statistics.
    move_features: [Launch; 2],
    pictures: PictureLosses,
    identity: Launch,
}

impl Classic {
    pub fn new(
        gpu: &Gpu,
        decoder: &Table,
        referee: &Referee,
        gradients: &Gradients,
        (sizes, kinds): (Sizes, Kinds),
    ) -> Result<Self, Fault> {
        let (kit, count) = (Kit { gpu }, sizes.samples);
        let square = |px: usize| Room::new(gpu, count, Shape::new(3, px, px));
        let [photos, seen] = [square(sizes.view)?, square(sizes.view)?];
        let shown = Room::new(gpu, count, sizes.painting)?;
        let recipe = super::recipe_buffer(gpu)?;
        let mut told = LossSlots::new(gpu, count)?;
        let judge = Judge::new(gpu, referee, &seen, kinds, &recipe, &mut told)?;
        let (features, [of_photo, wanted]) = judge.deepest();
        let input = Room::new(gpu, count, features.shape)?;
        let seeds = [decoder.program.network.output()];
        let aims = Aims { weights: Some(&gradients.0[0]), seeds: &seeds, ..Aims::default() };
        let tape = Tape::new(gpu, decoder, &input, None, aims)?;
        let coefficients = floats(gpu, 4 * features.channels())?;
        let move_features = [
            kit.target(features.channels(), [of_photo, wanted, &recipe], &coefficients)?,
            kit.point(Point::Affine(features, &coefficients), Finish::default(), &input)?,
        ];
        let overlaps = overlaps::buffer(gpu, count)?;
        let (y, dy) = (tape.output(), tape.output_gradient());
        Ok(Self {
            pictures: PictureLosses::new(gpu, [y, &photos, dy], &recipe, &mut told)?,
            identity: kit.l1(
                Weight::Identity,
                true,
                [y, &photos],
                [&overlaps, &recipe],
                dy,
                told.identity(),
            )?,
            gallery: Gallery::new(gpu, referee, &shown)?,
            sizes,
            recipe,
            told,
            overlaps,
            photos,
            decoder: tape,
            judge,
            move_features,
        })
    }

    /// All passes over some groups of these sizes: one for each of their styles, and one that must give the photos back. Adds to the gradients.
    ///
    /// # Errors
    /// When the device fails.
    pub fn passes(
        &mut self,
        gpu: &Gpu,
        referee: &Referee,
        groups: &[&Group],
        share: Share,
    ) -> Result<StepReport, Fault> {
        let recipe = share.recipe;
        super::write_recipe(gpu, &self.recipe, share);
        let all = groups.iter().map(|_| Overlap::new([0, 0], self.sizes.view));
        overlaps::write(gpu, &self.overlaps, all);
        let photos: Vec<Tensor> = groups.iter().map(|g| window(&g.content, g.view.at, g.view.side)).collect();
        self.photos.upload(gpu, photos.iter());
        let mut work = Work::new(gpu);
        work.clear(&self.told.buffer);
        work.copy(&self.photos.buffer, &self.judge.input().buffer);
        self.judge.look_at_photos(&mut work);
        let mut report = StepReport::default();
        if recipe.content > 0.0 || recipe.style > 0.0 {
            work.submit();
            for number in 0..groups[0].styles.len() {
                let losses = self.paint(gpu, referee, (groups, number), &photos, share)?;
                losses.add_to(&mut report, share.style());
            }
            work = Work::new(gpu);
        }
        if recipe.identity > 0.0 {
            work.copy(&self.judge.deepest().0.buffer, &self.decoder.input().buffer);
            self.decode(&mut work);
            work.run(std::slice::from_ref(&self.identity));
            work.run(self.decoder.backward());
        }
        let told = work.read(&[(&self.told.buffer, self.told.used())])?.remove(0);
        report.add(&self.told.report(&told, (share.style(), share.group())), 1.0);
        Ok(report)
    }

    /// The photos, each in its `number`-th style.
    fn paint(
        &mut self,
        gpu: &Gpu,
        referee: &Referee,
        (groups, number): (&[&Group], usize),
        photos: &[Tensor],
        share: Share,
    ) -> Result<host_losses::Losses, Fault> {
        let recipe = share.recipe;
        let styles: Vec<_> = groups.iter().map(|g| &g.styles[number]).collect();
        let looks = self.gallery.look(gpu, referee, &styles, recipe.style_kind)?;
        self.judge.want(gpu, looks);
        let mut work = Work::new(gpu);
        work.run(&self.move_features);
        self.decode(&mut work);
        work.copy(&self.decoder.output().buffer, &self.judge.input().buffer);
        let asked = host_losses::Asked { recipe, part: share.style() };
        let seeds = groups.iter().map(|g| g.seed ^ number as u64);
        let (mut work, losses) = self.judge.judge(gpu, work, &asked, seeds)?;
        work.copy(&self.judge.gradient().buffer, &self.decoder.output_gradient().buffer);
        let (mut work, more) = self.pictures.run(gpu, work, &asked, &|| photos.to_vec())?;
        work.run(self.decoder.backward());
        work.submit();
        Ok(losses.and(more))
    }

    /// Contents of the decoder's input, as pictures; nothing has arrived at them yet.
    fn decode(&self, work: &mut Work) {
        work.run(self.decoder.forward());
        self.decoder.clear(work);
    }
}
