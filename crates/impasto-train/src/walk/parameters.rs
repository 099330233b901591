//! Trainable weights as one flat vector, packed for the kernels once a step, and their gradients.

use super::kernels::Kernels;
use super::map::LANES;
use super::program::Program;
use impasto_core::Weights;
use impasto_core::network::NodeId;
use impasto_core::weights::WeightsError;

/// One layer's place in the flat vector: a convolution's `weight[out][in][k][k]`, then `bias[out]`; or a noise layer's
/// `weight[channels][planes]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// The layer's name in its table.
    pub name: String,
    /// Offset of its weight.
    pub start: usize,
    /// Output channels.
    pub outputs: usize,
    /// Input channels, or planes of noise.
    pub inputs: usize,
    /// Side of the window; 1 for noise.
    pub kernel: usize,
    /// The kind of layer.
    pub kind: LayerKind,
}

/// Kinds of layer that have weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// A convolution of maps.
    Conv,
    /// A 1x1 convolution of vectors.
    Vector,
    /// The noise field; it has no bias.
    Noise,
}

impl Layer {
    /// The layer of node `id`, whose values begin at `start`; `None` for nodes without weights.
    fn of(program: &Program, id: NodeId, start: usize) -> Option<Self> {
        let name = program.network.nodes[id].name.clone();
        if let Some(conv) = program.convs[id] {
            let kind = if program.vector[id] { LayerKind::Vector } else { LayerKind::Conv };
            let (outputs, inputs, kernel) = (conv.outputs, conv.inputs, conv.kernel);
            return Some(Self { name, start, outputs, inputs, kernel, kind });
        }
        let (outputs, inputs) = program.noises[id]?;
        Some(Self { name, start, outputs, inputs, kernel: 1, kind: LayerKind::Noise })
    }

    /// Names and shapes of its tensors, in the order of the flat vector.
    fn tensors(&self) -> Vec<(&'static str, Vec<usize>)> {
        let &Self { outputs, inputs, kernel, .. } = self;
        match self.kind {
            LayerKind::Conv | LayerKind::Vector => {
                vec![("weight", vec![outputs, inputs, kernel, kernel]), ("bias", vec![outputs])]
            }
            LayerKind::Noise => vec![("weight", vec![outputs, inputs])],
        }
    }

    /// Length of the weight without the bias.
    pub fn weight_len(&self) -> usize {
        self.outputs * self.inputs * self.kernel * self.kernel
    }

    /// Range of the weight in the flat vector.
    pub fn weight(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.weight_len()
    }

    /// Range of the bias in the flat vector.
    pub fn bias(&self) -> std::ops::Range<usize> {
        let start = self.start + self.weight_len();
        let len = if self.kind == LayerKind::Noise { 0 } else { self.outputs };
        start..start + len
    }
}

/// The weights of a table's layers in table order.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// For each node, its layer if it has weights.
    pub layers: Vec<Option<Layer>>,
    /// All values.
    pub values: Vec<f32>,
}

impl Parameters {
    /// Takes the weights that the program needs.
    pub fn from_weights(program: &Program, weights: &Weights) -> Result<Self, WeightsError> {
        let (mut layers, mut values) = (Vec::new(), Vec::new());
        for (id, node) in program.network.nodes.iter().enumerate() {
            let layer = Layer::of(program, id, values.len());
            if let Some(layer) = &layer {
                for (part, shape) in layer.tensors() {
                    values.extend_from_slice(weights.expect(&format!("{}.{part}", node.name), &shape)?);
                }
            }
            layers.push(layer);
        }
        Ok(Self { layers, values })
    }

    /// The named weights with `values` (such as an average) in place of the own ones.
    pub fn to_weights(&self, values: &[f32]) -> Weights {
        let mut weights = Weights::new();
        for layer in self.layers.iter().flatten() {
            for ((part, shape), range) in layer.tensors().into_iter().zip([layer.weight(), layer.bias()]) {
                weights.insert(format!("{}.{part}", layer.name), shape, values[range].to_vec());
            }
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
    /// For vectors and noise: the weight itself, `[out][in]`.
    pub plain: Vec<f32>,
}

impl<K: Kernels> Packed<K> {
    /// Packs `values`, which have the layout of `parameters`.
    pub fn new(kernels: K, parameters: &Parameters, values: &[f32]) -> Self {
        let pack = |layer: &Option<Layer>| {
            layer.as_ref().map(|layer| {
                let (weight, bias) = (&values[layer.weight()], values[layer.bias()].to_vec());
                if layer.kind != LayerKind::Conv {
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
        Self { layers: parameters.layers.iter().map(pack).collect() }
    }
}

/// Sums of gradients to the weights.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// For map convolutions `[tap][inputs][outputs]`, padded; for other layers `[out][in]`.
    pub(super) weights: Vec<Vec<f32>>,
    pub(super) biases: Vec<Vec<f32>>,
}

impl Gradients {
    /// Zeros.
    pub fn zeros(parameters: &Parameters) -> Self {
        let weight = |layer: &Option<Layer>| match layer {
            Some(layer) if layer.kind != LayerKind::Conv => vec![0.0; layer.weight_len()],
            Some(l) => {
                vec![
                    0.0;
                    l.kernel * l.kernel * l.inputs.next_multiple_of(LANES) * l.outputs.next_multiple_of(LANES)
                ]
            }
            None => vec![],
        };
        let bias = |layer: &Option<Layer>| layer.as_ref().map_or(vec![], |l| vec![0.0; l.bias().len()]);
        Self {
            weights: parameters.layers.iter().map(weight).collect(),
            biases: parameters.layers.iter().map(bias).collect(),
        }
    }

    /// Back to zero.
    pub fn clear(&mut self) {
        self.weights.iter_mut().chain(&mut self.biases).for_each(|g| g.fill(0.0));
    }

    /// Adds the gradients to `flat`, which has the layout of the parameters' values.
    pub fn add_to(&self, parameters: &Parameters, flat: &mut [f32]) {
        for (id, layer) in parameters.layers.iter().enumerate() {
            let Some(layer) = layer else { continue };
            flat[layer.bias()].iter_mut().zip(&self.biases[id]).for_each(|(f, g)| *f += g);
            let (flat, gradient) = (&mut flat[layer.weight()], &self.weights[id]);
            if layer.kind != LayerKind::Conv {
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
