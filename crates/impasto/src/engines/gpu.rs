//! The GPU engine, where this build has it.

use super::EngineSetup;
use crate::PaintError;
use impasto_core::Engine;
use std::sync::Arc;

#[cfg(feature = "gpu")]
mod built {
    use super::*;
    use impasto_cpu::Precision;
    use impasto_gpu::{AdapterKind, GpuEngine, GpuError, Tuning};

    pub fn engine(setup: &EngineSetup) -> Result<Arc<dyn Engine>, PaintError> {
        Ok(Arc::new(open(setup)?))
    }

    /// The engine if its adapter is more than software; one that was asked for by name always is.
    pub fn hardware(setup: &EngineSetup) -> Result<Option<Arc<dyn Engine>>, PaintError> {
        let named = adapter(setup).is_some();
        match open(setup) {
            Ok(engine) if named || engine.adapter().kind != AdapterKind::Software => {
                Ok(Some(Arc::new(engine)))
            }
            Ok(_) | Err(PaintError::NoGpu(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn adapter(setup: &EngineSetup) -> Option<String> {
        let named = || std::env::var("IMPASTO_ADAPTER").ok().filter(|name| !name.is_empty());
        setup.adapter.clone().or_else(named)
    }

    fn open(setup: &EngineSetup) -> Result<GpuEngine, PaintError> {
        let engine = GpuEngine::new(adapter(setup).as_deref()).map_err(|error| match error {
            GpuError::Name { .. } => PaintError::Adapter(error.to_string()),
            missing => PaintError::NoGpu(missing.to_string()),
        })?;
        let tuning = match &setup.tuning {
            None => Tuning::Off,
            Some(file) if setup.measure => Tuning::Measure(file.clone()),
            Some(file) => Tuning::Read(file.clone()),
        };
        Ok(engine.half(setup.precision != Precision::F32).tuning(tuning))
    }
}

#[cfg(not(feature = "gpu"))]
mod built {
    use super::*;

    pub fn engine(_: &EngineSetup) -> Result<Arc<dyn Engine>, PaintError> {
        Err(PaintError::NoEngine("gpu"))
    }

    pub fn hardware(_: &EngineSetup) -> Result<Option<Arc<dyn Engine>>, PaintError> {
        Ok(None)
    }
}

pub use built::{engine, hardware};
