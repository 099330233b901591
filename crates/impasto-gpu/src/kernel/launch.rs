//! From a kernel and its buffers to something that can be recorded.

use super::source::Source;
use crate::gpu::{Gpu, Usage};
use crate::plan::affines::Affines;
use crate::plan::slots::Slots;
use impasto_core::lower::{BufferId, Value};
use impasto_core::{EngineError, Shape};
use std::sync::Arc;

/// A plan's activations and affine maps.
pub(crate) struct Maps<'a> {
    pub gpu: &'a Gpu,
    /// Whether activations and weights are `f16`.
    pub half: bool,
    pub shapes: &'a [Shape],
    pub slots: &'a Slots,
    pub memory: &'a [wgpu::Buffer],
    pub affines: &'a Affines,
}

impl Maps<'_> {
    /// The kernel `name`.
    pub fn source(&self, name: &'static str, template: &str) -> Source {
        Source::new(name, template, self.half)
    }

    pub fn buffer(&self, id: BufferId) -> &wgpu::Buffer {
        &self.memory[self.slots.of[id]]
    }

    /// The two bindings of a value, see [`Source::reading`].
    pub fn value(&self, value: Value) -> [(Usage, &wgpu::Buffer); 2] {
        let Value::Buffer { buffer, affine, noise, .. } = value else {
            unreachable!("the picture is imported first of all")
        };
        let noise = noise.map(|id| self.affines.noise(id));
        let affine = noise.or(affine.map(|id| self.affines.affine(id))).unwrap_or(&self.gpu.unused);
        [(Usage::Read, self.buffer(buffer)), (Usage::Read, affine)]
    }

    /// The two bindings of a value that may be absent.
    pub fn optional(&self, value: Option<Value>) -> [(Usage, &wgpu::Buffer); 2] {
        let unused = (Usage::Read, &self.gpu.unused);
        value.map_or([unused, unused], |value| self.value(value))
    }

    /// Width and height in memory.
    pub fn size(&self, value: Option<Value>) -> [usize; 2] {
        let shape = value.and_then(Value::buffer).map(|id| self.shapes[id]);
        shape.map_or([0, 0], |shape| [shape.width, shape.height])
    }
}

/// The numbers of a kernel's `Params`, in their order.
#[derive(Default)]
pub struct Params(Vec<u32>);

impl Params {
    /// Whole numbers, `u32` in the kernel.
    ///
    /// # Panics
    /// If one does not fit in 32 bits.
    pub fn new(values: impl IntoIterator<Item = usize>) -> Params {
        Params(values.into_iter().map(|value| u32::try_from(value).expect("sizes fit in 32 bits")).collect())
    }

    /// An `f32` behind those that are there.
    pub fn float(mut self, value: f32) -> Params {
        self.0.push(value.to_bits());
        self
    }

    /// More whole numbers behind those that are there.
    pub fn and(mut self, values: impl IntoIterator<Item = usize>) -> Params {
        self.0.extend(Params::new(values).0);
        self
    }
}

/// A kernel with its buffers, ready to run in every frame.
pub struct Launch {
    kernel: Arc<wgpu::ComputePipeline>,
    bindings: wgpu::BindGroup,
    groups: [u32; 3],
}

impl Launch {
    /// Binds `params` at 0 and `buffers` from 1 on; `groups` are the workgroups in x, y and z.
    ///
    /// # Errors
    /// When the driver refuses the kernel, or the adapter allows fewer groups.
    pub fn new(
        gpu: &Gpu,
        source: &Source,
        params: &Params,
        buffers: &[(Usage, &wgpu::Buffer)],
        groups: [usize; 3],
    ) -> Result<Launch, EngineError> {
        let most = gpu.most_groups();
        if let Some(&too_many) = groups.iter().find(|&&groups| groups > most as usize) {
            return Err(EngineError::Device(format!(
                "the kernel `{}` needs {too_many} workgroups in one direction on {}, whose limit \
                 (max_compute_workgroups_per_dimension) is {most}; {}",
                source.name(),
                gpu.info.name,
                gpu.advice
            )));
        }
        let usages: Vec<Usage> = [Usage::Uniform].into_iter().chain(buffers.iter().map(|b| b.0)).collect();
        let kernel = gpu.kernel(source, &usages)?;
        // Uniform structs are read in steps of 16 bytes.
        let mut words = params.0.clone();
        words.resize(words.len().next_multiple_of(4), 0);
        let params =
            gpu.filled("a kernel's sizes", bytemuck::cast_slice(&words), wgpu::BufferUsages::UNIFORM)?;
        let buffers = [&params].into_iter().chain(buffers.iter().map(|b| b.1));
        let entries: Vec<_> = buffers
            .zip(0..)
            .map(|(buffer, binding)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bindings = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(source.name()),
            layout: &kernel.get_bind_group_layout(0),
            entries: &entries,
        });
        Ok(Launch { kernel, bindings, groups: groups.map(|groups| groups as u32) })
    }

    /// Appends it to a pass.
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        pass.set_pipeline(&self.kernel);
        pass.set_bind_group(0, &self.bindings, &[]);
        pass.dispatch_workgroups(self.groups[0], self.groups[1], self.groups[2]);
    }
}

/// Workgroups of `size` threads for one thread a position and quad.
pub(crate) fn groups_for(shape: Shape, size: [usize; 2]) -> [usize; 3] {
    [shape.width.div_ceil(size[0]), shape.height.div_ceil(size[1]), shape.channels.div_ceil(4)]
}
