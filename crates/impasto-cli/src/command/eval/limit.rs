//! The picture optimised by gradient steps, without any painter: the limit that networks are measured against.

use anyhow::Result;
use impasto_core::{Tensor, Weights};
use impasto_train::descent::{Critic, DescentConfig};
use impasto_train::loss_network::LossNetwork;

/// Its name in tables.
pub const NAME: &str = "optimised";

/// Gatys' way with the judge's own VGG-19: from the photo, 200 steps down the balanced covariances and the content.
pub fn painter(vgg: &Weights) -> Result<impl FnMut(&Tensor, &Tensor) -> Tensor> {
    let mut critic = Critic::new(&LossNetwork::normalised(vgg)?)?;
    let config = DescentConfig::default();
    Ok(move |photo: &Tensor, painting: &Tensor| {
        let style = critic.style_of(painting);
        critic.descend(photo.clone(), photo, &style, &config, &mut |_, _| ())
    })
}
