//! Walks a table over burn's tensors. Maps are `[samples, channels, height, width]`, vectors `[samples, length]`.

use super::leaves::{Leaf, Leaves};
use super::losses::moments;
use crate::walk::Program;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::{conv2d, interpolate, max_pool2d};
use burn::tensor::ops::{ConvOptions, InterpolateMode, InterpolateOptions, MaxPoolOptions};
use impasto_core::Padding;
use impasto_core::network::{NodeId, Op};

/// What a node holds.
#[derive(Clone)]
pub(super) enum Value {
    Map(Tensor<4>),
    Vector(Tensor<2>),
}

impl Value {
    /// # Panics
    /// If it is a vector.
    pub fn map(self) -> Tensor<4> {
        match self {
            Value::Map(map) => map,
            Value::Vector(_) => panic!("this node holds no map"),
        }
    }

    /// # Panics
    /// If it is a map.
    pub fn vector(self) -> Tensor<2> {
        match self {
            Value::Vector(vector) => vector,
            Value::Map(_) => panic!("this node holds no vector"),
        }
    }

    fn each(self, map: impl Fn(Tensor<4>) -> Tensor<4>, vector: impl Fn(Tensor<2>) -> Tensor<2>) -> Self {
        match self {
            Value::Map(x) => Value::Map(map(x)),
            Value::Vector(x) => Value::Vector(vector(x)),
        }
    }
}

/// The last node's value. `style` has the table's style vector for each sample.
pub(super) fn output(
    program: &Program,
    leaves: &Leaves,
    picture: Tensor<4>,
    style: Option<Tensor<2>>,
) -> Value {
    let last = program.network.output();
    walk(program, leaves, picture, style, &[last]).remove(0)
}

/// The values of the nodes `wanted`, which are in the table's order.
pub(super) fn walk(
    program: &Program,
    leaves: &Leaves,
    picture: Tensor<4>,
    style: Option<Tensor<2>>,
    wanted: &[NodeId],
) -> Vec<Value> {
    let network = &program.network;
    let last = network.readers().into_iter().map(|readers| readers.into_iter().max().unwrap_or(0));
    let mut walker = Walker { leaves, style, values: vec![], last: last.collect(), wanted };
    walker.values.push(Some(Value::Map(picture)));
    for (id, node) in network.nodes.iter().enumerate().skip(1) {
        let value = walker.node(program, id, &node.op);
        walker.values.push(Some(value));
    }
    wanted.iter().map(|&id| walker.values[id].take().expect("kept")).collect()
}

struct Walker<'a> {
    leaves: &'a Leaves,
    style: Option<Tensor<2>>,
    values: Vec<Option<Value>>,
    /// The last node that reads each.
    last: Vec<NodeId>,
    wanted: &'a [NodeId],
}

impl Walker<'_> {
    fn node(&mut self, program: &Program, id: NodeId, op: &Op) -> Value {
        match op {
            Op::Input { .. } => unreachable!("the table has been checked: its first node alone is the input"),
            Op::Conv { input, stride, padding, .. } => {
                let leaf = self.leaves.of(id);
                match self.read(*input, id) {
                    Value::Map(x) => Value::Map(conv(x, leaf, *stride, *padding)),
                    Value::Vector(x) => Value::Vector(linear(x, leaf)),
                }
            }
            Op::Relu { input } => self.read(*input, id).each(relu, relu),
            Op::MaxPool2 { input } => Value::Map(max_pool2(self.read(*input, id).map())),
            Op::Upsample2 { input } => Value::Map(upsample2(self.read(*input, id).map())),
            Op::Add { a, b } => match (self.read(*a, id), self.read(*b, id)) {
                (Value::Map(a), Value::Map(b)) => Value::Map(a + b),
                (Value::Vector(a), Value::Vector(b)) => Value::Vector(a + b),
                _ => unreachable!("the program has been checked: a map and a vector are never joined"),
            },
            Op::AdaIn { input, site, eps, unbiased } => {
                let x = self.read(*input, id).map();
                let own = moments(x.clone(), *eps, *unbiased);
                let (mean, std) = self.site(program, *site);
                let scale = std / own.std;
                let shift = mean - scale.clone() * own.mean;
                Value::Map(affine(x, scale, shift))
            }
            Op::Modulate { input, site } => {
                let (bias, gain) = self.site(program, *site);
                Value::Map(affine(self.read(*input, id).map(), gain, bias))
            }
            Op::MeanStd { input, eps, unbiased } => {
                let own = moments(self.read(*input, id).map(), *eps, *unbiased);
                Value::Vector(Tensor::cat(vec![own.mean, own.std], 1))
            }
            Op::Concat { inputs } => self.joined(inputs, id),
            Op::Scale { input, mul, add } => {
                self.read(*input, id).each(|x| x * *mul + *add, |x| x * *mul + *add)
            }
        }
    }

    /// The value of node `from`, which is let go if nobody but `reader` still needs it.
    fn read(&mut self, from: NodeId, reader: NodeId) -> Value {
        let value = &mut self.values[from];
        let taken = if self.last[from] == reader && !self.wanted.contains(&from) {
            value.take()
        } else {
            value.clone()
        };
        taken.expect("nodes read what stands before them")
    }

    /// The two halves of a site's part of the style vectors.
    fn site(&self, program: &Program, site: usize) -> (Tensor<2>, Tensor<2>) {
        let style = self.style.clone().expect("a table with sites is given styles");
        let range = program.network.site_range(site);
        let half = range.len() / 2;
        (style.clone().narrow(1, range.start, half), style.narrow(1, range.start + half, half))
    }

    fn joined(&mut self, inputs: &[NodeId], id: NodeId) -> Value {
        let values: Vec<Value> = inputs.iter().map(|&input| self.read(input, id)).collect();
        match values[0] {
            Value::Map(_) => Value::Map(Tensor::cat(values.into_iter().map(Value::map).collect(), 1)),
            Value::Vector(_) => {
                Value::Vector(Tensor::cat(values.into_iter().map(Value::vector).collect(), 1))
            }
        }
    }
}

fn conv(x: Tensor<4>, leaf: &Leaf, stride: usize, padding: Padding) -> Tensor<4> {
    let border = (leaf.weight.dims()[3] - 1) / 2;
    let (x, zeros) = match padding {
        _ if border == 0 => (x, 0),
        Padding::Zero => (x, border),
        Padding::Reflect | Padding::Replicate => (padded(x, padding), 0),
    };
    let options = ConvOptions::new([stride; 2], [zeros; 2], [1; 2], 1);
    conv2d(x, leaf.weight.clone(), Some(leaf.bias.clone()), options)
}

/// One row and column more on each side.
fn padded(x: Tensor<4>, padding: Padding) -> Tensor<4> {
    [2, 3].into_iter().fold(x, |x, side| {
        let length = x.dims()[side];
        let beyond = |at: isize| {
            let source = padding.source(at, length).expect("this padding repeats the inside");
            x.clone().narrow(side, source, 1)
        };
        let (before, after) = (beyond(-1), beyond(length as isize));
        Tensor::cat(vec![before, x.clone(), after], side)
    })
}

fn linear(x: Tensor<2>, leaf: &Leaf) -> Tensor<2> {
    let [outputs, inputs, ..] = leaf.weight.dims();
    let weight = leaf.weight.clone().reshape([outputs, inputs]);
    x.matmul(weight.transpose()) + leaf.bias.clone().unsqueeze::<2>()
}

/// 2x2 maximum; windows over the edge take what there is.
fn max_pool2(x: Tensor<4>) -> Tensor<4> {
    let even = [2, 3].into_iter().fold(x, |x, side| {
        let length = x.dims()[side];
        match length.is_multiple_of(2) {
            true => x,
            false => Tensor::cat(vec![x.clone(), x.narrow(side, length - 1, 1)], side),
        }
    });
    max_pool2d(even, MaxPoolOptions::new([2, 2]).with_stride([2, 2]))
}

/// Each pixel four times.
fn upsample2(x: Tensor<4>) -> Tensor<4> {
    let [_, _, height, width] = x.dims();
    let size = [2 * height, 2 * width];
    interpolate(x, InterpolateOptions::new(InterpolateMode::Nearest).with_output_size(size))
}

/// `scale * x + shift`, for each sample's channels.
pub(super) fn affine(x: Tensor<4>, scale: Tensor<2>, shift: Tensor<2>) -> Tensor<4> {
    x * scale.unsqueeze_dims(&[2, 3]) + shift.unsqueeze_dims(&[2, 3])
}
