//! The way back: gradients to values, weights and style.

use super::field;
use super::kernels::{Finish, Kernels};
use super::map::Map;
use super::ops;
use super::parameters::{Gradients, Packed};
use super::program::Program;
use super::statistics::{add_statistics_gradient, affine, channel_sums, products};
use super::tape::{Tape, Value};
use impasto_core::network::{NodeId, Op};

/// Gradients that the backward pass shall give.
#[derive(Default)]
pub struct Wanted<'a> {
    /// Gradients to the weights are added here.
    pub weights: Option<&'a mut Gradients>,
    /// The gradient to the style vector is added here.
    pub style: Option<&'a mut [f32]>,
    /// Whether the gradient goes on to the picture.
    pub picture: bool,
}

impl<K: Kernels> Tape<K> {
    /// Lets `f` write the gradient that arrives at map `id` from outside: it gets the value, the gradient's room, and whether that holds
    /// something which must be kept. `gated` tells that what `f` writes is zero wherever the value is not positive.
    pub fn seed(
        &mut self,
        id: NodeId,
        gated: bool,
        f: impl FnOnce(&Map<K::Element>, bool, &mut Map<K::Element>),
    ) {
        f(self.values[id].map(), self.reached[id], self.gradients[id].map_mut());
        self.reached[id] = true;
        self.gated[id] &= gated;
    }

    /// Adds to the gradient that arrives at vector `id` from outside.
    pub fn seed_vector(&mut self, id: NodeId, gradient: &[f32]) {
        let room = self.gradients[id].vector_mut();
        if !std::mem::replace(&mut self.reached[id], true) {
            room.fill(0.0);
        }
        room.iter_mut().zip(gradient).for_each(|(r, g)| *r += g);
    }

    /// The gradient at a node after [`Tape::backward`]; for the picture, node 0.
    pub fn gradient(&self, id: NodeId) -> &Value<K::Element> {
        &self.gradients[id]
    }

    /// Carries the seeded gradients back through the program.
    pub fn backward(&mut self, program: &Program, packed: &Packed<K>, wanted: &mut Wanted) {
        let needed = program.needed(wanted.picture, wanted.weights.is_some(), wanted.style.is_some());
        for id in (1..program.network.nodes.len()).rev() {
            let source = program.relu_of[id].unwrap_or(id);
            if !needed[id] || !self.reached[source] || program.conv_of[id].is_some() {
                continue;
            }
            let mut dy = std::mem::replace(&mut self.gradients[source], Value::None);
            match &mut dy {
                Value::Map(dy) => {
                    if program.is_relu(source) && !self.gated[source] {
                        ops::gate(self.values[source].map(), dy);
                    }
                    self.back_map(program, packed, id, dy, wanted, &needed);
                }
                Value::Vector(dy) => self.back_vector(program, packed, id, dy, wanted, &needed),
                Value::None => unreachable!("a node that is reached has room"),
            }
            self.gradients[source] = dy;
        }
    }

    /// Takes the gradient room of `id`; the second value tells whether it must be kept. `gated` as in [`Tape::seed`].
    fn receive(&mut self, id: NodeId, gated: bool) -> (Value<K::Element>, bool) {
        self.gated[id] &= gated;
        let room = std::mem::replace(&mut self.gradients[id], Value::None);
        (room, std::mem::replace(&mut self.reached[id], true))
    }

    /// Adds `f`'s gradient to map `id`, if that is needed.
    fn give(
        &mut self,
        id: NodeId,
        needed: &[bool],
        gated: bool,
        f: impl FnOnce(&mut Self, bool, &mut Map<K::Element>),
    ) {
        if !needed[id] {
            return;
        }
        let (mut room, keep) = self.receive(id, gated);
        f(self, keep, room.map_mut());
        self.gradients[id] = room;
    }

    fn back_map(
        &mut self,
        program: &Program,
        packed: &Packed<K>,
        id: NodeId,
        dy: &Map<K::Element>,
        wanted: &mut Wanted,
        needed: &[bool],
    ) {
        match &program.network.nodes[id].op {
            Op::Input { .. } | Op::MeanStd { .. } => unreachable!("not a map that is computed"),
            Op::Conv { .. } => self.back_conv(program, packed, id, dy, wanted, needed),
            // The gradient has been gated on arrival.
            Op::Relu { input } => {
                self.give(*input, needed, false, |_, keep, dx| ops::accumulate(dy, keep, dx));
            }
            Op::MaxPool2 { input } => self.give(*input, needed, program.is_relu(*input), |tape, keep, dx| {
                let (x, y) = (tape.values[*input].map(), tape.values[id].map());
                ops::max_unpool2(x, y, dy, program.is_relu(*input), keep, dx);
            }),
            Op::AvgPool2 { input } => {
                self.give(*input, needed, false, |_, keep, dx| ops::avg_unpool2(dy, keep, dx));
            }
            Op::Upsample2 { input } => {
                self.give(*input, needed, false, |_, keep, dx| ops::fold2(dy, keep, dx))
            }
            Op::Add { a, b } => {
                for input in [a, b] {
                    self.give(*input, needed, false, |_, keep, dx| ops::accumulate(dy, keep, dx));
                }
            }
            Op::AdaIn { input, site, .. } => self.back_adain(program, id, *input, *site, dy, wanted, needed),
            Op::Modulate { input, site } => {
                let range = program.network.site_range(*site);
                let x = self.values[*input].map();
                let (d_bias, d_gain) = products(dy, x, &vec![0.0; x.shape().channels]);
                add_style(wanted, range.clone(), &d_bias, &d_gain);
                let gain = self.style[range][d_bias.len()..].to_vec();
                let zeros = vec![0.0; gain.len()];
                self.give(*input, needed, false, |_, keep, dx| affine(dy, &gain, &zeros, false, keep, dx));
            }
            Op::Noise { input, site, .. } => {
                self.noise_gradients(program, packed, id, *site, dy, wanted);
                self.give(*input, needed, false, |_, keep, dx| ops::accumulate(dy, keep, dx));
            }
            Op::Concat { inputs } => {
                let mut at = 0;
                for &input in inputs {
                    let count = self.values[input].map().shape().channels;
                    self.give(input, needed, false, |_, keep, dx| {
                        ops::channels(dy, at, dx, 0, count, keep);
                    });
                    at += count;
                }
            }
            Op::Scale { input, mul, .. } => {
                let channels = dy.shape().channels;
                let (mul, zeros) = (vec![*mul; channels], vec![0.0; channels]);
                self.give(*input, needed, false, |_, keep, dx| affine(dy, &mul, &zeros, false, keep, dx));
            }
        }
    }

    /// With `p[c, k] = sum of dy[c] n_k`: `d gain[c] = sum over k of weight[c, k] p[c, k]`, `d weight[c, k] = gain[c] p[c, k]`.
    fn noise_gradients(
        &self,
        program: &Program,
        packed: &Packed<K>,
        id: NodeId,
        site: usize,
        dy: &Map<K::Element>,
        wanted: &mut Wanted,
    ) {
        let range = program.network.site_range(site);
        let (channels, planes) = program.noises[id].expect("a noise layer");
        let weight = &packed.layers[id].as_ref().expect("noise layers are packed").plain;
        let sums = field::products(dy, self.cells(id));
        let product = |c: usize, k: usize| sums[k * dy.lanes() + c];
        if let Some(style) = wanted.style.as_deref_mut() {
            for (c, d_gain) in style[range.clone()].iter_mut().enumerate() {
                *d_gain += (0..planes).map(|k| weight[c * planes + k] * product(c, k)).sum::<f32>();
            }
        }
        if let Some(gradients) = wanted.weights.as_deref_mut() {
            let gain = &self.style[range];
            for (i, d_weight) in gradients.weights[id].iter_mut().enumerate().take(channels * planes) {
                *d_weight += gain[i / planes] * product(i / planes, i % planes);
            }
        }
    }

    /// With `x^ = (x - mean) / std`: `dx = style_std / std * (dy - mean(dy) - x^ * sum(dy x^) / divisor)`.
    #[allow(clippy::too_many_arguments)]
    fn back_adain(
        &mut self,
        program: &Program,
        id: NodeId,
        input: NodeId,
        site: usize,
        dy: &Map<K::Element>,
        wanted: &mut Wanted,
        needed: &[bool],
    ) {
        let own = self.moments[id].clone();
        let range = program.network.site_range(site);
        let (plain, mut along) = products(dy, self.values[input].map(), &own.mean);
        along.iter_mut().zip(&own.std).for_each(|(a, s)| *a /= s);
        add_style(wanted, range.clone(), &plain, &along);
        let n = dy.shape().area() as f32;
        let style = &self.style[range][plain.len()..];
        let a: Vec<f32> = style.iter().zip(&own.std).map(|(s, own)| s / own).collect();
        let b: Vec<f32> = (0..a.len()).map(|c| -a[c] * along[c] / (own.divisor * own.std[c])).collect();
        let shift: Vec<f32> = (0..a.len()).map(|c| -a[c] * plain[c] / n - b[c] * own.mean[c]).collect();
        self.give(input, needed, false, |tape, keep, dx| {
            ops::mixed(dy, tape.values[input].map(), [&a, &b, &shift], keep, dx);
        });
    }

    fn back_conv(
        &mut self,
        program: &Program,
        packed: &Packed<K>,
        id: NodeId,
        dy: &Map<K::Element>,
        wanted: &mut Wanted,
        needed: &[bool],
    ) {
        let conv = program.convs[id].expect("a convolution");
        let mut room = std::mem::replace(&mut self.spread[id], Value::None);
        let dy = match &mut room {
            Value::Map(spread) => {
                ops::spread(dy, conv.stride, spread);
                &*spread
            }
            _ => dy,
        };
        if let Some(gradients) = wanted.weights.as_deref_mut() {
            gradients.biases[id].iter_mut().zip(channel_sums(dy)).for_each(|(g, s)| *g += s);
            let x = self.values[conv.input].map_mut();
            if conv.kernel > 1 {
                x.fill_rim(conv.padding);
            }
            let goal = &mut gradients.weights[id];
            self.kernels().weights_gradient(
                self.values[conv.input].map(),
                dy,
                (conv.kernel, conv.stride),
                &mut self.scratch,
                goal,
            );
        }
        let layer = packed.layers[id].as_ref().expect("convolutions are packed");
        let weights = layer.back.as_ref().expect("packed for maps");
        let relu = program.is_relu(conv.input);
        self.give(conv.input, needed, relu, |tape, keep, dx| {
            let gate = relu.then(|| tape.values[conv.input].map());
            let finish = Finish { bias: None, relu: false, gate, add: keep };
            tape.kernels().conv_transposed(dy, weights, conv.padding, &finish, dx);
        });
        self.spread[id] = room;
    }

    fn back_vector(
        &mut self,
        program: &Program,
        packed: &Packed<K>,
        id: NodeId,
        dy: &mut Vec<f32>,
        wanted: &mut Wanted,
        needed: &[bool],
    ) {
        match &program.network.nodes[id].op {
            Op::MeanStd { input, .. } => {
                let (d_mean, d_std) = dy.split_at(dy.len() / 2);
                let relu = program.is_relu(*input);
                self.give(*input, needed, relu, |tape, keep, dx| {
                    let (x, own) = (tape.values[*input].map(), &tape.moments[id]);
                    add_statistics_gradient(x, own, d_mean, d_std, relu, keep, dx);
                });
            }
            Op::Conv { input, .. } => {
                let x = self.values[*input].vector();
                if let Some(gradients) = wanted.weights.as_deref_mut() {
                    gradients.biases[id].iter_mut().zip(&*dy).for_each(|(g, d)| *g += d);
                    for (row, d) in gradients.weights[id].chunks_exact_mut(x.len()).zip(&*dy) {
                        row.iter_mut().zip(x).for_each(|(g, x)| *g += d * x);
                    }
                }
                let plain = &packed.layers[id].as_ref().expect("convolutions are packed").plain;
                let mut dx = vec![0.0; x.len()];
                for (row, d) in plain.chunks_exact(dx.len()).zip(&*dy) {
                    dx.iter_mut().zip(row).for_each(|(dx, w)| *dx += d * w);
                }
                self.give_vector(*input, needed, &dx);
            }
            Op::Relu { input } => {
                let x = self.values[*input].vector();
                let dx: Vec<f32> = x.iter().zip(&*dy).map(|(&x, &d)| if x > 0.0 { d } else { 0.0 }).collect();
                self.give_vector(*input, needed, &dx);
            }
            Op::Scale { input, mul, .. } => {
                dy.iter_mut().for_each(|d| *d *= mul);
                self.give_vector(*input, needed, dy);
            }
            Op::Add { a, b } => {
                self.give_vector(*a, needed, dy);
                self.give_vector(*b, needed, dy);
            }
            Op::Concat { inputs } => {
                let mut at = 0;
                for &input in inputs {
                    let count = self.values[input].vector().len();
                    self.give_vector(input, needed, &dy[at..at + count]);
                    at += count;
                }
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

    fn give_vector(&mut self, id: NodeId, needed: &[bool], gradient: &[f32]) {
        if needed[id] {
            self.seed_vector(id, gradient);
        }
    }
}

fn add_style(wanted: &mut Wanted, range: std::ops::Range<usize>, first: &[f32], second: &[f32]) {
    if let Some(style) = wanted.style.as_deref_mut() {
        style[range].iter_mut().zip(first.iter().chain(second)).for_each(|(s, g)| *s += g);
    }
}
