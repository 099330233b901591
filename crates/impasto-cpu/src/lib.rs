//! Impasto's fast engine for CPUs.
//!
//! ```text
//! engine      an instruction set and threads
//! plan        a table at one size: folded, lowered to steps, placed in memory
//! amx, train  convolutions forward and backward for the trainer: bf16 on AMX, f32 everywhere
//! kernel      one idea a file; winograd has its own folder
//! simd        instruction sets behind one trait, chosen at run time
//! pool        threads; memory: the arena
//! ```
//!
//! Contract: results equal the reference engine's within the conformance suite's tolerances, do not depend on the
//! number of threads, and are bit-equal from run to run. A frame allocates nothing.

// The kernels that `lean` leaves out are still there to read, and unused.
#![cfg_attr(all(feature = "lean", target_arch = "wasm32"), allow(dead_code, unused_imports))]

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub mod amx;
mod engine;
mod kernel;
pub mod lent;
mod memory;
mod plan;
mod pool;
mod precision;
mod simd;
#[cfg(not(all(feature = "lean", target_arch = "wasm32")))]
pub mod train;
#[cfg(all(feature = "lean", target_arch = "wasm32"))]
mod train;
mod winograd;

pub use engine::CpuEngine;
pub use kernel::peak::peak_gflops;
pub use plan::{CpuPlan, StepTime};
pub use precision::Precision;
pub use simd::{Isa, IsaError};
