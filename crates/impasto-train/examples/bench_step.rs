//! Times training steps, for `bench/train/run.py`, which compares them with PyTorch's.
//!
//! `bench_step dump FOLDER [PX [GROUPS]]` writes a light network, a loss network of VGG-19's shape (both random) and some batches; `bench_step time
//! SECONDS THREADS bf16|f32|gpu [PX [GROUPS]]` takes steps over the same batches and prints one line of JSON. PX is the side of all crops, GROUPS
//! the photos of a batch; without them they are those of the shipped recipe. `gpu` needs the feature of that name, and takes the adapter that `IMPASTO_ADAPTER` names. Needs no data.

use impasto_core::conformance::Random;
use impasto_core::model::StrengthKind;
use impasto_core::weights::Precision;
use impasto_core::{Model, Tensor, Weights, classic, light};
use impasto_train::data::{Library, Sampling, Source, drawn};
use impasto_train::learner::cpu::CpuLearner;
use impasto_train::learner::{Group, Learner, Recipe};
use impasto_train::loss_network::LossNetwork;
use impasto_train::walk::{Fast, Kernels};
use impasto_train::{Settings, init};
use std::collections::HashMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const BATCHES: u64 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["dump", folder, px @ ..] => dump(Path::new(folder), &setup(px)?),
        ["time", secs, threads, machine, px @ ..] => {
            let setup = setup(px)?;
            let learner = learner(machine, &setup, threads.parse()?)?;
            time(learner, &setup, secs.parse()?, *machine == "gpu")
        }
        _ => {
            Err("usage: bench_step dump FOLDER [PX [GROUPS]] | bench_step time SECONDS THREADS bf16|f32|gpu [PX [GROUPS]]"
                .into())
        }
    }
}

fn learner(machine: &str, setup: &Setup, threads: usize) -> Result<Box<dyn Learner>, Box<dyn Error>> {
    match machine {
        "f32" => cpu(Fast::new()?, setup, threads),
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        "bf16" => {
            let tiles = impasto_train::walk::Tiles::detect().ok_or("this processor has no AMX; say f32")?;
            cpu(tiles, setup, threads)
        }
        #[cfg(feature = "gpu")]
        "gpu" => {
            use impasto_train::learner::gpu::{GpuDevice, GpuLearner};
            let device = GpuDevice::open(std::env::var("IMPASTO_ADAPTER").ok().as_deref())?;
            eprintln!("on {}", device.name());
            let Setup { model, loss, .. } = setup;
            Ok(Box::new(GpuLearner::light(device, &model.painter, &model.encoder, &model.weights, loss)?))
        }
        other => Err(format!("no `{other}` here: f32; bf16 on Linux; gpu with the feature `gpu`").into()),
    }
}

fn cpu<K: Kernels>(kernels: K, setup: &Setup, threads: usize) -> Result<Box<dyn Learner>, Box<dyn Error>> {
    let Setup { model, loss, .. } = setup;
    Ok(Box::new(CpuLearner::new(kernels, &model.painter, &model.encoder, &model.weights, loss, threads)?))
}

/// The shipped shape and recipe, at random weights.
struct Setup {
    model: Model,
    loss: LossNetwork,
    batches: Vec<Vec<Group>>,
    recipe: Recipe,
}

/// With crops of `px`, if that is said.
fn setup(px: &[&str]) -> Result<Setup, Box<dyn Error>> {
    // What `bench/train` has in PyTorch too: the recipe and sizes of the first thirteen runs.
    let mut settings = Settings::default();
    (settings.recipe, settings.groups) = (Recipe::moments(), 4);
    settings.sampling = Sampling {
        photo_px: 128,
        painting_px: 176,
        styles: 2,
        photos_per_painting: 1,
        motion_px: 8,
        ..Sampling::default()
    };
    if let [px, groups @ ..] = px {
        if let [groups] = groups {
            settings.groups = groups.parse()?;
        }
        (settings.sampling.photo_px, settings.sampling.painting_px) = (px.parse()?, px.parse()?);
        settings.check()?;
    }
    let (painter, encoder) = (light::painter(&settings.shape()), light::encoder(&settings.shape()));
    let mut random = Random::new(1);
    let mut weights = init::painter(&painter, &mut random);
    weights.extend(init::encoder(&encoder, &painter, &mut random));
    let mut vgg = init::painter(&classic::encoder(Default::default()), &mut random);
    let first = vgg.get_mut("conv0.weight").expect("the VGG's first layer");
    first.values = vec![2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0];
    let source = Source {
        photos: Arc::new(Library::of_images(drawn::photos(16))),
        paintings: Arc::new(Library::of_images(drawn::paintings(16))),
        sampling: settings.sampling,
    };
    let batch = |i: u64| source.batch(i * settings.groups as u64, settings.groups);
    let model =
        Model::new("light", painter, encoder, weights, StrengthKind::Code, "none", serde_json::json!({}))?;
    Ok(Setup {
        model,
        loss: LossNetwork::unchecked(&vgg)?,
        batches: (0..BATCHES).map(batch).collect(),
        recipe: settings.recipe,
    })
}

fn dump(folder: &Path, setup: &Setup) -> Result<(), Box<dyn Error>> {
    let Setup { model, loss, batches, recipe } = setup;
    std::fs::create_dir_all(folder)?;
    model.save(&folder.join("model.safetensors"), Precision::F32)?;
    std::fs::write(folder.join("vgg.safetensors"), loss.weights.to_bytes(Precision::F32, HashMap::new()))?;
    std::fs::write(folder.join("recipe.json"), serde_json::to_vec(&recipe)?)?;
    let mut out = Weights::new();
    for (b, groups) in batches.iter().enumerate() {
        let mut put = |name: &str, of: &mut dyn FnMut(&Group) -> Vec<Tensor>| {
            let pictures: Vec<Tensor> = groups.iter().flat_map(of).collect();
            let shape = pictures[0].shape();
            let values = pictures.iter().flat_map(|p| p.data().iter().copied()).collect();
            out.insert(
                format!("{b}/{name}"),
                vec![pictures.len(), shape.channels, shape.height, shape.width],
                values,
            );
        };
        put("content", &mut |g| vec![g.content.clone()]);
        put("styles", &mut |g| g.styles.iter().map(|s| s.picture.clone()).collect());
        put("twin", &mut |g| vec![g.twin.picture.clone()]);
        put("noise", &mut |g| vec![g.twin.noise.clone()]);
        let places = groups.iter().flat_map(|g| {
            let (x, y) = g.view.at;
            [g.twin.moved[0] as f32, g.twin.moved[1] as f32, x as f32, y as f32, g.view.side as f32]
        });
        out.insert(format!("{b}/places"), vec![groups.len(), 5], places.collect());
    }
    std::fs::write(folder.join("batches.safetensors"), out.to_bytes(Precision::F32, HashMap::new()))?;
    Ok(())
}

/// Takes steps for so many seconds of wall and, unless the work is done elsewhere, of processor time.
fn time(
    mut learner: Box<dyn Learner>,
    setup: &Setup,
    secs: f64,
    elsewhere: bool,
) -> Result<(), Box<dyn Error>> {
    let Setup { batches, recipe, .. } = setup;
    // The first look changes nothing, so that losses can be compared; then every style is known.
    let first = learner.step(&batches[0], &Recipe { rate: 0.0, ..*recipe });
    for batch in batches {
        learner.step(batch, recipe);
    }
    let (started, busy, mut samples) = (Instant::now(), cpu_secs(), 0);
    while started.elapsed().as_secs_f64() < secs || (!elsewhere && cpu_secs() - busy < secs) {
        for batch in batches {
            learner.step(batch, recipe);
            samples += batch.iter().map(|g| g.styles.len()).sum::<usize>();
        }
    }
    if let Some(why) = learner.failure() {
        return Err(why.into());
    }
    let (wall, busy) = (started.elapsed().as_secs_f64(), cpu_secs() - busy);
    println!(
        "{}",
        serde_json::json!({ "samples": samples, "wall_secs": wall, "cpu_secs": busy, "first": first })
    );
    Ok(())
}

/// Processor time of this process so far, user and system; from Linux' `/proc`, whose clock ticks 100 times a second. Infinite elsewhere.
fn cpu_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the program's name, which stands in brackets, utime and stime are the 12th and 13th.
    let fields: Vec<f64> = stat
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .skip(11)
        .take(2)
        .flat_map(str::parse)
        .collect();
    if fields.len() == 2 { (fields[0] + fields[1]) / 100.0 } else { f64::INFINITY }
}
