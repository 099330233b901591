//! The most that one core could do: products and sums in registers, nothing read or written.

use crate::simd::{Isa, Kernel, Simd, zero};
use std::time::Duration;

/// Rounds of the loop: some milliseconds.
const ROUNDS: usize = 1 << 20;
/// Sums that do not wait for each other.
const CHAINS: usize = 12;

/// GFLOP/s of one core with `isa`, a multiply and an add counted as two; `clock` as in
/// [`crate::CpuPlan::run_timed`].
///
/// # Panics
/// If this machine lacks the instruction set.
pub fn peak_gflops(isa: Isa, clock: &dyn Fn() -> Duration) -> f64 {
    let before = clock();
    let lanes = isa.run(Loop(std::hint::black_box(0.5)));
    let time = clock() - before;
    2e-9 * (ROUNDS * CHAINS * lanes) as f64 / time.as_secs_f64()
}

struct Loop(f32);

impl Kernel for Loop {
    type Out = usize;
    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> usize {
        let factor = s.splat(self.0);
        let mut sums = [zero(s); CHAINS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = s.fma(*sum, factor, factor);
            }
        }
        let total: f32 = sums.into_iter().map(|sum| s.sum(sum)).sum();
        std::hint::black_box(total);
        S::LANES
    }
}
