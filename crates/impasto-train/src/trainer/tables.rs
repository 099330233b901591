//! Tables to train, and the parts of them that stay as they are.

use super::error::TrainError;
use super::settings::{NetworkKind, Settings};
use crate::loss_network::LossNetwork;
use impasto_core::model::StrengthKind;
use impasto_core::network::{Network, NetworkBuilder, NodeId, Op, Padding};
use impasto_core::{Model, Weights, classic, light};

/// The tables of a model, and what belongs to it besides what is learned.
pub(super) struct Tables {
    name: &'static str,
    pub painter: Network,
    pub encoder: Network,
    strength: StrengthKind,
    license: String,
    /// Weights that stay as they are.
    frozen: Weights,
    /// For the classic network: its trainable part.
    pub decoder: Option<Network>,
}

/// Rights of a classic network made here.
const CLASSIC_LICENSE: &str = "VGG-19 by K. Simonyan and A. Zisserman is under CC BY 4.0; the decoder: ";

impl Tables {
    /// `license` is the right to what is learned.
    pub fn new(settings: &Settings, loss: &LossNetwork, license: &str) -> Self {
        match settings.network {
            NetworkKind::Light => Self::light(&settings.shape(), license),
            NetworkKind::Classic => Self::classic(loss, license),
        }
    }

    fn light(shape: &light::LightShape, license: &str) -> Self {
        Self {
            name: "light",
            painter: light::painter(shape),
            encoder: light::encoder(shape),
            strength: StrengthKind::Code,
            license: license.into(),
            frozen: Weights::new(),
            decoder: None,
        }
    }

    /// The loss network, AdaIN, and the loss network's mirror image; the encoder is the loss network.
    fn classic(loss: &LossNetwork, license: &str) -> Self {
        let deepest = loss.looks[3];
        let convolutions = convolutions(loss);
        let channels = convolutions.last().expect("a loss network has convolutions").outputs;
        let mut b = NetworkBuilder::new("classic").fit_picture(1);
        copy(&mut b, loss);
        let x = b.adain_unbiased("relu4_1", deepest, channels, classic::EPS);
        mirror(&mut b, x, &convolutions);
        let painter = b.finish();
        let mut b = NetworkBuilder::new("classic style encoder");
        copy(&mut b, loss);
        b.mean_std(deepest, classic::EPS, true);
        let encoder = b.finish();
        let mut b = NetworkBuilder::new("classic decoder");
        let x = b.input(channels);
        mirror(&mut b, x, &convolutions);
        Self {
            name: "classic",
            painter,
            encoder,
            strength: StrengthKind::Features,
            license: format!("{CLASSIC_LICENSE}{license}"),
            frozen: loss.weights.clone(),
            decoder: Some(b.finish()),
        }
    }

    /// `learned` and what stays as it is.
    pub fn weights(&self, learned: Weights) -> Weights {
        let mut weights = self.frozen.clone();
        weights.extend(learned);
        weights
    }

    /// The model with these learned weights.
    pub fn model(&self, learned: Weights, training: serde_json::Value) -> Result<Model, TrainError> {
        let (painter, encoder) = (self.painter.clone(), self.encoder.clone());
        let weights = self.weights(learned);
        Ok(Model::new(self.name, painter, encoder, weights, self.strength, &self.license, training)?)
    }
}

/// A convolution of the loss network, and whether a pool follows it.
struct Convolution {
    inputs: usize,
    outputs: usize,
    pooled: bool,
}

fn convolutions(loss: &LossNetwork) -> Vec<Convolution> {
    let (mut found, mut channels) = (Vec::<Convolution>::new(), 3);
    for node in &loss.network.nodes {
        match node.op {
            Op::Conv { out_channels, .. } => {
                found.push(Convolution { inputs: channels, outputs: out_channels, pooled: false });
                channels = out_channels;
            }
            Op::MaxPool2 { .. } | Op::AvgPool2 { .. } => {
                found.last_mut().expect("a pool follows a convolution").pooled = true
            }
            Op::Input { .. }
            | Op::Relu { .. }
            | Op::Upsample2 { .. }
            | Op::Add { .. }
            | Op::AdaIn { .. }
            | Op::Modulate { .. }
            | Op::Noise { .. }
            | Op::MeanStd { .. }
            | Op::Concat { .. }
            | Op::Scale { .. } => {}
        }
    }
    found
}

/// The loss network's nodes under their own names and numbers.
fn copy(b: &mut NetworkBuilder, loss: &LossNetwork) {
    b.input(3);
    for node in &loss.network.nodes[1..] {
        b.push(&node.name, node.op.clone());
    }
}

/// From the deepest features `x` back to a picture: each convolution reversed, upsampling where there was a pool; the last has no ReLU.
fn mirror(b: &mut NetworkBuilder, mut x: NodeId, convolutions: &[Convolution]) {
    for (number, at) in (0..convolutions.len()).rev().enumerate() {
        // What the pool in front of this convolution had made small.
        x = b.conv(&format!("dec{number}"), x, convolutions[at].inputs, 3, 1, Padding::Reflect);
        if at > 0 {
            x = b.relu(x);
        }
        if at > 0 && convolutions[at - 1].pooled {
            x = b.upsample2(x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::classic::{DECODER, Variance};

    #[test]
    fn the_mirror_of_vgg_is_the_published_decoder() {
        let weights =
            crate::init::painter(&classic::encoder(Variance::Port), &mut impasto_core::Random::new(1));
        let loss = LossNetwork::unchecked(&weights).unwrap();
        let decoder = Tables::classic(&loss, "none").decoder.unwrap();
        let own: Vec<(&str, usize)> = (decoder.nodes.iter())
            .filter_map(|n| {
                let Op::Conv { out_channels, .. } = n.op else { return None };
                Some((n.name.as_str(), out_channels))
            })
            .collect();
        assert_eq!(own, DECODER.map(|(name, channels, _)| (name, channels)));
        let published = classic::painter(Variance::Port);
        let tables = Tables::classic(&loss, "none");
        let ops = |n: &Network| {
            n.nodes.iter().rev().take(20).map(|n| std::mem::discriminant(&n.op)).collect::<Vec<_>>()
        };
        assert_eq!(ops(&tables.painter), ops(&published));
        tables.painter.check().unwrap();
        tables.encoder.check().unwrap();
    }
}
