//! Linear maps folded into the convolutions beside them: exact, and free at run time.
//!
//! A table rewritten here is a table like any other, so the plain reference engine judges it.

use impasto_core::weights::Weight;
use impasto_core::{Network, Node, NodeId, Op, Padding, Weights};

/// A table and its own weights, to rewrite.
#[derive(Clone, Debug)]
pub(crate) struct Folded {
    pub network: Network,
    pub weights: Weights,
}

/// Rows of a matrix over channels.
pub(crate) type Map = Vec<Vec<f64>>;

/// A picture of 3 channels times `gain`, its channels turned around if `reversed`.
pub(crate) fn pixel_map(gain: f64, reversed: bool) -> Map {
    let taken = |c: usize| if reversed { 2 - c } else { c };
    (0..3).map(|c| (0..3).map(|k| if k == taken(c) { gain } else { 0.0 }).collect()).collect()
}

impl Folded {
    /// Copies the table, and of the weights what it needs.
    pub fn new(network: &Network, weights: &Weights) -> Self {
        let mut own = Weights::new();
        for (name, weight) in weights.iter() {
            let layer = name.rsplit_once('.').map_or(name, |(layer, _)| layer);
            if network.find(layer).is_some() {
                own.insert(name, weight.shape.clone(), weight.values.clone());
            }
        }
        Self { network: network.clone(), weights: own }
    }

    /// Folds every `Scale` into the convolutions that read it, or into the one it reads.
    pub fn fold_scales(&mut self) {
        let mut id = 0;
        while id < self.network.nodes.len() {
            let scale = self.network.nodes[id].op.clone();
            match scale {
                Op::Scale { input, mul, add } if self.fold_scale(id, input, mul.into(), add.into()) => {
                    self.remove(id, input);
                }
                _ => id += 1,
            }
        }
    }

    fn fold_scale(&mut self, id: NodeId, input: NodeId, mul: f64, add: f64) -> bool {
        let readers = self.network.readers();
        let takes_it = |reader: &NodeId| match self.network.nodes[*reader].op {
            Op::Conv { kernel, padding, .. } => padding != Padding::Zero || kernel == 1 || add == 0.0,
            _ => false,
        };
        let all_take_it = !readers[id].is_empty() && readers[id].iter().all(takes_it);
        if all_take_it {
            for &reader in &readers[id] {
                self.scale_conv_input(reader, mul, add);
            }
            return true;
        }
        let is_conv = matches!(self.network.nodes[input].op, Op::Conv { .. });
        if is_conv && readers[input] == [id] {
            self.scale_conv_output(input, mul, add);
            return true;
        }
        false
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
        let readers = self.network.readers()[0].clone();
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
        self.weights.insert(format!("{name}.weight"), vec![outs, inner, 1, 1], values);
        self.weights.insert(format!("{name}.bias"), vec![outs], vec![0.0; outs]);
        let moved = |i: NodeId| match i {
            i if i == input => at,
            i if i >= at => i + 1,
            i => i,
        };
        for node in &mut self.network.nodes {
            node.op = renumbered(&node.op, moved);
        }
        let padding = Padding::Zero;
        let op = Op::Conv { input, out_channels: outs, kernel: 1, stride: 1, groups: 1, padding };
        self.network.nodes.insert(at, Node { name: name.into(), op });
    }

    /// Takes node `id` out; its readers read `instead`, an earlier node.
    pub fn remove(&mut self, id: NodeId, instead: NodeId) {
        self.network.nodes.remove(id);
        for node in &mut self.network.nodes {
            node.op = renumbered(&node.op, |i| match i {
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
        let mut take = |name: &str| self.weights.remove(name).expect("the weights have been checked");
        let (mut weight, mut bias) = (take(&names[0]), take(&names[1]));
        change(&mut weight, &mut bias);
        for (name, changed) in names.into_iter().zip([weight, bias]) {
            self.weights.insert(name, changed.shape, changed.values);
        }
    }
}

/// The operation with `f` of every node that it reads.
fn renumbered(op: &Op, f: impl Fn(NodeId) -> NodeId) -> Op {
    let mut op = op.clone();
    match &mut op {
        Op::Input { .. } => {}
        Op::Conv { input, .. }
        | Op::Relu { input }
        | Op::MaxPool2 { input }
        | Op::AvgPool2 { input }
        | Op::Upsample2 { input }
        | Op::AdaIn { input, .. }
        | Op::Modulate { input, .. }
        | Op::MeanStd { input, .. }
        | Op::Scale { input, .. } => *input = f(*input),
        Op::Add { a, b } => (*a, *b) = (f(*a), f(*b)),
        Op::Concat { inputs } => inputs.iter_mut().for_each(|i| *i = f(*i)),
    }
    op
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::conformance::{Case, Random, Tolerance, cases, compare, run};
    use impasto_core::reference::ReferenceEngine;
    use impasto_core::{NetworkBuilder, Tensor};
    use std::sync::Arc;

    /// Folding moves roundings only.
    const TOLERANCE: Tolerance = Tolerance { of_peak: 2e-5 };

    fn painted(case: &Case, folded: &Folded, input: Tensor) -> Tensor {
        let (network, weights) = (folded.network.clone(), Arc::new(folded.weights.clone()));
        run(&ReferenceEngine, &Case { network, weights, input, ..case.clone() }).unwrap()
    }

    fn mapped(map: &Map, x: &Tensor) -> Tensor {
        let value = |c: usize, v, u| {
            (0..map[c].len()).map(|k| map[c][k] * f64::from(x.row(k, v)[u])).sum::<f64>() as f32
        };
        Tensor::from_fn(impasto_core::Shape { channels: map.len(), ..x.shape() }, value)
    }

    #[test]
    fn folded_tables_paint_the_same() {
        for case in cases() {
            let mut folded = Folded::new(&case.network, &case.weights);
            folded.fold_scales();
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
            folded.fold_scales();
            assert_eq!(folded.network.nodes.len(), nodes, "{padding:?}");
            let expected = run(&ReferenceEngine, &case).unwrap();
            compare(&expected, &painted(&case, &folded, case.input.clone()), TOLERANCE).unwrap();
        }
    }

    #[test]
    fn pixel_maps_go_into_both_ends_of_every_painter() {
        let mut tried = 0;
        for case in cases().into_iter().filter(|c| c.network.crop) {
            let mut folded = Folded::new(&case.network, &case.weights);
            folded.map_input(&pixel_map(1.0 / 255.0, true));
            folded.map_output(&pixel_map(255.0, true));
            let expected = mapped(&pixel_map(255.0, true), &run(&ReferenceEngine, &case).unwrap());
            let input = mapped(&pixel_map(255.0, true), &case.input);
            compare(&expected, &painted(&case, &folded, input), TOLERANCE)
                .unwrap_or_else(|e| panic!("{}: {e}", case.name));
            tried += 1;
        }
        assert!(tried >= 8, "{tried}");
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
}
