//! Convolutions that do not go by tiles, see `direct.wgsl`.

use super::conv::{Layer, finishing, with_residual};
use super::launch::{Launch, Maps, Params, groups_for};
use crate::gpu::Usage;
use bytemuck::Pod;
use half::f16;
use impasto_core::EngineError;
use impasto_core::lower::{Conv, Geometry};
use wgpu::BufferUsages;

/// The convolution with its weights as they stand in the file.
pub(crate) fn direct(maps: &Maps<'_>, conv: &Conv, layer: &Layer<'_>) -> Result<Launch, EngineError> {
    let Geometry { input, output: out, kernel, stride, groups, padding } = conv.geometry;
    let source = maps.source("direct", include_str!("direct.wgsl"));
    let source = with_residual(finishing(source, conv), conv, 5).padded(padding);
    let params = Params::new([input.width, input.height])
        .and(maps.size(Some(conv.input)))
        .and([out.width, out.height, out.channels])
        .and([input.channels / groups, out.channels / groups, kernel, stride])
        .and(maps.size(conv.residual));
    let weight =
        maps.gpu.filled("a layer's weights", &stored(layer.weight, maps.half), BufferUsages::STORAGE)?;
    let bias = layer.bias_buffer(maps.gpu)?;
    let buffers = [
        &maps.value(conv.input)[..],
        &[(Usage::Read, &weight), (Usage::Read, &bias)],
        &maps.optional(conv.residual),
        &[(Usage::Write, maps.buffer(conv.out))],
    ];
    let source = source.reading("x", 1, conv.input);
    Launch::new(maps.gpu, &source, &params, &buffers.concat(), groups_for(out, [8, 8]))
}

/// Values as the kernels read them.
pub(crate) fn stored(values: &[f32], half: bool) -> Vec<u8> {
    fn bytes<T: Pod>(values: impl Iterator<Item = T>) -> Vec<u8> {
        bytemuck::cast_slice(&values.collect::<Vec<T>>()).to_vec()
    }
    if half {
        bytes(values.iter().map(|&v| f16::from_f32(v).to_bits()))
    } else {
        bytes(values.iter().copied())
    }
}
