//! A network at one size: kernels and memory on the device.

pub(crate) mod affines;
mod build;
mod choose;
pub(crate) mod kernels;
mod memory;
mod noise;
pub(crate) mod slots;
pub(crate) mod way;

use crate::gpu::{Arrival, Gpu, mapped};
use crate::kernel::ends::{AHEAD, Ends, Form};
use crate::kernel::launch::Maps;
use crate::tuning::Tuned;
use affines::affine_values;
use build::{Built, build};
use impasto_core::engine::{check_prepare, check_shape};
use impasto_core::lower::{Folded, lower};
use impasto_core::{Ahead, Conditions, EngineError, Image, Network, Op, Plan, Shape, Tensor, Weights};
use std::collections::VecDeque;
use std::sync::Arc;

/// A network, ready for pictures of one size. All memory on the device is taken here and with the first frame.
pub struct GpuPlan {
    gpu: Arc<Gpu>,
    network: Network,
    built: Built,
    /// For each [`Form`], once it was asked for.
    ends: [Option<Ends>; 2],
    under_way: VecDeque<UnderWay>,
    /// The download of the next frame.
    next: usize,
    /// The style on the device.
    style: Vec<f32>,
    /// The noise fields on the device.
    noise: noise::Sent,
    /// Whether statistics of an earlier frame are remembered.
    remembers: bool,
}

/// A frame that the device has, and has not given back.
struct UnderWay {
    form: Form,
    download: usize,
    submitted: wgpu::SubmissionIndex,
    arrived: Arrival,
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
        let folded = Folded::new(network, weights);
        let lowered = lower(&folded.network, &shapes, &kernels::Kernels);
        let built = build(gpu, tuned, half, &folded, &lowered, ends)?;
        gpu.check()?;
        Ok(GpuPlan {
            gpu: Arc::clone(gpu),
            network: network.clone(),
            built,
            ends: [None, None],
            under_way: VecDeque::new(),
            next: 0,
            style: vec![],
            noise: noise::Sent::default(),
            remembers: false,
        })
    }

    /// Bytes of features on the device.
    pub fn memory_bytes(&self) -> u64 {
        self.built.memory.iter().map(wgpu::Buffer::size).sum()
    }

    fn make_ends(&mut self, form: Form) -> Result<(), EngineError> {
        let Built { shapes, slots, memory, affines, half, plugs, .. } = &self.built;
        let maps = Maps { gpu: &self.gpu, half: *half, shapes, slots, memory, affines };
        let ends = &mut self.ends[form as usize];
        if ends.is_none() {
            *ends = Some(Ends::new(&maps, form, *plugs)?);
        }
        Ok(())
    }

    fn ends(&self, form: Form) -> &Ends {
        self.ends[form as usize].as_ref().expect("they are made before the first frame")
    }

    /// Uploads and runs every kernel, and waits for the result, which `read` gets.
    fn frame(
        &mut self,
        form: Form,
        input: &[u8],
        conditions: &Conditions<'_>,
        read: &mut dyn FnMut(&[u8]),
    ) -> Result<(), EngineError> {
        if !self.under_way.is_empty() {
            return Err(EngineError::Ahead(self.under_way.len(), 0));
        }
        self.submit(form, input, conditions)?;
        self.receive(read)
    }

    /// Uploads, and has the device run every kernel.
    fn submit(&mut self, form: Form, input: &[u8], conditions: &Conditions<'_>) -> Result<(), EngineError> {
        self.gpu.check()?;
        self.send_conditions(conditions);
        self.make_ends(form)?;
        let ends = self.ends(form);
        self.gpu.write(&ends.upload, input);
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            ends.import.record(&mut pass);
            self.built.launches.iter().for_each(|launch| launch.record(&mut pass));
            ends.export.record(&mut pass);
        }
        let download = &ends.downloads[self.next];
        encoder.copy_buffer_to_buffer(&ends.result, 0, download, 0, ends.result.size());
        let submitted = self.gpu.queue.submit([encoder.finish()]);
        let arrived = mapped(download);
        self.under_way.push_back(UnderWay { form, download: self.next, submitted, arrived });
        self.next = (self.next + 1) % AHEAD;
        self.remembers = true;
        Ok(())
    }

    /// Waits for the oldest frame under way, and shows it to `read`.
    fn receive(&mut self, read: &mut dyn FnMut(&[u8])) -> Result<(), EngineError> {
        let Some(frame) = self.under_way.pop_front() else { return Err(EngineError::Ahead(0, AHEAD)) };
        let download = &self.ends(frame.form).downloads[frame.download];
        self.gpu.arrived(download, frame.submitted, &frame.arrived, read)
    }

    fn check_pictures(
        &self,
        input: Option<(&Image, &Conditions<'_>)>,
        output: Option<&Image>,
    ) -> Result<(), EngineError> {
        let shape = |image: &Image| Shape::new(3, image.height(), image.width());
        if let Some((input, conditions)) = input {
            conditions.check(&self.network)?;
            check_shape("input picture", self.input_shape(), shape(input))?;
        }
        match output {
            Some(output) => check_shape("output picture", self.output_shape(), shape(output)),
            None => Ok(()),
        }
    }

    /// The dials and, where they are others than before, the style and the noise field.
    fn send_conditions(&mut self, conditions: &Conditions<'_>) {
        let fresh = u32::from(!self.remembers);
        let dials = [conditions.strength.to_bits(), conditions.smoothing.to_bits(), fresh, 0];
        self.gpu.write(&self.built.frame, bytemuck::cast_slice(&dials));
        let new_style = self.style != conditions.style;
        if new_style {
            self.send_style(conditions.style);
        }
        self.noise.update(&self.gpu, &self.built, conditions, new_style);
    }

    fn send_style(&mut self, style: &[f32]) {
        self.style = style.to_vec();
        self.gpu.write(&self.built.style, bytemuck::cast_slice(style));
        for (part, affine) in &self.built.modulations {
            let (shifts, gains) = style[part.clone()].split_at(part.len() / 2);
            let values = affine_values(gains, shifts);
            self.gpu.write(self.built.affines.affine(*affine), bytemuck::cast_slice(&values));
        }
    }
}

/// Whether some site normalises maps of one position: deviations are then next to nothing and gains beyond 16 bits.
fn has_lone_statistics(network: &Network, shapes: &[Shape]) -> bool {
    network.nodes.iter().any(|node| matches!(node.op, Op::AdaIn { input, .. } if shapes[input].area() == 1))
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
        self.check_pictures(Some((input, conditions)), Some(output))?;
        self.frame(Form::Bytes, input.rgb(), conditions, &mut |made| {
            let rgb = output.rgb_mut();
            rgb.copy_from_slice(&made[..rgb.len()]);
        })
    }

    fn ahead(&mut self) -> Option<&mut dyn Ahead> {
        Some(self)
    }

    fn reset(&mut self) {
        self.remembers = false;
    }

    fn memory(&self) -> Vec<f64> {
        // A device that fails here fails at the next frame too, which tells it.
        self.remembered().unwrap_or_default()
    }

    fn recall(&mut self, memory: &[f64]) {
        self.remember(memory);
    }
}

impl Ahead for GpuPlan {
    fn most(&self) -> usize {
        AHEAD
    }

    fn begin(&mut self, input: &Image, conditions: &Conditions<'_>) -> Result<(), EngineError> {
        self.check_pictures(Some((input, conditions)), None)?;
        if self.under_way.len() == AHEAD {
            return Err(EngineError::Ahead(AHEAD, AHEAD));
        }
        self.submit(Form::Bytes, input.rgb(), conditions)
    }

    fn finish(&mut self, output: &mut Image) -> Result<(), EngineError> {
        self.check_pictures(None, Some(output))?;
        self.receive(&mut |made| {
            let rgb = output.rgb_mut();
            rgb.copy_from_slice(&made[..rgb.len()]);
        })
    }
}
