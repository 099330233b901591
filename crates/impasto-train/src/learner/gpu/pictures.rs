//! Losses over the pastiches themselves: range, structure, and those few recipes ask for.

use super::Fault;
use super::host_losses::{self, Asked};
use super::kernel::Kit;
use super::loss_slots::LossSlots;
use super::room::Room;
use super::work::Work;
use impasto_core::Tensor;
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Gpu, Launch};

/// Of pastiches in one room; gradients are added in another.
pub(super) struct PictureLosses {
    y: Room,
    dy: Room,
    range: Launch,
    ssim: [Launch; 2],
}

impl PictureLosses {
    /// Of the pastiches `y` of `photos`.
    pub fn new(
        gpu: &Gpu,
        [y, photos, dy]: [&Room; 3],
        recipe: &Buffer,
        told: &mut LossSlots,
    ) -> Result<Self, Fault> {
        let kit = Kit { gpu };
        Ok(Self {
            range: kit.range(y, recipe, dy, told.range())?,
            ssim: kit.ssim([y, photos], recipe, dy, told.ssim())?,
            y: y.clone(),
            dy: dy.clone(),
        })
    }

    /// Adds the gradients of what is asked for. `photos` gives the photos for those losses that the processor computes.
    ///
    /// # Errors
    /// When the device fails.
    pub fn run<'a>(
        &self,
        gpu: &'a Gpu,
        mut work: Work<'a>,
        asked: &Asked,
        photos: &dyn Fn() -> Vec<Tensor>,
    ) -> Result<(Work<'a>, host_losses::Losses), Fault> {
        work.run(std::slice::from_ref(&self.range));
        if asked.recipe.ssim > 0.0 {
            work.run(&self.ssim);
        }
        match asked.pictures() {
            true => host_losses::pictures(gpu, work, asked, (&self.y, &photos()), &self.dy),
            false => Ok((work, host_losses::Losses::default())),
        }
    }
}
