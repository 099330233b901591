//! Convolutions by tiles, see `conv.wgsl`.

use super::direct::stored;
use super::launch::{Launch, Maps, Params};
use super::source::Source;
use crate::gpu::{Gpu, Usage};
use impasto_core::lower::{Conv, Geometry, Value};
use impasto_core::{EngineError, Padding};
use std::fmt;
use std::str::FromStr;
use wgpu::BufferUsages;

/// A convolution's weights, `[out][in / groups][kernel][kernel]` and `[out]`.
pub(crate) struct Layer<'a> {
    pub weight: &'a [f32],
    pub bias: &'a [f32],
}

impl Layer<'_> {
    /// The bias, filled up to whole quads.
    pub fn bias_buffer(&self, gpu: &Gpu) -> Result<wgpu::Buffer, EngineError> {
        let mut bias = self.bias.to_vec();
        bias.resize(bias.len().next_multiple_of(4), 0.0);
        gpu.filled("a layer's bias", bytemuck::cast_slice(&bias), BufferUsages::STORAGE)
    }
}

/// Cut of the work: a workgroup has `columns * row_threads * quad_threads` threads, each makes `rows` positions below
/// each other of `quads` quads, and takes `depth` quads of inputs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cut {
    pub columns: usize,
    pub row_threads: usize,
    pub rows: usize,
    pub quad_threads: usize,
    pub quads: usize,
    pub depth: usize,
}

/// `columns`, `row_threads`, `rows`, `quad_threads`, `quads`, `depth`.
pub(crate) const fn cut(numbers: [usize; 6]) -> Cut {
    let [columns, row_threads, rows, quad_threads, quads, depth] = numbers;
    Cut { columns, row_threads, rows, quad_threads, quads, depth }
}

impl Cut {
    fn block_quads(self) -> usize {
        self.quad_threads * self.quads
    }

    /// Positions of one workgroup, `[width, height]`.
    fn size(self) -> [usize; 2] {
        [self.columns, self.row_threads * self.rows]
    }

    fn threads(self) -> usize {
        self.columns * self.row_threads * self.quad_threads
    }

    /// Bytes of workgroup memory.
    pub fn shared_bytes(self, kernel: usize, stride: usize, pool: bool) -> usize {
        let [width, height] = self.size().map(|side| (side - 1) * stride + kernel);
        let pooled = if pool { self.threads() } else { 0 };
        (self.depth * (width * height + self.block_quads() * kernel * kernel * 4) + pooled) * 16
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cut { columns, row_threads, rows, quad_threads, quads, depth } = self;
        write!(f, "{columns}.{row_threads}.{rows}.{quad_threads}.{quads}.{depth}")
    }
}

impl FromStr for Cut {
    type Err = ();

    fn from_str(word: &str) -> Result<Cut, ()> {
        let numbers: Result<Vec<usize>, _> = word.split('.').map(str::parse).collect();
        numbers.ok().and_then(|numbers| <[usize; 6]>::try_from(numbers).ok()).map(cut).ok_or(())
    }
}

/// The convolution; with `narrow`, products are in `f16` where values are stored so, four of them at a time.
pub(crate) fn conv(
    maps: &Maps<'_>,
    conv: &Conv,
    layer: &Layer<'_>,
    cut: Cut,
    narrow: bool,
) -> Result<Launch, EngineError> {
    let Geometry { input, output: out, kernel, stride, padding, .. } = conv.geometry;
    let (in_quads, out_quads) = (input.channels.div_ceil(4), out.channels.div_ceil(4));
    let blocks = out_quads.div_ceil(cut.block_quads());
    let params = Params::new([input.width, input.height])
        .and(maps.size(Some(conv.input)))
        .and([in_quads, out.width, out.height, out_quads])
        .and(maps.size(conv.residual))
        .and([blocks]);
    let packed = stored(&packed(layer, input.channels, kernel), maps.half);
    let weight = maps.gpu.filled("a layer's weights", &packed, BufferUsages::STORAGE)?;
    let bias = layer.bias_buffer(maps.gpu)?;
    let buffers = [
        &maps.value(conv.input)[..],
        &[(Usage::Read, &weight), (Usage::Read, &bias)],
        &maps.optional(conv.residual),
        &[(Usage::Write, maps.buffer(conv.out))],
    ];
    let source = cut_source(maps, kernel, stride, cut, narrow);
    let source = with_residual(finishing(source, conv), conv, 5).padded(padding);
    let [width, height] = cut.size();
    let groups = [out.width.div_ceil(width), out.height.div_ceil(height), blocks];
    Launch::new(maps.gpu, &source.reading("x", 1, conv.input), &params, &buffers.concat(), groups)
}

/// A batch of matrix products: `[input, weight, output]` hold, for each of `batches`, maps of `size` (width, height) with
/// `quads` (in, out), and `[out quad][in quad][4 inputs][4 outputs]` of weights, all in `f32`.
pub(crate) fn product(
    maps: &Maps<'_>,
    [input, weight, output]: [&wgpu::Buffer; 3],
    batches: usize,
    [in_quads, out_quads]: [usize; 2],
    [width, height]: [usize; 2],
    cut: Cut,
) -> Result<Launch, EngineError> {
    let blocks = out_quads.div_ceil(cut.block_quads());
    let sizes = [width, height, width, height, in_quads, width, height, out_quads, 0, 0, blocks];
    let source =
        FUSED.into_iter().fold(cut_source(maps, 1, 1, cut, false), |source, name| source.with(name, false));
    let source = source.single();
    let source = source.with("PLAIN", true).padded(Padding::Zero).reading("x", 1, Value::plain(0));
    let unused = (Usage::Read, &maps.gpu.unused);
    let (input, weight, output) = ((Usage::Read, input), (Usage::Read, weight), (Usage::Write, output));
    let buffers = [input, unused, weight, unused, unused, unused, output];
    let [columns, rows] = cut.size();
    let groups = [width.div_ceil(columns), height.div_ceil(rows), batches * blocks];
    Launch::new(maps.gpu, &source, &Params::new(sizes), &buffers, groups)
}

fn cut_source(maps: &Maps<'_>, kernel: usize, stride: usize, cut: Cut, narrow: bool) -> Source {
    let covered = |side: usize| ((side - 1) * stride + kernel) as u32;
    let [width, height] = cut.size();
    maps.source("conv", include_str!("conv.wgsl"))
        .with("NARROW", narrow)
        .with("WIDE", !narrow)
        .with("KERNEL", kernel as u32)
        .with("STRIDE", stride as u32)
        .with("COLUMNS", cut.columns as u32)
        .with("ROW_THREADS", cut.row_threads as u32)
        .with("ROWS", cut.rows as u32)
        .with("HALF_ROWS", cut.rows as u32 / 2)
        .with("QUAD_THREADS", cut.quad_threads as u32)
        .with("QUADS", cut.quads as u32)
        .with("BLOCK_QUADS", cut.block_quads() as u32)
        .with("DEPTH", cut.depth as u32)
        .with("THREADS", cut.threads() as u32)
        .with("TILE_WIDTH", covered(width))
        .with("TILE_HEIGHT", covered(height))
        .with("TILE_ROWS", covered(cut.rows))
        .after(include_str!("finish.wgsl"))
}

/// Operations that may be fused behind the sums.
const FUSED: [&str; 5] = ["POOL", "BIAS", "RELU_BEFORE", "RESIDUAL", "RELU_AFTER"];

/// Operations fused behind the sums of this convolution.
pub(crate) fn finishing(source: Source, conv: &Conv) -> Source {
    let fused = [conv.pool, true, conv.relu_before, conv.residual.is_some(), conv.relu_after];
    let source = FUSED.into_iter().zip(fused).fold(source, |source, (name, is)| source.with(name, is));
    source.with("PLAIN", !conv.pool)
}

/// Declares the residual at `binding`, where there is one.
pub(crate) fn with_residual(source: Source, conv: &Conv, binding: u32) -> Source {
    match conv.residual {
        Some(residual) => source.reading("residual", binding, residual),
        None => source,
    }
}

impl Source {
    /// Adds how positions outside are found.
    pub fn padded(self, padding: Padding) -> Source {
        self.with("ZERO", padding == Padding::Zero)
            .with("REPLICATE", padding == Padding::Replicate)
            .with("REFLECT", padding == Padding::Reflect)
            .after(include_str!("padding.wgsl"))
    }
}

/// Weights as `conv.wgsl` reads them: `[out quad][in quad][tap][4 inputs][4 outputs]`, zeros where channels are missing.
fn packed(layer: &Layer<'_>, in_channels: usize, kernel: usize) -> Vec<f32> {
    let (taps, out_channels) = (kernel * kernel, layer.bias.len());
    let (in_quads, out_quads) = (in_channels.div_ceil(4), out_channels.div_ceil(4));
    let mut packed = vec![0.0; out_quads * in_quads * taps * 16];
    for o in 0..out_channels {
        for c in 0..in_channels {
            let block = (o / 4 * in_quads + c / 4) * taps;
            for tap in 0..taps {
                packed[((block + tap) * 4 + c % 4) * 4 + o % 4] =
                    layer.weight[(o * in_channels + c) * taps + tap];
            }
        }
    }
    packed
}
