//! Trainable weights as one flat vector, packed for the kernels once a step, and their gradients.

use super::kernels::Kernels;
use super::map::LANES;
use super::program::Program;
use impasto_core::Weights;
use impasto_core::weights::WeightsError;

/// One convolution's place in the flat vector: `weight[out][in][k][k]`, then `bias[out]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// The layer's name in its table.
    pub name: String,
    /// Where its weight starts.
    pub start: usize,
    /// Output channels.
    pub outputs: usize,
    /// Input channels.
    pub inputs: usize,
    /// Side of the window.
    pub kernel: usize,
}

impl Layer {
    /// Length of the weight without the bias.
    pub fn weight_len(&self) -> usize {
        self.outputs * self.inputs * self.kernel * self.kernel
    }

    /// Where the weight stands.
    pub fn weight(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.weight_len()
    }

    /// Where the bias stands.
    pub fn bias(&self) -> std::ops::Range<usize> {
        let start = self.start + self.weight_len();
        start..start + self.outputs
    }
}

/// The weights of a table's convolutions in table order.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// For each node, its layer if it is a convolution.
    pub layers: Vec<Option<Layer>>,
    /// All values.
    pub values: Vec<f32>,
}

impl Parameters {
    /// Takes the weights that the program needs.
    pub fn from_weights(program: &Program, weights: &Weights) -> Result<Self, WeightsError> {
        let (mut layers, mut values) = (Vec::new(), Vec::new());
        for (node, conv) in program.network.nodes.iter().zip(&program.convs) {
            let Some(conv) = conv else {
                layers.push(None);
                continue;
            };
            let shape = [conv.outputs, conv.inputs, conv.kernel, conv.kernel];
            let layer = Layer {
                name: node.name.clone(),
                start: values.len(),
                outputs: conv.outputs,
                inputs: conv.inputs,
                kernel: conv.kernel,
            };
            values.extend_from_slice(weights.expect(&format!("{}.weight", node.name), &shape)?);
            values.extend_from_slice(weights.expect(&format!("{}.bias", node.name), &[conv.outputs])?);
            layers.push(Some(layer));
        }
        Ok(Self { layers, values })
    }

    /// The named weights with `values` (such as an average) in place of the own ones.
    pub fn to_weights(&self, values: &[f32]) -> Weights {
        let mut weights = Weights::new();
        for layer in self.layers.iter().flatten() {
            let shape = vec![layer.outputs, layer.inputs, layer.kernel, layer.kernel];
            weights.insert(format!("{}.weight", layer.name), shape, values[layer.weight()].to_vec());
            weights.insert(
                format!("{}.bias", layer.name),
                vec![layer.outputs],
                values[layer.bias()].to_vec(),
            );
        }
        weights
    }
}

/// Weights packed for both ways.
pub struct Packed<K: Kernels> {
    pub(super) layers: Vec<Option<PackedLayer<K>>>,
}

pub(super) struct PackedLayer<K: Kernels> {
    pub forward: Option<K::Weights>,
    pub back: Option<K::Weights>,
    /// Padded for maps.
    pub bias: Vec<f32>,
    /// For vectors: the weight itself, `[out][in]`.
    pub plain: Vec<f32>,
}

impl<K: Kernels> Packed<K> {
    /// Packs `values`, which have the layout of `parameters`.
    pub fn new(kernels: K, program: &Program, parameters: &Parameters, values: &[f32]) -> Self {
        let pack = |(id, layer): (usize, &Option<Layer>)| {
            layer.as_ref().map(|layer| {
                let (weight, bias) = (&values[layer.weight()], values[layer.bias()].to_vec());
                if program.vector[id] {
                    return PackedLayer { forward: None, back: None, bias, plain: weight.to_vec() };
                }
                let mut bias = bias;
                bias.resize(layer.outputs.next_multiple_of(LANES), 0.0);
                let (o, i, k) = (layer.outputs, layer.inputs, layer.kernel);
                PackedLayer {
                    forward: Some(kernels.pack(weight, o, i, k)),
                    back: Some(kernels.pack_transposed(weight, o, i, k)),
                    bias,
                    plain: vec![],
                }
            })
        };
        Self { layers: parameters.layers.iter().enumerate().map(pack).collect() }
    }
}

/// Sums of gradients to the weights.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// For map convolutions `[tap][inputs][outputs]`, padded; for vector convolutions `[out][in]`.
    pub(super) weights: Vec<Vec<f32>>,
    pub(super) biases: Vec<Vec<f32>>,
}

impl Gradients {
    /// Zeros.
    pub fn zeros(program: &Program, parameters: &Parameters) -> Self {
        let weight = |(id, layer): (usize, &Option<Layer>)| match layer {
            Some(layer) if program.vector[id] => vec![0.0; layer.weight_len()],
            Some(l) => {
                vec![
                    0.0;
                    l.kernel * l.kernel * l.inputs.next_multiple_of(LANES) * l.outputs.next_multiple_of(LANES)
                ]
            }
            None => vec![],
        };
        let bias = |layer: &Option<Layer>| layer.as_ref().map_or(vec![], |l| vec![0.0; l.outputs]);
        Self {
            weights: parameters.layers.iter().enumerate().map(weight).collect(),
            biases: parameters.layers.iter().map(bias).collect(),
        }
    }

    /// Back to zero.
    pub fn clear(&mut self) {
        self.weights.iter_mut().chain(&mut self.biases).for_each(|g| g.fill(0.0));
    }

    /// Adds the gradients to `flat`, which has the layout of the parameters' values.
    pub fn add_to(&self, program: &Program, parameters: &Parameters, flat: &mut [f32]) {
        for (id, layer) in parameters.layers.iter().enumerate() {
            let Some(layer) = layer else { continue };
            flat[layer.bias()].iter_mut().zip(&self.biases[id]).for_each(|(f, g)| *f += g);
            let (flat, gradient) = (&mut flat[layer.weight()], &self.weights[id]);
            if program.vector[id] {
                flat.iter_mut().zip(gradient).for_each(|(f, g)| *f += g);
                continue;
            }
            let (taps, inputs) = (layer.kernel * layer.kernel, layer.inputs.next_multiple_of(LANES));
            let outputs = layer.outputs.next_multiple_of(LANES);
            for t in 0..taps {
                for i in 0..layer.inputs {
                    let row = &gradient[(t * inputs + i) * outputs..][..layer.outputs];
                    let column = flat[i * taps + t..].iter_mut().step_by(layer.inputs * taps);
                    column.zip(row).for_each(|(f, g)| *f += g);
                }
            }
        }
    }
}
