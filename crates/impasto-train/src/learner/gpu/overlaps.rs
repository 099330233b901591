//! Overlap of two pictures, as `l1.wgsl` reads it.

use super::Fault;
use super::room::floats;
use crate::learner::group::Overlap;
use impasto_gpu::compute::Gpu;
use impasto_gpu::compute::wgpu::Buffer;

/// Numbers of one overlap: WGSL pads them to a multiple of a place's.
const WORDS: usize = 6;

pub(super) fn buffer(gpu: &Gpu, samples: usize) -> Result<Buffer, Fault> {
    floats(gpu, WORDS * samples)
}

pub(super) fn write(gpu: &Gpu, buffer: &Buffer, overlaps: impl Iterator<Item = Overlap>) {
    let words = |Overlap { here, there, side }: Overlap| -> [u32; WORDS] {
        [here.0, here.1, there.0, there.1, side, 0].map(|v| v as u32)
    };
    let words: Vec<u32> = overlaps.flat_map(words).collect();
    gpu.queue.write_buffer(buffer, 0, bytemuck::cast_slice(&words));
}
