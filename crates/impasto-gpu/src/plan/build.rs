//! From steps on paper to kernels with memory and weights.

use super::choose::choose;
use super::lower::{Affine, AffineId, Conv, Gains, Lowered, Spec, Statistics};
use super::noise::{Noise, noises};
use super::slots::{Slots, slots};
use super::way::Way;
use crate::gpu::Gpu;
use crate::kernel::conv::Layer;
use crate::kernel::ends::Plugs;
use crate::kernel::launch::{Launch, Maps};
use crate::kernel::value::affine_len;
use crate::kernel::winograd::Scratch;
use crate::kernel::{elementwise, statistics};
use crate::tuning::Tuned;
use impasto_core::{EngineError, Network, Shape, Weights};
use wgpu::BufferUsages;

/// What one plan keeps on the device.
pub(crate) struct Built {
    pub launches: Vec<Launch>,
    pub shapes: Vec<Shape>,
    pub slots: Slots,
    pub memory: Vec<wgpu::Buffer>,
    pub affines: Vec<wgpu::Buffer>,
    pub style: wgpu::Buffer,
    pub frame: wgpu::Buffer,
    /// Smoothed statistics of each AdaIN site, in the table's order, and its channels.
    pub remembered: Vec<(usize, wgpu::Buffer)>,
    /// Modulation sites: where their part of the style begins, their channels, their affine map.
    pub modulations: Vec<(usize, usize, AffineId)>,
    pub noises: Vec<Noise>,
    pub plugs: Plugs,
    pub half: bool,
}

/// Gives every step its memory and weights. `ends` are the shapes that the plan takes and makes.
pub(crate) fn build(
    gpu: &Gpu,
    tuned: &Tuned,
    half: bool,
    network: &Network,
    weights: &Weights,
    lowered: &Lowered,
    ends: (Shape, Shape),
) -> Result<Built, EngineError> {
    let slots = slots(lowered);
    let bytes = if half { 8 } else { 16 };
    let storage = BufferUsages::STORAGE;
    let memory = slots
        .quads
        .iter()
        .map(|quads| gpu.buffer("the network's features", (quads * bytes) as u64, storage))
        .collect::<Result<Vec<_>, _>>()?;
    let affine = |affine: &Affine| affine_buffer(gpu, affine);
    let affines = lowered.affines.iter().map(affine).collect::<Result<Vec<_>, _>>()?;
    let style = gpu.buffer("the style", 4 * network.style_len() as u64, storage | BufferUsages::COPY_DST)?;
    let frame = gpu.buffer("the dials", 16, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
    let maps =
        Maps { gpu, half, shapes: &lowered.buffers, slots: &slots, memory: &memory, affines: &affines };
    let convs = convs(&maps, tuned, network, weights, lowered)?;
    let winograd = convs.iter().filter(|(_, _, way)| matches!(way, Way::Winograd(_)));
    let scratch = Scratch::new(gpu, winograd.map(|(conv, _, _)| *conv))?;
    let convs = convs.iter();
    let mut builder = Builder {
        maps,
        network,
        scratch,
        convs,
        style: &style,
        frame: &frame,
        remembered: vec![],
        launches: vec![],
    };
    for spec in &lowered.specs {
        builder.step(spec)?;
    }
    let (launches, remembered) = (builder.launches, builder.remembered);
    let (shapes, plugs) = (lowered.buffers.clone(), plugs(lowered, ends));
    let modulations = modulations(network, lowered);
    let noises = noises(network, weights, lowered)?;
    Ok(Built {
        launches,
        shapes,
        slots,
        memory,
        affines,
        style,
        frame,
        remembered,
        modulations,
        noises,
        plugs,
        half,
    })
}

/// Room for an affine map, and its gains and shifts where they are constant.
fn affine_buffer(gpu: &Gpu, affine: &Affine) -> Result<wgpu::Buffer, EngineError> {
    let quads = affine.channels.div_ceil(4);
    let bytes = 16 * affine_len(quads, affine.noise.is_some()) as u64;
    let buffer = gpu.buffer("gains and shifts", bytes, BufferUsages::STORAGE | BufferUsages::COPY_DST)?;
    if let Gains::Constant(mul, add) = affine.gains {
        let values = affine_values(&vec![mul; affine.channels], &vec![add; affine.channels]);
        gpu.write(&buffer, bytemuck::cast_slice(&values));
    }
    Ok(buffer)
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

fn modulations(network: &Network, lowered: &Lowered) -> Vec<(usize, usize, AffineId)> {
    let modulation = |(id, affine): (AffineId, &Affine)| match affine.gains {
        Gains::Modulate(site) => Some((network.site_range(site).start, affine.channels, id)),
        Gains::Constant(..) | Gains::AdaIn => None,
    };
    lowered.affines.iter().enumerate().filter_map(modulation).collect()
}

fn plugs(lowered: &Lowered, (input, output): (Shape, Shape)) -> Plugs {
    let first = lowered.specs.iter().find_map(|spec| match spec {
        Spec::Import { out } => Some(*out),
        _ => None,
    });
    let last = lowered.specs.iter().find_map(|spec| match spec {
        Spec::Export { input } => Some(*input),
        _ => None,
    });
    let (first, last) = first.zip(last).expect("every table has an input and an output");
    Plugs { first, last, input, output }
}

/// The convolutions in their order, with their weights and ways.
fn convs<'a>(
    maps: &Maps<'_>,
    tuned: &Tuned,
    network: &Network,
    weights: &'a Weights,
    lowered: &'a Lowered,
) -> Result<Vec<Chosen<'a>>, EngineError> {
    let mut convs = Vec::new();
    for spec in &lowered.specs {
        let Spec::Conv(conv) = spec else { continue };
        let name = &network.nodes[conv.node].name;
        let (input, out) = conv.shapes;
        let shape = [out.channels, input.channels / conv.groups, conv.kernel, conv.kernel];
        let layer = Layer {
            weight: weights.expect(&format!("{name}.weight"), &shape)?,
            bias: weights.expect(&format!("{name}.bias"), &shape[..1])?,
        };
        let way = choose(maps, tuned, conv, &layer);
        convs.push((conv, layer, way));
    }
    Ok(convs)
}

type Chosen<'a> = (&'a Conv, Layer<'a>, Way);

struct Builder<'a> {
    maps: Maps<'a>,
    network: &'a Network,
    scratch: Scratch,
    /// Those that are not yet launched.
    convs: std::slice::Iter<'a, Chosen<'a>>,
    style: &'a wgpu::Buffer,
    frame: &'a wgpu::Buffer,
    remembered: Vec<(usize, wgpu::Buffer)>,
    launches: Vec<Launch>,
}

impl Builder<'_> {
    fn step(&mut self, spec: &Spec) -> Result<(), EngineError> {
        let maps = &self.maps;
        let launch = match spec {
            // Both depend on the form of the frame, see `Ends`.
            Spec::Import { .. } | Spec::Export { .. } => return Ok(()),
            Spec::Conv(_) => {
                let (conv, layer, way) = self.convs.next().expect("each was chosen");
                self.launches.extend(way.launches(maps, conv, layer, &self.scratch)?);
                return Ok(());
            }
            &Spec::Blend { a, b, out } => elementwise::blend(maps, a, b, out)?,
            &Spec::Copy { input, channels, offset, out } => {
                elementwise::copy(maps, input, channels, offset, out)?
            }
            &Spec::Pool { mean, input, shape, out } => elementwise::pool(maps, mean, input, shape, out)?,
            Spec::AdaIn { of, site, out } => {
                let parts = self.parts(of)?;
                self.site(of, &parts, *site, *out)?
            }
            Spec::MeanStd { of, out } => {
                let parts = self.parts(of)?;
                statistics::mean_std(&self.maps, of, &parts, *out)?
            }
        };
        self.launches.push(launch);
        Ok(())
    }

    /// Launches the first step of the statistics, and gives what it writes.
    fn parts(&mut self, of: &Statistics) -> Result<wgpu::Buffer, EngineError> {
        let bytes = statistics::parts_bytes(self.maps.shapes[of.input]);
        let parts = self.maps.gpu.buffer("statistics", bytes, BufferUsages::STORAGE)?;
        self.launches.push(statistics::parts(&self.maps, of.input, &parts)?);
        Ok(parts)
    }

    fn site(
        &mut self,
        of: &Statistics,
        parts: &wgpu::Buffer,
        site: usize,
        out: AffineId,
    ) -> Result<Launch, EngineError> {
        let channels = self.maps.shapes[of.input].channels;
        let bytes = 8 * channels.next_multiple_of(4) as u64;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let remembered = self.maps.gpu.buffer("remembered statistics", bytes, usage)?;
        let site = statistics::Site {
            frame: self.frame,
            style: self.style,
            style_at: self.network.site_range(site).start,
            remembered: &remembered,
            affine: &self.maps.affines[out],
        };
        let launch = statistics::site(&self.maps, of, parts, &site)?;
        self.remembered.push((channels, remembered));
        Ok(launch)
    }
}
