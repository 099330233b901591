//! The GPU engine, where this build has it.

use crate::PaintError;
use impasto_core::Engine;
use impasto_cpu::Precision;
use std::sync::Arc;

#[cfg(feature = "gpu")]
mod built {
    use super::*;
    use impasto_gpu::{AdapterKind, GpuEngine, GpuError};

    pub fn engine(adapter: Option<String>, precision: Precision) -> Result<Arc<dyn Engine>, PaintError> {
        Ok(Arc::new(open(adapter, precision)?))
    }

    /// The engine if its adapter is more than software; one that was asked for by name always is.
    pub fn hardware(
        adapter: Option<String>,
        precision: Precision,
    ) -> Result<Option<Arc<dyn Engine>>, PaintError> {
        let named = adapter.is_some();
        match open(adapter, precision) {
            Ok(engine) if named || engine.adapter().kind != AdapterKind::Software => {
                Ok(Some(Arc::new(engine)))
            }
            Ok(_) | Err(PaintError::NoGpu(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open(adapter: Option<String>, precision: Precision) -> Result<GpuEngine, PaintError> {
        let engine = GpuEngine::new(adapter.as_deref()).map_err(|error| match error {
            GpuError::Name { .. } => PaintError::Adapter(error.to_string()),
            missing => PaintError::NoGpu(missing.to_string()),
        })?;
        Ok(engine.half(precision != Precision::F32))
    }
}

#[cfg(not(feature = "gpu"))]
mod built {
    use super::*;

    pub fn engine(_: Option<String>, _: Precision) -> Result<Arc<dyn Engine>, PaintError> {
        Err(PaintError::NoEngine("gpu"))
    }

    pub fn hardware(_: Option<String>, _: Precision) -> Result<Option<Arc<dyn Engine>>, PaintError> {
        Ok(None)
    }
}

pub use built::{engine, hardware};
