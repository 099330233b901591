//! Impasto's engine for GPUs of any make, on `wgpu` (Vulkan, Metal, Direct3D 12).
//!
//! ```text
//! adapter     the GPUs of this machine, and the choice among them
//! gpu         an open device, its compiled kernels, what went wrong on it
//! engine      the engine
//! plan        a table at one size: lowered to steps, placed in buffers, launched
//! tuning      the fastest ways to do convolutions, as measured, kept in a file
//! kernel      one idea a file: WGSL, and beside it the Rust that launches it
//! ```
//!
//! Contract: results equal the reference engine's within the conformance suite's tolerances, and are bit-equal from run to
//! run on one device. Activations are kept four channels by four, `[ceil(C / 4)][H][W]` of `vec4`.
#![forbid(unsafe_code)]

mod adapter;
mod engine;
mod gpu;
mod kernel;
mod plan;
mod tuning;

pub use adapter::{AdapterInfo, AdapterKind, GpuError, adapters};

/// Tools for Impasto's other crates: an open device, kernel texts with constants, and launches of them.
pub mod compute {
    pub use crate::adapter::choose;
    pub use crate::gpu::{Gpu, Usage};
    pub use crate::kernel::launch::{Launch, Params};
    pub use crate::kernel::source::Source;
    pub use wgpu;
}
pub use engine::GpuEngine;
pub use plan::GpuPlan;
pub use tuning::Tuning;
