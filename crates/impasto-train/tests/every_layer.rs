//! Every kind of layer has a gradient, and it is the slope of the reference engine.

use impasto_core::conformance::{Case, every_op, run};
use impasto_core::reference::ReferenceEngine;
use impasto_core::{Field, Tensor, Weights};
use impasto_train::walk::{Fast, Gradients, Map, Packed, Parameters, Program, Tape, Value, Wanted};
use std::sync::Arc;

/// Length of a step along the gradient.
const STEP: f64 = 1e-2;
/// Largest distance of the slope from the gradient's length, as a part of it: `f32` sums, and ReLUs that switch within the step.
const TOLERANCE: f64 = 0.02;

/// Everything that has a gradient.
struct Point {
    picture: Vec<f32>,
    weights: Weights,
    style: Vec<f32>,
}

/// The gradient of the sum of all outputs, each times its factor in `factors`.
fn gradient(case: &Case, factors: &Tensor) -> Point {
    let program = Program::new(&case.network).unwrap();
    let parameters = Parameters::from_weights(&program, &case.weights).unwrap();
    let kernels = Fast::new().unwrap();
    let packed = Packed::new(kernels, &parameters, &parameters.values);
    let shape = case.input.shape();
    let mut tape = Tape::new(kernels, &program, shape.height, shape.width).unwrap();
    tape.set_field(&case.field);
    tape.run(&program, &packed, &case.input, &case.style);
    match tape.output() {
        Value::Vector(_) => tape.seed_vector(case.network.output(), factors.data()),
        Value::Map(_) | Value::None => {
            tape.seed(case.network.output(), false, |_, _, room: &mut Map<_>| room.read_tensor(factors));
        }
    }
    let (mut gradients, mut style) = (Gradients::zeros(&parameters), vec![0.0; case.style.len()]);
    let mut wanted = Wanted { weights: Some(&mut gradients), style: Some(&mut style), picture: true };
    tape.backward(&program, &packed, &mut wanted);
    let mut sums = vec![0.0; parameters.values.len()];
    gradients.add_to(&parameters, &mut sums);
    let picture = tape.gradient(0).map().to_tensor().into_data();
    Point { picture, weights: parameters.to_weights(&sums), style }
}

/// `values + by * direction`.
fn moved(values: &[f32], direction: &[f32], by: f64) -> Vec<f32> {
    values.iter().zip(direction).map(|(v, d)| (f64::from(*v) + by * f64::from(*d)) as f32).collect()
}

/// The sum that [`gradient`] differentiates, `by` times the gradient away from the case.
fn value(case: &Case, factors: &Tensor, gradient: &Point, by: f64) -> f64 {
    let mut weights = Weights::new();
    for (name, weight) in case.weights.iter() {
        let direction = &gradient.weights.get(name).expect("every weight has a gradient").values;
        weights.insert(name, weight.shape.clone(), moved(&weight.values, direction, by));
    }
    let input = Tensor::new(case.input.shape(), moved(case.input.data(), &gradient.picture, by));
    let style = moved(&case.style, &gradient.style, by);
    let there = Case { weights: Arc::new(weights), input, style, ..case.clone() };
    let out = run(&ReferenceEngine, &there).unwrap();
    out.data().iter().zip(factors.data()).map(|(y, g)| f64::from(*y) * f64::from(*g)).sum()
}

#[test]
fn every_kind_of_layer_has_a_gradient() {
    for (kind, mut case) in every_op() {
        case.field = Field { strokes: 1.0, ..case.field };
        let factors = run(&ReferenceEngine, &case).unwrap();
        let gradient = gradient(&case, &factors);
        let weights = gradient.weights.iter().flat_map(|(_, weight)| &weight.values);
        let all = gradient.picture.iter().chain(&gradient.style).chain(weights);
        let squared: f64 = all.map(|&g| f64::from(g).powi(2)).sum();
        assert!(squared > 0.0 && gradient.picture.iter().any(|g| *g != 0.0), "{kind}: no gradient");
        assert!(
            case.style.is_empty() || gradient.style.iter().any(|g| *g != 0.0),
            "{kind}: no gradient to the style"
        );
        // Along the gradient itself the slope is its length.
        let by = STEP / squared.sqrt();
        let rise = value(&case, &factors, &gradient, by) - value(&case, &factors, &gradient, -by);
        let slope = rise / (2.0 * STEP);
        let length = squared.sqrt();
        assert!((slope - length).abs() <= TOLERANCE * length, "{kind}: slope {slope}, gradient {length}");
    }
}
