//! Every kind of layer, forward and back, against PyTorch.

mod support;

use impasto_core::conformance::Random;
use impasto_core::network::{Network, NetworkBuilder, NodeId, Op, Padding};
use impasto_core::reference::ReferenceEngine;
use impasto_core::{Conditions, Engine, Tensor, Weights};
use impasto_cpu::Isa;
use impasto_train::walk::{
    Fast, Gradients, Kernels, Map, Packed, Parameters, Plain, Program, Tape, Value, Wanted,
};
use support::{assert_near, assert_within, get, golden, sample};

/// Results of one sample.
struct Outcome {
    y: Vec<f32>,
    gradient: Vec<f32>,
    style: Vec<f32>,
    weights: Weights,
}

fn flat<K: Kernels>(value: &Value<K::Element>) -> Vec<f32> {
    match value {
        Value::Map(map) => map.to_tensor().into_data(),
        Value::Vector(v) => v.clone(),
        Value::None => panic!("nothing there"),
    }
}

fn walk<K: Kernels>(
    kernels: K,
    network: &Network,
    weights: &Weights,
    x: &Tensor,
    style: &[f32],
    gy: &Tensor,
) -> Outcome {
    let program = Program::new(network).unwrap();
    let parameters = Parameters::from_weights(&program, weights).unwrap();
    let packed = Packed::new(kernels, &parameters, &parameters.values);
    let mut gradients = Gradients::zeros(&parameters);
    let mut tape = Tape::new(kernels, &program, x.shape().height, x.shape().width).unwrap();
    let mut d_style = vec![0.0; style.len()];
    tape.run(&program, &packed, x, style);
    let out = network.output();
    match tape.output() {
        Value::Vector(_) => tape.seed_vector(out, gy.data()),
        _ => tape.seed(out, false, |_, _, room: &mut Map<_>| room.read_tensor(gy)),
    }
    let mut wanted = Wanted { weights: Some(&mut gradients), style: Some(&mut d_style), picture: true };
    tape.backward(&program, &packed, &mut wanted);
    let mut sums = vec![0.0; parameters.values.len()];
    gradients.add_to(&parameters, &mut sums);
    Outcome {
        y: flat::<K>(tape.output()),
        gradient: flat::<K>(tape.gradient(0)),
        style: d_style,
        weights: parameters.to_weights(&sums),
    }
}

/// Walks all samples of a case; `parts` names the two halves of the style, first half first.
fn check(case: &str, weights: &[(&str, &str)], parts: Option<[&str; 2]>, network: Network) {
    let golden = golden();
    let x = get(&golden, case, "x");
    let mut named = Weights::new();
    for (ours, theirs) in weights {
        let weight = get(&golden, case, theirs);
        named.insert(*ours, weight.shape.clone(), weight.values.clone());
        let bias = ours.replace(".weight", ".bias");
        if named.get(&bias).is_none() {
            named.insert(bias, vec![weight.shape[0]], vec![0.0; weight.shape[0]]);
        }
    }
    let half = network.style_len() / 2;
    let mut sums: Option<Weights> = None;
    for n in 0..x.shape[0] {
        let part = |prefix: &str| -> Vec<f32> {
            let of = |name: &&str| {
                get(&golden, case, &format!("{prefix}{name}")).values[n * half..][..half].to_vec()
            };
            parts.iter().flatten().flat_map(of).collect()
        };
        let gy = get(&golden, case, "gy");
        let gy = if gy.shape.len() == 4 {
            sample(gy, n)
        } else {
            let c = gy.shape[1];
            Tensor::new(impasto_core::Shape::new(c, 1, 1), gy.values[n * c..][..c].to_vec())
        };
        let got = walk(Plain, &network, &named, &sample(x, n), &part(""), &gy);
        let y = &get(&golden, case, "y").values;
        assert_near(&got.y, &y[n * got.y.len()..][..got.y.len()], &format!("{case} y"));
        assert_near(&got.gradient, sample(get(&golden, case, "g_x"), n).data(), &format!("{case} g_x"));
        assert_near(&got.style, &part("g_"), &format!("{case} style"));
        sums = Some(match sums {
            None => got.weights,
            Some(mut sums) => {
                for (name, weight) in got.weights.iter() {
                    let sum = &mut sums.get_mut(name).unwrap().values;
                    sum.iter_mut().zip(&weight.values).for_each(|(s, w)| *s += w);
                }
                sums
            }
        });
    }
    for (ours, theirs) in weights {
        let expected = &get(&golden, case, &format!("g_{theirs}")).values;
        assert_near(&sums.as_ref().unwrap().get(ours).unwrap().values, expected, &format!("{case} {theirs}"));
    }
}

fn conv(channels: usize, out: usize, kernel: usize, stride: usize, padding: Padding) -> Network {
    let mut b = NetworkBuilder::new("conv");
    let x = b.input(channels);
    b.conv("c", x, out, kernel, stride, padding);
    b.finish()
}

const CONV: [(&str, &str); 2] = [("c.bias", "bias"), ("c.weight", "weight")];

#[test]
fn convolutions() {
    let kinds = [("zero", Padding::Zero), ("reflect", Padding::Reflect), ("replicate", Padding::Replicate)];
    for stride in [1, 2] {
        for (name, padding) in kinds {
            for size in ["odd", "even"] {
                let case = format!("conv3x3_s{stride}_{name}_{size}");
                check(&case, &CONV, None, conv(4, 3, 3, stride, padding));
            }
        }
    }
    check("conv3x3_wide", &CONV, None, conv(32, 16, 3, 1, Padding::Replicate));
    check("conv1x1", &CONV, None, conv(5, 6, 1, 1, Padding::Zero));
    check("linear", &CONV, None, conv(7, 5, 1, 1, Padding::Zero));
}

fn one(channels: usize, f: impl FnOnce(&mut NetworkBuilder, NodeId)) -> Network {
    let mut b = NetworkBuilder::new("one");
    let x = b.input(channels);
    f(&mut b, x);
    b.finish()
}

#[test]
fn layers_without_weights() {
    check("relu", &[], None, one(3, |b, x| _ = b.relu(x)));
    check("maxpool2_ceil_odd", &[], None, one(3, |b, x| _ = b.max_pool2(x)));
    check("maxpool2_even", &[], None, one(3, |b, x| _ = b.max_pool2(x)));
    check("maxpool2_ties", &[], None, one(2, |b, x| _ = b.max_pool2(x)));
    for size in ["odd", "even", "one"] {
        check(&format!("avgpool2_{size}"), &[], None, one(3, |b, x| _ = b.avg_pool2(x)));
    }
    check("upsample2", &[], None, one(3, |b, x| _ = b.upsample2(x)));
    check("scale", &[], None, one(3, |b, x| _ = b.scale(x, 4.0, -2.0)));
    check("mean_std", &[], None, one(5, |b, x| _ = b.mean_std(x, 1e-5, false)));
}

#[test]
fn sites() {
    let style = Some(["mean", "std"]);
    check("adain_biased", &[], style, one(5, |b, x| _ = b.adain("s", x, 5, 1e-5)));
    check("adain_unbiased", &[], style, one(5, |b, x| _ = b.adain_unbiased("s", x, 5, 1e-5)));
    check("modulate", &[], Some(["bias", "gain"]), one(5, |b, x| _ = b.modulate("s", x, 5)));
}

#[test]
fn joins() {
    let golden = golden();
    for (case, second) in [("add", 3), ("concat", 2)] {
        // Both inputs arrive as one picture, and 1x1 convolutions pick them apart.
        let mut b = NetworkBuilder::new("join");
        let x = b.input(3 + second);
        let (p, q) = (b.conv("p", x, 3, 1, 1, Padding::Zero), b.conv("q", x, second, 1, 1, Padding::Zero));
        if case == "add" {
            b.add(p, q);
        } else {
            b.concat(&[p, q]);
        }
        let network = b.finish();
        let mut weights = Weights::new();
        for (name, out, from) in [("p", 3, 0), ("q", second, 3)] {
            let pick =
                (0..out * (3 + second)).map(|i| f32::from(i % (3 + second) == from + i / (3 + second)));
            weights.insert(format!("{name}.weight"), vec![out, 3 + second, 1, 1], pick.collect());
            weights.insert(format!("{name}.bias"), vec![out], vec![0.0; out]);
        }
        for n in 0..2 {
            let both = |a: &str, b: &str| {
                let (a, b) = (sample(get(&golden, case, a), n), sample(get(&golden, case, b), n));
                impasto_core::reference::ops::concat(&[&a, &b])
            };
            let got =
                walk(Plain, &network, &weights, &both("a", "b"), &[], &sample(get(&golden, case, "gy"), n));
            assert_near(&got.y, sample(get(&golden, case, "y"), n).data(), case);
            assert_near(&got.gradient, both("g_a", "g_b").data(), case);
        }
    }
}

fn tiny() -> Network {
    let mut b = NetworkBuilder::new("tiny");
    let x = b.input(3);
    let x = b.conv("w1", x, 4, 3, 2, Padding::Replicate);
    let a = b.relu(x);
    let x = b.conv("w2", a, 4, 3, 1, Padding::Replicate);
    let x = b.adain("s", x, 4, 1e-5);
    let x = b.relu(x);
    let x = b.add(a, x);
    let x = b.upsample2(x);
    b.conv("w3", x, 3, 3, 1, Padding::Replicate);
    b.finish()
}

#[test]
fn a_little_network() {
    let weights = [("w1.weight", "w1"), ("w2.weight", "w2"), ("w3.weight", "w3")];
    check("tiny_network", &weights, Some(["mean", "std"]), tiny());
}

/// A table with every kind of layer, so that all paths of the walker meet.
fn everything() -> Network {
    let mut b = NetworkBuilder::new("everything");
    let x = b.input(3);
    let x = b.scale(x, 4.0, -2.0);
    let x = b.conv("c1", x, 20, 3, 1, Padding::Reflect);
    let a = b.relu(x);
    let x = b.max_pool2(a);
    let x = b.conv("c2", x, 40, 3, 2, Padding::Replicate);
    let x = b.adain("s1", x, 40, 1e-5);
    let x = b.relu(x);
    let x = b.upsample2(x);
    let x = b.conv("c3", x, 20, 3, 1, Padding::Zero);
    let x = b.modulate("s2", x, 20);
    let x = b.upsample2(x);
    let x = b.add(x, a);
    let x = b.concat(&[x, a]);
    let x = b.conv("c4", x, 8, 1, 1, Padding::Zero);
    let stats = b.mean_std(x, 1e-5, false);
    let y = b.conv("v1", stats, 24, 1, 1, Padding::Zero);
    let y = b.relu(y);
    let y = b.concat(&[y, stats]);
    b.conv("v2", y, 10, 1, 1, Padding::Zero);
    b.finish()
}

fn random_weights(network: &Network, random: &mut Random) -> Weights {
    let mut weights = Weights::new();
    for (name, shape) in network.weight_shapes().unwrap() {
        let bound = (3.0 / shape[1..].iter().product::<usize>() as f32).sqrt();
        let values = (0..shape.iter().product()).map(|_| random.range(-bound, bound)).collect();
        weights.insert(name, shape, values);
    }
    weights
}

#[test]
fn forward_equals_the_reference_engine() {
    let mut random = Random::new(5);
    let network = everything();
    let weights = random_weights(&network, &mut random);
    let x = random.tensor(impasto_core::Shape::new(3, 24, 36), 0.0, 1.0);
    let style: Vec<f32> = (0..network.style_len()).map(|_| random.range(0.3, 1.5)).collect();
    let gy = random.tensor(impasto_core::Shape::new(10, 1, 1), -1.0, 1.0);
    let got = walk(Plain, &network, &weights, &x, &style, &gy);
    let engine = impasto_core::reference::ReferenceEngine;
    let mut plan = engine.prepare(&network, &std::sync::Arc::new(weights), 24, 36).unwrap();
    let mut expected = Tensor::zeros(plan.output_shape());
    let conditions = Conditions { style: &style, strength: 1.0, ..Conditions::NONE };
    plan.run(&x, &conditions, &mut expected).unwrap();
    assert_near(&got.y, expected.data(), "forward");
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn tiles_agree_with_plain() {
    let Some(tiles) = impasto_train::walk::Tiles::detect() else {
        eprintln!("skipped: tiles_agree_with_plain: this machine has no AMX bf16");
        return;
    };
    let mut random = Random::new(6);
    let network = everything();
    assert!(network.nodes.iter().any(|n| matches!(n.op, Op::Modulate { .. })));
    let weights = random_weights(&network, &mut random);
    let x = random.tensor(impasto_core::Shape::new(3, 32, 48), 0.0, 1.0);
    let style: Vec<f32> = (0..network.style_len()).map(|_| random.range(0.3, 1.5)).collect();
    let gy = random.tensor(impasto_core::Shape::new(10, 1, 1), -1.0, 1.0);
    let (plain, fast) =
        (walk(Plain, &network, &weights, &x, &style, &gy), walk(tiles, &network, &weights, &x, &style, &gy));
    assert_within(&fast.y, &plain.y, 0.02, "y");
    assert_within(&fast.style, &plain.style, 0.1, "style");
    // A bias in front of AdaIN has no effect: its gradient is rounding.
    for (name, weight) in plain.weights.iter().filter(|(name, _)| *name != "c2.bias") {
        let (a, b) = (&fast.weights.get(name).unwrap().values, &weight.values);
        let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let cosine = product(a, b) / (product(a, a) * product(b, b)).sqrt().max(1e-12);
        assert!(cosine > 0.99, "{name}: cosine {cosine}");
    }
}

#[test]
fn a_nearly_flat_channel() {
    // Deviations of 2e-3 around 1: `f32` keeps four digits of what is left after the mean is taken away.
    let (golden, case) = (golden(), "adain_flat");
    let network = one(3, |b, x| _ = b.adain("s", x, 3, 1e-5));
    let style: Vec<f32> = ["mean", "std"].iter().flat_map(|n| get(&golden, case, n).values.clone()).collect();
    let (x, gy) = (sample(get(&golden, case, "x"), 0), sample(get(&golden, case, "gy"), 0));
    let got = walk(Plain, &network, &Weights::new(), &x, &style, &gy);
    assert_within(&got.y, &get(&golden, case, "y").values, 1e-3, "flat y");
    assert_within(&got.gradient, &get(&golden, case, "g_x").values, 1e-3, "flat g_x");
}

#[test]
fn fast_agrees_with_plain() {
    let mut random = Random::new(7);
    let network = everything();
    let weights = random_weights(&network, &mut random);
    let x = random.tensor(impasto_core::Shape::new(3, 32, 48), 0.0, 1.0);
    let style: Vec<f32> = (0..network.style_len()).map(|_| random.range(0.3, 1.5)).collect();
    let gy = random.tensor(impasto_core::Shape::new(10, 1, 1), -1.0, 1.0);
    let plain = walk(Plain, &network, &weights, &x, &style, &gy);
    for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
        let fast = walk(Fast::with(isa).unwrap(), &network, &weights, &x, &style, &gy);
        assert_within(&fast.y, &plain.y, 1e-4, "y");
        assert_within(&fast.style, &plain.style, 1e-3, "style");
        // A bias in front of AdaIN has no effect: its gradient is rounding.
        for (name, weight) in plain.weights.iter().filter(|(name, _)| *name != "c2.bias") {
            assert_within(&fast.weights.get(name).unwrap().values, &weight.values, 3e-3, name);
        }
    }
}

/// The noise field is linear in everything that has a gradient, so differences of the plain engine's results are exact gradients.
#[test]
fn noise_has_the_plain_engines_differences_as_gradients() {
    let mut b = NetworkBuilder::new("noise");
    let x = b.input(5);
    let x = b.relu(x);
    b.noise("n", x, 5, 1, &[1, 2, 1]);
    let network = b.finish();
    let mut random = Random::new(3);
    let shape = impasto_core::Shape::new(5, 6, 9);
    let (x, gy) = (random.tensor(shape, 0.1, 1.0), random.tensor(shape, -1.0, 1.0));
    let style: Vec<f32> = (0..5).map(|_| random.range(-1.0, 1.5)).collect();
    let mut weights = Weights::new();
    weights.insert("n.weight", vec![5, 3], (0..15).map(|_| random.normal()).collect());
    let along = |weights: &Weights, style: &[f32]| -> f32 {
        let mut plan =
            ReferenceEngine.prepare(&network, &std::sync::Arc::new(weights.clone()), 6, 9).unwrap();
        let mut y = Tensor::zeros(shape);
        plan.run(&x, &Conditions::new(style), &mut y).unwrap();
        y.data().iter().zip(gy.data()).map(|(y, g)| y * g).sum()
    };
    let got = walk(Plain, &network, &weights, &x, &style, &gy);
    assert_eq!(got.gradient, gy.data(), "the input is passed on");
    let before = along(&weights, &style);
    let moved = |i: usize, values: &[f32]| {
        let mut moved = values.to_vec();
        moved[i] += 1.0;
        moved
    };
    let by_style: Vec<f32> = (0..5).map(|i| along(&weights, &moved(i, &style)) - before).collect();
    assert_within(&got.style, &by_style, 1e-4, "gains");
    let own = weights.get("n.weight").unwrap().values.clone();
    let by_weight: Vec<f32> = (0..15)
        .map(|i| {
            let mut weights = weights.clone();
            weights.insert("n.weight", vec![5, 3], moved(i, &own));
            along(&weights, &style) - before
        })
        .collect();
    assert_within(&got.weights.get("n.weight").unwrap().values, &by_weight, 1e-4, "weights");
    assert!(by_style.iter().chain(&by_weight).all(|g| g.abs() > 1e-3), "nothing is tested by zeros");
}
