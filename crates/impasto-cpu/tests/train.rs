//! The trainer's `f32` kernels against naive loops in `f64`, on every instruction set of the machine.

mod naive;

use impasto_core::Padding;
use impasto_core::conformance::Random;
use impasto_cpu::Isa;
use impasto_cpu::train::{Finish, PackedConv, WeightsShape, conv, conv_transposed, weights_gradient};
use naive::{Map, SIZES, padded};

/// Winograd's transforms lose about two digits of `f32`'s seven; values are up to about 10.
const BOUND: f64 = 1e-4;

fn isas() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

fn assert_near(found: f32, expected: f64, what: &str) {
    let bound = BOUND * (1.0 + expected.abs());
    assert!((f64::from(found) - expected).abs() <= bound, "{what}: {found} for {expected}");
}

#[test]
fn forward_equals_naive_loops() {
    let mut random = Random::new(1);
    for (inputs, outputs, h, w) in SIZES {
        for (kernel, stride, padding) in [
            (3, 1, Padding::Reflect),
            (3, 2, Padding::Replicate),
            (3, 1, Padding::Zero),
            (1, 1, Padding::Zero),
        ] {
            let mut x = Map::random(inputs, h, w, &mut random);
            x.fill_rim(padding);
            let weight = naive::weights(outputs, inputs, kernel, &mut random);
            let bias = naive::bias(outputs, &mut random);
            let empty = Map::zeros(outputs, h.div_ceil(stride), w.div_ceil(stride));
            let sums: Vec<f64> = empty
                .places()
                .into_iter()
                .map(|p| naive::forward(&x, &weight, (kernel, stride), p))
                .collect();
            for isa in isas() {
                let packed = PackedConv::forward(isa, &weight, outputs, inputs, kernel);
                let mut y = empty.clone();
                let finish = Finish { bias: Some(&bias), relu: true, ..Finish::default() };
                conv(isa, &x.data, (h, w), &packed, stride, &finish, &mut y.data);
                let what = format!("{isa} {inputs}>{outputs} {h}x{w} k{kernel} s{stride}");
                for ((v, u, o), sum) in y.places().into_iter().zip(&sums) {
                    let at = y.at(v as isize, u as isize, o);
                    assert_near(y.data[at], (f64::from(bias[o]) + sum).max(0.0), &what);
                    y.data[at] = 0.0;
                }
                assert!(
                    y.data.iter().all(|&v| v == 0.0),
                    "{what}: rim and padded channels stay as they were"
                );
            }
        }
    }
}

#[test]
fn transposed_equals_naive_loops() {
    let mut random = Random::new(2);
    for (inputs, outputs, h, w) in SIZES {
        for (kernel, padding) in
            [(3, Padding::Reflect), (3, Padding::Replicate), (3, Padding::Zero), (1, Padding::Zero)]
        {
            let dy = Map::random(outputs, h, w, &mut random);
            let gate = Map::random(inputs, h, w, &mut random);
            let weight = naive::weights(outputs, inputs, kernel, &mut random);
            let before = Map::random(inputs, h, w, &mut random);
            let expected = naive::transposed(&dy, &weight, inputs, kernel, padding);
            for (isa, add) in isas().flat_map(|isa| [(isa, true), (isa, false)]) {
                let packed = PackedConv::transposed(isa, &weight, outputs, inputs, kernel);
                let mut dx = before.clone();
                let finish = Finish { gate: Some(&gate.data), add, ..Finish::default() };
                conv_transposed(isa, &dy.data, (h, w), &packed, padding, &finish, &mut dx.data);
                for (v, u, i) in before.places() {
                    let at = before.at(v as isize, u as isize, i);
                    let own = if gate.data[at] > 0.0 { expected[at] } else { 0.0 };
                    let sum = if add { f64::from(before.data[at]) + own } else { own };
                    let what =
                        format!("{isa} {inputs}>{outputs} {h}x{w} k{kernel} {padding:?} at {v} {u} {i}");
                    assert_near(dx.data[at], sum, &what);
                }
            }
        }
    }
}

#[test]
fn weights_gradient_equals_naive_loops() {
    let mut random = Random::new(3);
    for (inputs, outputs, h, w) in SIZES {
        for (kernel, stride) in [(3, 1), (1, 1), (3, 2)] {
            let mut x = Map::random(inputs, h, w, &mut random);
            x.fill_rim(Padding::Replicate);
            let mut dy = Map::random(outputs, h, w, &mut random);
            for (v, u, o) in dy.places() {
                if !(v.is_multiple_of(stride) && u.is_multiple_of(stride)) {
                    let at = dy.at(v as isize, u as isize, o);
                    dy.data[at] = 0.0;
                }
            }
            let shape = WeightsShape { size: (h, w), inputs, outputs, kernel, stride };
            let mut found: Vec<(Isa, Vec<f32>)> = isas()
                .map(|isa| {
                    let mut gradient = vec![1.0; kernel * kernel * padded(inputs) * padded(outputs)];
                    weights_gradient(isa, &x.data, &dy.data, shape, &mut gradient);
                    (isa, gradient)
                })
                .collect();
            naive::each_weight(&x, &dy, kernel, |at, sum| {
                for (isa, gradient) in &mut found {
                    assert_near(gradient[at], 1.0 + sum, &format!("{isa} {shape:?}"));
                }
            });
        }
    }
}
