//! Means and deviations in two steps, and what is made of them.

use super::launch::{Launch, Maps, Params};
use super::source::Source;
use crate::gpu::Usage;
use impasto_core::lower::BufferId;
use impasto_core::{EngineError, Shape};

/// Threads of a workgroup in the first step, and positions that each adds up.
const FIRST_THREADS: usize = 256;
const EACH: usize = 8;
/// Threads of a workgroup in the second step.
const SECOND_THREADS: usize = 64;

/// The statistics that a step takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statistics {
    pub input: BufferId,
    pub eps: f32,
    pub unbiased: bool,
}

/// The kernel with `total`, the sum over a workgroup's threads.
fn totalling(maps: &Maps<'_>, source: Source) -> Source {
    let (text, subgroups) = match maps.gpu.subgroups {
        true => (include_str!("total_subgroups.wgsl"), true),
        false => (include_str!("total.wgsl"), false),
    };
    source.with("SUBGROUPS", subgroups).after(text)
}

fn chunks(shape: Shape) -> usize {
    shape.area().div_ceil(FIRST_THREADS * EACH)
}

/// Bytes that the first step leaves for an activation of this shape.
pub(crate) fn parts_bytes(shape: Shape) -> u64 {
    (shape.channels.div_ceil(4) * chunks(shape) * 2 * 16) as u64
}

/// The first step: parts of the statistics of `input`.
pub(crate) fn parts(maps: &Maps<'_>, input: BufferId, parts: &wgpu::Buffer) -> Result<Launch, EngineError> {
    let shape = maps.shapes[input];
    let source = maps
        .source("statistics", include_str!("statistics.wgsl"))
        .with("THREADS", FIRST_THREADS as u32)
        .with("EACH", EACH as u32);
    let source = totalling(maps, source);
    let params = Params::new([shape.area(), chunks(shape)]);
    let buffers = [(Usage::Read, maps.buffer(input)), (Usage::Write, parts)];
    Launch::new(maps.gpu, &source, &params, &buffers, [chunks(shape), shape.channels.div_ceil(4), 1])
}

/// Buffers of the second step.
pub(crate) struct Site<'a> {
    pub frame: &'a wgpu::Buffer,
    pub style: &'a wgpu::Buffer,
    /// Begin of the site's part of the style.
    pub style_at: usize,
    /// Means and deviations of the frame before.
    pub remembered: &'a wgpu::Buffer,
    /// The affine map.
    pub affine: &'a wgpu::Buffer,
}

/// The second step at an AdaIN site.
pub(crate) fn site(
    maps: &Maps<'_>,
    of: &Statistics,
    parts: &wgpu::Buffer,
    site: &Site<'_>,
) -> Result<Launch, EngineError> {
    let shape = maps.shapes[of.input];
    let source = second(maps, "site", include_str!("site.wgsl"));
    let buffers = [
        (Usage::Read, parts),
        (Usage::Uniform, site.frame),
        (Usage::Read, site.style),
        (Usage::Write, site.remembered),
        (Usage::Write, site.affine),
    ];
    let params = params(shape, of).and([site.style_at]);
    Launch::new(maps.gpu, &source, &params, &buffers, [shape.channels.div_ceil(4), 1, 1])
}

/// The second step where the statistics are the result.
pub(crate) fn mean_std(
    maps: &Maps<'_>,
    of: &Statistics,
    parts: &wgpu::Buffer,
    out: BufferId,
) -> Result<Launch, EngineError> {
    let shape = maps.shapes[of.input];
    let source = second(maps, "mean_std", include_str!("mean_std.wgsl"));
    let buffers = [(Usage::Read, parts), (Usage::Write, maps.buffer(out))];
    Launch::new(maps.gpu, &source, &params(shape, of), &buffers, [shape.channels.div_ceil(4), 1, 1])
}

fn second(maps: &Maps<'_>, name: &'static str, template: &str) -> Source {
    let source = maps
        .source(name, template)
        .with("THREADS", SECOND_THREADS as u32)
        .with("CHUNK", (FIRST_THREADS * EACH) as u32)
        .after(include_str!("combine.wgsl"));
    totalling(maps, source)
}

fn params(shape: Shape, of: &Statistics) -> Params {
    let area = shape.area();
    let divisor = if of.unbiased { area.saturating_sub(1).max(1) } else { area };
    Params::new([area]).float(divisor as f32).float(of.eps).and([shape.channels])
}

#[cfg(test)]
mod tests {
    use crate::adapter::choose;
    use crate::gpu::Gpu;
    use crate::plan::GpuPlan;
    use crate::tuning::{Tuned, Tuning};
    use impasto_core::conformance::{Tolerance, cases, compare, run};
    use impasto_core::reference::ReferenceEngine;
    use impasto_core::{Plan, Tensor};
    use std::sync::Arc;

    /// On an adapter with subgroups the suite never sees the sums without them.
    #[test]
    fn statistics_are_right_with_subgroups_and_without() {
        let Ok(adapter) = choose(None) else {
            eprintln!(
                "skipped: statistics_are_right_with_subgroups_and_without: this machine has no GPU adapter"
            );
            return;
        };
        let gpu = Gpu::open(&adapter).unwrap();
        if !gpu.subgroups {
            let name = gpu.info.name;
            eprintln!("skipped: statistics_are_right_with_subgroups_and_without: {name} has no subgroups");
            return;
        }
        let tuned = Tuned::new(Tuning::Off, String::new());
        for subgroups in [true, false] {
            let mut gpu = Gpu::open(&adapter).unwrap();
            gpu.subgroups = subgroups;
            let gpu = Arc::new(gpu);
            for case in cases().into_iter().filter(|case| !case.network.sites.is_empty()) {
                let shape = case.input.shape();
                let plan = GpuPlan::new(
                    &gpu,
                    &tuned,
                    false,
                    &case.network,
                    &case.weights,
                    shape.height,
                    shape.width,
                );
                let mut plan = plan.unwrap();
                let mut output = Tensor::zeros(plan.output_shape());
                plan.run(&case.input, &case.conditions(), &mut output).unwrap();
                let outcome = compare(&run(&ReferenceEngine, &case).unwrap(), &output, Tolerance::F32);
                outcome.unwrap_or_else(|why| panic!("{} with subgroups {subgroups}: {why}", case.name));
            }
        }
    }
}
