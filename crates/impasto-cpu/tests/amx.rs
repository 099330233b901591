//! The tile kernels against naive loops in `f64`.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

mod naive;

use half::bf16;
use impasto_core::Padding;
use impasto_core::conformance::Random;
use impasto_cpu::amx::{self, Amx, Finish, PackedConv, WeightsScratch};
use naive::{Map, SIZES, padded};

/// Outputs are rounded to bf16 (8 bits): half a unit is 2^-9 of the value; sums are kept in `f32`.
const RELATIVE: f64 = 1.0 / 256.0;

fn amx_or_skip(test: &str) -> Option<Amx> {
    let found = Amx::detect();
    if found.is_none() {
        eprintln!("skipped: {test}: this machine has no AMX bf16");
    }
    found
}

fn halves(map: &Map) -> Vec<bf16> {
    map.data.iter().map(|&v| bf16::from_f32(v)).collect()
}

fn assert_near(found: f64, expected: f64, scale: f64, what: &str) {
    let bound = RELATIVE * (expected.abs() + scale);
    assert!((found - expected).abs() <= bound, "{what}: {found} for {expected}");
}

#[test]
fn forward_equals_naive_loops() {
    let Some(amx) = amx_or_skip("forward_equals_naive_loops") else { return };
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
            let packed = PackedConv::forward(&weight, outputs, inputs, kernel);
            let y = Map::zeros(outputs, h.div_ceil(stride), w.div_ceil(stride));
            let mut found = halves(&y);
            let finish = Finish { bias: Some(&bias), relu: true, ..Finish::default() };
            amx::conv(amx, &halves(&x), (h, w), &packed, stride, &finish, &mut found);
            for (v, u, o) in y.places() {
                let sum = f64::from(bias[o]) + naive::forward(&x, &weight, (kernel, stride), (v, u, o));
                let at = y.at(v as isize, u as isize, o);
                assert_near(found[at].to_f64(), sum.max(0.0), 0.01, "forward");
            }
        }
    }
}

#[test]
fn transposed_equals_naive_loops() {
    let Some(amx) = amx_or_skip("transposed_equals_naive_loops") else { return };
    let mut random = Random::new(2);
    for (inputs, outputs, h, w) in SIZES {
        for (kernel, padding) in
            [(3, Padding::Reflect), (3, Padding::Replicate), (3, Padding::Zero), (1, Padding::Zero)]
        {
            let dy = Map::random(outputs, h, w, &mut random);
            let gate = Map::random(inputs, h, w, &mut random);
            let weight = naive::weights(outputs, inputs, kernel, &mut random);
            let packed = PackedConv::transposed(&weight, outputs, inputs, kernel);
            let before = Map::random(inputs, h, w, &mut random);
            let (mut found, gates) = (halves(&before), halves(&gate));
            let finish = Finish { gate: Some(&gates), add: true, ..Finish::default() };
            amx::conv_transposed(amx, &halves(&dy), (h, w), &packed, padding, &finish, &mut found);
            let expected = naive::transposed(&dy, &weight, inputs, kernel, padding);
            for (v, u, i) in before.places() {
                let at = before.at(v as isize, u as isize, i);
                let open = gate.data[at] > 0.0;
                let sum = f64::from(before.data[at]) + if open { expected[at] } else { 0.0 };
                let what =
                    format!("transposed {inputs} {outputs} {h}x{w} k{kernel} {padding:?} at {v} {u} {i}");
                // Up to four roundings, each of a partial sum of up to 16.
                assert_near(found[at].to_f64(), sum, 16.0, &what);
            }
        }
    }
}

#[test]
fn weights_gradient_equals_naive_loops() {
    let Some(amx) = amx_or_skip("weights_gradient_equals_naive_loops") else { return };
    let mut random = Random::new(3);
    let mut scratch = WeightsScratch::default();
    for (inputs, outputs, h, w) in SIZES {
        for kernel in [3, 1] {
            let mut x = Map::random(inputs, h, w, &mut random);
            x.fill_rim(Padding::Replicate);
            let dy = Map::random(outputs, h, w, &mut random);
            let sizes = (padded(inputs), padded(outputs), kernel);
            let mut gradient = vec![1.0; kernel * kernel * sizes.0 * sizes.1];
            amx::weights_gradient(amx, &halves(&x), &halves(&dy), (h, w), sizes, &mut scratch, &mut gradient);
            naive::each_weight(&x, &dy, kernel, |at, sum| {
                let found = f64::from(gradient[at]) - 1.0;
                assert!((found - sum).abs() < 1e-4 * (1.0 + sum.abs()), "{found} for {sum}");
            });
        }
    }
}
