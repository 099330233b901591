//! The way forward: every node's value is kept for the way back.

use super::field;
use super::kernels::{Finish, Kernels};
use super::map::{Element, Map};
use super::ops;
use super::parameters::Packed;
use super::program::{Program, ProgramError};
use super::statistics::{self, Moments, moments};
use impasto_core::Tensor;
use impasto_core::network::{NodeId, Op};
use impasto_core::noise::{Field, Windows};

/// The value at a node.
#[derive(Clone, Debug)]
pub enum Value<E> {
    /// Nothing yet, or written elsewhere (a convolution that its ReLU replaces).
    None,
    /// Features.
    Map(Map<E>),
    /// A vector, in `f32`.
    Vector(Vec<f32>),
}

impl<E: Element> Value<E> {
    /// The map.
    ///
    /// # Panics
    /// If it is none.
    pub fn map(&self) -> &Map<E> {
        match self {
            Value::Map(map) => map,
            _ => panic!("this node holds no map"),
        }
    }

    /// The map, to write.
    ///
    /// # Panics
    /// If it is none.
    pub fn map_mut(&mut self) -> &mut Map<E> {
        match self {
            Value::Map(map) => map,
            _ => panic!("this node holds no map"),
        }
    }

    /// The vector.
    ///
    /// # Panics
    /// If it is none.
    pub fn vector(&self) -> &[f32] {
        match self {
            Value::Vector(vector) => vector,
            _ => panic!("this node holds no vector"),
        }
    }

    /// The vector, to write.
    ///
    /// # Panics
    /// If it is none.
    pub fn vector_mut(&mut self) -> &mut Vec<f32> {
        match self {
            Value::Vector(vector) => vector,
            _ => panic!("this node holds no vector"),
        }
    }
}

/// Values and gradients of one program at one size, kept from sample to sample.
pub struct Tape<K: Kernels> {
    pub(super) values: Vec<Value<K::Element>>,
    pub(super) gradients: Vec<Value<K::Element>>,
    /// Whether a node's gradient holds something.
    pub(super) reached: Vec<bool>,
    /// Whether everything that a ReLU's gradient holds was gated by whoever wrote it.
    pub(super) gated: Vec<bool>,
    pub(super) moments: Vec<Moments>,
    /// The windows of the field that noise layers read.
    pub(super) windows: Windows,
    pub(super) style: Vec<f32>,
    pub(super) scratch: K::Scratch,
    /// Room for gradients of strided convolutions.
    pub(super) spread: Vec<Value<K::Element>>,
    kernels: K,
}

impl<K: Kernels> Tape<K> {
    /// Room for `program` over pictures of `height` x `width` px, which must be multiples of what the table wants.
    pub fn new(kernels: K, program: &Program, height: usize, width: usize) -> Result<Self, ProgramError> {
        let network = &program.network;
        if !height.is_multiple_of(network.multiple) || !width.is_multiple_of(network.multiple) {
            return Err(ProgramError::Layer {
                layer: network.name.clone(),
                what: format!("{width}x{height} px is no multiple of {}", network.multiple),
            });
        }
        let shapes = network.shapes(height, width)?;
        let room = |id: NodeId| match (program.relu_of[id], program.vector[id]) {
            (Some(_), _) => Value::None,
            (None, true) => Value::Vector(vec![0.0; shapes[id].channels]),
            (None, false) => Value::Map(Map::zeros(shapes[id])),
        };
        let spread = |id: NodeId| match program.convs[id] {
            Some(conv) if conv.stride > 1 => {
                let (out, input) = (shapes[id], shapes[conv.input]);
                Value::Map(Map::zeros(impasto_core::Shape::new(out.channels, input.height, input.width)))
            }
            _ => Value::None,
        };
        let count = network.nodes.len();
        let mut windows = Windows::new(network, &shapes);
        windows.update(&Field::default());
        Ok(Self {
            values: (0..count).map(room).collect(),
            gradients: (0..count).map(room).collect(),
            reached: vec![false; count],
            gated: vec![true; count],
            moments: vec![Moments::default(); count],
            windows,
            style: vec![],
            scratch: K::Scratch::default(),
            spread: (0..count).map(spread).collect(),
            kernels,
        })
    }

    /// The kernels.
    pub fn kernels(&self) -> K {
        self.kernels
    }

    /// Lays another noise field under the next picture; its `strokes` are 1 in training.
    pub fn set_field(&mut self, field: &Field) {
        self.windows.update(field);
    }

    /// The noise under node `id`, `[height][width][MAX_PLANES]`.
    pub(super) fn cells(&self, id: NodeId) -> &[f32] {
        self.windows.cells(self.windows.of(id).expect("a noise layer has a window"))
    }

    /// The picture's place.
    pub fn input_mut(&mut self) -> &mut Map<K::Element> {
        self.values[0].map_mut()
    }

    /// The value at a node.
    pub fn value(&self, id: NodeId) -> &Value<K::Element> {
        &self.values[id]
    }

    /// The last node's value.
    pub fn output(&self) -> &Value<K::Element> {
        self.values.last().expect("a program has nodes")
    }

    /// Runs the program over `picture`.
    pub fn run(&mut self, program: &Program, packed: &Packed<K>, picture: &Tensor, style: &[f32]) {
        self.input_mut().read_tensor(picture);
        self.forward(program, packed, style);
    }

    /// Runs the program over what stands in [`Tape::input_mut`].
    pub fn forward(&mut self, program: &Program, packed: &Packed<K>, style: &[f32]) {
        assert_eq!(style.len(), program.network.style_len(), "the style does not fit the table");
        self.style.clear();
        self.style.extend_from_slice(style);
        self.reached.fill(false);
        self.gated.fill(true);
        for id in 1..program.network.nodes.len() {
            let goal = program.relu_of[id].unwrap_or(id);
            if program.conv_of[id].is_some() {
                continue;
            }
            let mut out = std::mem::replace(&mut self.values[goal], Value::None);
            match &mut out {
                Value::Map(y) => self.forward_map(program, packed, id, y),
                Value::Vector(y) => self.forward_vector(program, packed, id, y),
                Value::None => unreachable!("a node that is written has room"),
            }
            self.values[goal] = out;
        }
    }

    fn forward_map(&mut self, program: &Program, packed: &Packed<K>, id: NodeId, y: &mut Map<K::Element>) {
        match &program.network.nodes[id].op {
            Op::Input { .. } | Op::MeanStd { .. } => unreachable!("not a map that is computed"),
            Op::Conv { input, kernel, stride, padding, .. } => {
                let layer = packed.layers[id].as_ref().expect("convolutions are packed");
                let x = self.values[*input].map_mut();
                if *kernel > 1 {
                    x.fill_rim(*padding);
                }
                let relu = program.relu_of[id].is_some();
                let finish = Finish { bias: Some(&layer.bias), relu, gate: None, add: false };
                let weights = layer.forward.as_ref().expect("packed for maps");
                self.kernels.conv(x, weights, *stride, &finish, y);
            }
            Op::Relu { input } => ops::relu(self.values[*input].map(), y),
            Op::MaxPool2 { input } => ops::max_pool2(self.values[*input].map(), y),
            Op::AvgPool2 { input } => ops::avg_pool2(self.values[*input].map(), y),
            Op::Upsample2 { input } => ops::upsample2(self.values[*input].map(), y),
            Op::Add { a, b } => ops::sum(self.values[*a].map(), self.values[*b].map(), y),
            Op::AdaIn { input, site, eps, unbiased } => {
                let x = self.values[*input].map();
                let own = moments(x, *eps, *unbiased);
                let range = program.network.site_range(*site);
                let (mean, std) = self.style[range].split_at(own.mean.len());
                let scale: Vec<f32> = std.iter().zip(&own.std).map(|(s, own)| s / own).collect();
                let shift: Vec<f32> =
                    mean.iter().zip(&own.mean).zip(&scale).map(|((m, own), s)| m - s * own).collect();
                statistics::affine(x, &scale, &shift, false, false, y);
                self.moments[id] = own;
            }
            Op::Modulate { input, site } => {
                let x = self.values[*input].map();
                let (bias, gain) = self.style[program.network.site_range(*site)].split_at(x.shape().channels);
                statistics::affine(x, gain, bias, false, false, y);
            }
            Op::Noise { input, site, .. } => {
                let x = self.values[*input].map();
                let weight = &packed.layers[id].as_ref().expect("noise layers are packed").plain;
                let gain = &self.style[program.network.site_range(*site)];
                field::add(x, self.cells(id), &field::gains(weight, gain, x.lanes()), y);
            }
            Op::Concat { inputs } => {
                let mut at = 0;
                for &input in inputs {
                    let x = self.values[input].map();
                    ops::channels(x, 0, y, at, x.shape().channels, false);
                    at += x.shape().channels;
                }
            }
            Op::Scale { input, mul, add } => {
                let x = self.values[*input].map();
                let channels = x.shape().channels;
                statistics::affine(x, &vec![*mul; channels], &vec![*add; channels], false, false, y);
            }
        }
    }

    fn forward_vector(&mut self, program: &Program, packed: &Packed<K>, id: NodeId, y: &mut Vec<f32>) {
        match &program.network.nodes[id].op {
            Op::MeanStd { input, eps, unbiased } => {
                let own = moments(self.values[*input].map(), *eps, *unbiased);
                y.clear();
                y.extend(own.mean.iter().chain(&own.std));
                self.moments[id] = own;
            }
            Op::Conv { input, .. } => {
                let layer = packed.layers[id].as_ref().expect("convolutions are packed");
                let x = self.values[*input].vector();
                for ((y, row), bias) in y.iter_mut().zip(layer.plain.chunks_exact(x.len())).zip(&layer.bias) {
                    *y = bias + dot(row, x);
                }
            }
            Op::Relu { input } => set(y, self.values[*input].vector(), |x| x.max(0.0)),
            Op::Scale { input, mul, add } => set(y, self.values[*input].vector(), |x| mul * x + add),
            Op::Add { a, b } => {
                let (a, b) = (self.values[*a].vector(), self.values[*b].vector());
                y.iter_mut().zip(a.iter().zip(b)).for_each(|(y, (a, b))| *y = a + b);
            }
            Op::Concat { inputs } => {
                y.clear();
                inputs.iter().for_each(|&i| y.extend_from_slice(self.values[i].vector()));
            }
            Op::Input { .. }
            | Op::MaxPool2 { .. }
            | Op::AvgPool2 { .. }
            | Op::Upsample2 { .. }
            | Op::AdaIn { .. }
            | Op::Modulate { .. }
            | Op::Noise { .. } => unreachable!("no vector is made so: the program has been checked"),
        }
    }
}

fn set(y: &mut [f32], x: &[f32], f: impl Fn(f32) -> f32) {
    y.iter_mut().zip(x).for_each(|(y, &x)| *y = f(x));
}

/// Sixteen sums at once, so that it vectorises and is the same on every machine.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 16];
    let (a, b) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for k in 0..16 {
            sums[k] += a[k] * b[k];
        }
    }
    sums.iter().sum::<f32>() + rest
}
