//! The noise fields under a batch, on the device.

use super::Fault;
use super::room::floats;
use impasto_core::network::NodeId;
use impasto_core::noise::{Field, WindowId, Windows};
use impasto_core::{Network, Shape};
use impasto_gpu::compute::Gpu;
use impasto_gpu::compute::wgpu::Buffer;

/// The windows of the field that a table's noise layers read.
pub(super) struct Fields {
    windows: Windows,
    /// For each window, `[samples][height][width][MAX_PLANES]`.
    cells: Vec<Buffer>,
}

impl Fields {
    /// For `samples` maps of these `shapes`, on the usual field.
    pub fn new(gpu: &Gpu, network: &Network, shapes: &[Shape], samples: usize) -> Result<Self, Fault> {
        let windows = Windows::new(network, shapes);
        let cells = |id: WindowId| floats(gpu, samples * windows.cells(id).len());
        let cells = (0..windows.len()).map(cells).collect::<Result<_, _>>()?;
        let mut fields = Self { windows, cells };
        fields.write(gpu, (0..samples).map(|_| Field::default()));
        Ok(fields)
    }

    /// Lays other fields under the batch before the next submitted work, one a sample.
    pub fn write(&mut self, gpu: &Gpu, fields: impl Iterator<Item = Field>) {
        for (n, field) in fields.enumerate() {
            self.windows.update(&field);
            for (id, buffer) in self.cells.iter().enumerate() {
                let cells = self.windows.cells(id);
                let at = 4 * (n * cells.len()) as u64;
                gpu.queue.write_buffer(buffer, at, bytemuck::cast_slice(cells));
            }
        }
    }

    /// The noise under node `id`.
    pub fn cells(&self, id: NodeId) -> &Buffer {
        &self.cells[self.windows.of(id).expect("a noise layer has a window")]
    }
}
