//! Per-workgroup partial losses, one slot each, summed in a fixed order so that runs agree to the bit.

use super::Fault;
use super::kernel::TELLERS;
use super::room::floats;
use crate::learner::StepReport;
use impasto_gpu::compute::Gpu;
use impasto_gpu::compute::wgpu::Buffer;

/// Places of all losses of one sample (a place for each channel of a layer that is looked at), and those that samples share.
const OWN_PLACES: usize = 4096;
const SHARED_PLACES: usize = 8 * TELLERS;

/// A buffer of sums, and which loss each place belongs to.
pub(super) struct LossSlots {
    pub buffer: Buffer,
    places: Vec<(Kind, std::ops::Range<usize>)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Content,
    Style,
    Ssim,
    Range,
    Identity,
    Noise,
}

impl LossSlots {
    pub fn new(gpu: &Gpu, samples: usize) -> Result<Self, Fault> {
        Ok(Self { buffer: floats(gpu, samples * OWN_PLACES + SHARED_PLACES)?, places: vec![] })
    }

    fn place(&mut self, kind: Kind, count: usize) -> (&Buffer, usize) {
        let at = self.used();
        assert!(4 * (at + count) as u64 <= self.buffer.size(), "losses have more places than there is room");
        self.places.push((kind, at..at + count));
        (&self.buffer, at)
    }

    /// Places in use.
    pub fn used(&self) -> usize {
        self.places.last().map_or(0, |(_, range)| range.end)
    }

    pub fn content(&mut self, channels: usize) -> (&Buffer, usize) {
        self.place(Kind::Content, channels)
    }

    pub fn style(&mut self, samples: usize) -> (&Buffer, usize) {
        self.place(Kind::Style, samples)
    }

    pub fn ssim(&mut self) -> (&Buffer, usize) {
        self.place(Kind::Ssim, TELLERS)
    }

    pub fn range(&mut self) -> (&Buffer, usize) {
        self.place(Kind::Range, TELLERS)
    }

    pub fn identity(&mut self) -> (&Buffer, usize) {
        self.place(Kind::Identity, TELLERS)
    }

    pub fn noise(&mut self) -> (&Buffer, usize) {
        self.place(Kind::Noise, TELLERS)
    }

    /// The sums of what was told, for `(style, group)` as the parts of a pastiche and of a photo in the batch's mean.
    pub fn report(&self, values: &[f32], (style, group): (f32, f32)) -> StepReport {
        let sum = |kind: Kind| {
            let places = self.places.iter().filter(|(other, _)| *other == kind);
            places
                .map(|(_, range)| values[range.clone()].iter().map(|&v| f64::from(v)).sum::<f64>())
                .sum::<f64>() as f32
        };
        StepReport {
            content: style * sum(Kind::Content),
            style: style * sum(Kind::Style),
            ssim: style * sum(Kind::Ssim),
            range: style * sum(Kind::Range),
            identity: group * sum(Kind::Identity),
            noise: group * sum(Kind::Noise),
            ..StepReport::default()
        }
    }
}
