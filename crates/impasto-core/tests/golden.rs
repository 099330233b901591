//! The plain engine against PyTorch's numbers for the classic network, layer by layer.

use impasto_core::classic::{Variance, encoder, painter};
use impasto_core::conformance::{Tolerance, compare, shared_data};
use impasto_core::reference::ReferenceEngine;
use impasto_core::{Conditions, Engine, Plan, Shape, Tensor, Weights};
use std::path::Path;
use std::sync::Arc;

/// PyTorch's own sums are in `f32`, in another order.
const TOLERANCE: Tolerance = Tolerance { of_peak: 1e-5 };

fn tensor(golden: &Weights, name: &str) -> Tensor {
    let weight = golden.get(name).unwrap_or_else(|| panic!("the golden file has no `{name}`"));
    let [1, channels, height, width] = weight.shape[..] else { panic!("`{name}` is no single picture") };
    Tensor::new(Shape::new(channels, height, width), weight.values.clone())
}

fn classic_weights(data: &Path) -> Arc<Weights> {
    let load = |name: &str| Weights::load(&data.join(name)).unwrap().0;
    let mut weights = load("weights/vgg19_normalised_relu4_1.safetensors");
    weights.extend(load("reference/adain_official_decoder_fp16.safetensors"));
    Arc::new(weights)
}

#[test]
fn the_reference_engine_equals_pytorch() {
    let Some(data) = shared_data("the_reference_engine_equals_pytorch") else { return };
    let golden = Weights::load(&data.join("weights/golden_adain_64.safetensors")).unwrap().0;
    let weights = classic_weights(&data);

    let (content, style) = (tensor(&golden, "content"), tensor(&golden, "style"));
    let mut encode = ReferenceEngine.prepare(&encoder(Variance::Port), &weights, 64, 64).unwrap();
    let mut code = Tensor::zeros(encode.output_shape());
    encode.run(&style, &Conditions::NONE, &mut code).unwrap();

    let table = painter(Variance::Port);
    let mut paint = ReferenceEngine.plan(&table, &weights, 64, 64).unwrap();
    let mut painted = Tensor::zeros(paint.output_shape());
    paint.run(&content, &Conditions::new(code.data()), &mut painted).unwrap();

    for layer in ["relu1_1", "relu2_1", "relu3_1", "relu4_1"] {
        let conv = table.find(&layer.replace("relu", "conv")).unwrap();
        let found = &paint.tensors()[conv + 1];
        compare(&tensor(&golden, &format!("content.{layer}")), found, TOLERANCE)
            .unwrap_or_else(|e| panic!("{layer}: {e}"));
    }
    let adain = &paint.tensors()[table.find("relu4_1").unwrap()];
    compare(&tensor(&golden, "adain"), adain, TOLERANCE).unwrap();
    compare(&tensor(&golden, "output"), &painted, TOLERANCE).unwrap();
}

#[test]
fn the_two_variances_differ_as_stated() {
    let Some(data) = shared_data("the_two_variances_differ_as_stated") else { return };
    let golden = Weights::load(&data.join("weights/golden_adain_64.safetensors")).unwrap().0;
    let weights = classic_weights(&data);
    let encode = |variance| {
        let mut plan = ReferenceEngine.prepare(&encoder(variance), &weights, 64, 64).unwrap();
        let mut code = Tensor::zeros(plan.output_shape());
        plan.run(&tensor(&golden, "style"), &Conditions::NONE, &mut code).unwrap();
        code
    };
    let (port, original) = (encode(Variance::Port), encode(Variance::Original));
    assert_eq!(port.data()[..512], original.data()[..512], "means do not depend on the variance");
    for (port, original) in port.data()[512..].iter().zip(&original.data()[512..]) {
        let expected = (original.powi(2) + 1e-5).sqrt();
        assert!((port - expected).abs() <= 1e-6 * expected, "{port} {expected}");
    }
    // The unbiased variance of the features is the golden file's own, computed afresh here.
    let features = tensor(&golden, "style.relu4_1");
    let channel = features.channel(3);
    let n = channel.len() as f64;
    let mean = channel.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let var = channel.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / (n - 1.0);
    assert!((f64::from(original.data()[512 + 3]) - var.sqrt()).abs() < 1e-5);
}
