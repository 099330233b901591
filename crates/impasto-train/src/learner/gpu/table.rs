//! A table and its weights on the device.

use super::Fault;
use super::kernel::{Kit, Packed};
use super::room::floats;
use crate::learner::pass::LearnerError;
use crate::walk::{Layer, LayerKind, Parameters, Program};
use impasto_core::network::NodeId;
use impasto_core::{Network, Weights};
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Gpu, Launch};

/// A table, where its weights stand in the flat vector of its values, and those of convolutions in the order of the kernels.
pub(super) struct Table {
    pub program: Program,
    pub parameters: Parameters,
    flat: Buffer,
    packed: Vec<Option<Packed>>,
    packing: Vec<Launch>,
}

/// Why a table has no place on the device.
pub(super) enum TableFault {
    Learner(LearnerError),
    Device(Fault),
}

impl Table {
    pub fn new(gpu: &Gpu, network: &Network, weights: &Weights) -> Result<Self, TableFault> {
        let learner = |e: LearnerError| TableFault::Learner(e);
        let program = Program::new(network).map_err(|e| learner(e.into()))?;
        let parameters = Parameters::from_weights(&program, weights).map_err(|e| learner(e.into()))?;
        Self::on_device(gpu, program, parameters).map_err(TableFault::Device)
    }

    fn on_device(gpu: &Gpu, program: Program, parameters: Parameters) -> Result<Self, Fault> {
        let kit = Kit { gpu };
        let flat = floats(gpu, parameters.values.len())?;
        let (mut packed, mut packing) = (vec![], vec![]);
        for layer in &parameters.layers {
            packed.push(match layer {
                Some(layer) if layer.kind != LayerKind::Noise => {
                    let own = Packed::new(gpu, layer)?;
                    packing.push(kit.pack(layer, &flat, &own)?);
                    Some(own)
                }
                Some(_) | None => None,
            });
        }
        Ok(Self { program, parameters, flat, packed, packing })
    }

    /// Takes values before the next submitted work, which must begin with the launches that this gives.
    pub fn upload(&self, gpu: &Gpu, values: &[f32]) -> &[Launch] {
        gpu.queue.write_buffer(&self.flat, 0, bytemuck::cast_slice(values));
        &self.packing
    }

    /// A convolution's weights.
    pub fn packed(&self, id: NodeId) -> &Packed {
        self.packed[id].as_ref().expect("a convolution")
    }

    /// The flat vector of its values.
    pub fn values(&self) -> &Buffer {
        &self.flat
    }

    /// The place of a layer's weights.
    pub fn layer(&self, id: NodeId) -> &Layer {
        self.parameters.layers[id].as_ref().expect("a layer with weights")
    }
}
