//! Figures and networks against PyTorch's numbers, which `golden/make.py` made.

use impasto_core::conformance::shared_data;
use impasto_core::reference::ReferenceEngine;
use impasto_core::{Conditions, Engine, Model, Shape, Tensor, Weights};
use impasto_eval::judge::{Judge, adain_target};
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

#[test]
fn losses_equal_pytorch() {
    let Some(data) = shared_data("losses_equal_pytorch") else { return };
    let vgg = Arc::new(load(&data, "weights/vgg19_normalised_relu4_1.safetensors"));
    let mut judge = Judge::new(&ReferenceEngine, &vgg, 64).unwrap();
    let mut look = |phase| judge.look(&picture(64, 64, phase)).unwrap();
    let (content, style, painting) = (look(0.3), look(1.9), look(1.1));
    let target = adain_target(&content, &style.statistics);
    close(metrics::mse(&painting.relu4_1, &target), number(&golden()["content_loss"]), 1e-4);
    let style_loss = metrics::style_loss(&painting.statistics, &style.statistics);
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
