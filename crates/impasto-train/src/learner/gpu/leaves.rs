//! A table's weights on the device.

use crate::learner::pass::LearnerError;
use crate::walk::{Layer, Parameters, Program};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use impasto_core::network::NodeId;
use impasto_core::{Network, Weights};

/// A table, and where its weights stand in the flat vector of all values.
pub(super) struct Table {
    pub program: Program,
    pub parameters: Parameters,
}

impl Table {
    pub fn new(network: &Network, weights: &Weights) -> Result<Self, LearnerError> {
        let program = Program::new(network)?;
        let parameters = Parameters::from_weights(&program, weights)?;
        Ok(Self { program, parameters })
    }
}

/// A convolution's weight `[out, in, k, k]` and bias `[out]`.
pub(super) struct Leaf {
    pub weight: Tensor<4>,
    pub bias: Tensor<1>,
}

/// The weights of a table, by node.
pub(super) struct Leaves(Vec<Option<Leaf>>);

impl Leaves {
    /// Those that are learned: gradients are kept for them.
    pub fn learned(table: &Table, values: &[f32], device: &Device) -> Self {
        let leaf =
            |Leaf { weight, bias }: Leaf| Leaf { weight: weight.require_grad(), bias: bias.require_grad() };
        Self(uploaded(&table.parameters, values, device).map(|l| l.map(leaf)).collect())
    }

    /// Those of a network that stays as it is.
    pub fn frozen(table: &Table, device: &Device) -> Self {
        Self(uploaded(&table.parameters, &table.parameters.values, device).collect())
    }

    /// # Panics
    /// If the node is no convolution.
    pub fn of(&self, id: NodeId) -> &Leaf {
        self.0[id].as_ref().expect("a convolution")
    }

    /// Values of all.
    pub fn count(&self) -> usize {
        let size = |leaf: &Leaf| leaf.weight.dims().iter().product::<usize>() + leaf.bias.dims()[0];
        self.0.iter().flatten().map(size).sum()
    }

    /// The gradients in the layout of the table's values, `[count]`, in pieces.
    pub fn gradients(&self, gradients: &mut Gradients) -> Vec<Tensor<1>> {
        let mut pieces = Vec::new();
        for Leaf { weight, bias } in self.0.iter().flatten() {
            let zeros = || weight.clone().inner().zeros_like();
            let own = weight.grad_remove(gradients).unwrap_or_else(zeros);
            pieces.push(own.reshape([weight.dims().iter().product::<usize>()]));
            let zeros = || bias.clone().inner().zeros_like();
            pieces.push(bias.grad_remove(gradients).unwrap_or_else(zeros));
        }
        pieces
    }
}

fn uploaded<'a>(
    parameters: &'a Parameters,
    values: &'a [f32],
    device: &'a Device,
) -> impl Iterator<Item = Option<Leaf>> + 'a {
    let leaf = move |layer: &Layer| {
        let shape = [layer.outputs, layer.inputs, layer.kernel, layer.kernel];
        let weight = TensorData::new(values[layer.weight()].to_vec(), shape);
        let bias = TensorData::new(values[layer.bias()].to_vec(), [layer.outputs]);
        Leaf { weight: Tensor::from_data(weight, device), bias: Tensor::from_data(bias, device) }
    };
    parameters.layers.iter().map(move |layer| layer.as_ref().map(leaf))
}
