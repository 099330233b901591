//! From the table to steps: decides what is fused into what, and which activations exist in memory at all.

use super::step::{Affine, AffineId, BufferId, Conv, Geometry, Lowered, NoiseGains, PoolKind, Step, Value};
use crate::network::{Network, NodeId, Op};
use crate::tensor::Shape;

/// Fusions that an engine's kernels can do.
pub trait Fusion {
    /// Whether a convolution can write the maxima of 2x2 of its results.
    fn takes_pool(&self, conv: &Geometry) -> bool;

    /// Whether a convolution can read the frame's picture times `mul`, which then needs no place in memory.
    fn reads_picture(&self, conv: &Geometry, mul: f32) -> bool;

    /// Whether a scaled picture can be left to its readers. If not, the picture is imported as it is, first of all.
    fn scales_picture(&self) -> bool;

    /// Whether a convolution, `pool` with a max pool, can read a doubled value.
    fn reads_doubled(&self, conv: &Geometry, pool: bool) -> bool;

    /// Whether a convolution can add a doubled residual.
    fn adds_doubled(&self) -> bool;
}

/// Lowers a sound table, folded or not; `shapes` as [`Network::shapes`] gives them.
pub fn lower(network: &Network, shapes: &[Shape], fusion: &dyn Fusion) -> Lowered {
    let nodes = network.nodes.len();
    let mut planner = Planner {
        network,
        shapes,
        fusion,
        readers: network.live_readers(),
        values: vec![None; nodes],
        claimed: vec![false; nodes],
        chains: vec![None; nodes],
        imported: vec![],
        out: Lowered::default(),
    };
    planner.find_chains();
    for id in 0..nodes {
        planner.row(id);
    }
    let input = planner.in_memory(network.output());
    planner.out.steps.push(Step::Export { input });
    planner.out
}

/// Layers that a convolution takes along.
#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    conv: NodeId,
    relu_before: bool,
    residual: Option<NodeId>,
    relu_after: bool,
    pool: bool,
}

struct Planner<'a> {
    network: &'a Network,
    shapes: &'a [Shape],
    fusion: &'a dyn Fusion,
    readers: Vec<Vec<NodeId>>,
    values: Vec<Option<Value>>,
    /// Layers that a convolution takes along.
    claimed: Vec<bool>,
    /// For the last layer of each chain: its convolution and what it takes along.
    chains: Vec<Option<Chain>>,
    /// Pictures in memory, by factor and summand.
    imported: Vec<((f32, f32), BufferId)>,
    out: Lowered,
}

impl<'a> Planner<'a> {
    fn op(&self, id: NodeId) -> &'a Op {
        &self.network.nodes[id].op
    }

    fn is_live(&self, id: NodeId) -> bool {
        id == self.network.output() || !self.readers[id].is_empty()
    }

    fn find_chains(&mut self) {
        for id in 0..self.chains.len() {
            if let Some(geometry) = self.geometry(id).filter(|_| self.is_live(id)) {
                let (end, chain) = self.chain(id, &geometry);
                self.chains[end] = Some(chain);
            }
        }
    }

    /// Shapes and window, if the row is a convolution.
    fn geometry(&self, id: NodeId) -> Option<Geometry> {
        let &Op::Conv { input, kernel, stride, groups, padding, .. } = self.op(id) else { return None };
        Some(Geometry { input: self.shapes[input], output: self.shapes[id], kernel, stride, groups, padding })
    }

    /// Layers that the convolution `conv` takes along, and the last of them.
    fn chain(&mut self, conv: NodeId, geometry: &Geometry) -> (NodeId, Chain) {
        let mut chain = Chain { conv, ..Chain::default() };
        let mut at = conv;
        while let [next] = self.readers[at][..] {
            if !self.takes(&mut chain, at, next, geometry) {
                break;
            }
            self.claimed[next] = true;
            at = next;
            if chain.pool {
                break;
            }
        }
        (at, chain)
    }

    /// Whether `chain`, which has come to layer `at`, takes its only reader `next` along.
    fn takes(&self, chain: &mut Chain, at: NodeId, next: NodeId, geometry: &Geometry) -> bool {
        match *self.op(next) {
            Op::Relu { .. } if chain.residual.is_none() => chain.relu_before = true,
            Op::Relu { .. } => chain.relu_after = true,
            Op::Scale { mul: 1.0, add: 0.0, .. } => {}
            Op::Add { a, b } if chain.residual.is_none() && !self.claimed[next] && a != b => {
                chain.residual = Some(if a == at { b } else { a });
            }
            Op::MaxPool2 { .. } if self.fusion.takes_pool(geometry) => chain.pool = true,
            Op::Input { .. }
            | Op::Conv { .. }
            | Op::MaxPool2 { .. }
            | Op::AvgPool2 { .. }
            | Op::Upsample2 { .. }
            | Op::Add { .. }
            | Op::AdaIn { .. }
            | Op::Modulate { .. }
            | Op::Noise { .. }
            | Op::MeanStd { .. }
            | Op::Concat { .. }
            | Op::Scale { .. } => return false,
        }
        true
    }

    fn row(&mut self, id: NodeId) {
        if let Some(chain) = self.chains[id] {
            self.values[id] = Some(self.conv(id, chain));
        } else if self.is_live(id) && !self.claimed[id] && self.geometry(id).is_none() {
            self.values[id] = Some(self.single(id));
        }
    }

    /// A layer that no convolution takes along.
    fn single(&mut self, id: NodeId) -> Value {
        let shape = self.shapes[id];
        match self.op(id) {
            Op::Input { .. } => self.picture(id),
            Op::Conv { .. } => unreachable!("convolutions are the heads of chains"),
            &Op::Relu { input } => self.relu(input),
            &Op::MaxPool2 { input } => self.pool(PoolKind::Max, input, shape),
            &Op::AvgPool2 { input } => self.pool(PoolKind::Mean, input, shape),
            &Op::Upsample2 { input } => self.up(input),
            &Op::Add { a, b } => {
                let (a, b) = (self.in_memory(a), self.in_memory(b));
                self.made(shape, |out| Step::Blend { a, b: Some(b), out })
            }
            &Op::AdaIn { input, site, eps, unbiased } => {
                let (buffer, style) = (self.materialised(input), self.network.site_range(site));
                let step = |out| Step::AdaIn { input: buffer, style, eps, unbiased, out };
                self.with_affine(input, None, Some(step))
            }
            &Op::Modulate { input, site } => {
                let style = self.network.site_range(site);
                self.with_affine(input, None, Some(|out| Step::Modulate { style, out }))
            }
            &Op::Noise { input, site, .. } => self.noise(id, input, site),
            &Op::MeanStd { input, eps, unbiased } => {
                let input = self.materialised(input);
                self.made(shape, |out| Step::MeanStd { input, eps, unbiased, out })
            }
            Op::Concat { inputs } => self.concat(inputs, shape),
            &Op::Scale { input, mul, add } => self.scale(input, mul, add),
        }
    }

    fn picture(&mut self, id: NodeId) -> Value {
        self.values[id] = Some(Value::Picture { mul: 1.0, add: 0.0 });
        if self.fusion.scales_picture() { self.value(id) } else { self.in_memory(id) }
    }

    fn conv(&mut self, end: NodeId, chain: Chain) -> Value {
        let geometry = self.geometry(chain.conv).expect("chains begin with a convolution");
        let input = self.op(chain.conv).inputs()[0];
        let value = match self.value(input) {
            Value::Picture { mul, .. } if !self.fusion.reads_picture(&geometry, mul) => self.in_memory(input),
            Value::Buffer { up: true, .. } if !self.fusion.reads_doubled(&geometry, chain.pool) => {
                Value::plain(self.materialised(input))
            }
            value => value,
        };
        let residual = chain.residual.map(|id| match self.in_memory(id) {
            Value::Buffer { up: true, .. } if !self.fusion.adds_doubled() => {
                Value::plain(self.materialised(id))
            }
            value => value,
        });
        let Chain { conv: layer, relu_before, relu_after, pool, .. } = chain;
        self.made(self.shapes[end], |out| {
            Step::Conv(Conv { layer, input: value, geometry, relu_before, residual, relu_after, pool, out })
        })
    }

    fn relu(&mut self, input: NodeId) -> Value {
        match self.in_memory(input) {
            Value::Buffer { buffer, up, affine, noise, .. } => {
                Value::Buffer { buffer, up, affine, noise, relu: true }
            }
            picture @ Value::Picture { .. } => unreachable!("{picture:?} was imported"),
        }
    }

    fn pool(&mut self, kind: PoolKind, input: NodeId, shape: Shape) -> Value {
        let (input, inner) = (self.in_memory(input), self.shapes[input]);
        self.made(shape, |out| Step::Pool { kind, input, shape: inner, out })
    }

    fn up(&mut self, input: NodeId) -> Value {
        match self.in_memory(input) {
            Value::Buffer { buffer, up: false, affine, noise, relu } => {
                Value::Buffer { buffer, up: true, affine, noise, relu }
            }
            _ => {
                let buffer = self.materialised(input);
                Value::Buffer { buffer, up: true, affine: None, noise: None, relu: false }
            }
        }
    }

    fn scale(&mut self, input: NodeId, mul: f32, add: f32) -> Value {
        match self.value(input) {
            value if (mul, add) == (1.0, 0.0) => value,
            Value::Picture { mul: m, add: a } => Value::Picture { mul: m * mul, add: a * mul + add },
            Value::Buffer { .. } => self.with_affine(input, Some((mul, add)), None::<fn(AffineId) -> Step>),
        }
    }

    /// The value of `input` under a new affine map, which `step` writes.
    fn with_affine(
        &mut self,
        input: NodeId,
        constant: Option<(f32, f32)>,
        step: Option<impl FnOnce(AffineId) -> Step>,
    ) -> Value {
        let (buffer, up) = match self.value(input) {
            Value::Buffer { buffer, up, affine: None, noise: None, relu: false } => (buffer, up),
            _ => (self.materialised(input), false),
        };
        self.out.affines.push(Affine { channels: self.shapes[input].channels, constant });
        let affine = self.out.affines.len() - 1;
        self.out.steps.extend(step.map(|step| step(affine)));
        Value::Buffer { buffer, up, affine: Some(affine), noise: None, relu: false }
    }

    /// The value of `input` under the noise field, which lies in memory as the value does.
    fn noise(&mut self, layer: NodeId, input: NodeId, site: usize) -> Value {
        let (buffer, affine) = match self.value(input) {
            Value::Buffer { buffer, up: false, affine, noise: None, relu: false }
                if !self.has_noise(affine) =>
            {
                (buffer, affine)
            }
            _ => (self.materialised(input), None),
        };
        self.out.noises.push(NoiseGains { layer, channels: self.shapes[input].channels, affine });
        let out = self.out.noises.len() - 1;
        self.out.steps.push(Step::Noise { style: self.network.site_range(site), out });
        Value::Buffer { buffer, up: false, affine, noise: Some(out), relu: false }
    }

    /// Whether a noise field stands over this affine map already: that of another reader.
    fn has_noise(&self, affine: Option<AffineId>) -> bool {
        affine.is_some() && self.out.noises.iter().any(|noise| noise.affine == affine)
    }

    fn concat(&mut self, inputs: &[NodeId], shape: Shape) -> Value {
        let out = self.buffer(shape);
        let mut offset = 0;
        for &input in inputs {
            let channels = self.shapes[input].channels;
            let input = self.in_memory(input);
            self.out.steps.push(Step::Copy { input, channels, offset, out });
            offset += channels;
        }
        Value::plain(out)
    }

    fn value(&self, id: NodeId) -> Value {
        self.values[id].expect("layers read earlier layers")
    }

    fn buffer(&mut self, shape: Shape) -> BufferId {
        self.out.buffers.push(shape);
        self.out.buffers.len() - 1
    }

    /// A new activation, and the step that makes it.
    fn made(&mut self, shape: Shape, step: impl FnOnce(BufferId) -> Step) -> Value {
        let out = self.buffer(shape);
        self.out.steps.push(step(out));
        Value::plain(out)
    }

    /// The value of a layer, never the picture.
    fn in_memory(&mut self, id: NodeId) -> Value {
        let Value::Picture { mul, add } = self.value(id) else { return self.value(id) };
        if let Some((_, buffer)) = self.imported.iter().find(|(key, _)| *key == (mul, add)) {
            return Value::plain(*buffer);
        }
        let out = self.buffer(self.shapes[id]);
        self.out.steps.push(Step::Import { mul, add, out });
        self.imported.push(((mul, add), out));
        Value::plain(out)
    }

    /// An activation that holds exactly the layer's result. Later readers use it too.
    fn materialised(&mut self, id: NodeId) -> BufferId {
        let value = self.in_memory(id);
        let plain = match value {
            Value::Buffer { up: false, affine: None, noise: None, relu: false, .. } => value,
            _ => self.made(self.shapes[id], |out| Step::Blend { a: value, b: None, out }),
        };
        self.values[id] = Some(plain);
        plain.buffer().expect("it is in memory")
    }
}
