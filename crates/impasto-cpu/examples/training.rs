//! Times the trainer's `f32` kernels on one core, layer by layer: `cargo run --release -p impasto-cpu --example training`.
//!
//! GFLOP/s are counted as the table states the layer (a product and a sum for each weight and output), so that Winograd's may lie
//! above the peak; each is the best of several runs.

use impasto_core::Padding;
use impasto_core::conformance::Random;
use impasto_cpu::train::{
    Finish, PackedConv, WeightsShape, conv, conv_transposed, map_len, weights_gradient,
};
use impasto_cpu::{Isa, peak_gflops};
use std::time::Instant;

/// Inputs, outputs, side in px, stride: VGG-19 at 128 px, then the light network.
const LAYERS: [(usize, usize, usize, usize); 13] = [
    (3, 64, 128, 1),
    (64, 64, 128, 1),
    (64, 128, 64, 1),
    (128, 128, 64, 1),
    (128, 256, 32, 1),
    (256, 256, 32, 1),
    (256, 512, 16, 1),
    (3, 16, 128, 2),
    (16, 48, 64, 2),
    (48, 96, 32, 2),
    (96, 96, 16, 1),
    (48, 48, 32, 1),
    (16, 3, 128, 1),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (isa, since) = (Isa::from_env()?, Instant::now());
    println!("{isa}, peak {:.0} GFLOP/s", peak_gflops(isa, &|| since.elapsed()));
    println!("{:>24} {:>16} {:>16} {:>16}", "layer", "forward", "to the input", "to the weights");
    let mut random = Random::new(1);
    for (inputs, outputs, side, stride) in LAYERS {
        let out = side.div_ceil(stride);
        let mut map = |channels: usize, side: usize| -> Vec<f32> {
            let length = map_len(side, side, channels.next_multiple_of(32));
            (0..length).map(|_| random.range(-1.0, 1.0)).collect()
        };
        let (x, mut y, dy, mut dx) =
            (map(inputs, side), map(outputs, out), map(outputs, side), map(inputs, side));
        let weight: Vec<f32> =
            map(inputs, 64)[..1].iter().cycle().take(outputs * inputs * 9).copied().collect();
        let there = PackedConv::forward(isa, &weight, outputs, inputs, 3);
        let back = PackedConv::transposed(isa, &weight, outputs, inputs, 3);
        let shape = WeightsShape { size: (side, side), inputs, outputs, kernel: 3, stride };
        let mut gradient = vec![0.0; 9 * inputs.next_multiple_of(32) * outputs.next_multiple_of(32)];
        let flop = (2 * 9 * inputs * outputs * out * out) as f64;
        let size = (side, side);
        let finish = Finish::default();
        let times = [
            best(|| conv(isa, &x, size, &there, stride, &finish, &mut y)),
            best(|| conv_transposed(isa, &dy, size, &back, Padding::Replicate, &finish, &mut dx)),
            best(|| weights_gradient(isa, &x, &dy, shape, &mut gradient)),
        ];
        let cell = |secs: f64| format!("{:.2} ms {:5.0}", 1e3 * secs, flop / secs / 1e9);
        let name = format!("{inputs}>{outputs} {side}x{side} /{stride}");
        println!("{name:>24} {:>16} {:>16} {:>16}", cell(times[0]), cell(times[1]), cell(times[2]));
    }
    Ok(())
}

/// Seconds of the fastest of some runs.
fn best(mut work: impl FnMut()) -> f64 {
    let once = |work: &mut dyn FnMut()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    (0..12).map(|_| once(&mut work)).fold(f64::INFINITY, f64::min)
}
