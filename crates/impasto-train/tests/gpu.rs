//! The learner on a GPU is the learner on the CPU: losses, gradients, and runs that move between the two. On any adapter; Mesa's lavapipe
//! suffices.
#![cfg(feature = "gpu")]

use impasto_core::conformance::Random;
use impasto_core::light;
use impasto_train::checkpoint::Checkpoint;
use impasto_train::data::{Library, Source, drawn};
use impasto_train::learner::cpu::CpuLearner;
use impasto_train::learner::gpu::{GpuDevice, GpuLearner};
use impasto_train::learner::{ContentKind, Group, Learner, Recipe, StepReport, StyleKind};
use impasto_train::loss_network::LossNetwork;
use impasto_train::walk::Plain;
use impasto_train::{
    Machine, NetworkKind, Progress, Settings, TrainConfig, TrainError, init, train, train_until,
};
use std::path::PathBuf;
use std::sync::Arc;

/// Of a loss, and of the length of a gradient's piece.
const TOLERANCE: f32 = 1e-3;
/// Values of a piece.
const PIECE: usize = 64;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("impasto-train-gpu-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether there is an adapter; if not, it is said.
fn skipped(test: &str) -> bool {
    match GpuDevice::open(None) {
        Ok(_) => false,
        Err(error) => {
            println!("skipped: {test}: {error}");
            true
        }
    }
}

/// A tiny run of some steps, of which none is clipped.
fn tiny(network: NetworkKind, folder: &Folder, machine: Machine, steps: u64) -> TrainConfig {
    let mut config = TrainConfig::tiny(network, folder.0.clone());
    (config.plain, config.machine) = (true, machine);
    config.settings.groups = 2;
    (config.settings.sampling.photo_px, config.settings.sampling.painting_px) = (48, 40);
    (config.settings.schedule.identity_steps, config.settings.schedule.steps) = (0, steps);
    config.settings.recipe.clip = 1e9;
    (config.report_steps, config.validate_steps) = (1, u64::MAX);
    config
}

/// Trains, and gives what each step saw.
fn reports(config: &TrainConfig) -> Vec<StepReport> {
    let mut seen = vec![];
    train(config, &mut |progress| {
        if let Progress::Steps(steps) = progress {
            seen.push(steps.report);
        }
    })
    .unwrap();
    seen
}

/// A learner's first step and its gradient: after one step Adam's first moments are a tenth of it.
fn first_step(learner: &mut dyn Learner, batch: &[Group], recipe: &Recipe) -> (StepReport, Vec<f32>) {
    let report = learner.step(batch, recipe);
    assert_eq!(learner.failure(), None);
    (report, learner.state().first.iter().map(|m| 10.0 * m).collect())
}

/// The learner on the GPU and that on the CPU, on the plain kernels, look at the first batch of a tiny run.
fn light(change: &dyn Fn(&mut Settings)) -> [(StepReport, Vec<f32>); 2] {
    let folder = Folder::new("unused");
    let mut settings = tiny(NetworkKind::Light, &folder, Machine::Cpu, 1).settings;
    change(&mut settings);
    let [painter, encoder] = [light::painter(&settings.shape()), light::encoder(&settings.shape())];
    let mut random = Random::new(settings.sampling.seed);
    let mut weights = init::painter(&painter, &mut random);
    weights.extend(init::encoder(&encoder, &painter, &mut random));
    let source = Source {
        photos: Arc::new(Library::of_images(drawn::photos(6))),
        paintings: Arc::new(Library::of_images(drawn::paintings(6))),
        sampling: settings.sampling,
    };
    let (batch, loss) = (source.batch(0, settings.groups), LossNetwork::random(1));
    let recipe = settings.schedule.at(0, &settings.recipe);
    let device = GpuDevice::open(None).unwrap();
    let mut gpu = GpuLearner::light(device, &painter, &encoder, &weights, &loss).unwrap();
    let mut cpu = CpuLearner::new(Plain, &painter, &encoder, &weights, &loss, 1).unwrap();
    [first_step(&mut gpu, &batch, &recipe), first_step(&mut cpu, &batch, &recipe)]
}

/// The same by the trainer, whose processor uses faster kernels.
fn classic(change: &dyn Fn(&mut Settings)) -> [(StepReport, Vec<f32>); 2] {
    [Machine::Gpu(None), Machine::Cpu].map(|machine| {
        let folder = Folder::new(&format!("classic-{machine:?}"));
        let mut config = tiny(NetworkKind::Classic, &folder, machine, 1);
        change(&mut config.settings);
        let report = reports(&config)[0];
        let first = Checkpoint::load(&folder.0).unwrap().state.first;
        (report, first.iter().map(|m| 10.0 * m).collect())
    })
}

fn assert_near(what: &str, found: f32, expected: f32) {
    let close = (found - expected).abs() <= TOLERANCE * expected.abs().max(1e-3);
    assert!(close, "{what}: found {found}, expected {expected}");
}

/// Both learners must measure the same on one batch.
fn compare(what: &str, [(gpu, found), (cpu, expected)]: [(StepReport, Vec<f32>); 2]) {
    for (name, found, expected) in [
        ("content", gpu.content, cpu.content),
        ("style", gpu.style, cpu.style),
        ("ssim", gpu.ssim, cpu.ssim),
        ("identity", gpu.identity, cpu.identity),
        ("noise", gpu.noise, cpu.noise),
        ("range", gpu.range, cpu.range),
        ("coherence", gpu.coherence, cpu.coherence),
        ("laplacian", gpu.laplacian, cpu.laplacian),
        ("total variation", gpu.total_variation, cpu.total_variation),
        ("the gradient's length", gpu.gradient_norm, cpu.gradient_norm),
    ] {
        assert_near(&format!("{what}: {name}"), found, expected);
    }
    println!("{what}: losses agree; {}", same_direction(what, &found, &expected));
}

/// Each piece of the gradients must agree, so that a small layer cannot hide behind a large one; tells how well they do.
fn same_direction(what: &str, found: &[f32], expected: &[f32]) -> String {
    assert_eq!(found.len(), expected.len(), "{what}");
    let whole = length(expected);
    assert!(whole > 0.0, "{what}: nothing is learned");
    for (i, (found, expected)) in found.chunks(PIECE).zip(expected.chunks(PIECE)).enumerate() {
        let (off, own) = (away(found, expected), length(expected));
        let close = off <= TOLERANCE * own.max(1e-3 * whole);
        assert!(close, "{what}: values {} and on: {off} off, of {own} ({whole} in all)", i * PIECE);
    }
    format!("gradients differ by {:.1e} of their length", away(found, expected) / whole)
}

fn length(of: &[f32]) -> f32 {
    impasto_train::optimiser::norm(of)
}

fn away(a: &[f32], b: &[f32]) -> f32 {
    length(&a.iter().zip(b).map(|(a, b)| a - b).collect::<Vec<_>>())
}

#[test]
fn the_comparison_rejects_wrong_gradients() {
    let right: Vec<f32> = (0..4 * PIECE).map(|i| (i as f32).sin()).collect();
    same_direction("itself", &right, &right);
    let refused =
        |wrong: Vec<f32>| std::panic::catch_unwind(|| same_direction("wrong", &wrong, &right)).is_err();
    assert!(refused(vec![0.0; right.len()]));
    assert!(refused(right.iter().map(|v| 1.01 * v).collect()));
    let mut one = right.clone();
    one[5] = f32::NAN;
    assert!(refused(one));
}

#[test]
fn the_light_networks_usual_recipe() {
    if skipped("the_light_networks_usual_recipe") {
        return;
    }
    let odd_paintings_and_views = |settings: &mut Settings| {
        let sampling = &mut settings.sampling;
        (sampling.styles, sampling.jitter_px, sampling.painting_px) = (2, 8, 41);
    };
    compare("light, the usual recipe", light(&odd_paintings_and_views));
}

#[test]
fn the_same_batch_gives_the_same_gradient_to_the_bit() {
    if skipped("the_same_batch_gives_the_same_gradient_to_the_bit") {
        return;
    }
    let [(report, gradient), _] = light(&|_| ());
    let [(again, other), _] = light(&|_| ());
    assert_eq!(report, again);
    assert!(gradient.iter().zip(&other).all(|(a, b)| a.to_bits() == b.to_bits()));
}

#[test]
fn reconstruction_alone() {
    if skipped("reconstruction_alone") {
        return;
    }
    compare("light, reconstruction", light(&|settings| settings.schedule.identity_steps = 1));
}

#[test]
fn every_loss_of_the_light_network() {
    if skipped("every_loss_of_the_light_network") {
        return;
    }
    for (kind, content) in [(StyleKind::Gram, ContentKind::Features), (StyleKind::Root, ContentKind::AdaIn)] {
        let every = |settings: &mut Settings| {
            settings.recipe = Recipe {
                style_kind: kind,
                content_target: content,
                content_layers: 3,
                style: 30.0,
                coherence: 0.1,
                laplacian: 1.0,
                total_variation: 1.0,
                ..settings.recipe
            };
        };
        compare(&format!("light, every loss, style `{kind:?}`, content `{content:?}`"), light(&every));
    }
}

#[test]
fn the_classic_decoder() {
    if skipped("the_classic_decoder") {
        return;
    }
    let more = |settings: &mut Settings| {
        settings.recipe = Recipe { identity: 2.0, ssim: 1.0, range: 1.0, ..settings.recipe };
    };
    compare("classic", classic(&more));
}

/// Goes on with the run in the folder, or begins it, and stops before step `until`, if there are so many.
fn go(folder: &Folder, machine: Machine, until: usize) -> Vec<StepReport> {
    let mut config = tiny(NetworkKind::Light, folder, machine, 6);
    config.settings.recipe.clip = 10.0;
    config.resume = Checkpoint::path(&folder.0).exists();
    let done = if config.resume { Checkpoint::load(&folder.0).unwrap().step as usize } else { 0 };
    let seen = std::cell::RefCell::new(vec![]);
    let stop = || done + seen.borrow().len() >= until;
    train_until(&config, &stop, &mut |progress| {
        if let Progress::Steps(steps) = progress {
            seen.borrow_mut().push(steps.report);
        }
    })
    .unwrap();
    seen.into_inner()
}

#[test]
fn a_run_moves_to_the_cpu_and_back() {
    if skipped("a_run_moves_to_the_cpu_and_back") {
        return;
    }
    let (stay, moves) = (Folder::new("stay"), Folder::new("move"));
    let expected = go(&stay, Machine::Cpu, 6);
    let mut found = go(&moves, Machine::Gpu(None), 2);
    found.extend(go(&moves, Machine::Cpu, 4));
    found.extend(go(&moves, Machine::Gpu(None), 6));
    assert_eq!((found.len(), expected.len()), (6, 6));
    for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
        for (name, f, e) in
            [("content", found.content, expected.content), ("style", found.style, expected.style)]
        {
            // What differs in a step grows in those that follow.
            assert!((f - e).abs() <= 1e-2 * e, "step {step}: {name} {f}, on the CPU alone {e}");
        }
    }
    let [found, expected] = [&moves, &stay].map(|folder| Checkpoint::load(&folder.0).unwrap());
    assert_eq!((found.step, found.state.steps), (expected.step, expected.state.steps));
    // Adam takes a full step along gradients that are nothing but rounding (biases in front of AdaIN), so that values part a little;
    // moments that were lost on the way would differ by all of their length.
    for (name, f, e, most) in [
        ("values", &found.state.values, &expected.state.values, 1e-2),
        ("averaged", &found.state.averaged, &expected.state.averaged, 1e-2),
        ("first moments", &found.state.first, &expected.state.first, 0.1),
        ("second moments", &found.state.second, &expected.state.second, 0.1),
    ] {
        let part = away(f, e) / length(e);
        println!("after 6 steps, 4 of them on the GPU, {name} differ by {part:.1e} of their length");
        assert!(part < most, "{name} differ by {part} of their length");
    }
}

#[test]
fn an_unknown_gpu_is_told_with_those_that_there_are() {
    let folder = Folder::new("unknown");
    let config = tiny(NetworkKind::Light, &folder, Machine::Gpu(Some("voodoo 2".into())), 1);
    let words = train(&config, &mut |_| ()).unwrap_err();
    assert!(matches!(&words, TrainError::Gpu(words) if words.contains("no GPU adapter")), "{words}");
    assert!(!folder.0.exists(), "nothing is begun");
}
