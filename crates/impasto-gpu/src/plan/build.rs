//! From steps on paper to kernels with memory and weights.

use super::affines::Affines;
use super::choose::choose;
use super::noise::{Noise, noises};
use super::slots::{Slots, slots};
use super::way::Way;
use crate::gpu::Gpu;
use crate::kernel::conv::Layer;
use crate::kernel::elementwise;
use crate::kernel::ends::Plugs;
use crate::kernel::launch::{Launch, Maps};
use crate::kernel::statistics::{self, Statistics};
use crate::kernel::winograd::Scratch;
use crate::tuning::Tuned;
use impasto_core::lower::{AffineId, BufferId, Conv, ConvWeights, Folded, Lowered, Step};
use impasto_core::{EngineError, Shape};
use std::ops::Range;
use wgpu::BufferUsages;

/// Everything that one plan keeps on the device.
pub(crate) struct Built {
    pub launches: Vec<Launch>,
    pub shapes: Vec<Shape>,
    pub slots: Slots,
    pub memory: Vec<wgpu::Buffer>,
    pub affines: Affines,
    pub style: wgpu::Buffer,
    pub frame: wgpu::Buffer,
    /// Smoothed statistics of each AdaIN site, in the table's order, and its channels.
    pub remembered: Vec<(usize, wgpu::Buffer)>,
    /// Modulation sites: their part of the style, their affine map.
    pub modulations: Vec<(Range<usize>, AffineId)>,
    pub noises: Vec<Noise>,
    pub plugs: Plugs,
    pub half: bool,
}

/// Gives every step its memory and weights. `ends` are the shapes that the plan takes and makes.
pub(crate) fn build(
    gpu: &Gpu,
    tuned: &Tuned,
    half: bool,
    folded: &Folded<'_>,
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
    let affines = Affines::new(gpu, lowered)?;
    let style =
        gpu.buffer("the style", 4 * folded.network.style_len() as u64, storage | BufferUsages::COPY_DST)?;
    let frame = gpu.buffer("the dials", 16, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?;
    let maps =
        Maps { gpu, half, shapes: &lowered.buffers, slots: &slots, memory: &memory, affines: &affines };
    let convs = convs(&maps, tuned, folded, lowered);
    let winograd = convs.iter().filter(|(_, _, way)| matches!(way, Way::Winograd(_)));
    let scratch = Scratch::new(gpu, winograd.map(|(conv, _, _)| *conv))?;
    let convs = convs.iter();
    let mut builder =
        Builder { maps, scratch, convs, style: &style, frame: &frame, remembered: vec![], launches: vec![] };
    for step in &lowered.steps {
        builder.step(step)?;
    }
    let (launches, remembered) = (builder.launches, builder.remembered);
    let (shapes, plugs) = (lowered.buffers.clone(), plugs(lowered, ends));
    let (modulations, noises) = (modulations(lowered), noises(folded, lowered));
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

fn modulations(lowered: &Lowered) -> Vec<(Range<usize>, AffineId)> {
    let modulation = |step: &Step| {
        if let Step::Modulate { style, out } = step { Some((style.clone(), *out)) } else { None }
    };
    lowered.steps.iter().filter_map(modulation).collect()
}

fn plugs(lowered: &Lowered, (input, output): (Shape, Shape)) -> Plugs {
    let first = lowered
        .steps
        .iter()
        .find_map(|step| if let Step::Import { out, .. } = step { Some(*out) } else { None });
    let last = lowered
        .steps
        .iter()
        .find_map(|step| if let Step::Export { input } = step { Some(*input) } else { None });
    let (first, last) = first.zip(last).expect("every table has an input and an output");
    Plugs { first, last, input, output }
}

/// The convolutions in their order, with their weights and ways.
fn convs<'a>(
    maps: &Maps<'_>,
    tuned: &Tuned,
    folded: &'a Folded<'_>,
    lowered: &'a Lowered,
) -> Vec<Chosen<'a>> {
    let convs =
        lowered.steps.iter().filter_map(|step| if let Step::Conv(conv) = step { Some(conv) } else { None });
    let chosen = |conv: &'a Conv| {
        let ConvWeights { weight, bias } = folded.conv(conv.layer);
        let layer = Layer { weight, bias };
        let way = choose(maps, tuned, conv, &layer);
        (conv, layer, way)
    };
    convs.map(chosen).collect()
}

type Chosen<'a> = (&'a Conv, Layer<'a>, Way);

struct Builder<'a> {
    maps: Maps<'a>,
    scratch: Scratch,
    /// Those that are not yet launched.
    convs: std::slice::Iter<'a, Chosen<'a>>,
    style: &'a wgpu::Buffer,
    frame: &'a wgpu::Buffer,
    remembered: Vec<(usize, wgpu::Buffer)>,
    launches: Vec<Launch>,
}

impl Builder<'_> {
    fn step(&mut self, step: &Step) -> Result<(), EngineError> {
        let maps = &self.maps;
        let launch = match step {
            // Both depend on the form of the frame, see `Ends`.
            Step::Import { .. } | Step::Export { .. } => return Ok(()),
            // Both are written when the style changes.
            Step::Modulate { .. } | Step::Noise { .. } => return Ok(()),
            Step::Conv(_) => {
                let (conv, layer, way) = self.convs.next().expect("each was chosen");
                self.launches.extend(way.launches(maps, conv, layer, &self.scratch)?);
                return Ok(());
            }
            &Step::Blend { a, b, out } => elementwise::blend(maps, a, b, out)?,
            &Step::Copy { input, channels, offset, out } => {
                elementwise::copy(maps, input, channels, offset, out)?
            }
            &Step::Pool { kind, input, shape, out } => elementwise::pool(maps, kind, input, shape, out)?,
            &Step::AdaIn { input, ref style, eps, unbiased, out } => {
                self.site(&Statistics { input, eps, unbiased }, style.start, out)?
            }
            &Step::MeanStd { input, eps, unbiased, out } => {
                let of = Statistics { input, eps, unbiased };
                let parts = self.parts(input)?;
                statistics::mean_std(&self.maps, &of, &parts, out)?
            }
        };
        self.launches.push(launch);
        Ok(())
    }

    /// Launches the first step of the statistics, and gives what it writes.
    fn parts(&mut self, input: BufferId) -> Result<wgpu::Buffer, EngineError> {
        let bytes = statistics::parts_bytes(self.maps.shapes[input]);
        let parts = self.maps.gpu.buffer("statistics", bytes, BufferUsages::STORAGE)?;
        self.launches.push(statistics::parts(&self.maps, input, &parts)?);
        Ok(parts)
    }

    fn site(&mut self, of: &Statistics, style_at: usize, out: AffineId) -> Result<Launch, EngineError> {
        let parts = self.parts(of.input)?;
        let channels = self.maps.shapes[of.input].channels;
        let bytes = 8 * channels.next_multiple_of(4) as u64;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let remembered = self.maps.gpu.buffer("remembered statistics", bytes, usage)?;
        let site = statistics::Site {
            frame: self.frame,
            style: self.style,
            style_at,
            remembered: &remembered,
            affine: self.maps.affines.affine(out),
        };
        let launch = statistics::site(&self.maps, of, &parts, &site)?;
        self.remembered.push((channels, remembered));
        Ok(launch)
    }
}
