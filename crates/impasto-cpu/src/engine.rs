//! The engine: an instruction set and threads.

use crate::plan::CpuPlan;
use crate::pool::Pool;
use crate::precision::Precision;
use crate::simd::{Isa, IsaError};
use impasto_core::{Engine, EngineError, Network, Plan, Weights};
use std::sync::{Arc, Mutex};

/// The fast engine for CPUs. Its plans share its threads, so that two plans never fight over the processors.
pub struct CpuEngine {
    isa: Isa,
    precision: Precision,
    threads: usize,
    pool: Arc<Mutex<Pool>>,
}

impl CpuEngine {
    /// The instruction set that `IMPASTO_ISA` names, else the best of this machine; a thread for each processor that
    /// this process may use.
    ///
    /// # Errors
    /// When `IMPASTO_ISA` names something that this machine cannot run.
    pub fn new() -> Result<CpuEngine, IsaError> {
        CpuEngine::with(Isa::from_env()?, 0)
    }

    /// A chosen instruction set, and `threads` threads, the caller's included; 0 means one for each processor that
    /// this process may use. Results do not depend on it.
    ///
    /// # Errors
    /// When this machine cannot run `isa`.
    pub fn with(isa: Isa, threads: usize) -> Result<CpuEngine, IsaError> {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        let pool = Pool::new(if threads == 0 { all() } else { threads });
        let (isa, precision) = (isa.checked()?, Precision::F32);
        Ok(CpuEngine { isa, precision, threads: pool.threads(), pool: Arc::new(Mutex::new(pool)) })
    }

    /// The same engine with another precision. Where this machine has no fast kernels for it (see
    /// [`Precision::is_available`]), or a table needs layers that they lack, `f32` is used.
    pub fn precision(mut self, precision: Precision) -> CpuEngine {
        self.precision = precision;
        self
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Threads that work, the caller's included.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// As [`Engine::prepare`], with the plan's own type, which can also be timed step by step.
    ///
    /// # Errors
    /// As [`Engine::prepare`].
    pub fn plan(
        &self,
        network: &Network,
        weights: &Weights,
        height: usize,
        width: usize,
    ) -> Result<CpuPlan, EngineError> {
        CpuPlan::new((self.isa, self.precision), &self.pool, network, weights, height, width)
    }
}

impl Engine for CpuEngine {
    fn name(&self) -> String {
        match self.precision {
            Precision::Bf16 if Precision::Bf16.is_available(self.isa) => {
                format!("cpu ({}, amx bf16)", self.isa)
            }
            Precision::Int8 if Precision::Int8.is_available(self.isa) => format!("cpu ({}, int8)", self.isa),
            _ => format!("cpu ({})", self.isa),
        }
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
