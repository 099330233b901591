//! Batches of maps and vectors on the device.

use super::Fault;
use impasto_core::{Shape, Tensor};
use impasto_gpu::compute::Gpu;
use impasto_gpu::compute::wgpu::{Buffer, BufferUsages};

/// Usages of all our buffers.
const USAGE: BufferUsages = BufferUsages::STORAGE.union(BufferUsages::COPY_DST).union(BufferUsages::COPY_SRC);

/// A batch of maps, `[samples][C][H][W]` of `f32`; a vector is a map of one position.
#[derive(Clone, Debug)]
pub(super) struct Room {
    pub samples: usize,
    pub shape: Shape,
    pub buffer: Buffer,
}

impl Room {
    pub fn new(gpu: &Gpu, samples: usize, shape: Shape) -> Result<Self, Fault> {
        Ok(Self { samples, shape, buffer: floats(gpu, samples * shape.len())? })
    }

    /// Values of all samples.
    pub fn len(&self) -> usize {
        self.samples * self.shape.len()
    }

    /// Channels of all samples.
    pub fn channels(&self) -> usize {
        self.samples * self.shape.channels
    }

    /// Takes pictures of its shape, one a sample, before the next submitted work; the samples behind them keep what they hold.
    ///
    /// # Panics
    /// If there are too many, or one has another shape.
    pub fn upload<'a>(&self, gpu: &Gpu, pictures: impl Iterator<Item = &'a Tensor>) {
        let len = 4 * self.shape.len() as u64;
        for (n, picture) in pictures.enumerate() {
            assert!(n < self.samples && picture.shape() == self.shape, "the picture has no place here");
            gpu.queue.write_buffer(&self.buffer, n as u64 * len, bytemuck::cast_slice(picture.data()));
        }
    }
}

/// A buffer of so many `f32`, filled with zeros.
pub(super) fn floats(gpu: &Gpu, count: usize) -> Result<Buffer, Fault> {
    Ok(gpu.buffer("training", 4 * count as u64, USAGE)?)
}
