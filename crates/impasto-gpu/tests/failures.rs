//! Faults of a device are reported in words, and never panic.

mod adapters;

use adapters::engines;
use impasto_core::conformance::cases;
use impasto_core::{Engine, EngineError, NetworkBuilder, Padding, Tensor, Weights};
use impasto_gpu::GpuEngine;
use std::sync::Arc;

fn device_error<T>(outcome: Result<T, EngineError>) -> String {
    match outcome {
        Err(EngineError::Device(words)) => words,
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("no error"),
    }
}

#[test]
fn a_lost_device_is_an_error_in_every_plan() {
    for engine in engines("a_lost_device_is_an_error_in_every_plan") {
        let case =
            cases().into_iter().find(|case| !case.network.sites.is_empty()).expect("some case has a site");
        let shape = case.input.shape();
        let mut plan = engine.prepare(&case.network, &case.weights, shape.height, shape.width).unwrap();
        let mut output = Tensor::zeros(plan.output_shape());
        plan.run(&case.input, &case.conditions(), &mut output).unwrap();
        engine.lose();
        let words = device_error(plan.run(&case.input, &case.conditions(), &mut output));
        assert!(words.contains(&engine.adapter().name), "{words}");
        device_error(engine.prepare(&case.network, &case.weights, shape.height, shape.width));
    }
}

#[test]
fn pictures_past_the_adapter_are_refused_by_the_name_of_the_limit() {
    for engine in engines("pictures_past_the_adapter_are_refused_by_the_name_of_the_limit") {
        let mut b = NetworkBuilder::new("wide");
        let x = b.input(3);
        b.conv("wide", x, 4096, 1, 1, Padding::Zero);
        let network = b.finish();
        let mut weights = Weights::new();
        weights.insert("wide.weight", vec![4096, 3, 1, 1], vec![0.5; 3 * 4096]);
        weights.insert("wide.bias", vec![4096], vec![0.0; 4096]);
        let side = ((engine.adapter().max_binding_bytes / (4 * 4096)) as f64).sqrt() as usize + 1;
        let words = device_error(engine.prepare(&network, &Arc::new(weights), side, side));
        assert!(words.contains("max_storage_buffer_binding_size"), "{words}");
        assert!(words.contains("--engine cpu"), "{words}");
    }
}

#[test]
fn an_unknown_adapter_is_told_with_those_that_there_are() {
    let words = GpuEngine::new(Some("voodoo 2")).err().expect("nobody has one").to_string();
    assert!(words.contains("no GPU adapter"), "{words}");
}
