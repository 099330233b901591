//! Winograd's convolution F(4x4, 3x3): a quarter of the products, for two more walks through memory.

use super::conv::{Cut, Layer, finishing, product, with_residual};
use super::launch::{Launch, Maps, Params};
use crate::gpu::{Gpu, Usage};
use impasto_core::EngineError;
use impasto_core::lower::Conv;
use wgpu::BufferUsages;

/// Sums of a patch of 4x4 results.
const POINTS: usize = 36;

/// Whether this kernel takes the convolution. Patches, weights and sums between its steps are `f32`, however values are stored.
pub(crate) fn fits(conv: &Conv) -> bool {
    let (input, out) = (conv.geometry.input, conv.geometry.output);
    let window = (conv.geometry.kernel, conv.geometry.stride, conv.geometry.groups) == (3, 1, 1);
    window && input.channels >= 16 && out.channels >= 16 && out.area() >= 16
}

/// Memory between the three steps, which all layers of a plan share.
pub(crate) struct Scratch {
    inputs: wgpu::Buffer,
    sums: wgpu::Buffer,
}

impl Scratch {
    /// Large enough for each of `convs`.
    ///
    /// # Errors
    /// When it is too large for the adapter.
    pub fn new<'a>(gpu: &Gpu, convs: impl Iterator<Item = &'a Conv> + Clone) -> Result<Scratch, EngineError> {
        let largest = |channels: &dyn Fn(&Conv) -> usize| {
            let bytes = |conv| {
                let [columns, rows] = patches(conv);
                POINTS * columns * rows * channels(conv).div_ceil(4) * 16
            };
            convs.clone().map(bytes).max().unwrap_or(0) as u64
        };
        let inputs = largest(&|conv| conv.geometry.input.channels);
        let sums = largest(&|conv| conv.geometry.output.channels);
        Ok(Scratch {
            inputs: gpu.buffer("Winograd's patches", inputs, BufferUsages::STORAGE)?,
            sums: gpu.buffer("Winograd's sums", sums, BufferUsages::STORAGE)?,
        })
    }
}

fn patches(conv: &Conv) -> [usize; 2] {
    let out = conv.geometry.output;
    [out.width.div_ceil(4), out.height.div_ceil(4)]
}

/// The three steps.
pub(crate) fn winograd(
    maps: &Maps<'_>,
    conv: &Conv,
    layer: &Layer<'_>,
    scratch: &Scratch,
    cut: Cut,
) -> Result<Vec<Launch>, EngineError> {
    let (input, out) = (conv.geometry.input, conv.geometry.output);
    let quads = [input.channels.div_ceil(4), out.channels.div_ceil(4)];
    let weight = transformed(layer, input.channels);
    let weight =
        maps.gpu.filled("a layer's weights", bytemuck::cast_slice(&weight), BufferUsages::STORAGE)?;
    Ok(vec![
        forward(maps, conv, &scratch.inputs)?,
        product(maps, [&scratch.inputs, &weight, &scratch.sums], POINTS, quads, patches(conv), cut)?,
        back(maps, conv, layer, &scratch.sums)?,
    ])
}

fn groups(conv: &Conv, channels: usize) -> [usize; 3] {
    let [columns, rows] = patches(conv);
    [columns.div_ceil(16), rows.div_ceil(4), channels.div_ceil(4)]
}

fn forward(maps: &Maps<'_>, conv: &Conv, inputs: &wgpu::Buffer) -> Result<Launch, EngineError> {
    let input = conv.geometry.input;
    let source = maps.source("winograd_input", include_str!("winograd_input.wgsl")).with("SIX", 6u32);
    let source = source.padded(conv.geometry.padding).reading("x", 1, conv.input);
    let params = Params::new([input.width, input.height])
        .and(maps.size(Some(conv.input)))
        .and([input.channels.div_ceil(4)])
        .and(patches(conv));
    let mut buffers = maps.value(conv.input).to_vec();
    buffers.push((Usage::Write, inputs));
    Launch::new(maps.gpu, &source, &params, &buffers, groups(conv, input.channels))
}

fn back(maps: &Maps<'_>, conv: &Conv, layer: &Layer<'_>, sums: &wgpu::Buffer) -> Result<Launch, EngineError> {
    let out = conv.geometry.output;
    let source = maps
        .source("winograd_output", include_str!("winograd_output.wgsl"))
        .with("SIX", 6u32)
        .with("FOUR", 4u32)
        .with("TWO", 2u32)
        .after(include_str!("finish.wgsl"));
    let source = with_residual(finishing(source, conv), conv, 3);
    let params = Params::new([out.width, out.height, out.channels.div_ceil(4)])
        .and(maps.size(conv.residual))
        .and(patches(conv));
    let bias = layer.bias_buffer(maps.gpu)?;
    let buffers = [
        &[(Usage::Read, sums), (Usage::Read, &bias)][..],
        &maps.optional(conv.residual),
        &[(Usage::Write, maps.buffer(conv.out))],
    ];
    Launch::new(maps.gpu, &source, &params, &buffers.concat(), groups(conv, out.channels))
}

/// `G`: from three taps to the six points 0, 1, -1, 2, -2 and infinity.
const G: [[f64; 3]; 6] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];

/// `G w G^T` of each window, as the products read it: `[36][out quad][in quad][4 inputs][4 outputs]`.
fn transformed(layer: &Layer<'_>, in_channels: usize) -> Vec<f32> {
    let (in_quads, out_quads) = (in_channels.div_ceil(4), layer.bias.len().div_ceil(4));
    let each = out_quads * in_quads * 16;
    let mut out = vec![0.0; POINTS * each];
    for (window, taps) in layer.weight.chunks_exact(9).enumerate() {
        let (o, c) = (window / in_channels, window % in_channels);
        let place = ((o / 4 * in_quads + c / 4) * 4 + c % 4) * 4 + o % 4;
        for j in 0..6 {
            for i in 0..6 {
                let tap = |r: usize, s: usize| G[j][r] * f64::from(taps[3 * r + s]) * G[i][s];
                let sum: f64 = (0..3).flat_map(|r| (0..3).map(move |s| (r, s))).map(|(r, s)| tap(r, s)).sum();
                out[(6 * j + i) * each + place] = sum as f32;
            }
        }
    }
    out
}
