//! One row of a bench: a frame painted again and again, in a process of its own.

use super::{Row, seconds};
use crate::args::{EngineName, ModelArgs};
use crate::console::Console;
use crate::machine;
use crate::size::Size;
use anyhow::Result;
use impasto::{Dials, Image, Provenance, Session, Style, Stylizer, scene};
use serde::Serialize;
use std::time::{Duration, Instant};

/// One row, run by the bench itself, or by a comparison that sets the pace.
#[derive(clap::Args)]
pub struct RowArgs {
    #[command(flatten)]
    model: ModelArgs,
    #[arg(long)]
    size: Size,
    #[arg(long, value_parser = seconds, default_value_t = 3.0)]
    seconds: f64,
    /// Paint a frame for each line that comes in, and answer with a line; the caller times it.
    #[arg(long)]
    paced: bool,
}

/// What a paced row says when its first frame is painted.
#[derive(Serialize)]
struct First {
    engine: String,
    /// From the model's file to the first painted frame, without the style's encoding.
    first_ms: f64,
}

/// Times one row and prints its figures as JSON.
pub fn run_row(args: &RowArgs, console: &Console) -> Result<()> {
    let started = Instant::now();
    // A figure for the GPU must not be the CPU's.
    let is_gpu = args.model.engine == Some(EngineName::Gpu);
    let stylizer = args.model.builder(true)?.strict(is_gpu).build()?;
    let loading = started.elapsed();
    let style = stylizer.encode(&scene::draw(256, 256, 0.0), Provenance::default())?;
    let mut frame = Frame::new(&stylizer, &style, args.size);
    // The first frame plans and warms up.
    let first = frame.paint()? + loading;
    if args.paced {
        let first = First { engine: stylizer.engine_name(), first_ms: millis(first) };
        console.result(serde_json::to_string(&first)?)?;
        return pace(&mut frame, console);
    }
    let times_ms = times_ms(&mut frame, Duration::from_secs_f64(args.seconds))?;
    console.result(serde_json::to_string(&Row {
        model: stylizer.model().name.clone(),
        engine: stylizer.engine_name(),
        size: format!("{}x{}", args.size.width, args.size.height),
        threads: args.model.threads,
        median_ms: median(&times_ms),
        p95_ms: times_ms[(times_ms.len() - 1) * 95 / 100],
        min_ms: times_ms[0],
        max_ms: times_ms[times_ms.len() - 1],
        first_ms: millis(first),
        peak_rss_bytes: machine::peak_rss_bytes(),
    })?)
}

/// The frame that is painted: the demo scene at rest.
struct Frame<'a> {
    session: Session,
    style: &'a Style,
    photo: Image,
    painted: Image,
}

impl<'a> Frame<'a> {
    fn new(stylizer: &'a Stylizer, style: &'a Style, Size { width, height }: Size) -> Self {
        let (photo, painted) = (scene::draw(width, height, 0.0), Image::black(width, height));
        Self { session: stylizer.session(), style, photo, painted }
    }

    fn paint(&mut self) -> Result<Duration> {
        let started = Instant::now();
        self.session.paint(&self.photo, self.style, &Dials::default(), &mut self.painted)?;
        Ok(started.elapsed())
    }
}

/// A frame for each line, until there are no more.
fn pace(frame: &mut Frame<'_>, console: &Console) -> Result<()> {
    for line in std::io::stdin().lines() {
        line?;
        console.result(millis(frame.paint()?).to_string())?;
    }
    Ok(())
}

/// Sorted times of at least three frames.
fn times_ms(frame: &mut Frame<'_>, wanted: Duration) -> Result<Vec<f64>> {
    let started = Instant::now();
    let mut times_ms = Vec::new();
    while times_ms.len() < 3 || started.elapsed() < wanted {
        times_ms.push(millis(frame.paint()?));
    }
    times_ms.sort_by(f64::total_cmp);
    Ok(times_ms)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The middle of sorted values, or the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!((median(&[1.0, 2.0, 9.0]), median(&[1.0, 2.0, 4.0, 9.0])), (2.0, 3.0));
    }
}
