//! Losses over features and over pictures, with their gradients.

use super::{Kit, each, over};
use crate::learner::gpu::Fault;
use crate::learner::gpu::room::{Room, floats};
use crate::loss::ssim::{STEP_PX, WINDOW_PX};
use impasto_core::Shape;
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Launch, Params, Source};

/// Index of each of the recipe's weights in the buffer that kernels read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::learner::gpu) enum Weight {
    Content,
    Style,
    Ssim,
    Identity,
    Noise,
    Range,
    GainLimit,
}

/// Numbers in that buffer.
pub(in crate::learner::gpu) const WEIGHTS: usize = 8;

/// Workgroups of a kernel that tells a loss, each of which has a place of its own to tell it.
pub(in crate::learner::gpu) const TELLERS: usize = 256;

impl Kit<'_> {
    /// The style loss of features of which `own` are the moments, one told for each sample from `told` on; gives the coefficients of its gradient.
    pub fn style(
        &self,
        root: bool,
        y: &Room,
        [own, wanted, recipe]: [&Buffer; 3],
        coefficients: &Buffer,
        (told, at): (&Buffer, usize),
    ) -> Result<Launch, Fault> {
        let source = Self::reducing("style", include_str!("style.wgsl"))
            .with("ROOT", root)
            .with("STYLE", Weight::Style as u32);
        let params = Params::new([y.shape.channels, y.shape.area(), at]);
        self.launch(&source, &params, &[own, wanted, recipe], &[coefficients, told], [y.samples, 1, 1])
    }

    /// The content loss, one told for each channel of each sample from `told` on; its gradient is added to `dy`.
    pub fn content(
        &self,
        adain: bool,
        (y, photo): (&Room, &Room),
        [of_photo, wanted, recipe]: [&Buffer; 3],
        dy: &Room,
        (told, at): (&Buffer, usize),
    ) -> Result<Launch, Fault> {
        let source = Self::reducing("content", include_str!("content.wgsl"))
            .with("ADAIN", adain)
            .with("CONTENT", Weight::Content as u32)
            .with("GAIN_LIMIT", Weight::GainLimit as u32);
        let params = Params::new([y.shape.channels, y.shape.area(), at]);
        let read = [&y.buffer, &photo.buffer, of_photo, wanted, recipe];
        self.launch(&source, &params, &read, &[&dy.buffer, told], [y.shape.channels, y.samples, 1])
    }

    /// Coefficients of AdaIN with a limited gain.
    pub fn target(
        &self,
        channels: usize,
        [of_photo, wanted, recipe]: [&Buffer; 3],
        coefficients: &Buffer,
    ) -> Result<Launch, Fault> {
        let source = Source::new("target", include_str!("target.wgsl"), false)
            .with("GAIN_LIMIT", Weight::GainLimit as u32);
        let params = Params::new([channels]);
        self.launch(&source, &params, &[of_photo, wanted, recipe], &[coefficients], each(channels))
    }

    /// `mean |a - b|` where both show the same, told by [`TELLERS`] if that is asked for; its gradient is added to the one to `a`. Without
    /// `first`, `a` is what the overlaps call `there`.
    pub fn l1(
        &self,
        weight: Weight,
        first: bool,
        [a, b]: [&Room; 2],
        [overlaps, recipe]: [&Buffer; 2],
        to_a: &Room,
        (told, at): (&Buffer, usize),
    ) -> Result<Launch, Fault> {
        let source = Self::reducing("l1", include_str!("l1.wgsl"))
            .with("FIRST", first)
            .with("SECOND", !first)
            .with("WEIGHT", weight as u32);
        let params = Params::new([a.len(), a.shape.width, at]);
        let read = [&a.buffer, &b.buffer, overlaps, recipe];
        self.launch(&source, &params, &read, &[&to_a.buffer, told], [TELLERS, 1, 1])
    }

    /// Parts outside `0..1`, told by [`TELLERS`].
    pub fn range(
        &self,
        y: &Room,
        recipe: &Buffer,
        to_y: &Room,
        (told, at): (&Buffer, usize),
    ) -> Result<Launch, Fault> {
        let source = Self::reducing("range", include_str!("range.wgsl")).with("RANGE", Weight::Range as u32);
        let params = Params::new([y.len(), y.shape.len(), at]);
        self.launch(&source, &params, &[&y.buffer, recipe], &[&to_y.buffer, told], [TELLERS, 1, 1])
    }

    /// `1 - SSIM` of luma, told by [`TELLERS`].
    pub fn ssim(
        &self,
        [y, x]: [&Room; 2],
        recipe: &Buffer,
        to_y: &Room,
        (told, at): (&Buffer, usize),
    ) -> Result<[Launch; 2], Fault> {
        let Shape { height, width, .. } = y.shape;
        let [rows, columns] = [height, width].map(|side| (side - WINDOW_PX) / STEP_PX + 1);
        let windows = floats(self.gpu, 4 * y.samples * rows * columns)?;
        let params = Params::new([y.samples, height, width, rows, columns, at]);
        let launch = |of_windows: bool, groups| {
            let source = Self::reducing("ssim", include_str!("ssim.wgsl"))
                .with("WINDOWS", of_windows)
                .with("PIXELS", !of_windows)
                .with("SSIM", Weight::Ssim as u32)
                .with("WINDOW", WINDOW_PX as u32)
                .with("STEP", STEP_PX as u32);
            let read = [&y.buffer, &x.buffer, recipe];
            self.launch(&source, &params, &read, &[&windows, &to_y.buffer, told], groups)
        };
        Ok([launch(true, [TELLERS, 1, 1])?, launch(false, over(y.samples * height * width))?])
    }
}
