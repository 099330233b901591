//! Makes every channel of a VGG equally strong, as style transfer needs it (Gatys et al. 2015, section "Methods").
//!
//! Let `m_l[c]` be the mean of channel `c` of layer `l` after its ReLU, over all positions of all pictures. With
//! `w_l[o, i] * m_{l-1}[i] / m_l[o]` for weights and `b_l[o] / m_l[o]` for biases, every such mean becomes 1, and every
//! activation is the old one over its channel's mean: ReLU, padding and max-pool commute with a positive factor.
//!
//! Activations are measured with a reflected border, as Impasto walks the network (the VGG was trained with zeros).

use std::sync::Arc;

use impasto_core::classic::push_vgg;
use impasto_core::engine::{Conditions, Engine, EngineError};
use impasto_core::weights::Weights;
use impasto_core::{Image, Network, NetworkBuilder, NodeId, Tensor};

use crate::layout::{FIRST, LAST, vgg_convolutions};

/// Mean activation of each channel of one layer after its ReLU.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerMeans {
    /// The layer, as in `conv3_1`.
    pub layer: String,
    /// Mean by channel, at least 0.
    pub means: Vec<f64>,
}

/// Walks a VGG over pictures and averages every channel of `conv1_1` to `conv4_1` after its ReLU: over all positions
/// of all pictures, so that a large picture counts for more than a small one.
///
/// `vgg` holds `conv0` (1x1, from RGB in `0..1`) and `conv1_1` to `conv4_1`. Without pictures all means are NaN.
pub fn layer_means(
    vgg: &Arc<Weights>,
    engine: &dyn Engine,
    pictures: &[Image],
) -> Result<Vec<LayerMeans>, EngineError> {
    let measure = Measure::new();
    let mut sums: Vec<Vec<f64>> = vgg_convolutions().iter().map(|conv| vec![0.0; conv.outputs]).collect();
    let mut positions = vec![0.0; sums.len()];
    for picture in pictures {
        let (height, width) = (picture.height(), picture.width());
        let means = measure.means(vgg, engine, picture)?;
        let shapes = measure.network.shapes(height, width)?;
        for (layer, means) in means.iter().enumerate() {
            let area = shapes[measure.relus[layer]].area() as f64;
            positions[layer] += area;
            sums[layer].iter_mut().zip(means).for_each(|(sum, &mean)| *sum += area * f64::from(mean));
        }
    }
    let layers = vgg_convolutions().into_iter().zip(sums).zip(positions);
    Ok(layers
        .map(|((conv, sums), n)| LayerMeans {
            layer: conv.name.to_owned(),
            means: sums.into_iter().map(|sum| sum / n).collect(),
        })
        .collect())
}

/// Rescales the layers of a VGG so that what had these means has means of 1. Returns how many channels are silent
/// (mean 0 on all pictures): those have no factor and stay as they are.
///
/// # Panics
/// If `vgg` lacks a layer, or `means` has another number of channels than a layer.
pub fn rescale(vgg: &mut Weights, means: &[LayerMeans]) -> usize {
    let mut before = vec![1.0; FIRST.outputs];
    let mut silent = 0;
    for conv in vgg_convolutions() {
        let layer = means.iter().find(|layer| layer.layer == conv.name);
        let factor = |mean: &f64| if *mean > 0.0 { *mean } else { 1.0 };
        let own = layer.map_or(vec![1.0; conv.outputs], |layer| layer.means.iter().map(factor).collect());
        silent += layer.map_or(0, |layer| layer.means.iter().filter(|&&mean| mean <= 0.0).count());
        assert_eq!(own.len(), conv.outputs, "means of {}", conv.name);
        let bias = vgg.get_mut(&format!("{}.bias", conv.name)).expect("a VGG has this layer");
        bias.values.iter_mut().zip(&own).for_each(|(b, m)| *b = (f64::from(*b) / m) as f32);
        let weight = vgg.get_mut(&format!("{}.weight", conv.name)).expect("a VGG has this layer");
        for (kernels, m) in weight.values.chunks_exact_mut(conv.inputs * conv.side * conv.side).zip(&own) {
            for (kernel, m_before) in kernels.chunks_exact_mut(conv.side * conv.side).zip(&before) {
                kernel.iter_mut().for_each(|w| *w = (f64::from(*w) * m_before / m) as f32);
            }
        }
        before = own;
    }
    silent
}

/// A table whose output is the mean (and deviation, unused) of every channel after every ReLU.
struct Measure {
    network: Network,
    /// The ReLU of each layer.
    relus: Vec<NodeId>,
}

impl Measure {
    fn new() -> Self {
        let mut b = NetworkBuilder::new("VGG activations");
        let relus: Vec<NodeId> = push_vgg(&mut b, LAST).into_iter().map(|(_, relu)| relu).collect();
        let statistics: Vec<NodeId> = relus.iter().map(|&relu| b.mean_std(relu, 0.0, false)).collect();
        b.concat(&statistics);
        Measure { network: b.finish(), relus }
    }

    /// Mean by channel, layer by layer.
    fn means(
        &self,
        vgg: &Arc<Weights>,
        engine: &dyn Engine,
        picture: &Image,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let mut plan = engine.prepare(&self.network, vgg, picture.height(), picture.width())?;
        let mut output = Tensor::zeros(plan.output_shape());
        plan.run(&picture.to_tensor(), &Conditions::NONE, &mut output)?;
        let mut rest = output.data();
        Ok(vgg_convolutions()
            .iter()
            .map(|conv| {
                let (own, later) = rest.split_at(2 * conv.outputs);
                rest = later;
                own[..conv.outputs].to_vec()
            })
            .collect())
    }
}
