//! The light network's passes over a batch of one size: the painter and its style encoder together.

use super::judge::{Gallery, Judge, Kinds, Referee};
use super::kernel::{Kit, Weight};
use super::loss_slots::LossSlots;
use super::pictures::PictureLosses;
use super::room::Room;
use super::table::Table;
use super::tape::{Aims, Tape};
use super::work::Work;
use super::{Fault, Gradients, Share, Sizes, host_losses, overlaps, views};
use crate::learner::group::Overlap;
use crate::learner::{Group, StepReport};
use impasto_core::{Shape, Tensor};
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Gpu, Launch};

/// Tapes, and the launches between them.
pub(super) struct Light {
    sizes: Sizes,
    recipe: Buffer,
    told: LossSlots,
    views: Buffer,
    /// Overlap of a photo and its twin; then the whole photo.
    overlaps: [Buffer; 2],
    photos: Room,
    noisy: Room,
    paintings: Room,
    painter: Tape,
    twin: Tape,
    /// Over paintings, and over the photos themselves.
    encoders: [Tape; 2],
    judge: Judge,
    gallery: Gallery,
    take_photos: Launch,
    take_pastiches: Launch,
    give_back: Launch,
    pictures: PictureLosses,
    noise: [Launch; 2],
    identity: Launch,
}

impl Light {
    pub fn new(
        gpu: &Gpu,
        [painter, encoder]: [&Table; 2],
        referee: &Referee,
        gradients: &Gradients,
        (sizes, kinds): (Sizes, Kinds),
    ) -> Result<Self, Fault> {
        let (kit, count) = (Kit { gpu }, sizes.samples);
        let square = |px: usize| Room::new(gpu, count, Shape::new(3, px, px));
        let [photos, noisy, seen] = [square(sizes.photo)?, square(sizes.photo)?, square(sizes.view)?];
        let [paintings, shown] = [(); 2].map(|()| Room::new(gpu, count, sizes.painting));
        let (paintings, shown) = (paintings?, shown?);
        let recipe = super::recipe_buffer(gpu)?;
        let mut told = LossSlots::new(gpu, count)?;
        let seeds = [painter.program.network.output()];
        let aims = Aims { weights: Some(&gradients.0[0]), style: true, picture: false, seeds: &seeds };
        let own = Tape::new(gpu, painter, &photos, None, aims)?;
        let twin = Tape::new(gpu, painter, &noisy, Some([&own.style, &own.to_style]), aims)?;
        let seeds = [encoder.program.network.output()];
        let aims = Aims { weights: Some(&gradients.0[1]), seeds: &seeds, ..Aims::default() };
        let encoders =
            [Tape::new(gpu, encoder, &paintings, None, aims)?, Tape::new(gpu, encoder, &photos, None, aims)?];
        let judge = Judge::new(gpu, referee, &seen, kinds, &recipe, &mut told)?;
        let gallery = Gallery::new(gpu, referee, &shown)?;
        let views = views::buffer(gpu, count)?;
        let overlaps = [overlaps::buffer(gpu, count)?, overlaps::buffer(gpu, count)?];
        let (y, dy) = (own.output(), own.output_gradient());
        let (other, to_other) = (twin.output(), twin.output_gradient());
        let both = [&overlaps[0], &recipe];
        let noise = [
            kit.l1(Weight::Noise, true, [y, other], both, dy, told.noise())?,
            kit.l1(Weight::Noise, false, [other, y], both, to_other, (&told.buffer, 0))?,
        ];
        let identity =
            kit.l1(Weight::Identity, true, [y, &photos], [&overlaps[1], &recipe], dy, told.identity())?;
        Ok(Self {
            take_photos: kit.take(&photos, &views, &seen)?,
            take_pastiches: kit.take(y, &views, &seen)?,
            give_back: kit.take_back(judge.gradient(), &views, dy)?,
            pictures: PictureLosses::new(gpu, [y, &photos, dy], &recipe, &mut told)?,
            noise,
            identity,
            sizes,
            recipe,
            told,
            views,
            overlaps,
            photos,
            noisy,
            paintings,
            painter: own,
            twin,
            encoders,
            judge,
            gallery,
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
        views::write(gpu, &self.views, groups.iter().map(|g| g.view.at));
        let both = groups.iter().map(|g| Overlap::new(g.twin.moved, self.sizes.photo));
        overlaps::write(gpu, &self.overlaps[0], both);
        let all = groups.iter().map(|_| Overlap::new([0, 0], self.sizes.photo));
        overlaps::write(gpu, &self.overlaps[1], all);
        self.painter.set_fields(gpu, groups.iter().map(|g| g.field()));
        self.photos.upload(gpu, groups.iter().map(|g| &g.content));
        let mut work = Work::new(gpu);
        work.clear(&self.told.buffer);
        let mut report = StepReport::default();
        if recipe.content > 0.0 || recipe.style > 0.0 {
            work.run(std::slice::from_ref(&self.take_photos));
            self.judge.look_at_photos(&mut work);
            work.submit();
            for number in 0..groups[0].styles.len() {
                let losses = self.paint(gpu, referee, groups, number, share)?;
                losses.add_to(&mut report, share.style());
            }
            work = Work::new(gpu);
        }
        if recipe.identity > 0.0 {
            self.reconstruct(&mut work);
        }
        let told = work.read(&[(&self.told.buffer, self.told.used())])?.remove(0);
        report.add(&self.told.report(&told, (share.style(), share.group())), 1.0);
        Ok(report)
    }

    /// Paints the photos, each in its `number`-th style.
    fn paint(
        &mut self,
        gpu: &Gpu,
        referee: &Referee,
        groups: &[&Group],
        number: usize,
        share: Share,
    ) -> Result<host_losses::Losses, Fault> {
        let recipe = share.recipe;
        let styles: Vec<_> = groups.iter().map(|g| &g.styles[number]).collect();
        let looks = self.gallery.look(gpu, referee, &styles, recipe.style_kind)?;
        self.judge.want(gpu, looks);
        self.paintings.upload(gpu, styles.iter().map(|s| &s.picture));
        let twins = number == 0 && recipe.noise > 0.0;
        if twins {
            let noisy: Vec<Tensor> = groups.iter().map(|g| g.twin.noisy(recipe.noise_sigma)).collect();
            self.noisy.upload(gpu, noisy.iter());
            self.twin.set_fields(gpu, groups.iter().map(|g| g.field()));
        }
        let mut work = Work::new(gpu);
        self.paint_with(&mut work, 0);
        work.run(std::slice::from_ref(&self.take_pastiches));
        let asked = host_losses::Asked { recipe, part: share.style() };
        let seeds = groups.iter().map(|g| g.seed ^ number as u64);
        let (mut work, losses) = self.judge.judge(gpu, work, &asked, seeds)?;
        work.run(std::slice::from_ref(&self.give_back));
        let photos = || groups.iter().map(|g| g.content.clone()).collect();
        let (mut work, more) = self.pictures.run(gpu, work, &asked, &photos)?;
        if twins {
            work.run(self.twin.forward());
            self.twin.clear(&mut work);
            work.run(&self.noise);
            work.run(self.twin.backward());
        }
        self.back(&mut work, 0);
        work.submit();
        Ok(losses.and(more))
    }

    /// The photos in their own style must stay the photos.
    fn reconstruct(&self, work: &mut Work) {
        self.paint_with(work, 1);
        work.run(std::slice::from_ref(&self.identity));
        self.back(work, 1);
    }

    /// The photos with the styles that an encoder makes; nothing has arrived at the pastiches yet.
    fn paint_with(&self, work: &mut Work, encoder: usize) {
        let encoder = &self.encoders[encoder];
        work.run(encoder.forward());
        work.copy(&encoder.output().buffer, &self.painter.style);
        work.run(self.painter.forward());
        self.painter.clear(work);
        work.clear(&self.painter.to_style);
    }

    /// From the gradient to the pastiches back to all weights.
    fn back(&self, work: &mut Work, encoder: usize) {
        let encoder = &self.encoders[encoder];
        work.run(self.painter.backward());
        work.copy(&self.painter.to_style, &encoder.output_gradient().buffer);
        work.run(encoder.backward());
    }
}
