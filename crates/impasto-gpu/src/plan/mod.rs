//! A network at one size: kernels and memory on the device.

mod build;
mod choose;
pub(crate) mod lower;
pub(crate) mod slots;
pub(crate) mod way;

use crate::gpu::Gpu;
use crate::kernel::ends::{Ends, Form};
use crate::kernel::launch::Maps;
use crate::tuning::Tuned;
use build::{Built, build};
use impasto_core::engine::{check_prepare, check_shape};
use impasto_core::{Conditions, EngineError, Image, Network, Op, Plan, Shape, Tensor, Weights};
use std::sync::{Arc, mpsc};

/// A network, ready for pictures of one size. All memory on the device is taken here and with the first frame.
pub struct GpuPlan {
    gpu: Arc<Gpu>,
    network: Network,
    built: Built,
    bytes: Option<Ends>,
    planar: Option<Ends>,
    /// The style on the device.
    style: Vec<f32>,
    /// Whether statistics of an earlier frame are remembered.
    remembers: bool,
}

impl GpuPlan {
    pub(crate) fn new(
        gpu: &Arc<Gpu>,
        tuned: &Tuned,
        half: bool,
        network: &Network,
        weights: &Weights,
        height: usize,
        width: usize,
    ) -> Result<GpuPlan, EngineError> {
        gpu.check()?;
        let shapes = check_prepare(network, weights, height, width)?;
        let Op::Input { channels } = network.nodes[0].op else { unreachable!("the table was checked") };
        let ends = (Shape::new(channels, height, width), network.output_shape(height, width)?);
        let half = half && !has_lone_statistics(network, &shapes);
        let built = build(gpu, tuned, half, network, weights, &lower::lower(network, &shapes), ends)?;
        gpu.check()?;
        Ok(GpuPlan {
            gpu: Arc::clone(gpu),
            network: network.clone(),
            built,
            bytes: None,
            planar: None,
            style: vec![],
            remembers: false,
        })
    }

    /// Bytes of features on the device.
    pub fn memory_bytes(&self) -> u64 {
        self.built.memory.iter().map(wgpu::Buffer::size).sum()
    }

    fn ends(&mut self, form: Form) -> Result<&Ends, EngineError> {
        let Built { shapes, slots, memory, affines, half, plugs, .. } = &self.built;
        let maps = Maps { gpu: &self.gpu, half: *half, shapes, slots, memory, affines };
        let ends = match form {
            Form::Bytes => &mut self.bytes,
            Form::Planar => &mut self.planar,
        };
        if ends.is_none() {
            *ends = Some(Ends::new(&maps, form, *plugs)?);
        }
        Ok(ends.as_ref().expect("it was just made"))
    }

    /// Uploads, runs every kernel, and waits for the result, which `read` gets.
    fn frame(
        &mut self,
        form: Form,
        input: &[u8],
        conditions: &Conditions<'_>,
        read: &mut dyn FnMut(&[u8]),
    ) -> Result<(), EngineError> {
        self.gpu.check()?;
        self.send_conditions(conditions);
        let gpu = Arc::clone(&self.gpu);
        self.ends(form)?;
        let ends = if form == Form::Bytes { &self.bytes } else { &self.planar };
        let ends = ends.as_ref().expect("it was just made");
        gpu.write(&ends.upload, input);
        let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            ends.import.record(&mut pass);
            self.built.launches.iter().for_each(|launch| launch.record(&mut pass));
            ends.export.record(&mut pass);
        }
        encoder.copy_buffer_to_buffer(&ends.result, 0, &ends.download, 0, ends.result.size());
        let submitted = gpu.queue.submit([encoder.finish()]);
        receive(&gpu, &ends.download, submitted, read)?;
        self.remembers = true;
        Ok(())
    }

    /// The dials and, where it is another than before, the style.
    fn send_conditions(&mut self, conditions: &Conditions<'_>) {
        let fresh = u32::from(!self.remembers);
        let dials = [conditions.strength.to_bits(), conditions.smoothing.to_bits(), fresh, 0];
        self.gpu.write(&self.built.frame, bytemuck::cast_slice(&dials));
        if self.style == conditions.style {
            return;
        }
        self.style = conditions.style.to_vec();
        self.gpu.write(&self.built.style, bytemuck::cast_slice(&self.style));
        for &(start, channels, affine) in &self.built.modulations {
            let quads = channels.next_multiple_of(4);
            let mut values = vec![0.0; 2 * quads];
            values[..channels].copy_from_slice(&self.style[start + channels..start + 2 * channels]);
            values[quads..quads + channels].copy_from_slice(&self.style[start..start + channels]);
            self.gpu.write(&self.built.affines[affine], bytemuck::cast_slice(&values));
        }
    }
}

/// Whether some site normalises maps of one position: deviations are then next to nothing and gains beyond 16 bits.
fn has_lone_statistics(network: &Network, shapes: &[Shape]) -> bool {
    network.nodes.iter().any(|node| matches!(node.op, Op::AdaIn { input, .. } if shapes[input].area() == 1))
}

/// Waits for `submitted`, and shows what it left in `download`.
fn receive(
    gpu: &Gpu,
    download: &wgpu::Buffer,
    submitted: wgpu::SubmissionIndex,
    read: &mut dyn FnMut(&[u8]),
) -> Result<(), EngineError> {
    let failed = |what: String| EngineError::Device(format!("the GPU {} failed: {what}", gpu.info.name));
    let (send, arrived) = mpsc::channel();
    download.map_async(wgpu::MapMode::Read, .., move |outcome| drop(send.send(outcome)));
    gpu.wait(submitted)?;
    let outcome = arrived.try_recv().map_err(|_| failed("it gave no answer".into()))?;
    outcome.map_err(|error| failed(error.to_string()))?;
    let view = download.get_mapped_range(..).map_err(|error| failed(error.to_string()))?;
    read(&view);
    drop(view);
    download.unmap();
    Ok(())
}

impl Plan for GpuPlan {
    fn input_shape(&self) -> Shape {
        self.built.plugs.input
    }

    fn output_shape(&self) -> Shape {
        self.built.plugs.output
    }

    fn run(
        &mut self,
        input: &Tensor,
        conditions: &Conditions<'_>,
        output: &mut Tensor,
    ) -> Result<(), EngineError> {
        conditions.check(&self.network)?;
        check_shape("input", self.input_shape(), input.shape())?;
        check_shape("output", self.output_shape(), output.shape())?;
        let bytes = bytemuck::cast_slice(input.data());
        self.frame(Form::Planar, bytes, conditions, &mut |made| {
            let made = made.chunks_exact(4).map(|v| f32::from_le_bytes([v[0], v[1], v[2], v[3]]));
            output.data_mut().iter_mut().zip(made).for_each(|(out, value)| *out = value);
        })
    }

    fn run_image(
        &mut self,
        input: &Image,
        conditions: &Conditions<'_>,
        output: &mut Image,
    ) -> Result<(), EngineError> {
        conditions.check(&self.network)?;
        check_shape("input picture", self.input_shape(), Shape::new(3, input.height(), input.width()))?;
        check_shape("output picture", self.output_shape(), Shape::new(3, output.height(), output.width()))?;
        self.frame(Form::Bytes, input.rgb(), conditions, &mut |made| {
            let rgb = output.rgb_mut();
            rgb.copy_from_slice(&made[..rgb.len()]);
        })
    }

    fn reset(&mut self) {
        self.remembers = false;
    }
}
