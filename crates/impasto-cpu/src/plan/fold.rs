//! The table as the engine sees it: constant layers folded into the convolutions beside them.
//!
//! * A scale right after a convolution goes into its weights and bias.
//! * A 1x1 convolution of the picture goes into the convolution that reads it, where the padding repeats values
//!   of the picture; with zero padding the border would change.

use impasto_core::{Network, NodeId, Op, Padding, Weights, WeightsError};
use std::borrow::Cow;

/// One layer.
#[derive(Clone, Debug)]
pub(crate) struct Layer<'a> {
    /// What it does, with inputs rewired.
    pub op: Op,
    /// A convolution's weights.
    pub conv: Option<ConvWeights<'a>>,
    /// The weights of the noise field, `[channels][planes]`.
    pub noise: Option<&'a [f32]>,
}

/// `weight[out][in / groups][kernel][kernel]`, `bias[out]`. Those of the model, where nothing was folded into them.
#[derive(Clone, Debug)]
pub(crate) struct ConvWeights<'a> {
    pub weight: Cow<'a, [f32]>,
    pub bias: Cow<'a, [f32]>,
}

/// Folds a table. A scale that was folded becomes `1 * x + 0`; a convolution that was folded has no reader.
pub(crate) fn fold<'a>(network: &Network, weights: &'a Weights) -> Result<Vec<Layer<'a>>, WeightsError> {
    let mut layers = Vec::with_capacity(network.nodes.len());
    let channels = network.shapes(64, 64).map_err(|e| WeightsError::Table(e.to_string()))?;
    for node in &network.nodes {
        let conv = match node.op {
            Op::Conv { input, out_channels, kernel, groups, .. } => {
                let shape = [out_channels, channels[input].channels / groups, kernel, kernel];
                let weight = weights.expect(&format!("{}.weight", node.name), &shape)?.into();
                let bias = weights.expect(&format!("{}.bias", node.name), &shape[..1])?.into();
                Some(ConvWeights { weight, bias })
            }
            _ => None,
        };
        let noise = match &node.op {
            Op::Noise { input, grains, .. } => {
                let shape = [channels[*input].channels, grains.len()];
                Some(weights.expect(&format!("{}.weight", node.name), &shape)?)
            }
            _ => None,
        };
        layers.push(Layer { op: node.op.clone(), conv, noise });
    }
    for id in 0..layers.len() {
        fold_scale(&mut layers, id);
    }
    for id in 0..layers.len() {
        fold_first(&mut layers, id);
    }
    Ok(layers)
}

/// Which layers read each layer, counting only layers that the output needs.
pub(crate) fn readers(layers: &[Layer<'_>]) -> Vec<Vec<NodeId>> {
    let mut needed = vec![false; layers.len()];
    needed[layers.len() - 1] = true;
    let mut readers = vec![Vec::new(); layers.len()];
    for id in (0..layers.len()).rev().collect::<Vec<_>>() {
        if needed[id] {
            for input in layers[id].op.inputs() {
                needed[input] = true;
                readers[input].push(id);
            }
        }
    }
    readers
}

fn fold_scale(layers: &mut [Layer<'_>], id: NodeId) {
    let Op::Scale { input, mul, add } = layers[id].op else { return };
    if readers(layers)[input].len() != 1 {
        return;
    }
    let Some(conv) = &mut layers[input].conv else { return };
    conv.weight.to_mut().iter_mut().for_each(|w| *w *= mul);
    conv.bias.to_mut().iter_mut().for_each(|b| *b = *b * mul + add);
    layers[id].op = Op::Scale { input, mul: 1.0, add: 0.0 };
}

fn fold_first(layers: &mut [Layer<'_>], id: NodeId) {
    let Op::Conv { input: picture, kernel: 1, stride: 1, groups: 1, out_channels, .. } = layers[id].op else {
        return;
    };
    let small = matches!(layers[picture].op, Op::Input { channels } if channels <= 4) && out_channels <= 4;
    let [reader] = readers(layers)[id][..] else { return };
    let Op::Conv { ref mut input, kernel, groups: 1, padding, .. } = layers[reader].op else { return };
    if !small || (padding == Padding::Zero && kernel > 1) {
        return;
    }
    *input = picture;
    let first = layers[id].conv.clone().expect("a convolution has weights");
    let second = layers[reader].conv.as_mut().expect("a convolution has weights");
    *second = composed(&first, second, kernel * kernel);
}

/// `second` after the 1x1 convolution `first`, where no zeros are padded.
fn composed(first: &ConvWeights<'_>, second: &ConvWeights<'_>, taps: usize) -> ConvWeights<'static> {
    let middle = first.bias.len();
    let inner = first.weight.len() / middle;
    let at = |o: usize, m: usize, tap: usize| f64::from(second.weight[(o * middle + m) * taps + tap]);
    let mut weight = Vec::with_capacity(second.bias.len() * inner * taps);
    let mut bias = Vec::with_capacity(second.bias.len());
    for (o, &b) in second.bias.iter().enumerate() {
        for c in 0..inner {
            for tap in 0..taps {
                let product = |m: usize| at(o, m, tap) * f64::from(first.weight[m * inner + c]);
                weight.push((0..middle).map(product).sum::<f64>() as f32);
            }
        }
        let through = |m: usize| (0..taps).map(|tap| at(o, m, tap)).sum::<f64>() * f64::from(first.bias[m]);
        bias.push((f64::from(b) + (0..middle).map(through).sum::<f64>()) as f32);
    }
    ConvWeights { weight: weight.into(), bias: bias.into() }
}
