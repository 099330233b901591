//! The gain of lower precision without a tile unit: `cargo run --release -p impasto-cpu --example lower`.
//!
//! A register tile of 14 positions and 32 output channels, as [the engine's own](../src/kernel/gemm.rs) for AVX-512, is multiplied over
//! and over, its operands in the first-level cache: in `f32`, in bf16 (two products a lane, `vdpbf16ps`) and in eight bits (four, `vpdpbusd`).
//! Winograd does a 3x3 layer with a quarter of its products, so that a direct convolution in lower precision must do more than four times
//! the products of `f32` in the same time to win, before its packing; and Winograd itself with bf16 products wins what bf16 wins here,
//! before its transforms. Processor time of one thread, the median of nine.
//!
//! Then what that costs: the error of results of a 3x3 layer with 64 random inputs whose factors are rounded to bf16, directly and between
//! the transforms of Winograd's F(2x2) and F(4x4); sums are exact.

use half::bf16;
use impasto_core::conformance::Random;

fn main() {
    #[cfg(all(target_arch = "x86_64", unix))]
    x86::main();
    #[cfg(not(all(target_arch = "x86_64", unix)))]
    println!("skipped: these instructions are of x86-64");
    println!("products in bf16  error, of the results' deviation");
    let none: &Matrix = &[&[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0], &[0.0, 0.0, 1.0]];
    for (name, error) in [
        ("direct", error(none, none, &[&[1.0, 1.0, 1.0]])),
        ("F(2x2, 3x3)", error(B2, G2, A2)),
        ("F(4x4, 3x3)", error(B4, G4, A4)),
    ] {
        println!("{name:17} {error:.5}");
    }
}

type Matrix = [&'static [f64]];
const B2: &Matrix =
    &[&[1.0, 0.0, -1.0, 0.0], &[0.0, 1.0, 1.0, 0.0], &[0.0, -1.0, 1.0, 0.0], &[0.0, -1.0, 0.0, 1.0]];
const G2: &Matrix = &[&[1.0, 0.0, 0.0], &[0.5, 0.5, 0.5], &[0.5, -0.5, 0.5], &[0.0, 0.0, 1.0]];
const A2: &Matrix = &[&[1.0, 1.0, 1.0, 0.0], &[0.0, 1.0, -1.0, 1.0]];
const B4: &Matrix = &[
    &[4.0, 0.0, -5.0, 0.0, 1.0, 0.0],
    &[0.0, -4.0, -4.0, 1.0, 1.0, 0.0],
    &[0.0, 4.0, -4.0, -1.0, 1.0, 0.0],
    &[0.0, -2.0, -1.0, 2.0, 1.0, 0.0],
    &[0.0, 2.0, -1.0, -2.0, 1.0, 0.0],
    &[0.0, 4.0, 0.0, -5.0, 0.0, 1.0],
];
const G4: &Matrix = &[
    &[1.0 / 4.0, 0.0, 0.0],
    &[-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    &[-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    &[1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    &[1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    &[0.0, 0.0, 1.0],
];
const A4: &Matrix = &[
    &[1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
    &[0.0, 1.0, -1.0, 2.0, -2.0, 0.0],
    &[0.0, 1.0, 1.0, 4.0, 4.0, 0.0],
    &[0.0, 1.0, -1.0, 8.0, -8.0, 1.0],
];

/// `m x m'`, row by row; `x` is square.
fn both_sides(m: &Matrix, x: &[f64]) -> Vec<f64> {
    let n = m[0].len();
    let at = |y: usize, x_: usize| (0..n * n).map(|i| m[y][i / n] * x[i] * m[x_][i % n]).sum::<f64>();
    (0..m.len() * m.len()).map(|i| at(i / m.len(), i % m.len())).collect()
}

/// Root mean square of the error over that of the results of `a ((g w) . (b d))`, factors rounded to bf16.
fn error(b: &Matrix, g: &Matrix, a: &Matrix) -> f64 {
    let mut random = Random::new(1);
    let (mut wrong, mut right) = (0.0, 0.0);
    for _ in 0..200 {
        let points = b.len() * b.len();
        let (mut exact, mut rounded) = (vec![0.0; points], vec![0.0; points]);
        for _ in 0..64 {
            let mut draw =
                |n: usize| -> Vec<f64> { (0..n * n).map(|_| f64::from(random.range(-1.0, 1.0))).collect() };
            let (d, w) = (both_sides(b, &draw(b[0].len())), both_sides(g, &draw(3)));
            let short = |v: f64| bf16::from_f64(v).to_f64();
            for (i, (&d, &w)) in d.iter().zip(&w).enumerate() {
                exact[i] += d * w;
                rounded[i] += short(d) * short(w);
            }
        }
        for (exact, rounded) in both_sides(a, &exact).into_iter().zip(both_sides(a, &rounded)) {
            wrong += (exact - rounded).powi(2);
            right += exact.powi(2);
        }
    }
    (wrong / right).sqrt()
}

#[cfg(all(target_arch = "x86_64", unix))]
mod x86 {
    use std::arch::x86_64::*;
    use std::time::Duration;

    /// Rows and registers of columns of the tile.
    const MR: usize = 14;
    const NV: usize = 2;
    /// Steps of one pass, each a register of weights a column and a broadcast value a row: 32 KiB of both together.
    const STEPS: usize = 128;
    const PASSES: usize = 20_000;

    /// The operand: a register of four-byte lanes, whatever these hold.
    type Tile = unsafe fn(&[__m512i], &[i32], &mut [[__m512i; NV]; MR]);

    pub fn main() {
        if !(is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")) {
            return println!("skipped: this machine has no AVX-512");
        }
        let all = [
            ("f32", 1, true, f32_tile as Tile),
            ("bf16", 2, is_x86_feature_detected!("avx512bf16"), bf16_tile as Tile),
            ("int8", 4, is_x86_feature_detected!("avx512vnni"), int8_tile as Tile),
        ];
        let mut f32_rate = None;
        println!("precision  G instructions/s  G products/s  of f32");
        for (name, products, there, tile) in all {
            if !there {
                println!("skipped: {name}: this machine lacks the instruction");
                continue;
            }
            let rate = instructions(tile);
            let speed = rate * 16.0 * f64::from(products);
            let ratio = speed / *f32_rate.get_or_insert(speed);
            println!("{name:9} {rate:17.2} {speed:13.0} {ratio:7.2}");
        }
    }

    /// Billions of instructions that multiply, in a second.
    fn instructions(tile: Tile) -> f64 {
        // SAFETY: zero is a value of every lane.
        let (b, zero) = unsafe { (vec![_mm512_set1_epi32(0x3f80_3f80); STEPS * NV], _mm512_setzero_si512()) };
        let a = vec![0x3c80_3c80; STEPS * MR];
        let mut times: Vec<Duration> = (0..9).map(|_| time(tile, &b, &a, [[zero; NV]; MR])).collect();
        times.sort();
        1e-9 * (PASSES * STEPS * MR * NV) as f64 / times[4].as_secs_f64()
    }

    fn time(tile: Tile, b: &[__m512i], a: &[i32], mut sums: [[__m512i; NV]; MR]) -> Duration {
        let before = clock();
        for _ in 0..PASSES {
            // SAFETY: the caller saw the instruction.
            unsafe { tile(std::hint::black_box(b), a, &mut sums) };
        }
        std::hint::black_box(&sums);
        clock() - before
    }

    fn clock() -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    }

    macro_rules! tile {
        ($name:ident, $feature:literal, $dot:expr) => {
            #[target_feature(enable = $feature)]
            fn $name(b: &[__m512i], a: &[i32], sums: &mut [[__m512i; NV]; MR]) {
                let mut own = *sums;
                for (b, a) in b.chunks_exact(NV).zip(a.chunks_exact(MR)) {
                    for (row, &a) in own.iter_mut().zip(a) {
                        let value = _mm512_set1_epi32(a);
                        for (sum, &b) in row.iter_mut().zip(b) {
                            *sum = $dot(*sum, value, b);
                        }
                    }
                }
                *sums = own;
            }
        };
    }

    tile!(f32_tile, "avx512f,avx512bw", |sum, a, b| _mm512_castps_si512(_mm512_fmadd_ps(
        _mm512_castsi512_ps(a),
        _mm512_castsi512_ps(b),
        _mm512_castsi512_ps(sum)
    )));
    tile!(bf16_tile, "avx512f,avx512bw,avx512bf16", |sum, a, b| {
        // SAFETY: both types are 512 plain bits.
        let half = |v: __m512i| unsafe { std::mem::transmute::<__m512i, __m512bh>(v) };
        _mm512_castps_si512(_mm512_dpbf16_ps(_mm512_castsi512_ps(sum), half(a), half(b)))
    });
    tile!(int8_tile, "avx512f,avx512bw,avx512vnni", |sum, a, b| _mm512_dpbusd_epi32(sum, a, b));
}
