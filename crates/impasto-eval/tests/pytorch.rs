//! Figures and networks against PyTorch's numbers, which `golden/make.py` made.

use impasto_core::conformance::shared_data;
use impasto_core::reference::ReferenceEngine;
use impasto_core::{Conditions, Engine, Model, Shape, Tensor, Weights};
use impasto_cpu::CpuEngine;
use impasto_eval::judge::{Judge, adain_target};
use impasto_eval::metrics::{FlatPlaces, Histogram, Likeness, Projections, SecondMoments};
use impasto_eval::{baseline, metrics};
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/pytorch.json")).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// As in `golden/make.py`.
fn picture(height: usize, width: usize, phase: f64) -> Tensor {
    Tensor::from_fn(Shape::new(3, height, width), |c, y, x| {
        let (c, y, x) = (c as f64, y as f64, x as f64);
        let across = 0.3 * (0.31 * (c + 1.0) * x + phase).sin();
        (0.5 + across + 0.2 * (0.23 * y * (3.0 - c) - phase * x * 0.1).cos()) as f32
    })
}

fn load(data: &Path, name: &str) -> Weights {
    Weights::load(&data.join(name)).unwrap().0
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1e-3),
        "{found} instead of {expected}"
    );
}

#[test]
fn similarity_equals_pytorch() {
    let (a, b) = (metrics::luma(&picture(64, 64, 0.3)), metrics::luma(&picture(64, 64, 0.5)));
    close(metrics::ssim(&a, &b), number(&golden()["ssim"]), 1e-9);
}

/// As in `golden/make.py`.
fn drawn_directions(count: usize, channels: usize) -> Vec<f32> {
    let value = |k: f64, c: f64| (1.7 * k + 0.9 * c * (k + 1.0)).sin() + 0.3;
    let one = |k: usize| {
        let values: Vec<f64> = (0..channels).map(|c| value(k as f64, c as f64)).collect();
        let length = values.iter().map(|v| v * v).sum::<f64>().sqrt();
        values.into_iter().map(move |v| (v / length) as f32)
    };
    (0..count).flat_map(one).collect()
}

#[test]
fn figures_of_pictures_equal_pytorch() {
    let golden = &golden()["drawn"];
    let [pastiche, photo, painting] = [1.1, 0.3, 1.9].map(|phase| picture(80, 96, phase));
    assert!(worst(&metrics::detail(&photo), &golden["detail"]) < 1e-6);
    close(metrics::phase_variance(&pastiche), number(&golden["phase_variance"]), 1e-6);
    let colours = metrics::colour_distance(&Histogram::of(&pastiche), &Histogram::of(&painting));
    close(colours, number(&golden["colours"]), 1e-6);
    let flat = FlatPlaces::of(&metrics::luma(&photo));
    close(metrics::lattice(&metrics::luma(&pastiche), &flat), number(&golden["lattice"]), 1e-5);
}

#[test]
fn figures_of_features_equal_pytorch() {
    let golden = &golden()["drawn"];
    let [own, target] = [0.3, 1.9].map(|phase| [picture(40, 33, phase), picture(17, 20, phase + 0.4)]);
    let mean = |distance: &dyn Fn(&Tensor, &Tensor) -> f64| {
        0.5 * (distance(&own[0], &target[0]) + distance(&own[1], &target[1]))
    };
    let gram =
        mean(&|a, b| metrics::matrix_distance(SecondMoments::of(a).gram(), SecondMoments::of(b).gram()));
    close(gram, number(&golden["gram_distance"]), 1e-6);
    let centred = mean(&|a, b| {
        metrics::matrix_distance(&SecondMoments::of(a).centred(), &SecondMoments::of(b).centred())
    });
    close(centred, number(&golden["centred_distance"]), 1e-5);
    let directions = drawn_directions(5, 3);
    let transport = mean(&|a, b| {
        let [a, b] = [a, b].map(|features| Projections::of(features, &directions));
        metrics::transport_distance(&a, &b)
    });
    close(transport, number(&golden["transport"]), 1e-5);
    let structure = metrics::structure_distance(&Likeness::of(&own[0]), &Likeness::of(&target[0]));
    close(structure, number(&golden["structure"]), 1e-4);
}

#[test]
fn distance_left_equals_pytorch() {
    let Some(data) = shared_data("distance_left_equals_pytorch") else { return };
    let vgg = Arc::new(load(&data, "weights/vgg19_normalised_relu4_1.safetensors"));
    let engine = CpuEngine::new().unwrap();
    let features = |size, phase| {
        let mut judge = Judge::new(&engine, &vgg, size).unwrap();
        judge.features(&picture(size.1, size.0, phase)).unwrap()
    };
    let [pastiche, photo] = [1.1, 0.3].map(|phase| features((96, 80), phase));
    let painting = features((80, 80), 1.9).style;
    let left = pastiche.style.distance(&painting).left_of(&photo.style.distance(&painting));
    let golden = &golden()["left"];
    close(left.gram, number(&golden["gram_left"]), 1e-3);
    close(left.texture, number(&golden["texture_left"]), 1e-3);
    close(left.transport, number(&golden["transport_left"]), 1e-3);
    let structure = metrics::structure_distance(&pastiche.likeness, &photo.likeness);
    close(structure, number(&golden["structure"]), 1e-3);
}

#[test]
fn losses_equal_pytorch() {
    let Some(data) = shared_data("losses_equal_pytorch") else { return };
    let vgg = Arc::new(load(&data, "weights/vgg19_normalised_relu4_1.safetensors"));
    let mut judge = Judge::new(&ReferenceEngine, &vgg, (64, 64)).unwrap();
    let mut features = |phase| judge.features(&picture(64, 64, phase)).unwrap();
    let (content, style, painting) = (features(0.3), features(1.9), features(1.1));
    let target = adain_target(&content, &style.style);
    close(metrics::mse(&painting.relu4_1, &target), number(&golden()["content_loss"]), 1e-4);
    let style_loss = metrics::style_loss(&painting.style.statistics, &style.style.statistics);
    close(style_loss, number(&golden()["style_loss"]), 1e-4);
}

fn painted(model: &Model, photo: &Tensor, painting: &Tensor) -> Tensor {
    let prepare = |network, picture: &Tensor| {
        let Shape { height, width, .. } = picture.shape();
        ReferenceEngine.prepare(network, &model.weights, height, width).unwrap()
    };
    let mut encoder = prepare(&model.encoder, painting);
    let mut code = Tensor::zeros(encoder.output_shape());
    encoder.run(painting, &Conditions::NONE, &mut code).unwrap();
    let mut painter = prepare(&model.painter, photo);
    let mut painted = Tensor::zeros(painter.output_shape());
    painter.run(photo, &Conditions::new(code.data()), &mut painted).unwrap();
    painted
}

/// Largest difference from every 97th value that PyTorch gave; the mean of all values is held too.
fn worst(found: &Tensor, expected: &Value) -> f64 {
    let Shape { channels, height, width } = found.shape();
    assert_eq!(expected["shape"], serde_json::json!([channels, height, width]));
    let mean = found.data().iter().map(|&v| f64::from(v)).sum::<f64>() / found.data().len() as f64;
    assert!((mean - number(&expected["mean"])).abs() < 1e-5, "mean {mean}");
    let samples = expected["every_97th"].as_array().unwrap();
    assert!(samples.len() > 90);
    let values = found.data().iter().step_by(97).zip(samples);
    values.map(|(&v, s)| (f64::from(v) - number(s)).abs()).fold(0.0, f64::max)
}

#[test]
fn microast_equals_its_original() {
    let Some(data) = shared_data("microast_equals_its_original") else { return };
    let model = baseline::microast(&load(&data, "reference/microast.safetensors")).unwrap();
    let square = painted(&model, &picture(64, 64, 0.3), &picture(64, 64, 1.9));
    let oblong = painted(&model, &picture(48, 72, 0.7), &picture(52, 44, 2.5));
    let golden = golden();
    let found = [worst(&square, &golden["microast"]), worst(&oblong, &golden["microast_of_another_shape"])];
    assert!(found.iter().all(|&worst| worst < 2e-5), "{found:?}");
}
