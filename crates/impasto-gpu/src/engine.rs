//! The engine: an adapter, opened.

use crate::adapter::{AdapterInfo, AdapterKind, GpuError, choose};
use crate::gpu::Gpu;
use crate::plan::GpuPlan;
use crate::tuning::{Tuned, Tuning};
use impasto_core::{Engine, EngineError, Network, Plan, Weights};
use std::sync::Arc;

/// The engine for GPUs. Its plans share a device and its compiled kernels.
pub struct GpuEngine {
    gpu: Arc<Gpu>,
    tuned: Tuned,
    half: bool,
}

impl GpuEngine {
    /// The first of [`crate::adapters`] whose name contains `name`, whatever the case, or simply the first.
    ///
    /// # Errors
    /// When there is none, none of that name, or it lacks something that our kernels need.
    pub fn new(name: Option<&str>) -> Result<GpuEngine, GpuError> {
        let gpu = Arc::new(Gpu::open(&choose(name)?)?);
        Ok(GpuEngine { gpu, tuned: Tuned::new(Tuning::Off, String::new()), half: false })
    }

    /// Whether convolutions are measured to find the fastest way, and where what was found is kept. Off by default. An
    /// adapter in software is never measured: it would take long, and is the wrong one to be fast on.
    pub fn tuning(mut self, tuning: Tuning) -> GpuEngine {
        let AdapterInfo { name, backend, driver, kind, .. } = &self.gpu.info;
        if *kind != AdapterKind::Software {
            let adapter = format!("{name}, {backend}, {driver}, {}", env!("CARGO_PKG_VERSION"));
            self.tuned = Tuned::new(tuning, adapter);
        }
        self
    }

    /// Keeps activations and weights in 16 bits where the adapter can; sums and statistics stay in 32.
    pub fn half(mut self, half: bool) -> GpuEngine {
        self.half = half && self.gpu.info.half;
        self
    }

    /// Whether activations are kept in 16 bits.
    pub fn is_half(&self) -> bool {
        self.half
    }

    /// The adapter in use.
    pub fn adapter(&self) -> &AdapterInfo {
        &self.gpu.info
    }

    /// As [`Engine::prepare`], with the plan's own type.
    ///
    /// # Errors
    /// As [`Engine::prepare`].
    pub fn plan(
        &self,
        network: &Network,
        weights: &Weights,
        height: usize,
        width: usize,
    ) -> Result<GpuPlan, EngineError> {
        GpuPlan::new(&self.gpu, &self.tuned, self.half, network, weights, height, width)
    }

    /// Gives the device back, as if it were lost: every plan then fails. For tests of what happens next.
    pub fn lose(&self) {
        self.gpu.device.destroy();
    }
}

impl Engine for GpuEngine {
    fn name(&self) -> String {
        let AdapterInfo { name, backend, .. } = &self.gpu.info;
        format!("gpu ({name}, {backend}{})", if self.half { ", f16" } else { "" })
    }

    fn prepare(
        &self,
        network: &Network,
        weights: &Arc<Weights>,
        height: usize,
        width: usize,
    ) -> Result<Box<dyn Plan>, EngineError> {
        Ok(Box::new(self.plan(network, weights, height, width)?))
    }
}
