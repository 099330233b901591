//! Kernels with a thread for each position and quad: sums, copies, pooling.

use super::launch::{Launch, Maps, Params, groups_for};
use crate::gpu::Usage;
use impasto_core::lower::{BufferId, PoolKind, Value};
use impasto_core::{EngineError, Shape};

const THREADS: [usize; 2] = [16, 4];

/// `out = a`, or `a + b`.
pub(crate) fn blend(
    maps: &Maps<'_>,
    a: Value,
    b: Option<Value>,
    out: BufferId,
) -> Result<Launch, EngineError> {
    let shape = maps.shapes[out];
    let mut source =
        maps.source("blend", include_str!("blend.wgsl")).with("SUM", b.is_some()).reading("a", 1, a);
    if let Some(b) = b {
        source = source.reading("b", 3, b);
    }
    let sizes = [[shape.width, shape.height], maps.size(Some(a)), maps.size(b)];
    let mut buffers = [maps.value(a), maps.optional(b)].concat();
    buffers.push((Usage::Write, maps.buffer(out)));
    Launch::new(maps.gpu, &source, &Params::new(sizes.concat()), &buffers, groups_for(shape, THREADS))
}

/// Copies `input` to the channels of `out` from `offset` on.
pub(crate) fn copy(
    maps: &Maps<'_>,
    input: Value,
    channels: usize,
    offset: usize,
    out: BufferId,
) -> Result<Launch, EngineError> {
    let shape = maps.shapes[out];
    let source = maps.source("concat", include_str!("concat.wgsl")).with("FIRST", offset == 0);
    let sizes = [[shape.width, shape.height], maps.size(Some(input)), [channels, offset]];
    let mut buffers = maps.value(input).to_vec();
    buffers.push((Usage::Write, maps.buffer(out)));
    let source = source.reading("x", 1, input);
    Launch::new(maps.gpu, &source, &Params::new(sizes.concat()), &buffers, groups_for(shape, THREADS))
}

/// Maxima or means of 2x2 windows of `input`, which has the shape `shape`.
pub(crate) fn pool(
    maps: &Maps<'_>,
    kind: PoolKind,
    input: Value,
    shape: Shape,
    out: BufferId,
) -> Result<Launch, EngineError> {
    let source = maps.source("pool", include_str!("pool.wgsl")).with("MEAN", kind == PoolKind::Mean);
    let source = source.reading("x", 1, input);
    let sizes = [[shape.width, shape.height], maps.size(Some(input))];
    let mut buffers = maps.value(input).to_vec();
    buffers.push((Usage::Write, maps.buffer(out)));
    let groups = groups_for(maps.shapes[out], THREADS);
    Launch::new(maps.gpu, &source, &Params::new(sizes.concat()), &buffers, groups)
}
