//! Convolutions by tiles, see `conv.wgsl`.

use super::direct::stored;
use super::launch::{Launch, Maps, Params};
use super::source::Source;
use crate::gpu::{Gpu, Usage};
use crate::plan::lower::Conv;
use impasto_core::{EngineError, Padding};
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

/// How the work is cut: a workgroup has `columns * row_threads * quad_threads` threads, each makes `rows` positions below
/// each other of `quads` quads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tile {
    pub columns: usize,
    pub row_threads: usize,
    pub rows: usize,
    pub quad_threads: usize,
    pub quads: usize,
}

impl Tile {
    /// A good cut for a layer that makes `quads` quads.
    pub fn for_layer(conv: &Conv) -> Tile {
        let quads = conv.shapes.1.channels.div_ceil(4);
        let (row_threads, rows) = if conv.stride == 1 { (4, 4) } else { (4, 2) };
        match quads {
            1 => Tile { columns: 16, row_threads: 8, rows: 2, quad_threads: 1, quads: 1 },
            2..=4 => Tile { columns: 16, row_threads, rows, quad_threads: 2, quads: 2 },
            _ => Tile { columns: 16, row_threads, rows, quad_threads: 4, quads: 2 },
        }
    }

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

    /// Quads of workgroup memory.
    fn shared_quads(self, conv: &Conv) -> usize {
        let [width, height] = self.size().map(|side| (side - 1) * conv.stride + conv.kernel);
        let pooled = if conv.pool { self.threads() } else { 0 };
        width * height + self.block_quads() * conv.kernel * conv.kernel * 4 + pooled
    }

    /// The same with fewer outputs a workgroup, until its memory suffices.
    fn fitted(mut self, conv: &Conv, bytes: usize) -> Tile {
        while self.shared_quads(conv) * 16 > bytes {
            match self {
                Tile { quads: 2.., .. } => self.quads = 1,
                Tile { quad_threads: 2.., .. } => self.quad_threads /= 2,
                Tile { row_threads: 2.., .. } => self.row_threads /= 2,
                _ => break,
            }
        }
        self
    }
}

/// Every adapter has this much memory for a workgroup.
const SHARED_BYTES: usize = 16 << 10;

/// The convolution, cut by `tile`.
pub(crate) fn conv(
    maps: &Maps<'_>,
    conv: &Conv,
    layer: &Layer<'_>,
    tile: Tile,
) -> Result<Launch, EngineError> {
    let tile = tile.fitted(conv, SHARED_BYTES);
    let (input, out) = conv.shapes;
    let (in_quads, out_quads) = (input.channels.div_ceil(4), out.channels.div_ceil(4));
    let params = Params::new([input.width, input.height])
        .and(maps.size(Some(conv.input)))
        .and([in_quads, out.width, out.height, out_quads])
        .and(maps.size(conv.residual));
    let packed = stored(&packed(layer, input.channels, conv.kernel), maps.half);
    let weight = maps.gpu.filled("a layer's weights", &packed, BufferUsages::STORAGE)?;
    let bias = layer.bias_buffer(maps.gpu)?;
    let buffers = [
        &maps.value(conv.input)[..],
        &[(Usage::Read, &weight), (Usage::Read, &bias)],
        &maps.optional(conv.residual),
        &[(Usage::Write, maps.buffer(conv.out))],
    ];
    let [width, height] = tile.size();
    let groups =
        [out.width.div_ceil(width), out.height.div_ceil(height), out_quads.div_ceil(tile.block_quads())];
    Launch::new(maps.gpu, &source(maps, conv, tile), &params, &buffers.concat(), groups)
}

fn source(maps: &Maps<'_>, conv: &Conv, tile: Tile) -> Source {
    let covered = |side: usize| ((side - 1) * conv.stride + conv.kernel) as u32;
    let [width, height] = tile.size();
    let source = maps
        .source("conv", include_str!("conv.wgsl"))
        .with("KERNEL", conv.kernel as u32)
        .with("STRIDE", conv.stride as u32)
        .with("COLUMNS", tile.columns as u32)
        .with("ROW_THREADS", tile.row_threads as u32)
        .with("ROWS", tile.rows as u32)
        .with("HALF_ROWS", tile.rows as u32 / 2)
        .with("QUAD_THREADS", tile.quad_threads as u32)
        .with("QUADS", tile.quads as u32)
        .with("BLOCK_QUADS", tile.block_quads() as u32)
        .with("THREADS", tile.threads() as u32)
        .with("TILE_WIDTH", covered(width))
        .with("TILE_HEIGHT", covered(height))
        .with("TILE_ROWS", covered(tile.rows))
        .with("POOL", conv.pool)
        .with("PLAIN", !conv.pool);
    let source = with_residual(finishing(source, conv), conv).after(padding_text());
    source.reading("x", 1, conv.input)
}

/// What is fused behind the sums.
pub(crate) fn finishing(source: Source, conv: &Conv) -> Source {
    source
        .with("RELU_BEFORE", conv.relu_before)
        .with("RELU_AFTER", conv.relu_after)
        .with("RESIDUAL", conv.residual.is_some())
        .with("ZERO", conv.padding == Padding::Zero)
        .with("REPLICATE", conv.padding == Padding::Replicate)
        .with("REFLECT", conv.padding == Padding::Reflect)
}

/// The residual's bindings, where there is one.
pub(crate) fn with_residual(source: Source, conv: &Conv) -> Source {
    match conv.residual {
        Some(residual) => source.reading("residual", 5, residual),
        None => source,
    }
}

/// How positions outside are found.
pub(crate) fn padding_text() -> &'static str {
    include_str!("padding.wgsl")
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
