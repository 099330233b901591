//! Times of a frame, step by step: `cargo run --release -p impasto-cpu --example layers -- [classic|light|plain-light|FILE] [WxH] [threads] [runs] [bf16|int8]`.
//!
//! A table of layers: the median and the least time; the layer's speed as the table states it, a multiply and an add counted as two;
//! and how much of the core's peak the products make that the kernel really does: Winograd does a quarter of them.
//!
//! With one thread it is the thread's processor time that is told, which other processes do not disturb as much.
//! `plain-light` is light without its noise field. Weights are random but for those of a model file; time does not depend on them.

use impasto_core::conformance::Case;
use impasto_core::{Image, Model, classic, light};
use impasto_cpu::{CpuEngine, Isa, Precision, StepTime, peak_gflops};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let name = words.next().unwrap_or("classic".into());
    let (width, height) = size(&words.next().unwrap_or("512x512".into()))?;
    let threads: usize = words.next().map_or(Ok(1), |word| word.parse())?;
    let runs = words.next().map_or(Ok(7), |word| word.parse())?;
    let precision = match words.next().as_deref() {
        Some("bf16") => Precision::Bf16,
        Some("int8") => Precision::Int8,
        _ => Precision::F32,
    };
    let network = match name.as_str() {
        "light" => light::painter(&light::LightShape::default()),
        "plain-light" => light::painter(&light::LightShape { field: false, ..Default::default() }),
        "classic" => classic::painter(classic::Variance::Port),
        file => Model::load(file.as_ref())?.painter,
    };
    let case = Case::new(&name, network, height, width, 1);
    let engine = CpuEngine::with(Isa::from_env()?, threads)?.precision(precision);
    let mut plan = engine.plan(&case.network, &case.weights, height, width)?;
    let photo = Image::from_fn(width, height, |x, y| [x as u8, y as u8, (x ^ y) as u8]);
    let mut output = Image::black(width, height);
    let mut frames: Vec<Vec<StepTime>> = Vec::new();
    for _ in 0..runs + 2 {
        frames.push(plan.run_timed(&photo, &case.conditions(), &mut output, &|| clock(threads == 1))?);
    }
    let frames = &frames[2..];
    let mut peaks: Vec<f64> = (0..9).map(|_| peak_gflops(engine.isa(), &|| clock(true))).collect();
    peaks.sort_by(f64::total_cmp);
    println!("one core's peak: {:.0} GFLOP/s\n", peaks[4]);
    println!("| layer | ms | least ms | GFLOP/s | multipliers busy |\n|---|---:|---:|---:|---:|");
    for i in 0..frames[0].len() {
        let time = median(frames.iter().map(|frame| frame[i].time));
        let least = frames.iter().map(|frame| frame[i].time).min().expect("there are runs");
        let StepTime { label, macs, products, .. } = &frames[0][i];
        let speed = |count: u64| 2e-9 * count as f64 / time.as_secs_f64();
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let busy = 100.0 * speed(*products) / peaks[4] / threads as f64;
        print!("| {label} | {:.3} | {:.3} |", millis(time), millis(least));
        if *macs == 0 { println!(" | |") } else { println!(" {:.1} | {busy:.0} % |", speed(*macs)) }
    }
    let totals = || frames.iter().map(|frame| frame.iter().map(|step| step.time).sum::<Duration>());
    println!(
        "\n{:.3} ms in all (least {:.3}), median of {runs}; {} {} {} thread(s)",
        median(totals()).as_secs_f64() * 1e3,
        totals().min().expect("there are runs").as_secs_f64() * 1e3,
        engine.isa(),
        plan.precision(),
        engine.threads()
    );
    Ok(())
}

fn size(word: &str) -> Result<(usize, usize), Box<dyn std::error::Error>> {
    let (width, height) = word.split_once('x').ok_or("a size is WIDTHxHEIGHT")?;
    Ok((width.parse()?, height.parse()?))
}

/// Processor time of this thread, or time.
fn clock(own: bool) -> Duration {
    let id = if own { rustix::time::ClockId::ThreadCPUTime } else { rustix::time::ClockId::Monotonic };
    let now = rustix::time::clock_gettime(id);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times[times.len() / 2]
}
