//! Convolutions in eight bits: exact where codes can say everything, near elsewhere, and in the ranges that the frame shows.

use impasto_core::conformance::{Case, Random, Tolerance, compare, rms_difference, run};
use impasto_core::reference::ReferenceEngine;
use impasto_core::{Engine, NetworkBuilder, Op, Padding, Shape, Tensor, Weights};
use impasto_cpu::{CpuEngine, Isa, Precision};
use std::sync::Arc;

/// Bound of [`rms_difference`] over the conformance suite.
const OF_RMS: f64 = 0.15;

/// Engines that multiply bytes on this machine.
fn engines() -> Vec<CpuEngine> {
    let with = |isa| CpuEngine::with(isa, 2).ok().filter(|_| Precision::Int8.is_available(isa));
    let engines: Vec<_> =
        Isa::ALL.into_iter().filter_map(with).map(|e| e.precision(Precision::Int8)).collect();
    if engines.is_empty() {
        eprintln!("skipped: int8: this machine cannot multiply bytes (AVX512-VNNI, AVX-VNNI)");
    }
    engines
}

/// Every way in which a layer is done in eight bits.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Doubled,
    DoubledToCanvas,
    ToCanvas,
}

/// A copy of the input, whose values the layer under test then reads. There are as many outputs as are wanted, or three on a canvas.
fn case(kind: Kind, (inputs, outputs): (usize, usize), (height, width): (usize, usize), seed: u64) -> Case {
    let mut b = NetworkBuilder::new("eight");
    let x = b.input(inputs);
    let mut x = b.conv("copy", x, inputs, 1, 1, Padding::Replicate);
    if matches!(kind, Kind::Doubled | Kind::DoubledToCanvas) {
        x = b.upsample2(x);
    }
    let out_channels = if kind == Kind::Doubled { outputs } else { 3 };
    let padding = if seed.is_multiple_of(2) { Padding::Replicate } else { Padding::Reflect };
    let y = b.push("layer", Op::Conv { input: x, out_channels, kernel: 3, stride: 1, groups: 1, padding });
    if kind == Kind::Doubled {
        b.scale(y, 1.0, 0.0);
    }
    let mut case = Case::new(&format!("{kind:?}"), b.finish(), height, width, seed);
    let mut weights = (*case.weights).clone();
    let one = |i: usize| if i / inputs == i % inputs { 1.0 } else { 0.0 };
    weights.insert("copy.weight", vec![inputs, inputs, 1, 1], (0..inputs * inputs).map(one).collect());
    weights.insert("copy.bias", vec![inputs], vec![0.0; inputs]);
    case.weights = Arc::new(weights);
    case
}

/// Cases of all kinds, at sizes that fill panels and jobs in all ways.
fn cases() -> Vec<Case> {
    let kinds = [Kind::Doubled, Kind::DoubledToCanvas, Kind::ToCanvas];
    let mut random = Random::new(11);
    let mut cases = Vec::new();
    for round in 0..24 {
        for kind in kinds {
            let inputs = random.integer(12, 50);
            let size = match round {
                0 => (1, 3),
                1 => (31, 330),
                _ => (random.integer(2, 40), random.integer(2, 90)),
            };
            cases.push(case(kind, (inputs, random.integer(5, 70)), size, random.bits() >> 8));
        }
    }
    cases
}

/// Values 0 to 255, both in each channel, and for each pair of channels one tap of at most 127, which every output has: then all codes
/// are the values themselves.
fn whole(case: &mut Case, seed: u64) {
    let mut random = Random::new(seed);
    let shape = case.input.shape();
    case.input = Tensor::from_fn(shape, |_, y, x| match (y, x) {
        (0, 0) => 0.0,
        (0, 1) => 255.0,
        _ => random.integer(0, 255) as f32,
    });
    let mut weights: Weights = (*case.weights).clone();
    let layer = weights.get_mut("layer.weight").expect("there is one");
    let inputs = shape.channels;
    for (i, window) in layer.values.chunks_exact_mut(9).enumerate() {
        window.fill(0.0);
        // For doubled inputs only the middle tap is seen by all four results.
        let tap = if i % inputs == 0 { 4 } else { random.integer(0, 8) };
        window[tap] = if i % inputs == 0 { 127.0 } else { random.integer(0, 254) as f32 - 127.0 };
    }
    case.weights = Arc::new(weights);
}

#[test]
fn what_codes_can_say_is_exact() {
    for engine in engines() {
        for (i, mut case) in cases().into_iter().enumerate() {
            whole(&mut case, i as u64);
            let expected = run(&ReferenceEngine, &case).expect("the reference runs");
            let found = run(&engine, &case).expect("it runs");
            compare(&expected, &found, Tolerance { of_peak: 1e-6 })
                .unwrap_or_else(|e| panic!("{} beside {}: {e}", case.name, engine.isa()));
        }
    }
}

#[test]
fn other_values_are_near_and_not_equal() {
    for engine in engines() {
        let exact = CpuEngine::with(engine.isa(), 2).expect("it is there");
        for case in cases() {
            let [expected, found] = [&exact, &engine].map(|engine| run(engine, &case).expect("it runs"));
            compare(&expected, &found, Tolerance { of_peak: 0.02 })
                .unwrap_or_else(|e| panic!("{} beside {}: {e}", case.name, engine.isa()));
            assert!(expected != found, "{} is not done in eight bits", case.name);
        }
    }
}

/// The suite's bound is on the peak; this one is on the whole.
#[test]
fn the_suite_is_near_on_the_whole() {
    for engine in engines() {
        for case in impasto_core::conformance::cases() {
            let expected = run(&ReferenceEngine, &case).expect("the reference runs");
            let found = run(&engine, &case).expect("it runs");
            let rms = rms_difference(&expected, &found);
            assert!(rms <= OF_RMS, "{} beside {}: RMS {rms}", case.name, engine.isa());
        }
    }
}

#[test]
fn ranges_follow_the_frame() {
    for engine in engines() {
        for mut case in cases().into_iter().take(16) {
            let mut weights = (*case.weights).clone();
            weights.get_mut("layer.bias").expect("there is one").values.fill(0.0);
            case.weights = Arc::new(weights);
            let small = run(&engine, &case).expect("it runs");
            // A power of two scales every number on the way without rounding it.
            let scaled = |t: &Tensor| Tensor::new(t.shape(), t.data().iter().map(|v| v * 1024.0).collect());
            case.input = scaled(&case.input);
            assert!(run(&engine, &case).expect("it runs") == scaled(&small), "{}", case.name);
        }
    }
}

#[test]
fn flat_inputs_and_broken_values_do_no_harm() {
    for engine in engines() {
        let mut flat = case(Kind::Doubled, (40, 20), (9, 11), 4);
        flat.input = Tensor::from_fn(Shape::new(40, 9, 11), |c, _, _| c as f32 - 20.0);
        let expected = run(&ReferenceEngine, &flat).expect("the reference runs");
        let found = run(&engine, &flat).expect("it runs");
        compare(&expected, &found, Tolerance { of_peak: 1e-5 }).expect("a range of one value is exact");
        let mut plan = engine.prepare(&flat.network, &flat.weights, 9, 11).expect("it is prepared");
        let mut after = Tensor::zeros(plan.output_shape());
        for broken in [f32::NAN, f32::INFINITY, f32::MAX] {
            let mut input = flat.input.clone();
            input.data_mut()[50] = broken;
            plan.run(&input, &flat.conditions(), &mut after).expect("it runs");
            // ReLU and the range take a NaN for 0, which is what the flat picture may hold.
            assert!(broken.is_nan() || after != found, "{broken} changed nothing");
            plan.run(&flat.input, &flat.conditions(), &mut after).expect("it runs");
            assert!(after == found, "{broken} left something behind");
        }
    }
}
