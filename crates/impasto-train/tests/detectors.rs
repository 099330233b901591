//! Every detector, provoked on purpose; and none of them by a network that learns well.

use impasto_core::network::{Network, Op};
use impasto_core::{Padding, Shape, Tensor, Weights, light};
use impasto_train::data::{Library, Sampling, Source, drawn};
use impasto_train::detect::{Evidence, findings, lattice, rim};
use impasto_train::learner::{Recipe, StepReport};
use impasto_train::loss_network::{LossNetwork, LossNetworkError};
use impasto_train::progress::Validation;
use impasto_train::validate::{Show, Validator};
use impasto_train::walk::Plain;
use impasto_train::{NetworkKind, Progress, TrainConfig, train};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Losses of a sound run.
const SOUND: StepReport = StepReport {
    content: 0.2,
    style: 0.3,
    ssim: 0.3,
    identity: 0.05,
    noise: 0.03,
    range: 0.001,
    coherence: 0.0,
    laplacian: 0.0,
    total_variation: 0.0,
    instance_content: 0.0,
    self_similarity: 0.0,
    wasserstein: 0.0,
    phase: 0.0,
    gradient_norm: 8.0,
};

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("impasto-detect-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    path
}

fn config(name: &str, identity: u64, steps: u64) -> TrainConfig {
    let mut config = TrainConfig::tiny(NetworkKind::Light, folder(name));
    (config.settings.schedule.identity_steps, config.settings.schedule.steps) = (identity, steps);
    config.validate_steps = identity + steps;
    config
}

/// The weights that a short run gives, and what its detectors said.
fn trained(config: &TrainConfig) -> (Weights, Vec<String>) {
    let mut warnings = Vec::new();
    train(config, &mut |progress| {
        if let Progress::Warning { message, .. } = progress {
            warnings.push(message.clone());
        }
    })
    .unwrap();
    let model = impasto_core::Model::load(&config.paths.run.join("model.safetensors")).unwrap();
    std::fs::remove_dir_all(&config.paths.run).unwrap();
    ((*model.weights).clone(), warnings)
}

/// A sound network, trained once for all tests.
fn sound() -> &'static (Weights, Vec<String>) {
    static SOUND: OnceLock<(Weights, Vec<String>)> = OnceLock::new();
    SOUND.get_or_init(|| trained(&config("sound", 20, 60)))
}

fn tables() -> (Network, Network) {
    let shape = light::LightShape::tiny();
    (light::painter(&shape), light::encoder(&shape))
}

fn validation_of(painter: &Network, weights: &Weights) -> Validation {
    let source = Source {
        photos: Arc::new(Library::of_images(drawn::photos(24))),
        paintings: Arc::new(Library::of_images(drawn::paintings(16))),
        sampling: Sampling::default(),
    };
    let networks = [painter, &tables().1];
    let validator =
        Validator::new(Plain, networks, &LossNetwork::random(1), (None, &source), Show::SMALL).unwrap();
    validator.look_at(1, weights).unwrap()
}

fn found(validation: &Validation, report: &StepReport, recipe: &Recipe) -> Vec<(&'static str, String)> {
    findings(&Evidence { validation, report, recipe, ramped: true })
}

/// Findings about the sound network after `harm`.
fn after(harm: impl FnOnce(&mut Weights)) -> Vec<(&'static str, String)> {
    let mut weights = sound().0.clone();
    harm(&mut weights);
    found(&validation_of(&tables().0, &weights), &SOUND, &Recipe::moments())
}

#[track_caller]
fn assert_found(found: &[(&str, String)], name: &str, needles: &[&str]) {
    let words = &found.iter().find(|f| f.0 == name).unwrap_or_else(|| panic!("no `{name}` in {found:?}")).1;
    for needle in needles {
        assert!(words.contains(needle), "no `{needle}` in: {words}");
    }
}

fn fill(weights: &mut Weights, name: &str, value: f32) {
    weights.get_mut(name).unwrap_or_else(|| panic!("no {name}")).values.fill(value);
}

#[test]
fn a_network_that_learns_is_left_alone() {
    assert_eq!(sound().1, Vec::<String>::new());
    assert_eq!(after(|_| ()), vec![]);
}

#[test]
fn collapse() {
    let found = after(|w| {
        fill(w, "paint.weight", 0.0);
        fill(w, "paint.bias", 0.0);
    });
    assert_found(&found, "collapse", &["one flat colour", "schedule.identity_steps"]);
    // Grey: each output is the mean of the three.
    let found = after(|w| {
        let weight = &mut w.get_mut("paint.weight").unwrap().values;
        let part = weight.len() / 3;
        for i in 0..part {
            let mean = (weight[i] + weight[part + i] + weight[2 * part + i]) / 3.0;
            (0..3).for_each(|c| weight[c * part + i] = mean);
        }
        fill(w, "paint.bias", 0.0);
    });
    assert_found(&found, "collapse", &["grey"]);
}

#[test]
fn one_picture_for_all_styles() {
    let found = after(|w| fill(w, "style.weight", 0.0));
    assert_found(&found, "one picture for all styles", &["recipe.rate", "6 styles"]);
}

#[test]
fn content_ignored() {
    let found = after(|w| fill(w, "down1.weight", 0.0));
    assert_found(&found, "content ignored", &["lower recipe.style"]);
}

#[test]
fn style_ignored() {
    // The weights of the losses ask for the photo alone, and the run says so itself.
    let mut config = config("style", 10, 50);
    config.settings.schedule.ramp = 0.0;
    let recipe = &mut config.settings.recipe;
    (recipe.style, recipe.content, recipe.ssim) = (1e-3, 0.0, 60.0);
    let warnings = trained(&config).1;
    assert!(
        warnings.iter().any(|w| w.contains("style is ignored") && w.contains("raise recipe.style")),
        "{warnings:?}"
    );
}

#[test]
fn red_and_blue_exchanged() {
    let found = after(|w| {
        for name in ["paint.weight", "paint.bias"] {
            let values = &mut w.get_mut(name).unwrap().values;
            let part = values.len() / 3;
            let (red, blue) = values.split_at_mut(2 * part);
            red[..part].swap_with_slice(blue);
        }
    });
    assert_found(&found, "red and blue exchanged", &["BGR for RGB"]);
}

#[test]
fn losses_out_of_scale() {
    let validation = validation_of(&tables().0, &sound().0);
    let heavy = Recipe { style: 3000.0, ..Recipe::moments() };
    assert_found(&found(&validation, &SOUND, &heavy), "loss scale", &["recipe.style makes", "by ten"]);
    let long = StepReport { gradient_norm: 900.0, ..SOUND };
    assert_found(&found(&validation, &long, &Recipe::moments()), "loss scale", &["900 long", "recipe.clip"]);
}

#[test]
fn dying_relus() {
    let found = after(|w| fill(w, "down2.bias", -1000.0));
    assert_found(&found, "dying ReLUs", &["100 %", "`down2`", "--start"]);
}

#[test]
fn a_checkerboard() {
    let mut validation = validation_of(&tables().0, &sound().0);
    let before = lattice(&validation.gallery.pastiches[0]);
    for period in [2, 4, 8] {
        let mut worse = validation.clone();
        for picture in &mut worse.gallery.pastiches {
            let (shape, half) = (picture.shape(), period / 2);
            *picture = Tensor::from_fn(shape, |c, y, x| {
                picture.row(c, y)[x] + if (x / half + y / half) % 2 == 0 { 0.1 } else { -0.1 }
            });
        }
        assert!(lattice(&worse.gallery.pastiches[0]) > before);
        assert_found(&found(&worse, &SOUND, &Recipe::moments()), "checkerboard", &["jitter_px"]);
    }
    // The same lattice in photos is what the photos are like.
    validation.gallery.photos = validation.gallery.pastiches.clone();
    assert!(found(&validation, &SOUND, &Recipe::moments()).iter().all(|f| f.0 != "checkerboard"));
}

#[test]
fn a_rim_along_the_border() {
    let mut painter = tables().0;
    for node in &mut painter.nodes {
        if let Op::Conv { padding, .. } = &mut node.op {
            *padding = Padding::Zero;
        }
    }
    let validation = validation_of(&painter, &sound().0);
    assert_found(&found(&validation, &SOUND, &Recipe::moments()), "border rim", &["Zero padding"]);
    let flat = Tensor::from_fn(Shape::new(3, 64, 64), |_, y, _| if y < 3 { 0.0 } else { 0.5 });
    assert!(rim(&flat).0 > 0.05 && rim(&flat).1 == 0.0);
}

#[test]
fn a_loss_network_that_is_not_normalised() {
    let mut weights = vgg();
    let scaled = weights.get_mut("conv1_1.weight").unwrap();
    scaled.values.iter_mut().for_each(|w| *w *= 300.0);
    let error = LossNetwork::normalised(&weights).unwrap_err();
    assert!(matches!(error, LossNetworkError::NotNormalised { .. }), "{error}");
    assert!(error.to_string().contains("muddy brown"), "{error}");
}

#[test]
fn a_loss_network_that_takes_blue_for_red() {
    let Some(data) = impasto_core::conformance::shared_data("a_loss_network_that_takes_blue_for_red") else {
        return;
    };
    let path = data.join("weights/vgg19_normalised_relu4_1.safetensors");
    let mut weights = Weights::load(&path).unwrap().0;
    assert_eq!(LossNetwork::normalised(&weights).unwrap().suspicion(), None);
    // conv0 [3, 3]: its columns are red, green, blue.
    for row in weights.get_mut("conv0.weight").unwrap().values.chunks_exact_mut(3) {
        row.swap(0, 2);
    }
    let told = LossNetwork::normalised(&weights).unwrap().suspicion().expect("a warning");
    assert!(told.contains("blue for red") && told.contains("impasto import"), "{told}");
    // Random filters agree by chance, and nothing is said.
    assert_eq!(LossNetwork::normalised(&vgg()).map(|l| l.suspicion()).ok().flatten(), None);
}

/// Random weights of VGG-19's shapes, of about its scale.
fn vgg() -> Weights {
    let encoder = impasto_core::classic::encoder(Default::default());
    let mut weights = impasto_train::init::painter(&encoder, &mut impasto_core::conformance::Random::new(5));
    let first = weights.get_mut("conv0.weight").unwrap();
    first.values = vec![2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0];
    weights
}
