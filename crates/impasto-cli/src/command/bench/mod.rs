//! `impasto bench`: how fast, and how much memory, here.

mod row;

pub use row::{RowArgs, run_row};

use crate::args::{EngineName, PrecisionName};
use crate::console::Console;
use crate::machine::Machine;
use crate::size::Size;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::process::{Command, Stdio};

/// Time the painting of frames, and measure its memory
///
/// A frame is the demo scene at rest; its style is encoded before. Each row runs in a process of its own, whose peak
/// of resident memory (Linux only) includes the program, the weights, and a style encoded at 256 px.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto bench
  impasto bench --model classic --size 512x512 --threads 1 --json
  impasto bench --engine gpu --size 1280x720 --seconds 10
  impasto bench --size 640x360 --size 1280x720 --threads 1 --threads 2")]
pub struct Args {
    /// The network: `light`, `classic`, or a model file. Without it: `light` where this build has it, else `classic`.
    #[arg(long, value_name = "light|classic|FILE")]
    model: Option<String>,
    /// What computes. Without it: the fastest that this machine can run.
    #[arg(long, value_enum)]
    engine: Option<EngineName>,
    /// A part of the name of the GPU to use, as `impasto doctor` lists them; also `IMPASTO_ADAPTER`.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// What the CPU engine computes products in.
    #[arg(long, value_enum, default_value_t = PrecisionName::F32)]
    precision: PrecisionName,
    /// Frame sizes in px.
    #[arg(long = "size", value_name = "WxH", default_values = ["256x256", "512x512", "1024x1024"])]
    sizes: Vec<Size>,
    /// Numbers of threads; 1 and all cores without it.
    #[arg(long = "threads", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Vec<u16>,
    /// How long each row is timed, in seconds; at least three frames are.
    #[arg(long, value_name = "S", default_value_t = 3.0, value_parser = seconds)]
    seconds: f64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn seconds(word: &str) -> Result<f64, String> {
    word.parse().ok().filter(|s| (0.0..=600.0).contains(s)).ok_or("a number from 0 to 600 is needed".into())
}

/// What one row found.
#[derive(Debug, Serialize, Deserialize)]
struct Row {
    model: String,
    engine: String,
    size: String,
    threads: usize,
    median_ms: f64,
    p95_ms: f64,
    min_ms: f64,
    max_ms: f64,
    /// From the model's file to the first painted frame, without the style's encoding.
    first_ms: f64,
    peak_rss_bytes: Option<u64>,
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    results: Vec<Row>,
}

/// Runs every row and prints the table.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let machine = Machine::this();
    let threads = match args.threads.is_empty() {
        true if machine.cores == 1 => vec![1],
        true if args.engine == Some(EngineName::Gpu) => vec![machine.cores],
        true => vec![1, machine.cores],
        false => args.threads.iter().map(|&n| n.into()).collect(),
    };
    let mut progress = console.progress(args.sizes.len() * threads.len());
    let mut results = Vec::new();
    for size in &args.sizes {
        for &threads in &threads {
            let what = format!("{}x{}, {threads} threads", size.width, size.height);
            progress.begin(&what);
            results.push(in_a_child(args, *size, threads)?);
            progress.finish(&what);
        }
    }
    drop(progress);
    let report = Report { machine, results };
    match args.json {
        true => console.result(serde_json::to_string_pretty(&report)?),
        false => table(&report, console),
    }
}

fn in_a_child(args: &Args, size: Size, threads: usize) -> Result<Row> {
    let program = std::env::current_exe().context("cannot find the program itself")?;
    let mut child = Command::new(program);
    child.args(["--quiet", "bench-row", "--threads", &threads.to_string()]);
    child.args([
        "--size",
        &format!("{}x{}", size.width, size.height),
        "--seconds",
        &args.seconds.to_string(),
    ]);
    let precision = clap::ValueEnum::to_possible_value(&args.precision).expect("it has a name");
    child.args(["--precision", precision.get_name()]);
    if let Some(model) = &args.model {
        child.args(["--model", model]);
    }
    if let Some(engine) = args.engine {
        child.args([
            "--engine",
            clap::ValueEnum::to_possible_value(&engine).expect("it has a name").get_name(),
        ]);
    }
    if let Some(adapter) = &args.adapter {
        child.args(["--adapter", adapter]);
    }
    let output = child.stderr(Stdio::piped()).output().context("cannot start a process for a row")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().trim_start_matches("error: ");
        bail!(
            "{}",
            if said.is_empty() { format!("a row ended with {}", output.status) } else { said.into() }
        );
    }
    serde_json::from_slice(&output.stdout).context("a row's figures cannot be read")
}

fn table(report: &Report, console: &Console) -> Result<()> {
    let Machine { cpu, cores, impasto, .. } = &report.machine;
    let cpu = cpu.as_deref().unwrap_or("unknown processor");
    console.result(format!("impasto {impasto} on {cpu}, {cores} cores"))?;
    console
        .result("model     engine        size        threads  median ms     min ms     max ms  peak MB")?;
    for row in &report.results {
        let peak = row.peak_rss_bytes.map_or("?".into(), |bytes| format!("{:.0}", bytes as f64 / 1e6));
        let Row { model, engine, size, threads, median_ms, min_ms, max_ms, .. } = row;
        console.result(format!(
            "{model:9} {engine:13} {size:11} {threads:>7} {median_ms:>10.1} {min_ms:>10.1} {max_ms:>10.1} {peak:>8}"
        ))?;
    }
    Ok(())
}
