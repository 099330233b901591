//! The held-out figure: how much of a painting's style is still missing in photos that the run does not learn from.

use crate::descent::{Critic, StyleTarget};
use crate::learner::LearnerError;
use crate::loss::covariance::distance;
use crate::loss_network::LossNetwork;
use crate::walk::{Fast, Packed, Parameters, Program, Tape};
use impasto_core::{Model, Tensor, Weights};

/// Photos that are held out.
pub(super) const HELD_OUT: usize = 4;
/// Side of their square cut, px.
pub(super) const SIDE_PX: usize = 192;

/// Held-out photos, and the paintings that they are compared with.
pub(super) struct HeldOut {
    painter: Program,
    critic: Critic<Fast>,
    photos: Vec<Tensor>,
    paintings: Vec<StyleTarget>,
    /// The figure of the photos as they are.
    unpainted: f32,
}

impl HeldOut {
    pub fn new(
        model: &Model,
        judge: &LossNetwork,
        photos: Vec<Tensor>,
        paintings: &[Tensor],
    ) -> Result<Self, LearnerError> {
        let mut critic = Critic::new(judge)?;
        let paintings: Vec<StyleTarget> =
            paintings.iter().map(|painting| critic.style_of(painting)).collect();
        let own = critic.style_of_all(&photos);
        let unpainted = away(&own, &paintings);
        Ok(Self { painter: Program::new(&model.painter)?, critic, photos, paintings, unpainted })
    }

    /// The part of the way from the photos to the paintings that is left, over all photos together: 1 for the photos as they are.
    pub fn left(&mut self, weights: &Weights, vector: &[f32]) -> Result<f32, LearnerError> {
        let kernels = Fast::new()?;
        let parameters = Parameters::from_weights(&self.painter, weights)?;
        let packed = Packed::new(kernels, &parameters, &parameters.values);
        let mut tape: Tape<Fast> = Tape::new(kernels, &self.painter, SIDE_PX, SIDE_PX)?;
        let paint = |photo: &Tensor| {
            tape.run(&self.painter, &packed, photo, vector);
            let mut painted = tape.output().map().to_tensor();
            painted.data_mut().iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
            painted
        };
        let painted: Vec<Tensor> = self.photos.iter().map(paint).collect();
        let own = self.critic.style_of_all(&painted);
        Ok(away(&own, &self.paintings) / self.unpainted.max(1e-6))
    }
}

/// The mean distance to the paintings.
fn away(own: &StyleTarget, paintings: &[StyleTarget]) -> f32 {
    let one = |painting: &StyleTarget| -> f32 {
        own.iter()
            .zip(painting)
            .map(|(own, target)| {
                let distance = distance(own, target);
                0.25 * (distance.covariance + distance.mean)
            })
            .sum()
    };
    paintings.iter().map(one).sum::<f32>() / paintings.len().max(1) as f32
}
