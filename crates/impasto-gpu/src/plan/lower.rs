//! From the table to steps: what is fused into what, and which activations exist in memory at all.
//!
//! A convolution takes along the layers behind it that only it feeds: ReLU, residual sum, ReLU, max pool. Upsampling, AdaIN,
//! modulation, the noise field, scaling and ReLU elsewhere are noted in the [`Value`] that later layers read; kernels apply them while
//! they load.

use impasto_core::{Network, NodeId, Op, Padding, Shape};

/// Number of an activation in memory.
pub(crate) type BufferId = usize;
/// Number of a pair of gain and shift vectors, with which a noise field may stand.
pub(crate) type AffineId = usize;

/// What a layer's result is, as seen by its readers: `max(gain * x + shift + noise, floor)`, doubled if `up`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Value {
    pub buffer: BufferId,
    pub up: bool,
    pub affine: Option<AffineId>,
    /// Whether the noise field that stands with the affine map is added.
    pub noise: bool,
    pub relu: bool,
}

/// A convolution with what it takes along.
#[derive(Clone, Debug)]
pub(crate) struct Conv {
    /// The row of the table, for the weights.
    pub node: NodeId,
    pub input: Value,
    /// Of the input and the result before pooling, as the table sees them.
    pub shapes: (Shape, Shape),
    pub kernel: usize,
    pub stride: usize,
    pub groups: usize,
    pub padding: Padding,
    pub relu_before: bool,
    pub residual: Option<Value>,
    pub relu_after: bool,
    pub pool: bool,
    pub out: BufferId,
}

/// How statistics are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statistics {
    pub input: BufferId,
    pub eps: f32,
    pub unbiased: bool,
}

/// One step. Shapes are those of the result, or of the input where that is said.
#[derive(Clone, Debug)]
pub(crate) enum Spec {
    Import {
        out: BufferId,
    },
    Conv(Conv),
    Blend {
        a: Value,
        b: Option<Value>,
        out: BufferId,
    },
    Copy {
        input: Value,
        channels: usize,
        offset: usize,
        out: BufferId,
    },
    /// `shape` is the input's; maxima, or means if `mean`.
    Pool {
        mean: bool,
        input: Value,
        shape: Shape,
        out: BufferId,
    },
    AdaIn {
        of: Statistics,
        site: usize,
        out: AffineId,
    },
    MeanStd {
        of: Statistics,
        out: BufferId,
    },
    Export {
        input: Value,
    },
}

/// An affine map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Affine {
    pub channels: usize,
    pub gains: Gains,
    /// The layer whose noise field stands with it.
    pub noise: Option<NodeId>,
}

/// What an affine map holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Gains {
    /// The same gain and shift for all channels.
    Constant(f32, f32),
    /// Gain and shift straight from the style's part for that site.
    Modulate(usize),
    /// Written by an AdaIN step.
    AdaIn,
}

/// The outcome.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lowered {
    pub specs: Vec<Spec>,
    /// Shape of each activation in memory.
    pub buffers: Vec<Shape>,
    pub affines: Vec<Affine>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    conv: NodeId,
    relu_before: bool,
    residual: Option<NodeId>,
    relu_after: bool,
    pool: bool,
}

/// Lowers a sound table; `shapes` as [`Network::shapes`] gives them.
pub(crate) fn lower(network: &Network, shapes: &[Shape]) -> Lowered {
    let nodes = network.nodes.len();
    let mut lowering = Lowering {
        network,
        shapes,
        readers: needed_readers(network),
        values: vec![None; nodes],
        claimed: vec![false; nodes],
        chains: vec![None; nodes],
        out: Lowered::default(),
    };
    lowering.find_chains();
    for id in 0..nodes {
        lowering.layer(id);
    }
    let input = lowering.value(network.output());
    lowering.out.specs.push(Spec::Export { input });
    lowering.out
}

/// Which layers read each layer, counting only layers that the output needs.
fn needed_readers(network: &Network) -> Vec<Vec<NodeId>> {
    let mut needed = vec![false; network.nodes.len()];
    needed[network.output()] = true;
    let mut readers = vec![Vec::new(); needed.len()];
    for id in (0..needed.len()).rev() {
        if !needed[id] {
            continue;
        }
        for input in network.nodes[id].op.inputs() {
            needed[input] = true;
            readers[input].push(id);
        }
    }
    readers
}

struct Lowering<'a> {
    network: &'a Network,
    shapes: &'a [Shape],
    readers: Vec<Vec<NodeId>>,
    values: Vec<Option<Value>>,
    /// Layers that a convolution takes along.
    claimed: Vec<bool>,
    /// For the last layer of each chain: its convolution and what it takes along.
    chains: Vec<Option<Chain>>,
    out: Lowered,
}

impl Lowering<'_> {
    fn find_chains(&mut self) {
        for id in 0..self.chains.len() {
            if matches!(self.network.nodes[id].op, Op::Conv { .. }) && self.is_needed(id) {
                let (end, chain) = self.chain(id);
                self.chains[end] = Some(chain);
            }
        }
    }

    fn is_needed(&self, id: NodeId) -> bool {
        id == self.network.output() || !self.readers[id].is_empty()
    }

    /// What the convolution `conv` takes along, and the last layer of that.
    fn chain(&mut self, conv: NodeId) -> (NodeId, Chain) {
        let mut chain = Chain { conv, ..Chain::default() };
        let mut at = conv;
        while let [next] = self.readers[at][..] {
            match self.network.nodes[next].op {
                Op::Relu { .. } if chain.residual.is_none() => chain.relu_before = true,
                Op::Relu { .. } => chain.relu_after = true,
                Op::Add { a, b } if chain.residual.is_none() && !self.claimed[next] && a != b => {
                    chain.residual = Some(if a == at { b } else { a });
                }
                Op::MaxPool2 { .. } if self.can_pool(conv) => chain.pool = true,
                _ => break,
            }
            self.claimed[next] = true;
            at = next;
            if chain.pool {
                break;
            }
        }
        (at, chain)
    }

    fn can_pool(&self, conv: NodeId) -> bool {
        let op = &self.network.nodes[conv].op;
        matches!(op, &Op::Conv { kernel, stride, groups, .. } if fits_tiles(kernel, stride, groups))
    }

    fn buffer(&mut self, shape: Shape) -> BufferId {
        self.out.buffers.push(shape);
        self.out.buffers.len() - 1
    }

    fn value(&self, id: NodeId) -> Value {
        self.values[id].expect("layers read earlier layers")
    }

    fn layer(&mut self, id: NodeId) {
        if let Some(chain) = self.chains[id] {
            self.values[id] = Some(self.conv(id, chain));
            return;
        }
        let op = &self.network.nodes[id].op;
        if self.claimed[id] || !self.is_needed(id) || matches!(op, Op::Conv { .. }) {
            return;
        }
        self.values[id] = Some(self.plain_layer(id));
    }

    /// A layer that no convolution takes along.
    fn plain_layer(&mut self, id: NodeId) -> Value {
        let shape = self.shapes[id];
        match &self.network.nodes[id].op {
            Op::Input { .. } => self.made(shape, |out| Spec::Import { out }),
            Op::Conv { .. } => unreachable!("convolutions are the heads of chains"),
            &Op::Relu { input } => Value { relu: true, ..self.value(input) },
            &Op::Scale { input, mul, add } => self.with_affine(input, Gains::Constant(mul, add)).0,
            &Op::Upsample2 { input } => match self.value(input) {
                Value { up: true, .. } => Value { up: true, ..self.materialised(input) },
                value => Value { up: true, ..value },
            },
            &Op::MaxPool2 { input } => self.pool(false, input, shape),
            &Op::AvgPool2 { input } => self.pool(true, input, shape),
            &Op::Add { a, b } => {
                let (a, b) = (self.value(a), self.value(b));
                self.made(shape, |out| Spec::Blend { a, b: Some(b), out })
            }
            Op::Concat { inputs } => self.concat(inputs, shape),
            &Op::AdaIn { input, site, eps, unbiased } => {
                let buffer = self.materialised(input).buffer;
                let (value, out) = self.with_affine(input, Gains::AdaIn);
                let of = Statistics { input: buffer, eps, unbiased };
                self.out.specs.push(Spec::AdaIn { of, site, out });
                value
            }
            &Op::Modulate { input, site } => self.with_affine(input, Gains::Modulate(site)).0,
            &Op::Noise { input, .. } => self.noise(id, input),
            &Op::MeanStd { input, eps, unbiased } => {
                let of = Statistics { input: self.materialised(input).buffer, eps, unbiased };
                self.made(shape, |out| Spec::MeanStd { of, out })
            }
        }
    }

    fn pool(&mut self, mean: bool, input: NodeId, shape: Shape) -> Value {
        let (input, inner) = (self.value(input), self.shapes[input]);
        self.made(shape, |out| Spec::Pool { mean, input, shape: inner, out })
    }

    /// A new activation, and the step that makes it.
    fn made(&mut self, shape: Shape, spec: impl FnOnce(BufferId) -> Spec) -> Value {
        let out = self.buffer(shape);
        self.out.specs.push(spec(out));
        plain(out)
    }

    fn conv(&mut self, end: NodeId, chain: Chain) -> Value {
        let Op::Conv { input, kernel, stride, groups, padding, .. } = self.network.nodes[chain.conv].op
        else {
            unreachable!("chains begin with a convolution")
        };
        let (node, shapes) = (chain.conv, (self.shapes[input], self.shapes[chain.conv]));
        let (input, residual) = (self.value(input), chain.residual.map(|id| self.value(id)));
        let Chain { relu_before, relu_after, pool, .. } = chain;
        let out = self.buffer(self.shapes[end]);
        self.out.specs.push(Spec::Conv(Conv {
            node,
            input,
            shapes,
            kernel,
            stride,
            groups,
            padding,
            relu_before,
            residual,
            relu_after,
            pool,
            out,
        }));
        plain(out)
    }

    /// The value of `input` under a new affine map.
    fn with_affine(&mut self, input: NodeId, gains: Gains) -> (Value, AffineId) {
        let value = match self.value(input) {
            value @ Value { affine: None, noise: false, relu: false, .. } => value,
            _ => self.materialised(input),
        };
        self.out.affines.push(Affine { channels: self.shapes[input].channels, gains, noise: None });
        let id = self.out.affines.len() - 1;
        (Value { affine: Some(id), ..value }, id)
    }

    /// The value of `input` under the noise field of `layer`, which lies in memory as the value does.
    fn noise(&mut self, layer: NodeId, input: NodeId) -> Value {
        let value = match self.value(input) {
            value @ Value { up: false, noise: false, relu: false, .. } if !self.is_taken(value) => value,
            _ => self.materialised(input),
        };
        let (value, affine) = match value.affine {
            Some(affine) => (value, affine),
            None => self.with_affine(input, Gains::Constant(1.0, 0.0)),
        };
        self.out.affines[affine].noise = Some(layer);
        Value { noise: true, ..value }
    }

    /// Whether a noise field stands with the affine map of `value` already: that of another reader.
    fn is_taken(&self, value: Value) -> bool {
        value.affine.is_some_and(|id| self.out.affines[id].noise.is_some())
    }

    fn concat(&mut self, inputs: &[NodeId], shape: Shape) -> Value {
        let out = self.buffer(shape);
        let mut offset = 0;
        for &input in inputs {
            let channels = self.shapes[input].channels;
            self.out.specs.push(Spec::Copy { input: self.value(input), channels, offset, out });
            offset += channels;
        }
        plain(out)
    }

    /// The layer's result as it is, in memory. Later readers use it too.
    fn materialised(&mut self, id: NodeId) -> Value {
        let value = self.value(id);
        if value != plain(value.buffer) {
            let made = self.made(self.shapes[id], |out| Spec::Blend { a: value, b: None, out });
            self.values[id] = Some(made);
        }
        self.value(id)
    }
}

/// Whether `conv.wgsl` takes such a convolution; else it is `direct.wgsl`.
pub(crate) fn fits_tiles(kernel: usize, stride: usize, groups: usize) -> bool {
    kernel <= 9 && stride <= 2 && groups == 1
}

pub(crate) fn plain(buffer: BufferId) -> Value {
    Value { buffer, up: false, affine: None, noise: false, relu: false }
}

impl Spec {
    /// Activations that this step reads, and the one that it writes.
    pub fn buffers(&self) -> (Vec<BufferId>, Option<BufferId>) {
        match self {
            Spec::Import { out } => (vec![], Some(*out)),
            Spec::Conv(conv) => {
                let residual = conv.residual.map(|value| value.buffer);
                ([conv.input.buffer].into_iter().chain(residual).collect(), Some(conv.out))
            }
            Spec::Blend { a, b, out } => (a_and_b(a, b), Some(*out)),
            Spec::Copy { input, out, .. } | Spec::Pool { input, out, .. } => (vec![input.buffer], Some(*out)),
            Spec::AdaIn { of, .. } => (vec![of.input], None),
            Spec::MeanStd { of, out } => (vec![of.input], Some(*out)),
            Spec::Export { input } => (vec![input.buffer], None),
        }
    }
}

fn a_and_b(a: &Value, b: &Option<Value>) -> Vec<BufferId> {
    [a.buffer].into_iter().chain(b.map(|b| b.buffer)).collect()
}
