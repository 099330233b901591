//! Gradient steps on the style vector alone, for one painting.

use super::Parts;
use super::judge::Referee;
use super::worker::Worker;
use crate::data::centre_square;
use crate::learner::pass::{LearnerError, Part};
use crate::learner::{Recipe, StepReport, StylePicture};
use crate::loss_network::LossNetwork;
use crate::optimiser::Adam;
use crate::walk::{Fast, Kernels};
use impasto_core::{Image, Model, Tensor};

/// Settings of a style's refinement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RefineConfig {
    /// Steps; each paints one of the photos.
    pub steps: usize,
    /// Adam's rate at the start; it falls to nothing as a cosine.
    pub rate: f32,
    /// Side to which photos and painting are cut, px; a multiple of 16.
    pub side_px: usize,
    /// Weights of the losses.
    pub recipe: Recipe,
}

impl Default for RefineConfig {
    fn default() -> Self {
        Self { steps: 120, rate: 0.02, side_px: 256, recipe: Recipe::default() }
    }
}

/// Why a style cannot be refined.
#[derive(Debug, thiserror::Error)]
pub enum RefineError {
    /// The model or the loss network.
    #[error(transparent)]
    Learner(#[from] LearnerError),
    /// Nothing to paint.
    #[error("a style is refined on photos, and there is none; give a folder of photos")]
    NoPhoto,
    /// Not a number of px that all networks take.
    #[error("pictures of {0} px cannot be used; take a multiple of 16, from 64 up")]
    Side(usize),
    /// The steps went astray.
    #[error("after {0} steps the losses are not finite; take a smaller rate")]
    NotFinite(usize),
}

/// Progress of a refinement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RefineReport {
    /// Steps done.
    pub step: usize,
    /// Steps in all.
    pub steps: usize,
    /// Losses of this step's photo.
    pub losses: StepReport,
}

/// The style vector of `painting` for a model whose painter has sites, better than the encoder's: it starts there and goes down the
/// losses, averaged over the last half of the steps. Takes 0.1 to 0.2 s a step at 256 px on one core with AVX-512.
pub fn refine(
    model: &Model,
    loss: &LossNetwork,
    painting: &Image,
    photos: &[Image],
    config: &RefineConfig,
    on_step: &mut dyn FnMut(&RefineReport),
) -> Result<Vec<f32>, RefineError> {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if let Some(tiles) = crate::walk::Tiles::detect() {
        return with(tiles, model, loss, painting, photos, config, on_step);
    }
    with(Fast::new().map_err(LearnerError::from)?, model, loss, painting, photos, config, on_step)
}

fn with<K: Kernels>(
    kernels: K,
    model: &Model,
    loss: &LossNetwork,
    painting: &Image,
    photos: &[Image],
    config: &RefineConfig,
    on_step: &mut dyn FnMut(&RefineReport),
) -> Result<Vec<f32>, RefineError> {
    if photos.is_empty() {
        return Err(RefineError::NoPhoto);
    }
    if config.side_px < 64 || !config.side_px.is_multiple_of(16) {
        return Err(RefineError::Side(config.side_px));
    }
    let parts = Parts {
        painter: Part::new(kernels, &model.painter, &model.weights)?,
        encoder: Part::new(kernels, &model.encoder, &model.weights)?,
        referee: Referee::new(kernels, loss)?,
    };
    let mut worker = Worker::new(kernels);
    let picture = centre_square(painting, config.side_px);
    let photos: Vec<Tensor> = photos.iter().map(|p| centre_square(p, config.side_px)).collect();
    let mut vector = worker.encode(&parts, &picture);
    let wanted = worker.look_at_style(&parts, &StylePicture { picture, key: None }, &config.recipe);
    let mut adam = Adam::new(vector.len());
    let (mut mean, mut counted) = (vec![0.0; vector.len()], 0);
    for step in 0..config.steps {
        let mut gradient = vec![0.0; vector.len()];
        let photo = &photos[step % photos.len()];
        let losses = worker.style_gradient(&parts, photo, &vector, &wanted, &config.recipe, &mut gradient);
        if !losses.is_finite() || gradient.iter().any(|g| !g.is_finite()) {
            return Err(RefineError::NotFinite(step));
        }
        let part = step as f32 / config.steps as f32;
        let rate = config.rate * 0.5 * (1.0 + (std::f32::consts::PI * part).cos());
        adam.step(&mut vector, &gradient, rate);
        if 2 * step >= config.steps {
            counted += 1;
            mean.iter_mut().zip(&vector).for_each(|(m, v)| *m += (v - *m) / counted as f32);
        }
        on_step(&RefineReport { step: step + 1, steps: config.steps, losses });
    }
    Ok(if counted > 0 { mean } else { vector })
}
