//! The network that judges: VGG-19, normalised, at relu1_1, relu2_1, relu3_1 and relu4_1.
//!
//! A plan shows only its last tensor, so the VGG is cut into four tables, each of which begins where the one
//! before ends; nothing is computed twice.

use crate::EvalError;
use crate::features::{Features, StyleFeatures, centred_grams, grams};
use crate::metrics::{DIRECTIONS, Histogram, Likeness, Projections, detail, directions};
use impasto_core::classic::{EPS, VGG19};
use impasto_core::reference::ops;
use impasto_core::{Conditions, Engine, Network, NetworkBuilder, Padding, Plan, Tensor, Weights};
use std::sync::Arc;

/// The layers whose features are taken, in order.
pub const LAYERS: [&str; 4] = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"];

/// The four tables; the first takes a picture, each other one the output of its predecessor.
pub fn pieces() -> Vec<Network> {
    let mut rest = VGG19.iter();
    let mut channels = 3;
    let mut pooled = false;
    let mut pieces = Vec::new();
    for layer in LAYERS {
        let mut b = NetworkBuilder::new(&format!("VGG to {layer}"));
        let mut x = b.input(channels);
        if pieces.is_empty() {
            x = b.conv("conv0", x, 3, 1, 1, Padding::Reflect);
        }
        for (name, out, pool) in rest.by_ref() {
            if pooled {
                x = b.max_pool2(x);
            }
            x = b.conv(name, x, *out, 3, 1, Padding::Reflect);
            x = b.relu(x);
            (channels, pooled) = (*out, *pool);
            if name.replace("conv", "relu") == layer {
                break;
            }
        }
        pieces.push(b.finish());
    }
    pieces
}

/// The VGG, ready for pictures of one size.
pub struct Judge {
    plans: Vec<Box<dyn Plan>>,
    outputs: Vec<Tensor>,
    /// By layer, for projections.
    directions: Vec<Vec<f32>>,
}

impl Judge {
    /// `vgg` holds `conv0` and `conv1_1` to `conv4_1` of the normalised VGG-19; pictures will be `[3, height, width]`.
    ///
    /// # Errors
    /// [`EvalError::Vgg`] when the weights do not fit.
    pub fn new(
        engine: &dyn Engine,
        vgg: &Arc<Weights>,
        (width, height): (usize, usize),
    ) -> Result<Self, EvalError> {
        let mut plans: Vec<Box<dyn Plan>> = Vec::new();
        for piece in pieces() {
            let (height, width) =
                plans.last().map_or((height, width), |p| (p.output_shape().height, p.output_shape().width));
            plans.push(engine.prepare(&piece, vgg, height, width).map_err(EvalError::Vgg)?);
        }
        let outputs: Vec<Tensor> = plans.iter().map(|p| Tensor::zeros(p.output_shape())).collect();
        let directions = outputs.iter().map(|x| directions(DIRECTIONS, x.shape().channels)).collect();
        Ok(Self { plans, outputs, directions })
    }

    /// Features of the picture at the first `layers` of [`LAYERS`].
    fn run(&mut self, picture: &Tensor, layers: usize) -> Result<&[Tensor], EvalError> {
        for (i, plan) in self.plans.iter_mut().enumerate().take(layers) {
            let (before, rest) = self.outputs.split_at_mut(i);
            plan.run(before.last().unwrap_or(picture), &Conditions::NONE, &mut rest[0])?;
        }
        Ok(&self.outputs[..layers])
    }

    /// A picture as a style and as a drawing.
    pub fn features(&mut self, picture: &Tensor) -> Result<Features, EvalError> {
        let texture = centred_grams(self.run(&detail(picture), LAYERS.len() - 1)?);
        self.run(picture, LAYERS.len())?;
        let outputs = &self.outputs;
        let projected = outputs.iter().zip(&self.directions).skip(1);
        let style = StyleFeatures {
            statistics: outputs.iter().map(|x| ops::statistics(x, EPS, false)).collect(),
            grams: grams(outputs),
            texture,
            projections: projected.map(|(x, directions)| Projections::of(x, directions)).collect(),
            colours: Histogram::of(picture),
        };
        Ok(Features { style, likeness: Likeness::of(&outputs[2]), relu4_1: outputs[3].clone() })
    }
}

/// The AdaIN target: the photo's relu4_1 with the painting's statistics there.
pub fn adain_target(content: &Features, style: &StyleFeatures) -> Tensor {
    let style = style.statistics.last().expect("statistics of relu4_1").to_tensor();
    let own = content.style.statistics.last().expect("statistics of relu4_1");
    ops::adain(&content.relu4_1, own, style.data(), 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Op;
    use impasto_core::classic::push_vgg;

    #[test]
    fn the_pieces_are_the_vgg_to_relu4_1() {
        let mut whole = NetworkBuilder::new("vgg");
        push_vgg(&mut whole, "conv4_1");
        let whole = whole.finish();
        let operations = |n: &Network| n.nodes.iter().filter(|n| !matches!(n.op, Op::Input { .. })).count();
        let pieces = pieces();
        assert_eq!(pieces.len(), 4);
        assert_eq!(pieces.iter().map(operations).sum::<usize>(), operations(&whole));
        let (mut size, mut macs) = ((45, 70), 0);
        for piece in &pieces {
            piece.check().unwrap();
            macs += piece.macs(size.0, size.1).unwrap();
            let shape = piece.output_shape(size.0, size.1).unwrap();
            size = (shape.height, shape.width);
        }
        assert_eq!(macs, whole.macs(45, 70).unwrap());
        assert_eq!(size, (6, 9));
    }
}
