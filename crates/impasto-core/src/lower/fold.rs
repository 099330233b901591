//! Linear maps folded into the convolutions beside them: exact but for roundings, and free at run time.
//!
//! A table rewritten here is a table like any other, so the plain reference engine judges it.

use crate::network::{Network, Node, NodeId, Op, Padding};
use crate::weights::{Weight, Weights};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Rows of a matrix over channels.
pub type Map = Vec<Vec<f64>>;

/// A table with its weights, to rewrite. Weights are those of the model until a fold changes them.
#[derive(Clone, Debug)]
pub struct Folded<'a> {
    /// The table.
    pub network: Network,
    weights: BTreeMap<String, Cow<'a, Weight>>,
}

/// Weights of one convolution, `weight[out][in / groups][kernel][kernel]` and `bias[out]`.
#[derive(Clone, Copy, Debug)]
pub struct ConvWeights<'a> {
    /// Factors.
    pub weight: &'a [f32],
    /// Summands.
    pub bias: &'a [f32],
}

impl<'a> Folded<'a> {
    /// A copy of the table over the model's weights, which [`Network::check_weights`] must have passed.
    pub fn new(network: &Network, weights: &'a Weights) -> Self {
        let needed = |name: &str| {
            let layer = name.rsplit_once('.').map_or(name, |(layer, _)| layer);
            network.find(layer).is_some_and(|id| network.nodes[id].op.has_weights())
        };
        let borrowed = |(name, weight): (&str, &'a Weight)| (name.to_owned(), Cow::Borrowed(weight));
        let weights = weights.iter().filter(|(name, _)| needed(name)).map(borrowed).collect();
        Self { network: network.clone(), weights }
    }

    /// The weights, in a form that outlives the model's.
    pub fn weights(&self) -> Weights {
        let mut own = Weights::new();
        for (name, weight) in &self.weights {
            own.insert(name, weight.shape.clone(), weight.values.clone());
        }
        own
    }

    /// The weights of a convolution.
    ///
    /// # Panics
    /// If they are missing: callers have checked the weights.
    pub fn conv(&self, id: NodeId) -> ConvWeights<'_> {
        ConvWeights { weight: self.values(id, "weight"), bias: self.values(id, "bias") }
    }

    /// The weights of a noise layer, `[channels][planes]`.
    ///
    /// # Panics
    /// If they are missing: callers have checked the weights.
    pub fn noise(&self, id: NodeId) -> &[f32] {
        self.values(id, "weight")
    }

    fn values(&self, id: NodeId, part: &str) -> &[f32] {
        let name = format!("{}.{part}", self.network.nodes[id].name);
        &self.weights.get(&name).expect("the weights have been checked").values
    }

    /// Folds every `Scale` that alone reads a convolution into that convolution.
    pub fn fold_scales_into_producers(&mut self) {
        self.fold_scales(Self::scale_producer);
    }

    /// Folds every `Scale` into the convolutions that read it, or into the one it reads.
    pub fn fold_scales_everywhere(&mut self) {
        self.fold_scales(|table, id, scale| {
            table.scale_readers(id, scale) || table.scale_producer(id, scale)
        });
    }

    fn fold_scales(&mut self, mut fold: impl FnMut(&mut Self, NodeId, Scale) -> bool) {
        let mut id = 0;
        while id < self.network.nodes.len() {
            let op = &self.network.nodes[id].op;
            let &Op::Scale { input, mul, add } = op else {
                id += 1;
                continue;
            };
            let scale = Scale { input, mul: mul.into(), add: add.into() };
            if self.can_remove(id, input) && fold(self, id, scale) {
                self.remove(id, input);
            } else {
                id += 1;
            }
        }
    }

    fn scale_readers(&mut self, id: NodeId, Scale { mul, add, .. }: Scale) -> bool {
        let readers = self.network.live_readers().swap_remove(id);
        let takes_it = |reader: &NodeId| match self.network.nodes[*reader].op {
            Op::Conv { kernel, padding, .. } => padding != Padding::Zero || kernel == 1 || add == 0.0,
            Op::Input { .. }
            | Op::Relu { .. }
            | Op::MaxPool2 { .. }
            | Op::AvgPool2 { .. }
            | Op::Upsample2 { .. }
            | Op::Add { .. }
            | Op::AdaIn { .. }
            | Op::Modulate { .. }
            | Op::Noise { .. }
            | Op::MeanStd { .. }
            | Op::Concat { .. }
            | Op::Scale { .. } => false,
        };
        let all_take_it = !readers.is_empty() && readers.iter().all(takes_it);
        if all_take_it {
            readers.iter().for_each(|&reader| self.scale_conv_input(reader, mul, add));
        }
        all_take_it
    }

    fn scale_producer(&mut self, id: NodeId, Scale { input, mul, add }: Scale) -> bool {
        let is_conv = matches!(self.network.nodes[input].op, Op::Conv { .. });
        let folds = is_conv && self.network.live_readers()[input] == [id];
        if folds {
            self.scale_conv_output(input, mul, add);
        }
        folds
    }

    /// Folds a 1x1 convolution of the picture to at most 4 channels into the convolution that reads it, where the padding repeats
    /// values of the picture; with zero padding the border would change.
    pub fn fold_first_convs(&mut self) {
        let mut id = 0;
        while id < self.network.nodes.len() {
            match self.foldable_first_conv(id) {
                Some((picture, reader)) => {
                    let first = self.conv(id);
                    let (first_weight, first_bias) = (first.weight.to_vec(), first.bias.to_vec());
                    let first = ConvWeights { weight: &first_weight, bias: &first_bias };
                    self.edit(reader, |weight, bias| compose(first, weight, bias));
                    self.remove(id, picture);
                }
                None => id += 1,
            }
        }
    }

    /// The picture that such a convolution reads, and its only reader.
    fn foldable_first_conv(&self, id: NodeId) -> Option<(NodeId, NodeId)> {
        let nodes = &self.network.nodes;
        let Op::Conv { input, kernel: 1, stride: 1, groups: 1, out_channels, .. } = nodes[id].op else {
            return None;
        };
        let is_small =
            matches!(nodes[input].op, Op::Input { channels } if channels <= 4) && out_channels <= 4;
        let [reader] = self.network.live_readers()[id][..] else { return None };
        let Op::Conv { kernel, groups: 1, padding, .. } = nodes[reader].op else { return None };
        (is_small && (padding != Padding::Zero || kernel == 1)).then_some((input, reader))
    }

    /// `W (mul x + add) + b = (mul W) x + (b + add * sum of W)`.
    fn scale_conv_input(&mut self, conv: NodeId, mul: f64, add: f64) {
        self.edit(conv, |weight, bias| {
            let per_output = weight.values.len() / bias.values.len();
            for (b, row) in bias.values.iter_mut().zip(weight.values.chunks_exact_mut(per_output)) {
                let sum: f64 = row.iter().map(|&w| f64::from(w)).sum();
                *b = (f64::from(*b) + add * sum) as f32;
                row.iter_mut().for_each(|w| *w = (f64::from(*w) * mul) as f32);
            }
        });
    }

    /// `mul (W x + b) + add`.
    fn scale_conv_output(&mut self, conv: NodeId, mul: f64, add: f64) {
        self.edit(conv, |weight, bias| {
            weight.values.iter_mut().for_each(|w| *w = (f64::from(*w) * mul) as f32);
            bias.values.iter_mut().for_each(|b| *b = (f64::from(*b) * mul + add) as f32);
        });
    }

    /// Makes the network take `x` where it took `map x`. A 1x1 convolution is added where the readers of
    /// the input cannot take the map in.
    pub fn map_input(&mut self, map: &Map) {
        let readers = self.network.live_readers().swap_remove(0);
        let dense = |id: &NodeId| matches!(self.network.nodes[*id].op, Op::Conv { groups: 1, .. });
        if !readers.is_empty() && readers.iter().all(dense) {
            for id in readers {
                self.map_conv_input(id, map);
            }
            return;
        }
        self.insert_map(1, 0, "picture map", map);
    }

    /// `W (M x)`: the weight's input channels are mixed.
    fn map_conv_input(&mut self, conv: NodeId, map: &Map) {
        self.edit(conv, |weight, _| {
            let [_, inner, k, _] = weight.shape[..] else { unreachable!("a convolution's weight") };
            let area = k * k;
            for taps in weight.values.chunks_exact_mut(inner * area) {
                let old = taps.to_vec();
                for (at, tap) in taps.iter_mut().enumerate() {
                    let (c, at) = (at / area, at % area);
                    let term = |m: usize| map[m][c] * f64::from(old[m * area + at]);
                    *tap = (0..inner).map(term).sum::<f64>() as f32;
                }
            }
        });
    }

    /// Makes the network give `map y` where it gave `y`; the output is then a convolution.
    pub fn map_output(&mut self, map: &Map) {
        let last = self.network.output();
        if matches!(self.network.nodes[last].op, Op::Conv { groups: 1, .. }) {
            self.map_conv_output(last, map);
        } else {
            self.insert_map(last + 1, last, "painted map", map);
        }
    }

    /// `M (W x + b)`.
    fn map_conv_output(&mut self, conv: NodeId, map: &Map) {
        self.edit(conv, |weight, bias| {
            let per_output = weight.values.len() / bias.values.len();
            let mixed = |old: &[f32], len: usize, row: &[f64], at: usize| -> f32 {
                row.iter().enumerate().map(|(o, m)| m * f64::from(old[o * len + at])).sum::<f64>() as f32
            };
            weight.values = map
                .iter()
                .flat_map(|row| (0..per_output).map(|at| mixed(&weight.values, per_output, row, at)))
                .collect();
            bias.values = map.iter().map(|row| mixed(&bias.values, 1, row, 0)).collect();
            (weight.shape[0], bias.shape[0]) = (map.len(), map.len());
        });
        if let Op::Conv { out_channels, .. } = &mut self.network.nodes[conv].op {
            *out_channels = map.len();
        }
    }

    /// Adds a 1x1 convolution as node `at`, between `input` and all its readers.
    fn insert_map(&mut self, at: NodeId, input: NodeId, name: &str, map: &Map) {
        let (outs, inner) = (map.len(), map[0].len());
        let values = map.iter().flatten().map(|&m| m as f32).collect();
        let weight = Weight { shape: vec![outs, inner, 1, 1], values };
        let bias = Weight { shape: vec![outs], values: vec![0.0; outs] };
        self.weights.insert(format!("{name}.weight"), Cow::Owned(weight));
        self.weights.insert(format!("{name}.bias"), Cow::Owned(bias));
        let moved = |i: NodeId| match i {
            i if i == input => at,
            i if i >= at => i + 1,
            i => i,
        };
        for node in &mut self.network.nodes {
            node.op = node.op.map_inputs(moved);
        }
        let padding = Padding::Zero;
        let op = Op::Conv { input, out_channels: outs, kernel: 1, stride: 1, groups: 1, padding };
        self.network.nodes.insert(at, Node { name: name.into(), op });
    }

    /// Whether the output stays what it is if `instead` stands for node `id`.
    fn can_remove(&self, id: NodeId, instead: NodeId) -> bool {
        id != self.network.output() || instead + 1 == id
    }

    /// Takes node `id` and its weights out; its readers read `instead`, an earlier node.
    ///
    /// # Panics
    /// If it is the output and `instead` does not stand right before it.
    pub fn remove(&mut self, id: NodeId, instead: NodeId) {
        assert!(self.can_remove(id, instead), "the output would be another row");
        let node = self.network.nodes.remove(id);
        for part in ["weight", "bias"] {
            self.weights.remove(&format!("{}.{part}", node.name));
        }
        for node in &mut self.network.nodes {
            node.op = node.op.map_inputs(|i| match i {
                i if i == id => instead,
                i if i > id => i - 1,
                i => i,
            });
        }
    }

    /// Changes weight and bias of a convolution.
    ///
    /// # Panics
    /// If they are missing: callers have checked the weights.
    pub fn edit(&mut self, conv: NodeId, change: impl FnOnce(&mut Weight, &mut Weight)) {
        let names = ["weight", "bias"].map(|part| format!("{}.{part}", self.network.nodes[conv].name));
        let mut take =
            |name: &str| self.weights.remove(name).expect("the weights have been checked").into_owned();
        let (mut weight, mut bias) = (take(&names[0]), take(&names[1]));
        change(&mut weight, &mut bias);
        for (name, changed) in names.into_iter().zip([weight, bias]) {
            self.weights.insert(name, Cow::Owned(changed));
        }
    }
}

/// A row that multiplies and adds.
#[derive(Clone, Copy)]
struct Scale {
    input: NodeId,
    mul: f64,
    add: f64,
}

/// Makes `weight` and `bias` those of the convolution after the 1x1 convolution `first`, where no zeros are padded.
fn compose(first: ConvWeights<'_>, weight: &mut Weight, bias: &mut Weight) {
    let middle = first.bias.len();
    let inner = first.weight.len() / middle;
    let taps: usize = weight.shape[2..].iter().product();
    let at = |o: usize, m: usize, tap: usize| f64::from(weight.values[(o * middle + m) * taps + tap]);
    let mut values = Vec::with_capacity(bias.values.len() * inner * taps);
    for (o, b) in bias.values.iter_mut().enumerate() {
        for c in 0..inner {
            for tap in 0..taps {
                let product = |m: usize| at(o, m, tap) * f64::from(first.weight[m * inner + c]);
                values.push((0..middle).map(product).sum::<f64>() as f32);
            }
        }
        let through = |m: usize| (0..taps).map(|tap| at(o, m, tap)).sum::<f64>() * f64::from(first.bias[m]);
        *b = (f64::from(*b) + (0..middle).map(through).sum::<f64>()) as f32;
    }
    weight.shape[1] = inner;
    weight.values = values;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{Case, Random, Tolerance, cases, compare, run};
    use crate::network::NetworkBuilder;
    use crate::reference::ReferenceEngine;
    use crate::tensor::{Shape, Tensor};
    use std::sync::Arc;

    /// Folding moves roundings only.
    const TOLERANCE: Tolerance = Tolerance { of_peak: 2e-5 };

    fn painted(case: &Case, folded: &Folded<'_>, input: Tensor) -> Tensor {
        let (network, weights) = (folded.network.clone(), Arc::new(folded.weights()));
        run(&ReferenceEngine, &Case { network, weights, input, ..case.clone() }).unwrap()
    }

    fn mapped(map: &Map, x: &Tensor) -> Tensor {
        let value = |c: usize, v, u| {
            (0..map[c].len()).map(|k| map[c][k] * f64::from(x.row(k, v)[u])).sum::<f64>() as f32
        };
        Tensor::from_fn(Shape { channels: map.len(), ..x.shape() }, value)
    }

    #[test]
    fn folded_tables_paint_the_same() {
        for case in cases() {
            let mut folded = Folded::new(&case.network, &case.weights);
            folded.fold_scales_everywhere();
            let expected = run(&ReferenceEngine, &case).unwrap();
            compare(&expected, &painted(&case, &folded, case.input.clone()), TOLERANCE)
                .unwrap_or_else(|e| panic!("{}: {e}", case.name));
        }
    }

    #[test]
    fn scales_vanish_where_that_is_exact() {
        let table = |padding| {
            let mut b = NetworkBuilder::new("scaled");
            let x = b.input(3);
            let x = b.scale(x, 4.0, -2.0);
            let x = b.conv("conv", x, 3, 3, 1, padding);
            b.scale(x, 0.25, 0.5);
            Case::new("scaled", b.finish(), 6, 7, 5)
        };
        for (padding, nodes) in [(Padding::Replicate, 2), (Padding::Reflect, 2), (Padding::Zero, 3)] {
            let case = table(padding);
            let mut folded = Folded::new(&case.network, &case.weights);
            folded.fold_scales_everywhere();
            assert_eq!(folded.network.nodes.len(), nodes, "{padding:?}");
            let expected = run(&ReferenceEngine, &case).unwrap();
            compare(&expected, &painted(&case, &folded, case.input.clone()), TOLERANCE).unwrap();
        }
    }

    #[test]
    fn any_map_of_channels_can_be_folded() {
        let mut random = Random::new(3);
        let mut b = NetworkBuilder::new("maps");
        let x = b.input(3);
        let x = b.conv("first", x, 5, 3, 2, Padding::Reflect);
        let x = b.relu(x);
        b.conv("last", x, 4, 3, 1, Padding::Replicate);
        let case = Case::new("maps", b.finish(), 9, 8, 6);
        let mut any = |rows: usize, columns: usize| -> Map {
            (0..rows).map(|_| (0..columns).map(|_| random.range(-1.0, 1.0).into()).collect()).collect()
        };
        let (into, out) = (any(3, 3), any(6, 4));
        let mut folded = Folded::new(&case.network, &case.weights);
        folded.map_input(&into);
        folded.map_output(&out);
        assert_eq!(folded.network.nodes.len(), case.network.nodes.len());
        let inner = Case { input: mapped(&into, &case.input), ..case.clone() };
        let expected = mapped(&out, &run(&ReferenceEngine, &inner).unwrap());
        compare(&expected, &painted(&case, &folded, case.input.clone()), TOLERANCE).unwrap();
    }

    /// The table as engines fold it.
    fn folded_for_engines(case: &Case) -> Folded<'_> {
        let mut folded = Folded::new(&case.network, &case.weights);
        folded.fold_scales_into_producers();
        folded.fold_first_convs();
        folded
    }

    #[test]
    fn tables_folded_for_engines_paint_the_same() {
        let mut shorter = 0;
        for case in cases() {
            let folded = folded_for_engines(&case);
            shorter += usize::from(folded.network.nodes.len() < case.network.nodes.len());
            let expected = run(&ReferenceEngine, &case).unwrap();
            compare(&expected, &painted(&case, &folded, case.input.clone()), TOLERANCE)
                .unwrap_or_else(|e| panic!("{}: {e}", case.name));
        }
        assert!(shorter >= 8, "only {shorter} tables became shorter");
    }

    /// A dead row that reads a convolution changes nothing for the living.
    #[test]
    fn a_scale_that_nobody_reads_is_not_folded() {
        let mut b = NetworkBuilder::new("dead scale");
        let x = b.input(3);
        let x = b.conv("conv", x, 4, 3, 1, Padding::Replicate);
        b.scale(x, 7.0, 1.0);
        b.conv("out", x, 3, 3, 1, Padding::Replicate);
        let case = Case::new("dead scale", b.finish(), 6, 7, 5);
        let expected = run(&ReferenceEngine, &case).unwrap();
        let found = painted(&case, &folded_for_engines(&case), case.input.clone());
        compare(&expected, &found, TOLERANCE).unwrap();
    }

    /// Rows between the output and what it reads are dead, and would become the output.
    #[test]
    fn an_output_behind_dead_rows_stays_the_output() {
        let mut b = NetworkBuilder::new("dead row");
        let x = b.input(3);
        let x = b.conv("conv", x, 3, 3, 1, Padding::Replicate);
        b.relu(x);
        b.scale(x, 0.5, 0.5);
        let case = Case::new("dead row", b.finish(), 6, 7, 5);
        let expected = run(&ReferenceEngine, &case).unwrap();
        for fold in [Folded::fold_scales_into_producers, Folded::fold_scales_everywhere] {
            let mut folded = Folded::new(&case.network, &case.weights);
            fold(&mut folded);
            compare(&expected, &painted(&case, &folded, case.input.clone()), TOLERANCE).unwrap();
        }
    }
}
