//! The eye of the losses: VGG-19, normalised, at relu1_1, relu2_1, relu3_1 and relu4_1.
//!
//! A plan shows only its last tensor, so the VGG is cut into four tables, each of which begins where the one
//! before ends; nothing is computed twice.

use crate::EvalError;
use impasto_core::classic::{EPS, VGG19};
use impasto_core::reference::ops::{self, Statistics};
use impasto_core::{Conditions, Engine, Network, NetworkBuilder, Padding, Plan, Tensor, Weights};
use std::sync::Arc;

/// The layers that are looked at, in order.
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

/// What the VGG sees in a picture.
#[derive(Clone, Debug)]
pub struct Look {
    /// Mean and `sqrt(biased variance + 1e-5)` per channel, by layer of [`LAYERS`].
    pub statistics: Vec<Statistics>,
    /// Features at relu4_1.
    pub relu4_1: Tensor,
}

/// The VGG, ready for square pictures of one size.
pub struct Judge {
    plans: Vec<Box<dyn Plan>>,
    outputs: Vec<Tensor>,
}

impl Judge {
    /// `vgg` holds `conv0` and `conv1_1` to `conv4_1` of the normalised VGG-19; pictures will be `[3, size_px, size_px]`.
    ///
    /// # Errors
    /// [`EvalError::Vgg`] when the weights do not fit.
    pub fn new(engine: &dyn Engine, vgg: &Arc<Weights>, size_px: usize) -> Result<Self, EvalError> {
        let mut plans: Vec<Box<dyn Plan>> = Vec::new();
        for piece in pieces() {
            let (height, width) = plans
                .last()
                .map_or((size_px, size_px), |p| (p.output_shape().height, p.output_shape().width));
            plans.push(engine.prepare(&piece, vgg, height, width).map_err(EvalError::Vgg)?);
        }
        let outputs = plans.iter().map(|p| Tensor::zeros(p.output_shape())).collect();
        Ok(Self { plans, outputs })
    }

    /// Looks at one picture.
    pub fn look(&mut self, picture: &Tensor) -> Result<Look, EvalError> {
        for (i, plan) in self.plans.iter_mut().enumerate() {
            let (before, rest) = self.outputs.split_at_mut(i);
            plan.run(before.last().unwrap_or(picture), &Conditions::NONE, &mut rest[0])?;
        }
        let statistics = self.outputs.iter().map(|x| ops::statistics(x, EPS, false)).collect();
        Ok(Look { statistics, relu4_1: self.outputs.last().expect("four pieces").clone() })
    }
}

/// The AdaIN target: the photo's relu4_1 with the painting's statistics there.
pub fn adain_target(content: &Look, style: &[Statistics]) -> Tensor {
    let style = style.last().expect("statistics of relu4_1").to_tensor();
    let own = content.statistics.last().expect("statistics of relu4_1");
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
