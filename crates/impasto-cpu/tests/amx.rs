//! The tile kernels against naive loops in `f64`.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use half::bf16;
use impasto_core::Padding;
use impasto_core::conformance::Random;
use impasto_cpu::amx::{self, Amx, Finish, PackedConv, WeightsScratch, map_len, padded};

/// Outputs are rounded to bf16 (8 bits): half a unit is 2^-9 of the value; sums are kept in `f32`.
const RELATIVE: f64 = 1.0 / 256.0;

fn amx_or_skip(test: &str) -> Option<Amx> {
    let found = Amx::detect();
    if found.is_none() {
        eprintln!("skipped: {test}: this machine has no AMX bf16");
    }
    found
}

/// A map and its logical size.
struct Map {
    channels: usize,
    height: usize,
    width: usize,
    data: Vec<bf16>,
}

impl Map {
    fn zeros(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width, data: vec![bf16::ZERO; map_len(height, width, padded(channels))] }
    }

    fn random(channels: usize, height: usize, width: usize, random: &mut Random) -> Self {
        let mut map = Self::zeros(channels, height, width);
        for (v, u, c) in map.places() {
            let at = map.at(v as isize, u as isize, c);
            map.data[at] = bf16::from_f32(random.range(-1.0, 1.0));
        }
        map
    }

    fn places(&self) -> Vec<(usize, usize, usize)> {
        let (h, w, c) = (self.height, self.width, self.channels);
        (0..h * w * c).map(|i| (i / c / w, i / c % w, i % c)).collect()
    }

    fn at(&self, v: isize, u: isize, c: usize) -> usize {
        ((v + 1) as usize * (self.width + 2) + (u + 1) as usize) * padded(self.channels) + c
    }

    fn get(&self, v: isize, u: isize, c: usize) -> f64 {
        self.data[self.at(v, u, c)].to_f64()
    }

    fn fill_rim(&mut self, padding: Padding) {
        for v in -1..=self.height as isize {
            for u in -1..=self.width as isize {
                if let (Some(sv), Some(su)) = (padding.source(v, self.height), padding.source(u, self.width))
                {
                    for c in 0..self.channels {
                        let (to, from) = (self.at(v, u, c), self.at(sv as isize, su as isize, c));
                        self.data[to] = self.data[from];
                    }
                }
            }
        }
    }
}

/// The pairs (output place, input place in the rimmed map, tap) of a 3x3 or 1x1 window.
fn taps(kernel: usize) -> Vec<(usize, isize, isize)> {
    if kernel == 1 {
        return vec![(0, 0, 0)];
    }
    (0..9).map(|t| (t, t as isize / 3 - 1, t as isize % 3 - 1)).collect()
}

fn assert_near(found: f64, expected: f64, scale: f64, what: &str) {
    assert!(
        (found - expected).abs() <= RELATIVE * (expected.abs() + scale),
        "{what}: {found} for {expected}"
    );
}

const SIZES: [(usize, usize, usize, usize); 5] =
    [(3, 16, 9, 7), (32, 48, 16, 16), (64, 33, 5, 35), (16, 3, 34, 18), (40, 70, 1, 1)];

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
            let weight: Vec<f32> = (0..outputs * inputs * kernel * kernel)
                .map(|_| bf16::from_f32(random.range(-0.5, 0.5)).to_f32())
                .collect();
            let mut bias = vec![0.0; padded(outputs)];
            bias[..outputs].iter_mut().for_each(|b| *b = random.range(-1.0, 1.0));
            let packed = PackedConv::forward(&weight, outputs, inputs, kernel);
            let mut y = Map::zeros(outputs, h.div_ceil(stride), w.div_ceil(stride));
            let finish = Finish { bias: Some(&bias), relu: true, ..Finish::default() };
            amx::conv(amx, &x.data, (h, w), &packed, stride, &finish, &mut y.data);
            for (v, u, o) in y.places() {
                let mut sum = f64::from(bias[o]);
                for i in 0..inputs {
                    for (t, dv, du) in taps(kernel) {
                        let k = f64::from(weight[(o * inputs + i) * kernel * kernel + t]);
                        sum += k * x.get((v * stride) as isize + dv, (u * stride) as isize + du, i);
                    }
                }
                assert_near(y.get(v as isize, u as isize, o), sum.max(0.0), 0.01, "forward");
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
            let weight: Vec<f32> = (0..outputs * inputs * kernel * kernel)
                .map(|_| bf16::from_f32(random.range(-0.5, 0.5)).to_f32())
                .collect();
            let packed = PackedConv::transposed(&weight, outputs, inputs, kernel);
            let mut dx = Map::random(inputs, h, w, &mut random);
            let before: Vec<f64> = dx.data.iter().map(|v| v.to_f64()).collect();
            let finish = Finish { gate: Some(&gate.data), add: true, ..Finish::default() };
            amx::conv_transposed(amx, &dy.data, (h, w), &packed, padding, &finish, &mut dx.data);
            let mut expected = vec![0.0; dx.data.len()];
            for (v, u, o) in dy.places() {
                for (t, dv, du) in taps(kernel) {
                    let (v, u, g) = (v as isize, u as isize, dy.get(v as isize, u as isize, o));
                    let (Some(sv), Some(su)) = (padding.source(v + dv, h), padding.source(u + du, w)) else {
                        continue;
                    };
                    for i in 0..inputs {
                        let k = f64::from(weight[(o * inputs + i) * kernel * kernel + t]);
                        expected[dx.at(sv as isize, su as isize, i)] += k * g;
                    }
                }
            }
            for (v, u, i) in dx.places() {
                let at = dx.at(v as isize, u as isize, i);
                let open = gate.get(v as isize, u as isize, i) > 0.0;
                let sum = before[at] + if open { expected[at] } else { 0.0 };
                // Up to four roundings, each of a partial sum of up to 16.
                let what =
                    format!("transposed {inputs} {outputs} {h}x{w} k{kernel} {padding:?} at {v} {u} {i}");
                assert_near(dx.data[at].to_f64(), sum, 16.0, &what);
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
            let (ip, op) = (padded(inputs), padded(outputs));
            let mut gradient = vec![1.0; kernel * kernel * ip * op];
            let sizes = (ip, op, kernel);
            amx::weights_gradient(amx, &x.data, &dy.data, (h, w), sizes, &mut scratch, &mut gradient);
            for (t, dv, du) in taps(kernel) {
                for i in 0..inputs {
                    for o in 0..outputs {
                        let sum: f64 = (0..h * w)
                            .map(|p| ((p / w) as isize, (p % w) as isize))
                            .map(|(v, u)| x.get(v + dv, u + du, i) * dy.get(v, u, o))
                            .sum();
                        let found = f64::from(gradient[(t * ip + i) * op + o]);
                        assert!(
                            (found - 1.0 - sum).abs() < 1e-4 * (1.0 + sum.abs()),
                            "{found} for {}",
                            1.0 + sum
                        );
                    }
                }
            }
        }
    }
}
