//! Time and memory of changing among 12 tuned styles while the demo scene is painted.
//!
//!     cargo run --release -p impasto-live --example change -- [SHORTER_SIDE_PX] [FPS]
//!
//! Each style changes all weights of the built-in painter a little, and the last bias so much that the picture's mean colour tells which one is seen. Prints
//! the time from a change to the first frame that shows some of it, gaps between frames, frames that were dropped, and resident memory.

use impasto::{Image, Model, Provenance, Style, Stylizer, builtin};
use impasto_core::Op;
use impasto_core::Random;
use impasto_core::style::Update;
use impasto_core::weights::Weight;
use impasto_live::camera::{self, Camera, DemoCamera};
use impasto_live::{Gallery, Settings, Studio};
use serde_json::json;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

const STYLES: usize = 12;
const CHANGES: usize = 36;
/// Between two changes; the fade takes 450 ms where plans come in time.
const EVERY: Duration = Duration::from_millis(1500);

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let side: usize = words.next().map_or(Ok(270), |word| word.parse())?;
    let fps: f32 = words.next().map_or(Ok(24.0), |word| word.parse())?;
    let model = builtin::model("light").ok_or("this build has no light model")?;
    let stylizer = Stylizer::builder(model.clone()).build()?;
    let mut gallery = Gallery::default();
    let ids = (0..STYLES).map(|i| gallery.add(&stylizer, tuned(&model, i)?).map_err(Box::<dyn Error>::from));
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let choose = |id: &str| json!({ "styles": [{ "id": id }] });
    let settings = Settings::default().patched(&choose(&ids[0]))?;
    let settings = settings.patched(&json!({ "resolution": side, "target_fps": fps, "steady": 0.6 }))?;
    let studio = Studio::new(stylizer, gallery, settings)?;
    let painter = studio.start();
    let width = side * 16 / 9;
    let open = move || Ok(Box::new(DemoCamera::new(width, side, fps)) as Box<dyn Camera>);
    let camera = camera::run(&studio, "demo", false, Box::new(open));
    let looking = studio.looking();
    std::thread::sleep(Duration::from_secs(3));
    println!(
        "{} at {width}x{side}, {fps} frames/s asked for; {:.0} MiB",
        studio.report().frames_painted,
        rss_mib()
    );
    let quiet = watch(&studio, Duration::from_secs(5), 0.0);
    println!("without changes: largest gap {:.0} ms, {:.1} frames/s", quiet.gap_ms, quiet.fps);

    let dropped = studio.report().frames_dropped;
    let (mut shown, mut gaps, mut rate) = (vec![], vec![], 0.0);
    for i in 1..=CHANGES {
        let before = colour(&studio);
        studio.patch(&choose(&ids[5 * i % STYLES]))?;
        let seen = watch(&studio, EVERY, before);
        shown.extend(seen.shown_ms);
        gaps.push(seen.gap_ms);
        rate += seen.fps / CHANGES as f32;
    }
    shown.sort_by(f32::total_cmp);
    gaps.sort_by(f32::total_cmp);
    let at = |sorted: &[f32], part: f32| {
        sorted.get((part * (sorted.len() - 1) as f32) as usize).copied().unwrap_or(f32::NAN)
    };
    println!(
        "{} of {CHANGES} changes seen after {:.0} ms (median), {:.0} (p95), {:.0} (most)",
        shown.len(),
        at(&shown, 0.5),
        at(&shown, 0.95),
        at(&shown, 1.0)
    );
    println!(
        "largest gap between frames {:.0} ms (median), {:.0} (most); {rate:.1} frames/s; {} frames dropped; {:.0} MiB",
        at(&gaps, 0.5),
        at(&gaps, 1.0),
        studio.report().frames_dropped - dropped,
        rss_mib()
    );
    drop(looking);
    studio.stop();
    let _ = (painter.join(), camera.join());
    Ok(())
}

/// The built-in style with every weight changed a little, and the last bias by the style's own colour.
fn tuned(model: &Arc<Model>, number: usize) -> Result<Style, Box<dyn Error>> {
    let (mut update, mut random) = (Update::new(), Random::new(number as u64 + 1));
    let last = model
        .painter
        .nodes
        .iter()
        .rfind(|node| matches!(node.op, Op::Conv { .. }))
        .ok_or("no convolution")?;
    let own = format!("{}.bias", last.name);
    for (name, shape) in model.painter.weight_shapes()? {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| 0.002 * random.normal()).collect();
        let shift = |c: usize| if (number + c).is_multiple_of(2) { 0.25 } else { -0.25 };
        let values = if name == own { (0..values.len()).map(shift).collect() } else { values };
        update.insert(&name, Weight { shape, values });
    }
    let style = builtin::style("waves").ok_or("no such style")?;
    let provenance = Provenance { name: format!("tuned-{number}"), source: "a bench".into() };
    Ok(Style::new(model, provenance, style.vector().to_vec())?.tuned(model, update)?)
}

/// Frames seen for a while.
struct Seen {
    shown_ms: Option<f32>,
    gap_ms: f32,
    fps: f32,
}

/// Looks at frames; `before` is the green of the style that was seen before.
fn watch(studio: &Studio, time: Duration, before: f32) -> Seen {
    let start = Instant::now();
    let (mut last, mut sequence) = (start, newest(studio).map(|(number, _)| number));
    let (mut seen, mut frames) = (Seen { shown_ms: None, gap_ms: 0.0, fps: 0.0 }, 0);
    while start.elapsed() < time {
        std::thread::sleep(Duration::from_millis(1));
        let Some((number, green)) = newest(studio).filter(|(number, _)| Some(*number) != sequence) else {
            continue;
        };
        let now = Instant::now();
        (seen.gap_ms, frames) = (seen.gap_ms.max((now - last).as_secs_f32() * 1e3), frames + 1);
        (last, sequence) = (now, Some(number));
        if seen.shown_ms.is_none() && (green - before).abs() > 5.0 {
            seen.shown_ms = Some((now - start).as_secs_f32() * 1e3);
        }
    }
    seen.fps = frames as f32 / time.as_secs_f32();
    seen
}

fn colour(studio: &Studio) -> f32 {
    newest(studio).map_or(0.0, |(_, green)| green)
}

/// Number and mean green of the newest frame, `0..255`.
fn newest(studio: &Studio) -> Option<(u32, f32)> {
    let painted = studio.watch().borrow().clone()?;
    let image: &Image = painted.image();
    let green = image.rgb().chunks_exact(3).step_by(97).map(|pixel| f32::from(pixel[1]));
    Some((painted.sequence, green.sum::<f32>() / (image.rgb().len() / 3).div_ceil(97) as f32))
}

/// Resident memory, where Linux tells it.
fn rss_mib() -> f32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").trim().parse::<f32>().unwrap_or(0.0) / 1024.0
}
