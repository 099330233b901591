//! Work for the device: launches, copies and downloads.

use super::Fault;
use super::room::Room;
use impasto_gpu::compute::wgpu::{Buffer, BufferDescriptor, BufferUsages, CommandEncoder, SubmissionIndex};
use impasto_gpu::compute::{Gpu, Launch};

/// Work that is being written down.
pub(super) struct Work<'a> {
    gpu: &'a Gpu,
    encoder: CommandEncoder,
}

impl<'a> Work<'a> {
    pub fn new(gpu: &'a Gpu) -> Self {
        Self { gpu, encoder: gpu.device.create_command_encoder(&Default::default()) }
    }

    pub fn run(&mut self, launches: &[Launch]) {
        let mut pass = self.encoder.begin_compute_pass(&Default::default());
        launches.iter().for_each(|launch| launch.record(&mut pass));
    }

    /// Copies all of `from` to the start of `to`.
    pub fn copy(&mut self, from: &Buffer, to: &Buffer) {
        self.encoder.copy_buffer_to_buffer(from, 0, to, 0, from.size().min(to.size()));
    }

    pub fn clear(&mut self, buffer: &Buffer) {
        self.encoder.clear_buffer(buffer, 0, None);
    }

    /// Hands it in.
    pub fn submit(self) -> SubmissionIndex {
        self.gpu.queue.submit([self.encoder.finish()])
    }

    /// Hands it in, waits, and gives what stands in the buffers then.
    ///
    /// # Errors
    /// When the device fails.
    pub fn read(mut self, buffers: &[(&Buffer, usize)]) -> Result<Vec<Vec<f32>>, Fault> {
        let gpu = self.gpu;
        let bytes: u64 = buffers.iter().map(|(_, count)| 4 * *count as u64).sum();
        let back = gpu.device.create_buffer(&BufferDescriptor {
            label: Some("what comes back"),
            size: bytes.max(4),
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut at = 0;
        for (buffer, count) in buffers {
            let bytes = 4 * *count as u64;
            self.encoder.copy_buffer_to_buffer(buffer, 0, &back, at, bytes);
            at += bytes;
        }
        let submitted = self.submit();
        let mut values: Vec<f32> = vec![];
        gpu.read(&back, submitted, &mut |bytes| values = bytemuck::pod_collect_to_vec(bytes))?;
        let mut values = values.into_iter();
        Ok(buffers.iter().map(|(_, count)| values.by_ref().take(*count).collect()).collect())
    }
}

/// All of a room.
pub(super) fn whole(room: &Room) -> (&Buffer, usize) {
    (&room.buffer, room.len())
}
