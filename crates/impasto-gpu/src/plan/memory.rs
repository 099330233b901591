//! A plan's memory from frame to frame, out of the device and back into it.

use super::GpuPlan;
use impasto_core::EngineError;
use wgpu::BufferUsages;

impl GpuPlan {
    /// Means, then deviations, site after site; empty where nothing is remembered.
    pub(super) fn remembered(&self) -> Result<Vec<f64>, EngineError> {
        let sites = &self.built.remembered;
        let total: u64 = sites.iter().map(|(_, buffer)| buffer.size()).sum();
        if !self.remembers || total == 0 {
            return Ok(Vec::new());
        }
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let download = self.gpu.buffer("remembered statistics", total, usage)?;
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        let mut at = 0;
        for (_, buffer) in sites {
            encoder.copy_buffer_to_buffer(buffer, 0, &download, at, buffer.size());
            at += buffer.size();
        }
        let submitted = self.gpu.queue.submit([encoder.finish()]);
        let mut values = Vec::new();
        self.gpu.read(&download, submitted, &mut |bytes| {
            let floats = bytes.chunks_exact(4).map(|v| f32::from_le_bytes([v[0], v[1], v[2], v[3]]));
            values = floats.map(f64::from).collect();
        })?;
        Ok(self.without_gaps(&values))
    }

    /// Takes up what [`GpuPlan::remembered`] gave; forgets all where it does not fit.
    pub(super) fn remember(&mut self, memory: &[f64]) {
        let sites = &self.built.remembered;
        let needed: usize = sites.iter().map(|(channels, _)| 2 * channels).sum();
        self.remembers = needed > 0 && memory.len() == needed;
        if !self.remembers {
            return;
        }
        let mut rest = memory;
        for (channels, buffer) in sites {
            let (own, others) = rest.split_at(2 * channels);
            let mut values: Vec<f32> = Vec::new();
            for half in own.chunks_exact(*channels) {
                values.extend(half.iter().map(|&value| value as f32));
                values.resize(values.len().next_multiple_of(4), 0.0);
            }
            self.gpu.write(buffer, bytemuck::cast_slice(&values));
            rest = others;
        }
    }

    /// On the device both halves of a site are filled up to whole quads.
    fn without_gaps(&self, values: &[f64]) -> Vec<f64> {
        let mut rest = values;
        let mut memory = Vec::new();
        for (channels, _) in &self.built.remembered {
            for _ in 0..2 {
                let (half, others) = rest.split_at(channels.next_multiple_of(4));
                memory.extend_from_slice(&half[..*channels]);
                rest = others;
            }
        }
        memory
    }
}
