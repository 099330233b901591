//! Which way each convolution goes: what was measured before, else a short measurement, else a rule.

use super::way::Way;
use crate::gpu::Gpu;
use crate::kernel::conv::Layer;
use crate::kernel::launch::{Launch, Maps};
use crate::kernel::winograd::Scratch;
use crate::tuning::Tuned;
use impasto_core::EngineError;
use impasto_core::lower::{Conv, Geometry, Value};
use std::time::{Duration, Instant};

/// A measurement's length; what is faster is repeated so often.
const LONG_ENOUGH: Duration = Duration::from_millis(3);
const MOST_REPEATS: u32 = 50;
const ROUNDS: usize = 3;

/// The way for one convolution.
pub(crate) fn choose(maps: &Maps<'_>, tuned: &Tuned, conv: &Conv, layer: &Layer<'_>) -> Way {
    let name = name(conv, maps.half);
    if let Some(way) = tuned.way(&name).filter(|way| way.suits(conv, maps.half)) {
        return way;
    }
    let candidates = Way::candidates(conv, maps.half);
    if !tuned.is_measuring() || candidates.len() == 1 {
        return candidates[0];
    }
    let time = |&way: &Way| Some((measured(maps, way, conv, layer).ok()?, way));
    let fastest = candidates.iter().filter_map(time).min_by_key(|(time, _)| *time);
    let way = fastest.map_or(candidates[0], |(_, way)| way);
    tuned.note(&name, way);
    way
}

/// All that the speed depends on, with the area to a factor of two.
pub(crate) fn name(conv: &Conv, half: bool) -> String {
    let Geometry { input, output: out, kernel, stride, groups, .. } = conv.geometry;
    let Value::Buffer { up, affine, noise, .. } = conv.input else {
        unreachable!("the picture is imported first of all")
    };
    let flags = [
        ("f16", half),
        ("up", up),
        ("affine", affine.is_some()),
        ("noise", noise.is_some()),
        ("residual", conv.residual.is_some()),
        ("pool", conv.pool),
    ];
    let flags: String = flags.into_iter().filter(|(_, is)| *is).map(|(flag, _)| format!(" {flag}")).collect();
    let area = out.area().max(1).ilog2();
    format!("{}>{} k{kernel} s{stride} g{groups} 2^{area}{flags}", input.channels, out.channels)
}

/// The time of the convolution done this way.
fn measured(maps: &Maps<'_>, way: Way, conv: &Conv, layer: &Layer<'_>) -> Result<Duration, EngineError> {
    let needs_scratch = matches!(way, Way::Winograd(_));
    let scratch = Scratch::new(maps.gpu, [conv].into_iter().take(usize::from(needs_scratch)))?;
    let launches = way.launches(maps, conv, layer, &scratch)?;
    let once = timed(maps.gpu, &launches, 1)?.min(timed(maps.gpu, &launches, 1)?);
    let repeats = (LONG_ENOUGH.as_nanos() / once.as_nanos().max(1)) as u32;
    let repeats = repeats.clamp(1, MOST_REPEATS);
    let mut best = once;
    for _ in 0..ROUNDS {
        best = best.min(timed(maps.gpu, &launches, repeats)? / repeats);
    }
    Ok(best)
}

fn timed(gpu: &Gpu, launches: &[Launch], repeats: u32) -> Result<Duration, EngineError> {
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for _ in 0..repeats {
            launches.iter().for_each(|launch| launch.record(&mut pass));
        }
    }
    let started = Instant::now();
    let submitted = gpu.queue.submit([encoder.finish()]);
    gpu.wait(submitted)?;
    Ok(started.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::choose as adapter;
    use crate::plan::GpuPlan;
    use crate::plan::kernels::Kernels;
    use crate::tuning::Tuning;
    use impasto_core::conformance::{Case, Tolerance, cases, compare, run};
    use impasto_core::lower::{Step, lower};
    use impasto_core::reference::ReferenceEngine;
    use impasto_core::{Plan, Tensor};
    use std::sync::Arc;

    fn convs(case: &Case) -> Vec<Conv> {
        let shape = case.input.shape();
        let shapes = case.network.shapes(shape.height, shape.width).unwrap();
        let conv = |step| if let Step::Conv(conv) = step { Some(conv) } else { None };
        lower(&case.network, &shapes, &Kernels).steps.into_iter().filter_map(conv).collect()
    }

    fn painted(gpu: &Arc<Gpu>, tuned: &Tuned, half: bool, case: &Case) -> Tensor {
        let shape = case.input.shape();
        let mut plan =
            GpuPlan::new(gpu, tuned, half, &case.network, &case.weights, shape.height, shape.width).unwrap();
        let mut output = Tensor::zeros(plan.output_shape());
        plan.run(&case.input, &case.conditions(), &mut output).unwrap();
        output
    }

    /// Paints all cases by each way of each layer that is `wanted`; gives how many ways were gone.
    fn every_way(gpu: &Arc<Gpu>, half: bool, tolerance: Tolerance, wanted: impl Fn(&Way) -> bool) -> usize {
        let mut went = 0;
        for case in cases() {
            let convs = convs(&case);
            let ways = |conv| Way::candidates(conv, half).into_iter().filter(&wanted).collect::<Vec<_>>();
            let most = convs.iter().map(|conv| ways(conv).len()).max().unwrap_or(0);
            let expected = run(&ReferenceEngine, &case).unwrap();
            for i in 0..most {
                let tuned = Tuned::new(Tuning::Off, String::new());
                for conv in &convs {
                    let ways = ways(conv);
                    if let Some(&way) = ways.get(i.min(ways.len().saturating_sub(1))) {
                        tuned.note(&name(conv, half), way);
                        went += 1;
                    }
                }
                let outcome = compare(&expected, &painted(gpu, &tuned, half, &case), tolerance);
                outcome.unwrap_or_else(|why| panic!("{} by way {i} of each layer: {why}", case.name));
            }
        }
        went
    }

    #[test]
    fn every_way_gives_the_same() {
        let Ok(adapter) = adapter(None) else {
            eprintln!("skipped: every_way_gives_the_same: this machine has no GPU adapter");
            return;
        };
        let gpu = Arc::new(Gpu::open(&adapter).unwrap());
        let tiles = every_way(&gpu, false, Tolerance::F32, |way| matches!(way, Way::Tiles(_)));
        let winograd = every_way(&gpu, false, Tolerance::F32, |way| matches!(way, Way::Winograd(_)));
        assert!(tiles > 50 && winograd > 10, "{tiles} by tiles, {winograd} by Winograd");
        if !gpu.info.half {
            eprintln!(
                "skipped: every_way_gives_the_same, in 16 bits: {} has no 16-bit floats",
                gpu.info.name
            );
            return;
        }
        let narrow = every_way(&gpu, true, Tolerance::BF16, |way| matches!(way, Way::Narrow(_)));
        let winograd = every_way(&gpu, true, Tolerance::BF16, |way| matches!(way, Way::Winograd(_)));
        assert!(narrow > 50 && winograd > 10, "{narrow} narrow, {winograd} by Winograd");
    }

    #[test]
    fn a_measurement_is_kept() {
        let Ok(adapter) = adapter(None) else {
            eprintln!("skipped: a_measurement_is_kept: this machine has no GPU adapter");
            return;
        };
        let gpu = Arc::new(Gpu::open(&adapter).unwrap());
        let path = std::env::temp_dir().join(format!("impasto-measured-{}.tsv", std::process::id()));
        let case = cases().into_iter().find(|case| case.name.starts_with("conv 64>64")).unwrap();
        let measuring = Tuned::new(Tuning::Measure(path.clone()), "here".into());
        let expected = painted(&gpu, &measuring, false, &case);
        let name = name(&convs(&case)[0], false);
        let reading = Tuned::new(Tuning::Read(path.clone()), "here".into());
        assert!(reading.way(&name).is_some() && reading.way(&name) == measuring.way(&name));
        assert_eq!(painted(&gpu, &reading, false, &case), expected);
        std::fs::remove_file(path).unwrap();
    }
}
