//! Views of the loss network, one a sample.

use super::Fault;
use super::room::floats;
use impasto_gpu::compute::Gpu;
use impasto_gpu::compute::wgpu::Buffer;

pub(super) fn buffer(gpu: &Gpu, samples: usize) -> Result<Buffer, Fault> {
    floats(gpu, 2 * samples)
}

/// Left and upper edges, px.
pub(super) fn write(gpu: &Gpu, buffer: &Buffer, places: impl Iterator<Item = (usize, usize)>) {
    let words: Vec<u32> = places.flat_map(|(x, y)| [x as u32, y as u32]).collect();
    gpu.queue.write_buffer(buffer, 0, bytemuck::cast_slice(&words));
}
