//! Frames of the light network that come apart, as from a camera: `cargo run --release -p impasto-cpu --example paced -- [WxH] [threads] [ms] [frames]`.
//!
//! Between frames all threads go to sleep, so that each frame waits for them to wake up. Wall time, the pause not counted.

use impasto_core::conformance::Case;
use impasto_core::{Image, Plan, light};
use impasto_cpu::{CpuEngine, Isa};
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let size = words.next().unwrap_or("512x288".into());
    let (width, height) = size.split_once('x').ok_or("a size is WxH")?;
    let (width, height): (usize, usize) = (width.parse()?, height.parse()?);
    let mut number = |usual: usize| words.next().map_or(Ok(usual), |word| word.parse());
    let (threads, pause, frames) = (number(2)?, number(30)?, number(36)?.max(1));
    let network = light::painter(&light::LightShape::default());
    let case = Case::new("light", network, height, width, 1);
    let engine = CpuEngine::with(Isa::from_env()?, threads)?;
    let mut plan = engine.plan(&case.network, &case.weights, height, width)?;
    let photo = Image::from_fn(width, height, |x, y| [x as u8, y as u8, (x ^ y) as u8]);
    let mut output = Image::black(width, height);
    plan.run_image(&photo, &case.conditions(), &mut output)?;
    let mut times = Vec::with_capacity(frames);
    for _ in 0..frames {
        std::thread::sleep(Duration::from_millis(pause as u64));
        let started = Instant::now();
        plan.run_image(&photo, &case.conditions(), &mut output)?;
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("median {:.2} ms, least {:.2}, most {:.2}", times[frames / 2], times[0], times[frames - 1]);
    Ok(())
}
