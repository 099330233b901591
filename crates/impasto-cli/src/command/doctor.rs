//! `impasto doctor`: what this machine can do.

use crate::console::{Console, duration};
use crate::machine::{Machine, instruction_sets};
use crate::{folder, models};
use anyhow::{Result, bail};
use impasto::{EngineChoice, EngineSetup, builtin};
use impasto_core::Engine;
use impasto_core::conformance::{Tolerance, cases, failures};
use impasto_cpu::{CpuEngine, Precision};
use impasto_live::v4l2::{Found, devices};
use serde::Serialize;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

/// Tell what this machine can do, and test the engines
///
/// Every engine paints small pictures with every kind of layer, and is compared with the plain reference engine.
/// The exit code is 1 if one differs.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto doctor
  impasto doctor --json")]
pub struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// All that is found.
#[derive(Serialize)]
struct Report {
    machine: Machine,
    /// What `--engine` without a word would use, or why it cannot.
    engine: String,
    self_tests: Vec<SelfTest>,
    /// The GPU adapters, the likely fastest first, or why there is none.
    gpus: Vec<String>,
    models: Vec<FoundModel>,
    config_folder: Option<PathBuf>,
    /// Video4Linux devices; elsewhere the browser finds the cameras.
    cameras: Vec<Found>,
    ffmpeg: Option<Ffmpeg>,
}

#[derive(Serialize)]
struct SelfTest {
    engine: String,
    cases: usize,
    failures: Vec<String>,
    seconds: f64,
}

#[derive(Serialize)]
struct FoundModel {
    name: &'static str,
    /// `built in`, or the file; none where it was not found.
    place: Option<String>,
}

#[derive(Serialize)]
struct Ffmpeg {
    path: PathBuf,
    version: String,
}

/// Looks at everything and prints it.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let report = Report {
        machine: Machine::this(),
        engine: engine_words(EngineChoice::Auto),
        self_tests: self_tests(),
        gpus: gpus(),
        models: models(),
        config_folder: folder::config(),
        cameras: devices(),
        ffmpeg: ffmpeg(),
    };
    match args.json {
        true => console.result(serde_json::to_string_pretty(&report)?)?,
        false => print(&report, console)?,
    }
    let failed = report.self_tests.iter().filter(|test| !test.failures.is_empty()).count();
    if failed > 0 {
        bail!("{failed} engines give wrong pictures on this machine; use --engine reference and report it");
    }
    Ok(())
}

fn engine_words(choice: EngineChoice) -> String {
    EngineSetup { choice, ..Default::default() }
        .strict()
        .map_or_else(|error| error.to_string(), |engine| engine.name())
}

/// Each instruction set, with every precision that is fast beside it, and each GPU against the reference.
fn self_tests() -> Vec<SelfTest> {
    let mut tests = Vec::new();
    for isa in instruction_sets() {
        for (precision, tolerance) in [
            (Precision::F32, Tolerance::F32),
            (Precision::Bf16, Tolerance::BF16),
            (Precision::Int8, Tolerance::INT8),
        ] {
            if precision.is_available(isa) {
                let engine = CpuEngine::with(isa, 0).map(|engine| engine.precision(precision));
                tests.extend(engine.ok().map(|engine| self_test(&engine, tolerance)));
            }
        }
    }
    tests.extend(gpu_self_tests());
    tests
}

fn self_test(engine: &dyn Engine, tolerance: Tolerance) -> SelfTest {
    let started = Instant::now();
    let failures = failures(engine, tolerance);
    let (engine, cases) = (engine.name(), cases().len());
    SelfTest { engine, cases, failures, seconds: started.elapsed().as_secs_f64() }
}

#[cfg(feature = "gpu")]
fn gpus() -> Vec<String> {
    let adapters = impasto::gpu::adapters();
    match adapters.is_empty() {
        true => vec![impasto::gpu::GpuError::NoAdapter.to_string()],
        false => adapters.iter().map(ToString::to_string).collect(),
    }
}

#[cfg(feature = "gpu")]
fn gpu_self_tests() -> Vec<SelfTest> {
    let engine = |name: String| impasto::gpu::GpuEngine::new(Some(&name)).ok();
    let engines = impasto::gpu::adapters().into_iter().filter_map(|adapter| engine(adapter.name));
    engines.map(|engine| self_test(&engine, Tolerance::F32)).collect()
}

#[cfg(not(feature = "gpu"))]
fn gpus() -> Vec<String> {
    vec![engine_words(EngineChoice::Gpu)]
}

#[cfg(not(feature = "gpu"))]
fn gpu_self_tests() -> Vec<SelfTest> {
    Vec::new()
}

fn models() -> Vec<FoundModel> {
    let place = |name: &str| match builtin::model(name) {
        Some(_) => Some("built in".to_string()),
        None => models::candidates(name).into_iter().find(|p| p.is_file()).map(|p| p.display().to_string()),
    };
    ["light", "classic"].into_iter().map(|name| FoundModel { name, place: place(name) }).collect()
}

fn ffmpeg() -> Option<Ffmpeg> {
    let name = format!("ffmpeg{}", std::env::consts::EXE_SUFFIX);
    let folders = std::env::var_os("PATH")?;
    let path =
        std::env::split_paths(&folders).map(|folder| folder.join(&name)).find(|path| path.is_file())?;
    let told = Command::new(&path).arg("-version").output().ok()?;
    let first = String::from_utf8_lossy(&told.stdout).lines().next()?.to_string();
    let version = first.trim_start_matches("ffmpeg version ").split(' ').next()?.to_string();
    Some(Ffmpeg { path, version })
}

fn print(report: &Report, console: &Console) -> Result<()> {
    let line = |key: &str, value: String| console.result(format!("{key:10} {value}"));
    let Machine { impasto, os, arch, cpu, cores, isa } = &report.machine;
    line("impasto", format!("{impasto} on {os} {arch}"))?;
    line("processor", format!("{}, {cores} cores", cpu.as_deref().unwrap_or("name unknown")))?;
    line("can run", isa.join(", "))?;
    line("engine", report.engine.clone())?;
    for SelfTest { engine, cases, failures, seconds } in &report.self_tests {
        let outcome = if failures.is_empty() { "right" } else { "WRONG" };
        line("self-test", format!("{engine}: {outcome} in {cases} cases ({})", duration(*seconds)))?;
        failures.iter().try_for_each(|failure| line("", failure.clone()))?;
    }
    report.gpus.iter().try_for_each(|gpu| line("gpu", gpu.clone()))?;
    for FoundModel { name, place } in &report.models {
        line("model", format!("{name}: {}", place.as_deref().unwrap_or("not found")))?;
    }
    let folder =
        report.config_folder.as_ref().map_or("unknown".into(), |folder| folder.display().to_string());
    line("looks in", format!("the working directory and {folder}"))?;
    match report.cameras.is_empty() {
        true => line("cameras", "none found by the program itself; a browser may find some".into())?,
        false => report
            .cameras
            .iter()
            .try_for_each(|found| line("camera", format!("{} {}", found.path.display(), found.name)))?,
    }
    let ffmpeg = report.ffmpeg.as_ref();
    line("ffmpeg", ffmpeg.map_or("not found".into(), |f| format!("{} ({})", f.version, f.path.display())))
}
