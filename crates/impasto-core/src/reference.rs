//! The plain engine: naive loops in `f64`, one function a layer. It judges all other engines, so it is
//! written to be read, and its numbers are pinned to PyTorch's by golden vectors.

pub mod ops;

use crate::engine::{Conditions, Engine, EngineError, Plan, check_prepare, check_shape};
use crate::network::{Network, Op};
use crate::noise::Windows;
use crate::tensor::{Shape, Tensor};
use crate::weights::Weights;
use std::sync::Arc;

/// Walks tables with [`ops`], node after node, keeping every tensor.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReferenceEngine;

impl Engine for ReferenceEngine {
    fn name(&self) -> String {
        "reference".into()
    }

    fn prepare(
        &self,
        network: &Network,
        weights: &Arc<Weights>,
        height: usize,
        width: usize,
    ) -> Result<Box<dyn Plan>, EngineError> {
        check_prepare(network, weights, height, width)?;
        Ok(Box::new(self.plan(network, weights, height, width)?))
    }
}

impl ReferenceEngine {
    /// As [`Engine::prepare`], with the plan's own type, which also shows the tensors between.
    pub fn plan(
        &self,
        network: &Network,
        weights: &Arc<Weights>,
        height: usize,
        width: usize,
    ) -> Result<ReferencePlan, EngineError> {
        let Some(Op::Input { channels }) = network.nodes.first().map(|n| n.op.clone()) else {
            return Err(crate::network::TableError::Input(network.name.clone()).into());
        };
        Ok(ReferencePlan {
            network: network.clone(),
            weights: weights.clone(),
            input: Shape::new(channels, height, width),
            output: network.output_shape(height, width)?,
            remembered: vec![None; network.sites.len()],
            windows: Windows::new(network, &network.shapes(height, width)?),
            tensors: Vec::new(),
        })
    }
}

/// A network at one size, walked by the plain engine.
pub struct ReferencePlan {
    network: Network,
    weights: Arc<Weights>,
    input: Shape,
    output: Shape,
    /// Smoothed content statistics by site.
    remembered: Vec<Option<ops::Statistics>>,
    windows: Windows,
    tensors: Vec<Tensor>,
}

impl ReferencePlan {
    /// Result of the last run at each node.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    fn step(&mut self, id: usize, input: &Tensor, conditions: &Conditions) -> Result<Tensor, EngineError> {
        let node = &self.network.nodes[id];
        let t = &self.tensors;
        Ok(match &node.op {
            Op::Input { .. } => input.extended(
                self.input.height.next_multiple_of(self.network.multiple),
                self.input.width.next_multiple_of(self.network.multiple),
            ),
            Op::Conv { input, out_channels, kernel, stride, groups, padding } => {
                let x = &t[*input];
                let shape = [*out_channels, x.shape().channels / groups, *kernel, *kernel];
                let weight = self.weights.expect(&format!("{}.weight", node.name), &shape)?;
                let bias = self.weights.expect(&format!("{}.bias", node.name), &shape[..1])?;
                ops::conv(x, weight, bias, *kernel, *stride, *groups, *padding)
            }
            Op::Relu { input } => ops::relu(&t[*input]),
            Op::MaxPool2 { input } => ops::max_pool2(&t[*input]),
            Op::AvgPool2 { input } => ops::avg_pool2(&t[*input]),
            Op::Upsample2 { input } => ops::upsample2(&t[*input]),
            Op::Add { a, b } => ops::add(&t[*a], &t[*b]),
            Op::AdaIn { input, site, eps, unbiased } => {
                let own = ops::statistics(&t[*input], *eps, *unbiased);
                let content = match &self.remembered[*site] {
                    Some(before) => before.toward(&own, 1.0 - f64::from(conditions.smoothing)),
                    None => own,
                };
                let style = &conditions.style[self.network.site_range(*site)];
                let y = ops::adain(&t[*input], &content, style, conditions.strength);
                self.remembered[*site] = Some(content);
                y
            }
            Op::Modulate { input, site } => {
                ops::modulate(&t[*input], &conditions.style[self.network.site_range(*site)])
            }
            Op::Noise { input, site, grains, .. } => {
                let shape = [t[*input].shape().channels, grains.len()];
                let weight = self.weights.expect(&format!("{}.weight", node.name), &shape)?;
                let gain = &conditions.style[self.network.site_range(*site)];
                let window = self.windows.of(id).expect("noise sites have a window");
                ops::noise(&t[*input], weight, gain, self.windows.cells(window), conditions.noise_amount())
            }
            Op::MeanStd { input, eps, unbiased } => ops::statistics(&t[*input], *eps, *unbiased).to_tensor(),
            Op::Concat { inputs } => ops::concat(&inputs.iter().map(|&i| &t[i]).collect::<Vec<_>>()),
            Op::Scale { input, mul, add } => ops::scale(&t[*input], *mul, *add),
        })
    }
}

impl Plan for ReferencePlan {
    fn input_shape(&self) -> Shape {
        self.input
    }

    fn output_shape(&self) -> Shape {
        self.output
    }

    fn run(
        &mut self,
        input: &Tensor,
        conditions: &Conditions,
        output: &mut Tensor,
    ) -> Result<(), EngineError> {
        conditions.check(&self.network)?;
        check_shape("input", self.input, input.shape())?;
        check_shape("output", self.output, output.shape())?;
        self.windows.update(&conditions.field);
        self.tensors.clear();
        for id in 0..self.network.nodes.len() {
            let made = self.step(id, input, conditions)?;
            self.tensors.push(made);
        }
        let made = &self.tensors[self.network.output()];
        *output = made.cropped(self.output.height, self.output.width);
        Ok(())
    }

    fn reset(&mut self) {
        self.remembered.fill(None);
    }

    fn memory(&self) -> Vec<f64> {
        let sites = self.remembered.iter().flatten();
        sites.flat_map(|statistics| statistics.mean.iter().chain(&statistics.std)).copied().collect()
    }

    fn recall(&mut self, memory: &[f64]) {
        self.reset();
        let mut rest = memory;
        for node in &self.network.nodes {
            let Op::AdaIn { site, .. } = node.op else { continue };
            let channels = self.network.site_range(site).len() / 2;
            let Some((own, others)) = rest.split_at_checked(2 * channels) else { return self.reset() };
            let (mean, std) = own.split_at(channels);
            self.remembered[site] = Some(ops::Statistics { mean: mean.to_vec(), std: std.to_vec() });
            rest = others;
        }
    }
}
