//! From steps on paper to steps with memory and packed weights.

mod canvas;
mod eight;
mod windows;

use super::arena::layout;
use super::choose::{Choices, is_winograd};
use crate::kernel::blend::Blend;
use crate::kernel::depthwise::Depthwise;
use crate::kernel::direct::{self, Direct, Feed, Goal};
use crate::kernel::finish::Finish;
use crate::kernel::picture::{Export, Import, Size};
use crate::kernel::pool::Pool;
use crate::kernel::site::{self, AdaIn, Modulate};
use crate::kernel::statistics::{MeanStd, Parts, Summed};
use crate::kernel::step::Step;
use crate::kernel::sums::SLOT;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use crate::kernel::tiled;
use crate::kernel::view::{Map, Noise, Ptr, View, padded};
use crate::memory::Arena;
use crate::precision::Precision;
use crate::simd::Isa;
use crate::winograd::{self, Winograd};
use impasto_core::lower::{
    Affine, BufferId, Conv, ConvWeights, Folded, Geometry, Lowered, NoiseGains, Step as Planned, Value,
};
use impasto_core::noise::{MAX_PLANES, Windows as Fields};
use std::sync::Mutex;
use windows::Windows;

/// Steps, and the memory that they point into.
pub(crate) struct Built {
    pub steps: Vec<Box<dyn Step>>,
    pub memory: Vec<Arena>,
}

/// Sizes at the two ends of a plan.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub picture: Size,
    pub canvas: Size,
}

/// The plan on paper.
#[derive(Clone, Copy)]
pub(crate) struct Paper<'a> {
    pub folded: &'a Folded<'a>,
    pub lowered: &'a Lowered,
    pub choices: &'a Choices,
    pub precision: Precision,
}

/// Gives every step its memory and weights.
///
/// Steps point into `fields`, which must live and stay where it is as long as they do.
pub(crate) fn build(isa: Isa, paper: Paper<'_>, fields: &Fields, ends: Ends) -> Built {
    let Paper { lowered, choices, precision, .. } = paper;
    let half = precision == Precision::Bf16;
    let places = layout(lowered, half, choices.canvas);
    let mut builder = Builder {
        isa,
        paper,
        half,
        ends,
        maps: vec![],
        affines: vec![],
        noises: vec![],
        parts: vec![None; lowered.buffers.len()],
        memory: vec![],
        steps: vec![],
    };
    let activations = builder.allocate(places.total);
    for (shape, &offset) in lowered.buffers.iter().zip(&places.offsets) {
        // SAFETY: the layout places every activation inside the total.
        let data = Ptr(unsafe { activations.0.add(offset) });
        let (height, width, channels) = (shape.height, shape.width, padded(shape.channels, half));
        builder.maps.push(Map { data, height, width, channels, half });
    }
    for affine in &lowered.affines {
        let affine = builder.affine(affine);
        builder.affines.push(affine);
    }
    for noise in &lowered.noises {
        let noise = builder.noise(fields, noise);
        builder.noises.push(noise);
    }
    for step in &lowered.steps {
        let step = builder.step(step);
        builder.steps.extend(step);
    }
    Built { steps: builder.steps, memory: builder.memory }
}

struct Builder<'a> {
    isa: Isa,
    paper: Paper<'a>,
    /// Whether activations are bf16 and convolutions run on tiles.
    half: bool,
    ends: Ends,
    maps: Vec<Map>,
    affines: Vec<Ptr>,
    noises: Vec<Noise>,
    /// Sums of each activation, once a step leaves them.
    parts: Vec<Option<Parts>>,
    memory: Vec<Arena>,
    steps: Vec<Box<dyn Step>>,
}

impl Builder<'_> {
    fn allocate(&mut self, len: usize) -> Ptr {
        let arena = Arena::new(len);
        let at = Ptr(arena.ptr());
        self.memory.push(arena);
        at
    }

    fn allocate_from(&mut self, values: &[f32], len: usize) -> Ptr {
        let at = self.allocate(len);
        let arena = self.memory.last_mut().expect("just allocated");
        arena.as_mut_slice()[..values.len()].copy_from_slice(values);
        at
    }

    fn affine(&mut self, &Affine { channels, constant }: &Affine) -> Ptr {
        let stored = padded(channels, self.half);
        let mut values = vec![0.0; 2 * stored];
        if let Some((mul, add)) = constant {
            values[..channels].fill(mul);
            values[stored..stored + channels].fill(add);
        }
        self.allocate_from(&values, 2 * stored)
    }

    fn noise(&mut self, fields: &Fields, &NoiseGains { layer, channels, .. }: &NoiseGains) -> Noise {
        let window = fields.of(layer).expect("the layer adds a field");
        let gains = self.allocate(MAX_PLANES * padded(channels, self.half));
        // Read only.
        Noise { gains, cells: Ptr(fields.cells(window).as_ptr().cast_mut()) }
    }

    fn view(&self, value: Value) -> View {
        let Value::Buffer { buffer, up, affine, noise, relu } = value else {
            unreachable!("the planner imports the picture for all but convolutions")
        };
        let (affine, noise) = (affine.map(|id| self.affines[id]), noise.map(|id| self.noises[id]));
        View { map: self.maps[buffer], up, affine, noise, relu }
    }

    /// Sums of an activation. Unless the convolution that writes it leaves them, a step that reads it all is pushed.
    fn sums(&mut self, input: BufferId) -> Parts {
        if self.parts[input].is_none() {
            let map = self.maps[input];
            let slots = self.allocate(map.height * SLOT * map.channels);
            let step = Summed { isa: self.isa, map, slots };
            self.note_parts(input, &step, slots, map.channels);
            self.steps.push(Box::new(step));
        }
        self.parts[input].clone().expect("just noted")
    }

    fn note_parts(&mut self, of: BufferId, step: &dyn Step, slots: Ptr, channels: usize) {
        let positions = (0..step.jobs()).map(|job| step.positions(job) as f64).collect();
        self.parts[of] = Some(Parts { isa: self.isa, slots, positions, channels });
    }

    /// The step; those that must run before it are pushed.
    fn step(&mut self, step: &Planned) -> Option<Box<dyn Step>> {
        let isa = self.isa;
        Some(match step {
            Planned::Conv(conv) => self.conv(conv),
            &Planned::Import { mul, add, out } => {
                Box::new(Import { size: self.ends.picture, mul, add, out: self.maps[out] })
            }
            &Planned::Blend { a, b, out } => {
                let channels = self.maps[out].channels;
                self.blend(a, b, out, 0, channels)
            }
            &Planned::Copy { input, channels, offset, out } => {
                // The last part also clears the channels that only fill up the layout.
                let is_last = offset + channels == self.paper.lowered.buffers[out].channels;
                let channels = if is_last { self.maps[out].channels - offset } else { channels };
                let channels = if offset == 0 { padded(channels, self.half) } else { channels };
                self.blend(input, None, out, offset, channels)
            }
            &Planned::Pool { kind, input, out, .. } => {
                Box::new(Pool { isa, kind, view: self.view(input), out: self.maps[out] })
            }
            Planned::AdaIn { input, style, eps, unbiased, out } => Box::new(AdaIn {
                parts: self.sums(*input),
                before: Mutex::new(Vec::with_capacity(style.len() / 2)),
                style: style.clone(),
                eps: *eps,
                unbiased: *unbiased,
                out: self.affines[*out],
            }),
            Planned::Modulate { style, out } => {
                let channels = padded(self.paper.lowered.affines[*out].channels, self.half);
                Box::new(Modulate { style: style.clone(), out: self.affines[*out], channels })
            }
            Planned::Noise { style, out } => {
                let gains = self.paper.lowered.noises[*out];
                Box::new(site::NoiseGains {
                    weights: self.paper.folded.noise(gains.layer).to_vec(),
                    style: style.clone(),
                    out: self.noises[*out].gains,
                    channels: padded(gains.channels, self.half),
                })
            }
            &Planned::MeanStd { input, eps, unbiased, out } => {
                let channels = self.paper.lowered.buffers[input].channels;
                Box::new(MeanStd { parts: self.sums(input), channels, eps, unbiased, out: self.maps[out] })
            }
            Planned::Export { .. } if self.paper.choices.canvas.is_some() => return None,
            &Planned::Export { input } => {
                Box::new(Export { isa, view: self.view(input), size: self.ends.canvas })
            }
        })
    }

    fn blend(
        &self,
        a: Value,
        b: Option<Value>,
        out: BufferId,
        offset: usize,
        channels: usize,
    ) -> Box<dyn Step> {
        let (a, b) = (self.view(a), b.map(|b| self.view(b)));
        Box::new(Blend { isa: self.isa, a, b, relu: false, out: self.maps[out], offset, channels })
    }

    /// The sums of a convolution's input, if it is to run in int8: it needs the ranges of its channels, which the convolution before leaves.
    fn int8_ranges(&self, conv: &Conv) -> Option<Parts> {
        let Paper { choices, precision, .. } = self.paper;
        let input = conv.input.buffer().filter(|_| choices.gains_by_int8(conv, precision))?;
        self.parts[input].clone()
    }

    fn conv(&mut self, conv: &Conv) -> Box<dyn Step> {
        let Paper { folded, choices, .. } = self.paper;
        let weights = folded.conv(conv.layer);
        if choices.canvas == Some(conv.out) {
            return self.conv_to_canvas(conv, weights);
        }
        let out = self.maps[conv.out];
        let finish = Finish {
            bias: self.allocate_from(weights.bias, out.channels),
            relu_before: conv.relu_before,
            residual: conv.residual.map(|value| self.view(value)),
            relu_after: conv.relu_after,
            out,
            pool: conv.pool,
            sums: None,
        };
        let mut step = match self.int8_ranges(conv) {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            _ if self.half => self.tiled(conv, weights, tiled::Goal::Map(finish)),
            Some(ranges) => self.eight_to_map(conv, weights, ranges, finish),
            None => self.kernel(conv, weights, finish),
        };
        if choices.sums[conv.out] {
            let slots = self.allocate(step.jobs() * SLOT * out.channels);
            step.finish_mut().expect("convolutions leave sums").sums = Some(slots);
            self.note_parts(conv.out, &*step, slots, out.channels);
        }
        step
    }

    /// The fastest kernel for a convolution.
    fn kernel(&self, conv: &Conv, weights: ConvWeights<'_>, finish: Finish) -> Box<dyn Step> {
        let Geometry { input, kernel, stride, padding, groups, .. } = conv.geometry;
        let channels = (input.channels, weights.bias.len());
        let taps = kernel * kernel;
        let weight = |o: usize, i: usize, tap: usize| grouped(weights, channels, groups, taps, o, i, tap);
        if let Value::Picture { mul, add } = conv.input {
            let feed = Feed::Picture { size: self.ends.picture, mul, add };
            return Box::new(self.direct(
                conv,
                feed,
                &Windows::plain(conv, &weight, channels.1),
                Goal::Map(finish),
            ));
        }
        let view = self.view(conv.input);
        if is_winograd(&conv.geometry) {
            let window = |o: usize, i: usize| std::array::from_fn(|tap| weight(o, i, tap));
            let layer = winograd::Layer { weight: &window, view, padding, finish, channels };
            return Box::new(Winograd::new(self.isa, &layer));
        }
        if groups == channels.0 && groups == channels.1 && groups > 1 {
            let window = (kernel, stride, padding);
            return Box::new(Depthwise::new(self.isa, view, finish, weights.weight, window));
        }
        let windows = Windows::plain(conv, &weight, channels.1);
        Box::new(self.direct(conv, Feed::View(view), &windows, Goal::Map(finish)))
    }

    fn direct(&self, conv: &Conv, feed: Feed, windows: &Windows<'_>, goal: Goal) -> Direct {
        let Windows { ref weight, out, window, columns } = *windows;
        let input = conv.geometry.input;
        let size = match feed {
            Feed::View(view) => (view.height(), view.width()),
            Feed::Picture { .. } => (input.height, input.width),
        };
        let channels = (input.channels, columns);
        let macs = conv.geometry.macs();
        Direct::new(self.isa, &direct::Layer { weight, feed, size, out, window, goal, channels, macs })
    }

    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn tiled(&self, conv: &Conv, weights: ConvWeights<'_>, goal: tiled::Goal) -> Box<dyn Step> {
        let Geometry { input, kernel, stride, padding, .. } = conv.geometry;
        let channels = (input.channels, weights.bias.len());
        let taps = kernel * kernel;
        let weight = |o: usize, i: usize, tap: usize| weights.weight[(o * channels.0 + i) * taps + tap];
        let source = match conv.input {
            Value::Picture { mul, add } => tiled::Source::Picture { size: self.ends.picture, mul, add },
            value => tiled::Source::View(self.view(value)),
        };
        let size = (input.height, input.width);
        let window = (kernel, stride, padding);
        let layer = tiled::Layer { weight: &weight, source, size, window, goal, channels };
        let amx = crate::amx::Amx::detect().expect("plans are in bf16 only where the tile unit was seen");
        Box::new(tiled::Tiled::new(amx, &layer))
    }
}

/// One weight of a grouped convolution as if it were dense: zero between channels of different groups.
fn grouped(
    weights: ConvWeights<'_>,
    (cin, cout): (usize, usize),
    groups: usize,
    taps: usize,
    o: usize,
    i: usize,
    tap: usize,
) -> f32 {
    let (inner, outer) = (cin / groups, cout / groups);
    let same = i / inner == o / outer;
    if same { weights.weight[(o * inner + i % inner) * taps + tap] } else { 0.0 }
}
