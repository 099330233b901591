//! From the table to steps: decides what is fused into what, and which activations exist in memory at all.
//!
//! * A convolution takes along the layers behind it that only it feeds: ReLU, residual sum, ReLU, max pool.
//! * Upsampling, AdaIN, modulation, scaling and ReLU elsewhere are not computed but noted in the *value* that later
//!   layers read ([`Value`]); kernels apply them while they load.

use super::fold::{Layer, readers};
use crate::kernel::pool::PoolKind;
use crate::precision::Precision;
use impasto_core::{NodeId, Op, Padding, Shape};
use std::ops::Range;

/// Number of an activation in memory.
pub(crate) type BufferId = usize;
/// Number of a pair of gain and shift vectors.
pub(crate) type AffineId = usize;
/// Number of a set of gains for the noise field's planes.
pub(crate) type NoiseId = usize;
/// Number of a set of sums for statistics.
pub(crate) type SumsId = usize;

/// What a layer's result is, as seen by its readers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    /// The frame's picture, `mul * x + add`.
    Picture { mul: f32, add: f32 },
    /// An activation: `max(gain * x + shift + noise, floor)`, doubled if `up`.
    Buffer { buffer: BufferId, up: bool, affine: Option<AffineId>, noise: Option<NoiseId>, relu: bool },
}

/// Where a convolution writes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// An activation.
    Buffer(BufferId),
    /// The frame's canvas.
    Canvas,
}

/// A convolution with what it takes along.
#[derive(Clone, Debug)]
pub(crate) struct Conv {
    pub layer: NodeId,
    pub input: Value,
    /// Size of the input as the table sees it.
    pub input_shape: Shape,
    pub kernel: usize,
    pub stride: usize,
    pub groups: usize,
    pub padding: Padding,
    pub relu_before: bool,
    pub residual: Option<Value>,
    pub relu_after: bool,
    pub pool: bool,
    pub target: Target,
    pub sums: Option<SumsId>,
    /// The sums of its input, whose ranges it needs, if it works in eight bits.
    pub eight: Option<SumsId>,
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) enum Spec {
    Import { mul: f32, add: f32, out: BufferId },
    Conv(Conv),
    Blend { a: Value, b: Option<Value>, out: BufferId, offset: usize, channels: usize },
    Pool { kind: PoolKind, input: Value, out: BufferId },
    Sums { input: BufferId, sums: SumsId },
    AdaIn { sums: SumsId, style: Range<usize>, eps: f32, unbiased: bool, out: AffineId },
    Modulate { style: Range<usize>, out: AffineId },
    Noise { layer: NodeId, style: Range<usize>, out: NoiseId },
    MeanStd { sums: SumsId, eps: f32, unbiased: bool, channels: usize, out: BufferId },
    Export { input: Value },
}

/// The outcome.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lowered {
    pub specs: Vec<Spec>,
    /// Shape of each activation, channels as in the table.
    pub buffers: Vec<Shape>,
    /// Channels of each affine map, and its constant if it is one.
    pub affines: Vec<(usize, Option<(f32, f32)>)>,
    /// For each set of gains of the noise field, the layer that adds it and its channels.
    pub noises: Vec<(NodeId, usize)>,
    /// Number of sets of sums.
    pub sums: usize,
    /// Whether activations are bf16 and convolutions run on tiles.
    pub half: bool,
    /// Whether convolutions that gain by it work in eight bits.
    pub eight: bool,
}

/// Lowers a folded table; `shapes` as [`impasto_core::Network::shapes`] gives them, `style` the place of each site.
/// In bf16 the table must be one that [`fits_tiles`].
pub(crate) fn lower(
    layers: &[Layer<'_>],
    shapes: &[Shape],
    style: &[Range<usize>],
    precision: Precision,
) -> Lowered {
    let readers = readers(layers);
    let values = vec![None; layers.len()];
    let claimed = vec![false; layers.len()];
    let chains = vec![None; layers.len()];
    let (half, eight) = (precision == Precision::Bf16, precision == Precision::Int8);
    let out = Lowered { half, eight, ..Lowered::default() };
    let mut lowering =
        Lowering { layers, shapes, style, readers, values, claimed, chains, sums_of: vec![], out };
    lowering.find_chains();
    for id in 0..layers.len() {
        lowering.layer(id);
    }
    lowering.export();
    lowering.out
}

struct Lowering<'a> {
    layers: &'a [Layer<'a>],
    shapes: &'a [Shape],
    style: &'a [Range<usize>],
    readers: Vec<Vec<NodeId>>,
    values: Vec<Option<Value>>,
    /// Layers that a convolution takes along.
    claimed: Vec<bool>,
    /// For the last layer of each chain: its convolution and what it takes along.
    chains: Vec<Option<Chain>>,
    /// Sums of each buffer, once asked for.
    sums_of: Vec<Option<SumsId>>,
    out: Lowered,
}

#[derive(Clone, Copy, Debug, Default)]
struct Chain {
    conv: NodeId,
    relu_before: bool,
    residual: Option<NodeId>,
    relu_after: bool,
    pool: bool,
}

/// Whether the kernel in [`crate::winograd`] is the one for a convolution.
pub(crate) fn is_winograd(op: &Op, input: Shape) -> bool {
    let &Op::Conv { out_channels, kernel: 3, stride: 1, groups: 1, .. } = op else { return false };
    input.channels >= 12 && out_channels >= 12 && input.area() >= 16
}

/// Whether [`crate::kernel::eight`] can do a convolution, and gains by it. It needs positions of the input around every result, which zeros
/// are not. Winograd's products in `f32` take as long as plain ones in eight bits. Layers of stride 2 stay exact: what light reads there
/// decides what all the others see, and the grain of a clear sky shows it.
fn gains_by_eight_bits(conv: &Conv) -> bool {
    let up = matches!(conv.input, Value::Buffer { up: true, .. });
    let fits = conv.kernel == 3
        && conv.stride == 1
        && conv.groups == 1
        && conv.padding != Padding::Zero
        && !conv.pool;
    fits && (up || conv.target == Target::Canvas)
}

/// Whether the kernel in [`crate::kernel::tiled`] and those around it can do all layers in bf16.
pub(crate) fn fits_tiles(layers: &[Layer<'_>]) -> bool {
    let readers = readers(layers);
    let fits = |(id, layer): (usize, &Layer<'_>)| match layer.op {
        _ if id + 1 < layers.len() && readers[id].is_empty() => true,
        Op::Conv { kernel, stride, groups, .. } => kernel <= 3 && stride <= 2 && groups == 1,
        Op::MeanStd { .. } | Op::Concat { .. } => false,
        _ => true,
    };
    layers.iter().enumerate().all(fits)
}

impl Lowering<'_> {
    fn find_chains(&mut self) {
        for id in 0..self.layers.len() {
            if matches!(self.layers[id].op, Op::Conv { .. }) && self.is_needed(id) {
                let (end, chain) = self.chain(id);
                self.chains[end] = Some(chain);
            }
        }
    }

    fn is_needed(&self, id: NodeId) -> bool {
        id + 1 == self.layers.len() || !self.readers[id].is_empty()
    }

    /// What the convolution `conv` takes along, and the last layer of that.
    fn chain(&mut self, conv: NodeId) -> (NodeId, Chain) {
        let pools = match self.layers[conv].op {
            Op::Conv { input, .. } => self.out.half || is_winograd(&self.layers[conv].op, self.shapes[input]),
            _ => false,
        };
        let mut chain = Chain { conv, ..Chain::default() };
        let mut at = conv;
        while let [next] = self.readers[at][..] {
            match self.layers[next].op {
                Op::Relu { .. } if chain.residual.is_none() => chain.relu_before = true,
                Op::Relu { .. } => chain.relu_after = true,
                Op::Scale { mul: 1.0, add: 0.0, .. } => {}
                Op::Add { a, b } if chain.residual.is_none() && !self.claimed[next] && a != b => {
                    chain.residual = Some(if a == at { b } else { a });
                }
                Op::MaxPool2 { .. } if pools => chain.pool = true,
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

    fn buffer(&mut self, shape: Shape) -> BufferId {
        self.out.buffers.push(shape);
        self.sums_of.push(None);
        self.out.buffers.len() - 1
    }

    fn affine(&mut self, channels: usize, constant: Option<(f32, f32)>) -> AffineId {
        self.out.affines.push((channels, constant));
        self.out.affines.len() - 1
    }

    fn value(&self, id: NodeId) -> Value {
        self.values[id].expect("layers read earlier layers")
    }

    fn layer(&mut self, id: NodeId) {
        if let Some(chain) = self.chains[id] {
            return self.conv(id, chain);
        }
        if self.claimed[id] || !self.is_needed(id) || matches!(self.layers[id].op, Op::Conv { .. }) {
            return;
        }
        let shape = self.shapes[id];
        let layers = self.layers;
        let value = match &layers[id].op {
            Op::Input { .. } => Value::Picture { mul: 1.0, add: 0.0 },
            Op::Conv { .. } => unreachable!("convolutions are the heads of chains"),
            &Op::Relu { input } => self.relu(input),
            &Op::Scale { input, mul, add } => self.scale(input, mul, add),
            &Op::Upsample2 { input } => self.up(input),
            &Op::MaxPool2 { input } => self.pool(PoolKind::Max, input, shape),
            &Op::AvgPool2 { input } => self.pool(PoolKind::Mean, input, shape),
            &Op::Add { a, b } => {
                let (a, b, out) = (self.in_memory(a), self.in_memory(b), self.buffer(shape));
                self.blend(a, Some(b), out, 0, shape.channels);
                plain(out)
            }
            Op::Concat { inputs } => self.concat(inputs, shape),
            Op::AdaIn { input, site, eps, unbiased } => self.adain(*input, *site, *eps, *unbiased),
            &Op::Modulate { input, site } => {
                let style = self.style[site].clone();
                self.with_affine(input, |spec, out| spec.push(Spec::Modulate { style, out }), None)
            }
            &Op::Noise { input, site, .. } => self.noise(id, input, site),
            &Op::MeanStd { input, eps, unbiased } => {
                let sums = self.sums(input);
                let (channels, out) = (self.shapes[input].channels, self.buffer(shape));
                self.out.specs.push(Spec::MeanStd { sums, eps, unbiased, channels, out });
                plain(out)
            }
        };
        self.values[id] = Some(value);
    }

    fn conv(&mut self, end: NodeId, chain: Chain) {
        let Op::Conv { input, out_channels, kernel, stride, groups, padding } = self.layers[chain.conv].op
        else {
            unreachable!("chains begin with a convolution")
        };
        let input_shape = self.shapes[input];
        let value = match self.value(input) {
            Value::Picture { mul, .. } if input_shape.channels > 4 || groups > 1 || mul == 0.0 => {
                self.in_memory(input)
            }
            Value::Buffer { up: true, .. } if self.out.half && (kernel == 1 || stride > 1 || chain.pool) => {
                plain(self.materialised(input))
            }
            value => value,
        };
        let residual = chain.residual.map(|id| match self.in_memory(id) {
            Value::Buffer { up: true, .. } => plain(self.materialised(id)),
            value => value,
        });
        let last = end + 1 == self.layers.len();
        let few = out_channels <= 4 && groups == 1 && residual.is_none() && !chain.pool;
        let in_buffer = matches!(value, Value::Buffer { .. });
        let target = if last && few && in_buffer {
            Target::Canvas
        } else {
            Target::Buffer(self.buffer(self.shapes[end]))
        };
        let mut conv = Conv {
            layer: chain.conv,
            input: value,
            input_shape,
            kernel,
            stride,
            groups,
            padding,
            relu_before: chain.relu_before,
            residual,
            relu_after: chain.relu_after,
            pool: chain.pool,
            target,
            sums: None,
            eight: None,
        };
        if self.out.eight && gains_by_eight_bits(&conv) {
            conv.eight = conv.input.buffer().and_then(|buffer| self.written_sums(buffer));
        }
        self.out.specs.push(Spec::Conv(conv));
        if let Target::Buffer(out) = target {
            self.values[end] = Some(plain(out));
        }
    }

    fn pool(&mut self, kind: PoolKind, input: NodeId, shape: Shape) -> Value {
        let (input, out) = (self.in_memory(input), self.buffer(shape));
        self.out.specs.push(Spec::Pool { kind, input, out });
        plain(out)
    }

    fn relu(&mut self, input: NodeId) -> Value {
        match self.in_memory(input) {
            Value::Buffer { buffer, up, affine, noise, .. } => {
                Value::Buffer { buffer, up, affine, noise, relu: true }
            }
            picture => picture,
        }
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
            _ => self.with_affine(input, |_, _| (), Some((mul, add))),
        }
    }

    /// The value of `input` under a new affine map, whose step `write` adds.
    fn with_affine(
        &mut self,
        input: NodeId,
        write: impl FnOnce(&mut Vec<Spec>, AffineId),
        constant: Option<(f32, f32)>,
    ) -> Value {
        let (buffer, up) = match self.value(input) {
            Value::Buffer { buffer, up, affine: None, noise: None, relu: false } => (buffer, up),
            _ => (self.materialised(input), false),
        };
        let affine = self.affine(self.shapes[input].channels, constant);
        write(&mut self.out.specs, affine);
        Value::Buffer { buffer, up, affine: Some(affine), noise: None, relu: false }
    }

    /// The value of `input` under the noise field, which lies in memory as the value does.
    fn noise(&mut self, id: NodeId, input: NodeId, site: usize) -> Value {
        let (buffer, affine) = match self.value(input) {
            Value::Buffer { buffer, up: false, affine, noise: None, relu: false } => (buffer, affine),
            _ => (self.materialised(input), None),
        };
        self.out.noises.push((id, self.shapes[input].channels));
        let out = self.out.noises.len() - 1;
        self.out.specs.push(Spec::Noise { layer: id, style: self.style[site].clone(), out });
        Value::Buffer { buffer, up: false, affine, noise: Some(out), relu: false }
    }

    fn adain(&mut self, input: NodeId, site: usize, eps: f32, unbiased: bool) -> Value {
        let sums = self.sums(input);
        let style = self.style[site].clone();
        self.with_affine(
            input,
            |specs, out| specs.push(Spec::AdaIn { sums, style, eps, unbiased, out }),
            None,
        )
    }

    /// Sums of a layer's result, which is then plainly in memory.
    fn sums(&mut self, input: NodeId) -> SumsId {
        let buffer = self.materialised(input);
        if let Some(sums) = self.written_sums(buffer) {
            return sums;
        }
        let sums = self.new_sums(buffer);
        self.out.specs.push(Spec::Sums { input: buffer, sums });
        sums
    }

    /// Sums that are there already, or that the convolution which writes `buffer` can leave.
    fn written_sums(&mut self, buffer: BufferId) -> Option<SumsId> {
        if self.sums_of[buffer].is_some() {
            return self.sums_of[buffer];
        }
        let writes = |spec: &Spec| matches!(spec, Spec::Conv(conv) if conv.target == Target::Buffer(buffer));
        let writer = self.out.specs.iter().position(writes)?;
        let sums = self.new_sums(buffer);
        if let Spec::Conv(conv) = &mut self.out.specs[writer] {
            conv.sums = Some(sums);
        }
        Some(sums)
    }

    fn new_sums(&mut self, buffer: BufferId) -> SumsId {
        let sums = self.out.sums;
        self.out.sums += 1;
        self.sums_of[buffer] = Some(sums);
        sums
    }

    fn concat(&mut self, inputs: &[NodeId], shape: Shape) -> Value {
        let out = self.buffer(shape);
        let mut offset = 0;
        for (i, &input) in inputs.iter().enumerate() {
            let a = self.in_memory(input);
            let channels = self.shapes[input].channels;
            // The last part also clears the channels that only fill up the layout.
            let fill = crate::kernel::view::padded(shape.channels, self.out.half) - offset;
            self.blend(a, None, out, offset, if i + 1 == inputs.len() { fill } else { channels });
            offset += channels;
        }
        plain(out)
    }

    fn blend(&mut self, a: Value, b: Option<Value>, out: BufferId, offset: usize, channels: usize) {
        let channels =
            if offset == 0 { crate::kernel::view::padded(channels, self.out.half) } else { channels };
        self.out.specs.push(Spec::Blend { a, b, out, offset, channels });
    }

    /// The value of a layer, never the picture.
    fn in_memory(&mut self, id: NodeId) -> Value {
        match self.value(id) {
            Value::Picture { mul, add } => {
                let out = self.buffer(self.shapes[id]);
                self.out.specs.push(Spec::Import { mul, add, out });
                plain(out)
            }
            value => value,
        }
    }

    /// An activation that holds exactly the layer's result. Later readers use it too.
    fn materialised(&mut self, id: NodeId) -> BufferId {
        let value = self.in_memory(id);
        let buffer = match value {
            Value::Buffer { buffer, up: false, affine: None, noise: None, relu: false } => buffer,
            _ => {
                let out = self.buffer(self.shapes[id]);
                self.blend(value, None, out, 0, self.shapes[id].channels);
                out
            }
        };
        self.values[id] = Some(plain(buffer));
        buffer
    }

    fn export(&mut self) {
        let last = self.layers.len() - 1;
        let on_canvas = |spec: &Spec| matches!(spec, Spec::Conv(conv) if conv.target == Target::Canvas);
        if !self.out.specs.iter().any(on_canvas) {
            let input = self.in_memory(last);
            self.out.specs.push(Spec::Export { input });
        }
    }
}

fn plain(buffer: BufferId) -> Value {
    Value::Buffer { buffer, up: false, affine: None, noise: None, relu: false }
}

impl Value {
    fn buffer(self) -> Option<BufferId> {
        match self {
            Value::Buffer { buffer, .. } => Some(buffer),
            Value::Picture { .. } => None,
        }
    }
}

impl Spec {
    /// Activations that this step touches.
    pub(crate) fn buffers(&self) -> Vec<BufferId> {
        let values: Vec<Option<BufferId>> = match self {
            Spec::Import { out, .. } | Spec::MeanStd { out, .. } => vec![Some(*out)],
            Spec::Conv(conv) => {
                let out = match conv.target {
                    Target::Buffer(out) => Some(out),
                    Target::Canvas => None,
                };
                vec![conv.input.buffer(), conv.residual.and_then(Value::buffer), out]
            }
            Spec::Blend { a, b, out, .. } => vec![a.buffer(), b.and_then(Value::buffer), Some(*out)],
            Spec::Pool { input, out, .. } => vec![input.buffer(), Some(*out)],
            Spec::Sums { input, .. } => vec![Some(*input)],
            Spec::Export { input } => vec![input.buffer()],
            Spec::AdaIn { .. } | Spec::Modulate { .. } | Spec::Noise { .. } => vec![],
        };
        values.into_iter().flatten().collect()
    }
}
