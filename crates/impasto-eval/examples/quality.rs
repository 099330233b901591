//! Judges the networks by others side by side, and models by file: `quality DATA OUT [NAME=MODEL]...`
//!
//! DATA is a folder with `eval/content`, `eval/style`, `weights/` and `reference/`; OUT takes the report, the
//! sheets and `quality.md`.

use anyhow::{Context, bail};
use impasto_core::{Model, Weights};
use impasto_eval::{Entrant, EvalConfig, Progress, baseline, evaluate, machine, markdown};
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data, out, models @ ..] = &arguments[..] else { bail!("usage: quality DATA OUT [NAME=MODEL]...") };
    let (data, out) = (Path::new(data), Path::new(out));
    let (vgg, _) = Weights::load(&data.join("weights/vgg19_normalised_relu4_1.safetensors"))?;

    let mut entrants = vec![Entrant::from(baseline::unpainted())];
    entrants.extend(baseline::found_in(&data.join("reference"), &vgg)?);
    for model in models {
        let (name, file) = model.split_once('=').context("a model is given as NAME=FILE")?;
        entrants.push(Entrant { name: name.into(), model: Model::load(Path::new(file))? });
    }

    let config = EvalConfig::new(data.join("eval/content"), data.join("eval/style"));
    let engine = impasto_cpu::CpuEngine::new()?;
    let outcome = evaluate(&config, &entrants, &vgg, &engine, &mut show)?;
    outcome.save(out)?;
    let page = markdown::page(&outcome.report, "quality DATA OUT", &machine::describe());
    std::fs::write(out.join("quality.md"), &page)?;
    println!("{page}");
    Ok(())
}

fn show(progress: &Progress) {
    if let Some(finished) = progress.finished {
        eprint!("{} px: {}", progress.size_px, markdown::row(finished));
    } else if progress.done.is_multiple_of(10) {
        let Progress { model, size_px, stage, done, total, .. } = progress;
        eprintln!("{size_px} px {model} {stage:?} {done} of {total}");
    }
}
