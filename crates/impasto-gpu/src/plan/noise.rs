//! The noise fields of a plan on the device, see [`impasto_core::noise`].
//!
//! A field stands behind the gains and shifts of the affine map that it is added with, see `kernel/value.rs`: the gains of its planes, its
//! place, one period of its planes. A film under which the field moves so uploads no more than its place.

use super::build::Built;
use crate::gpu::Gpu;
use crate::kernel::value::Part;
use impasto_core::lower::{Folded, Lowered, NoiseGains, NoiseId};
use impasto_core::noise::{MAX_PLANES, PERIOD, period};
use impasto_core::{Conditions, Op};
use std::ops::Range;

/// A layer of the table that adds noise.
pub(crate) struct Noise {
    id: NoiseId,
    /// `[channels][planes]`.
    weights: Vec<f32>,
    /// The gains in the style.
    style: Range<usize>,
    stride: usize,
    grains: Vec<usize>,
}

/// Which fields stand on the device.
#[derive(Default)]
pub(super) struct Sent {
    amount: Option<f32>,
    seed: Option<u32>,
    origin: Option<[i32; 2]>,
}

/// The layers that add noise.
pub(crate) fn noises(folded: &Folded<'_>, lowered: &Lowered) -> Vec<Noise> {
    let noise = |(id, gains): (NoiseId, &NoiseGains)| {
        let node = &folded.network.nodes[gains.layer];
        let Op::Noise { site, stride, grains, .. } = &node.op else {
            unreachable!("only noise layers have gains")
        };
        Noise {
            id,
            weights: folded.noise(gains.layer).to_vec(),
            style: folded.network.site_range(*site),
            stride: *stride,
            grains: grains.clone(),
        }
    };
    lowered.noises.iter().enumerate().map(noise).collect()
}

impl Noise {
    fn channels(&self) -> usize {
        self.style.len()
    }

    fn write(&self, gpu: &Gpu, built: &Built, part: Part, values: &[f32]) {
        let at = part.start(self.channels().div_ceil(4));
        gpu.queue.write_buffer(built.affines.noise(self.id), 16 * at as u64, bytemuck::cast_slice(values));
    }

    /// For every quad of channels, a quad for each plane: `amount * gain * weight`.
    fn gains(&self, style: &[f32], amount: f32) -> Vec<f32> {
        let planes = self.grains.len();
        let mut gains = vec![0.0; self.channels().next_multiple_of(4) * MAX_PLANES];
        for (c, gain) in style[self.style.clone()].iter().enumerate() {
            for (k, weight) in self.weights[c * planes..][..planes].iter().enumerate() {
                gains[(c / 4 * MAX_PLANES + k) * 4 + c % 4] = amount * gain * weight;
            }
        }
        gains
    }

    /// The cell under the upper left corner, and the number of quads.
    fn place(&self, origin: [i32; 2]) -> [f32; 4] {
        let cell = |px: i32| px.div_euclid(self.stride as i32).rem_euclid(PERIOD as i32) as f32;
        [cell(origin[0]), cell(origin[1]), self.channels().div_ceil(4) as f32, 0.0]
    }
}

impl Sent {
    /// Writes what is another than before the next submitted work.
    pub fn update(&mut self, gpu: &Gpu, built: &Built, conditions: &Conditions<'_>, new_style: bool) {
        let (amount, field) = (conditions.noise_amount(), conditions.field);
        if new_style || self.amount != Some(amount) {
            for noise in &built.noises {
                noise.write(gpu, built, Part::Planes, &noise.gains(conditions.style, amount));
            }
            self.amount = Some(amount);
        }
        if self.origin != Some(field.origin) {
            for noise in &built.noises {
                noise.write(gpu, built, Part::Place, &noise.place(field.origin));
            }
            self.origin = Some(field.origin);
        }
        if self.seed != Some(field.seed) {
            send_periods(gpu, built, field.seed);
            self.seed = Some(field.seed);
        }
    }
}

/// Layers of one resolution have the same planes.
fn send_periods(gpu: &Gpu, built: &Built, seed: u32) {
    let mut known: Vec<(usize, &[usize], Vec<f32>)> = Vec::new();
    for noise in &built.noises {
        let same = known
            .iter()
            .position(|(stride, grains, _)| (*stride, *grains) == (noise.stride, &noise.grains[..]));
        let at = same.unwrap_or_else(|| {
            known.push((noise.stride, &noise.grains, period(seed, noise.stride, &noise.grains)));
            known.len() - 1
        });
        noise.write(gpu, built, Part::Cells, &known[at].2);
    }
}
