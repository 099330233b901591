//! Gains and shifts on the device, and the noise fields that stand behind them.

use crate::gpu::Gpu;
use crate::kernel::value::affine_len;
use impasto_core::EngineError;
use impasto_core::lower::{AffineId, Lowered, NoiseId};
use wgpu::BufferUsages;

/// A buffer for each affine map, then one for each noise field that stands over none.
pub(crate) struct Affines {
    buffers: Vec<wgpu::Buffer>,
    /// For each noise field, its buffer.
    noises: Vec<usize>,
}

impl Affines {
    /// Allocates them, and writes those that are constant.
    ///
    /// # Errors
    /// When the device has no memory for them.
    pub fn new(gpu: &Gpu, lowered: &Lowered) -> Result<Affines, EngineError> {
        let has_noise = |id: AffineId| lowered.noises.iter().any(|noise| noise.affine == Some(id));
        let mut buffers = Vec::new();
        for (id, affine) in lowered.affines.iter().enumerate() {
            let buffer = buffer(gpu, affine.channels, has_noise(id))?;
            if let Some((mul, add)) = affine.constant {
                let values = affine_values(&vec![mul; affine.channels], &vec![add; affine.channels]);
                gpu.write(&buffer, bytemuck::cast_slice(&values));
            }
            buffers.push(buffer);
        }
        let mut noises = Vec::new();
        for noise in &lowered.noises {
            noises.push(noise.affine.unwrap_or(buffers.len()));
            if noise.affine.is_none() {
                buffers.push(buffer(gpu, noise.channels, true)?);
            }
        }
        Ok(Affines { buffers, noises })
    }

    /// The buffer of an affine map.
    pub fn affine(&self, id: AffineId) -> &wgpu::Buffer {
        &self.buffers[id]
    }

    /// The buffer that a noise field stands in.
    pub fn noise(&self, id: NoiseId) -> &wgpu::Buffer {
        &self.buffers[self.noises[id]]
    }
}

fn buffer(gpu: &Gpu, channels: usize, noise: bool) -> Result<wgpu::Buffer, EngineError> {
    let bytes = 16 * affine_len(channels.div_ceil(4), noise) as u64;
    gpu.buffer("gains and shifts", bytes, BufferUsages::STORAGE | BufferUsages::COPY_DST)
}

/// Gains and shifts as [`crate::kernel::value::Part`] says.
pub(crate) fn affine_values(gains: &[f32], shifts: &[f32]) -> Vec<f32> {
    let mut values = vec![0.0; 2 * gains.len().next_multiple_of(4)];
    for (c, (gain, shift)) in gains.iter().zip(shifts).enumerate() {
        let at = c / 4 * 8 + c % 4;
        (values[at], values[at + 4]) = (*gain, *shift);
    }
    values
}
