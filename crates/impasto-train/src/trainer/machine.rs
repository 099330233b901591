//! The learner for what a run is computed on.

use super::error::TrainError;
use super::settings::Machine;
use super::tables::Tables;
use crate::learner::Learner;
use crate::learner::cpu::{ClassicLearner, CpuLearner};
use crate::loss_network::LossNetwork;
use crate::walk::Kernels;
use impasto_core::Weights;

/// A learner, and what it computes on, in words.
pub(super) type Made = (Box<dyn Learner>, String);

/// The learner on `machine`; `kernels` and `threads` are for the processor, which `processor` names.
pub(super) fn learner<K: Kernels>(
    (machine, kernels, processor, threads): (&Machine, K, &str, usize),
    tables: &Tables,
    weights: &Weights,
    loss: &LossNetwork,
) -> Result<Made, TrainError> {
    if let Machine::Gpu(name) = machine {
        return on_gpu(name.as_deref(), tables, weights, loss);
    }
    let learner: Box<dyn Learner> = match &tables.decoder {
        Some(decoder) => Box::new(ClassicLearner::new(kernels, decoder, weights, loss, threads)?),
        None => Box::new(CpuLearner::new(kernels, &tables.painter, &tables.encoder, weights, loss, threads)?),
    };
    Ok((learner, processor.into()))
}

#[cfg(feature = "gpu")]
fn on_gpu(
    name: Option<&str>,
    tables: &Tables,
    weights: &Weights,
    loss: &LossNetwork,
) -> Result<Made, TrainError> {
    use crate::learner::gpu::{GpuDevice, GpuLearner};
    let device = GpuDevice::open(name).map_err(|e| TrainError::Gpu(e.to_string()))?;
    let words = format!("f32 on {}", device.name());
    let learner = match &tables.decoder {
        Some(decoder) => GpuLearner::classic(device, decoder, weights, loss)?,
        None => GpuLearner::light(device, &tables.painter, &tables.encoder, weights, loss)?,
    };
    Ok((Box::new(learner), words))
}

#[cfg(not(feature = "gpu"))]
fn on_gpu(_: Option<&str>, _: &Tables, _: &Weights, _: &LossNetwork) -> Result<Made, TrainError> {
    Err(TrainError::Gpu(
        "this build cannot train on a GPU; build it with the feature `gpu` (docs/gpu.md), or use --engine cpu".into(),
    ))
}
