//! From steps on paper to steps with memory and packed weights.

mod canvas;
mod eight;
mod windows;

use super::arena::layout;
use super::fold::{ConvWeights, Layer};
use super::lower::{BufferId, Conv, Lowered, Spec, SumsId, Target, Value, is_winograd};
use crate::kernel::blend::Blend;
use crate::kernel::depthwise::Depthwise;
use crate::kernel::direct::{self, Direct, Feed, Goal};
use crate::kernel::finish::Finish;
use crate::kernel::picture::{Export, Import, Size};
use crate::kernel::pool::Pool;
use crate::kernel::site::{AdaIn, Modulate, NoiseGains};
use crate::kernel::statistics::{MeanStd, Parts, Summed};
use crate::kernel::step::Step;
use crate::kernel::sums::SLOT;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use crate::kernel::tiled;
use crate::kernel::view::{Map, Noise, Ptr, View, padded};
use crate::memory::Arena;
use crate::simd::Isa;
use crate::winograd::{self, Winograd};
use impasto_core::noise::{MAX_PLANES, Windows as Fields};
use impasto_core::{NodeId, Op, Shape};
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

/// Gives every step its memory and weights.
///
/// Steps point into `fields`, which must live and stay where it is as long as they do.
pub(crate) fn build(isa: Isa, layers: &[Layer<'_>], lowered: &Lowered, fields: &Fields, ends: Ends) -> Built {
    let places = layout(lowered);
    let mut builder = Builder {
        isa,
        layers,
        lowered,
        ends,
        maps: vec![],
        affines: vec![],
        noises: vec![],
        parts: vec![None; lowered.sums],
        memory: vec![],
        steps: vec![],
    };
    let activations = builder.allocate(places.total);
    for (shape, &offset) in lowered.buffers.iter().zip(&places.offsets) {
        // SAFETY: the layout places every activation inside the total.
        let data = Ptr(unsafe { activations.0.add(offset) });
        let (height, width, channels) = (shape.height, shape.width, padded(shape.channels, lowered.half));
        builder.maps.push(Map { data, height, width, channels, half: lowered.half });
    }
    for &(channels, constant) in &lowered.affines {
        let affine = builder.affine(channels, constant);
        builder.affines.push(affine);
    }
    for &(layer, channels) in &lowered.noises {
        let noise = builder.noise(fields, layer, channels);
        builder.noises.push(noise);
    }
    for spec in &lowered.specs {
        let step = builder.step(spec);
        builder.steps.push(step);
    }
    Built { steps: builder.steps, memory: builder.memory }
}

struct Builder<'a> {
    isa: Isa,
    layers: &'a [Layer<'a>],
    lowered: &'a Lowered,
    ends: Ends,
    maps: Vec<Map>,
    affines: Vec<Ptr>,
    noises: Vec<Noise>,
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

    fn affine(&mut self, channels: usize, constant: Option<(f32, f32)>) -> Ptr {
        let stored = padded(channels, self.lowered.half);
        let mut values = vec![0.0; 2 * stored];
        if let Some((mul, add)) = constant {
            values[..channels].fill(mul);
            values[stored..stored + channels].fill(add);
        }
        self.allocate_from(&values, 2 * stored)
    }

    fn noise(&mut self, fields: &Fields, layer: NodeId, channels: usize) -> Noise {
        let window = fields.of(layer).expect("the layer adds a field");
        let gains = self.allocate(MAX_PLANES * padded(channels, self.lowered.half));
        // Read only.
        Noise { gains, cells: Ptr(fields.cells(window).as_ptr().cast_mut()) }
    }

    fn view(&self, value: Value) -> View {
        let Value::Buffer { buffer, up, affine, noise, relu } = value else {
            unreachable!("lowering imports the picture for all but convolutions")
        };
        let (affine, noise) = (affine.map(|id| self.affines[id]), noise.map(|id| self.noises[id]));
        View { map: self.maps[buffer], up, affine, noise, relu }
    }

    fn parts(&self, sums: SumsId) -> Parts {
        self.parts[sums].clone().expect("sums are made before they are used")
    }

    fn step(&mut self, spec: &Spec) -> Box<dyn Step> {
        let isa = self.isa;
        match spec {
            Spec::Conv(conv) => self.conv(conv),
            &Spec::Import { mul, add, out } => {
                Box::new(Import { size: self.ends.picture, mul, add, out: self.maps[out] })
            }
            &Spec::Blend { a, b, out, offset, channels } => Box::new(Blend {
                isa,
                a: self.view(a),
                b: b.map(|b| self.view(b)),
                relu: false,
                out: self.maps[out],
                offset,
                channels,
            }),
            &Spec::Pool { kind, input, out } => {
                Box::new(Pool { isa, kind, view: self.view(input), out: self.maps[out] })
            }
            &Spec::Sums { input, sums } => self.summed(input, sums),
            Spec::AdaIn { sums, style, eps, unbiased, out } => Box::new(AdaIn {
                parts: self.parts(*sums),
                before: Mutex::new(Vec::with_capacity(style.len() / 2)),
                style: style.clone(),
                eps: *eps,
                unbiased: *unbiased,
                out: self.affines[*out],
            }),
            Spec::Modulate { style, out } => {
                let channels = padded(self.lowered.affines[*out].0, self.lowered.half);
                Box::new(Modulate { style: style.clone(), out: self.affines[*out], channels })
            }
            Spec::Noise { layer, style, out } => Box::new(NoiseGains {
                weights: self.layers[*layer].noise.expect("a noise layer has weights").to_vec(),
                style: style.clone(),
                out: self.noises[*out].gains,
                channels: padded(self.lowered.noises[*out].1, self.lowered.half),
            }),
            &Spec::MeanStd { sums, eps, unbiased, channels, out } => {
                Box::new(MeanStd { parts: self.parts(sums), channels, eps, unbiased, out: self.maps[out] })
            }
            &Spec::Export { input } => {
                Box::new(Export { isa, view: self.view(input), size: self.ends.canvas })
            }
        }
    }

    fn summed(&mut self, input: BufferId, sums: SumsId) -> Box<dyn Step> {
        let map = self.maps[input];
        let slots = self.allocate(map.height * SLOT * map.channels);
        let step = Summed { isa: self.isa, map, slots };
        self.note_parts(sums, &step, slots, map.channels);
        Box::new(step)
    }

    fn note_parts(&mut self, sums: SumsId, step: &dyn Step, slots: Ptr, channels: usize) {
        let positions = (0..step.jobs()).map(|job| step.positions(job) as f64).collect();
        self.parts[sums] = Some(Parts { isa: self.isa, slots, positions, channels });
    }

    fn conv(&mut self, conv: &Conv) -> Box<dyn Step> {
        let layers = self.layers;
        let weights = layers[conv.layer].conv.as_ref().expect("a convolution has weights");
        let out = match conv.target {
            Target::Canvas => return self.conv_to_canvas(conv, weights),
            Target::Buffer(out) => self.maps[out],
        };
        let finish = Finish {
            bias: self.allocate_from(&weights.bias, out.channels),
            relu_before: conv.relu_before,
            residual: conv.residual.map(|value| self.view(value)),
            relu_after: conv.relu_after,
            out,
            pool: conv.pool,
            sums: None,
        };
        let mut step = match conv.eight {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            _ if self.lowered.half => self.tiled(conv, weights, tiled::Goal::Map(finish)),
            Some(ranges) => self.eight_to_map(conv, weights, ranges, finish),
            None => self.kernel(conv, weights, finish),
        };
        if let Some(sums) = conv.sums {
            let slots = self.allocate(step.jobs() * SLOT * out.channels);
            step.finish_mut().expect("convolutions leave sums").sums = Some(slots);
            self.note_parts(sums, &*step, slots, out.channels);
        }
        step
    }

    /// The fastest kernel for a convolution.
    fn kernel(&self, conv: &Conv, weights: &ConvWeights<'_>, finish: Finish) -> Box<dyn Step> {
        let op = &self.layers[conv.layer].op;
        let Conv { kernel, stride, padding, groups, .. } = *conv;
        let channels = (conv.input_shape.channels, weights.bias.len());
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
        if is_winograd(op, conv.input_shape) {
            let window = |o: usize, i: usize| std::array::from_fn(|tap| weight(o, i, tap));
            let layer = winograd::Layer { weight: &window, view, padding, finish, channels };
            return Box::new(Winograd::new(self.isa, &layer));
        }
        if groups == channels.0 && groups == channels.1 && groups > 1 {
            let window = (kernel, stride, padding);
            return Box::new(Depthwise::new(self.isa, view, finish, &weights.weight, window));
        }
        let windows = Windows::plain(conv, &weight, channels.1);
        Box::new(self.direct(conv, Feed::View(view), &windows, Goal::Map(finish)))
    }

    fn direct(&self, conv: &Conv, feed: Feed, windows: &Windows<'_>, goal: Goal) -> Direct {
        let Windows { ref weight, out, window, columns } = *windows;
        let size = match feed {
            Feed::View(view) => (view.height(), view.width()),
            Feed::Picture { .. } => (conv.input_shape.height, conv.input_shape.width),
        };
        let channels = (conv.input_shape.channels, columns);
        let macs = macs(conv, &self.layers[conv.layer].op);
        Direct::new(self.isa, &direct::Layer { weight, feed, size, out, window, goal, channels, macs })
    }

    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn tiled(&self, conv: &Conv, weights: &ConvWeights<'_>, goal: tiled::Goal) -> Box<dyn Step> {
        let channels = (conv.input_shape.channels, weights.bias.len());
        let taps = conv.kernel * conv.kernel;
        let weight = |o: usize, i: usize, tap: usize| weights.weight[(o * channels.0 + i) * taps + tap];
        let source = match conv.input {
            Value::Picture { mul, add } => tiled::Source::Picture { size: self.ends.picture, mul, add },
            value => tiled::Source::View(self.view(value)),
        };
        let size = (conv.input_shape.height, conv.input_shape.width);
        let window = (conv.kernel, conv.stride, conv.padding);
        let layer = tiled::Layer { weight: &weight, source, size, window, goal, channels };
        let amx = crate::amx::Amx::detect().expect("plans are in bf16 only where the tile unit was seen");
        Box::new(tiled::Tiled::new(amx, &layer))
    }
}

/// Multiply-accumulates of a dense convolution as the table states it.
fn macs(conv: &Conv, op: &Op) -> u64 {
    let &Op::Conv { out_channels, kernel, stride, .. } = op else { return 0 };
    let Shape { channels, height, width } = conv.input_shape;
    (height.div_ceil(stride) * width.div_ceil(stride) * kernel * kernel * channels * out_channels) as u64
}

/// One weight of a grouped convolution as if it were dense: zero between channels of different groups.
fn grouped(
    weights: &ConvWeights<'_>,
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
