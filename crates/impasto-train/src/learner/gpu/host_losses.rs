//! Losses that few recipes ask for, computed on the processor by the code of its own learner: Gram matrices, coherence, Laplacians, total variation.

use super::Fault;
use super::kernel::{Finish, Kit, Point};
use super::room::Room;
use super::work::{Work, whole};
use crate::learner::looks::{ANCHORS, COHERENT_FROM, Looks};
use crate::learner::{Recipe, StepReport, StyleKind};
use crate::loss::coherence::{anchors, coherence};
use crate::loss::gram::{gram, style_gram};
use crate::loss::laplacian::laplacian;
use crate::loss::picture::total_variation;
use crate::walk::{Kernels, Map, Plain};
use impasto_core::Random;
use impasto_core::{Shape, Tensor};
use impasto_gpu::compute::Gpu;

/// Which of them the recipe asks for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub recipe: &'a Recipe,
    /// The part of one pastiche in the batch's mean.
    pub part: f32,
}

/// Sums over the samples.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    style: f32,
    coherence: f32,
    laplacian: f32,
    total_variation: f32,
}

impl Losses {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            style: self.style + other.style,
            coherence: self.coherence + other.coherence,
            laplacian: self.laplacian + other.laplacian,
            total_variation: self.total_variation + other.total_variation,
        }
    }

    /// Adds them to a report, each pastiche with its part.
    pub fn add_to(&self, report: &mut StepReport, part: f32) {
        report.style += part * self.style;
        report.coherence += part * self.coherence;
        report.laplacian += part * self.laplacian;
        report.total_variation += part * self.total_variation;
    }
}

impl Asked<'_> {
    /// Losses over features.
    pub fn features(&self) -> bool {
        self.recipe.style_kind == StyleKind::Gram || self.recipe.coherence > 0.0
    }

    /// Losses over pictures.
    pub fn pictures(&self) -> bool {
        self.recipe.laplacian > 0.0 || self.recipe.total_variation > 0.0
    }
}

fn sample(values: &[f32], shape: Shape, sample: usize) -> Tensor {
    let own = values[sample * shape.len()..(sample + 1) * shape.len()].to_vec();
    Tensor::new(shape, own)
}

/// The Gram matrix of one sample's features.
pub(super) fn gram_of(values: &[f32], shape: Shape, at: usize) -> Vec<f32> {
    gram(Plain, &Map::from_tensor(&sample(values, shape, at)), &mut <Plain as Kernels>::Scratch::default())
}

/// Adds the gradients of losses over the features `y` of pastiches, which `work` makes, to `dy`.
///
/// # Errors
/// When the device fails.
pub(super) fn features<'a>(
    gpu: &'a Gpu,
    work: Work<'a>,
    asked: &Asked,
    (y, photo): ([&Room; 4], &[Room; 4]),
    looks: &[Looks],
    seeds: impl Iterator<Item = u64>,
    dy: [&Room; 4],
) -> Result<(Work<'a>, Losses), Fault> {
    let coherent = asked.recipe.coherence > 0.0;
    let rooms: Vec<_> = y.into_iter().chain(photo).map(whole).collect();
    let read = work.read(&rooms)?;
    let mut losses = Losses::default();
    let mut gradients: Vec<Vec<Tensor>> = vec![vec![]; 4];
    for (n, (look, seed)) in looks.iter().zip(seeds).enumerate() {
        let mut random = Random::new(seed);
        for layer in 0..4 {
            let shape = y[layer].shape;
            let own = Map::from_tensor(&sample(&read[layer], shape, n));
            let mut gradient = Map::zeros(shape);
            if let (StyleKind::Gram, Some(target)) = (asked.recipe.style_kind, &look[layer].gram) {
                let is = gram(Plain, &own, &mut <Plain as Kernels>::Scratch::default());
                let weight = asked.part * asked.recipe.style;
                losses.style += style_gram(Plain, &own, &is, target, weight, (true, true), &mut gradient);
            }
            if coherent && layer >= COHERENT_FROM {
                let photo = Map::from_tensor(&sample(&read[4 + layer], shape, n));
                let places = anchors((shape.height, shape.width), ANCHORS, &mut random);
                let weight = asked.part * asked.recipe.coherence;
                losses.coherence += coherence(&own, &photo, &places, weight, (true, true), &mut gradient);
            }
            gradients[layer].push(gradient.to_tensor());
        }
    }
    let mut work = Work::new(gpu);
    for layer in 0..4 {
        add(gpu, &mut work, &gradients[layer], dy[layer])?;
    }
    Ok((work, losses))
}

/// Adds the gradients of losses over the pastiches `y` of `photos`, which `work` makes, to `dy`.
///
/// # Errors
/// When the device fails.
pub(super) fn pictures<'a>(
    gpu: &'a Gpu,
    work: Work<'a>,
    asked: &Asked,
    (y, photos): (&Room, &[Tensor]),
    dy: &Room,
) -> Result<(Work<'a>, Losses), Fault> {
    let read = work.read(&[whole(y)])?.remove(0);
    let (mut losses, mut gradients) = (Losses::default(), vec![]);
    let Asked { recipe, part } = *asked;
    for (n, photo) in photos.iter().enumerate() {
        let own = sample(&read, y.shape, n);
        let mut gradient = Tensor::zeros(y.shape);
        if recipe.laplacian > 0.0 {
            losses.laplacian += laplacian(&own, photo, part * recipe.laplacian, &mut gradient);
        }
        if recipe.total_variation > 0.0 {
            losses.total_variation += total_variation(&own, part * recipe.total_variation, &mut gradient);
        }
        gradients.push(gradient);
    }
    let mut work = Work::new(gpu);
    add(gpu, &mut work, &gradients, dy)?;
    Ok((work, losses))
}

fn add(gpu: &Gpu, work: &mut Work, gradients: &[Tensor], dy: &Room) -> Result<(), Fault> {
    let room = Room::new(gpu, dy.samples, dy.shape)?;
    room.upload(gpu, gradients.iter());
    let launch = Kit { gpu }.point(Point::Scale(&room, 1.0, 0.0), Finish { gate: None, keep: true }, dy)?;
    work.run(&[launch]);
    Ok(())
}
