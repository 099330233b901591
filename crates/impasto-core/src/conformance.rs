//! The suite that every engine must pass: small tables of every kind of layer, judged by the plain
//! reference engine within tolerances that stand here and nowhere else.
//!
//! An engine's test is one line: `assert_eq!(conformance::failures(&engine, Tolerance::F32), Vec::<String>::new())`.

mod cases;
mod kinds;
mod shared;

pub use crate::random::Random;
pub use cases::{Case, cases};
pub use kinds::{every_op, kind};
pub use shared::shared_data;

use crate::engine::{Conditions, Engine, EngineError, Plan};
use crate::image::Image;
use crate::noise::Field;
use crate::reference::ReferenceEngine;
use crate::tensor::{Shape, Tensor};

/// Largest distance of an engine's values from the reference's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Largest difference, as a part of the largest absolute value that the reference gives.
    pub of_peak: f32,
}

impl Tolerance {
    /// Engines that compute in `f32`; Winograd's larger transforms lose about two digits.
    pub const F32: Self = Self { of_peak: 3e-4 };
    /// Engines whose products are in `bf16` or `f16` with `f32` sums.
    pub const HALF: Self = Self { of_peak: 6e-2 };
    /// Engines that also keep every activation in `bf16`. Half of all values are within 3e-3; the bound is for
    /// channels that a ReLU left almost constant, whose rounding AdaIN amplifies with them.
    pub const BF16: Self = Self { of_peak: 0.12 };
    /// Engines that multiply in eight bits, in the ranges of the frame. But for one frame of one table the suite is
    /// within 0.08; the bound is for channels of little deviation, as for [`Tolerance::BF16`].
    pub const INT8: Self = Self { of_peak: 0.15 };
}

/// Largest difference of two tensors.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Mismatch {
    /// Another shape.
    #[error("shape {found} instead of {expected}")]
    Shape {
        /// The reference's.
        expected: Shape,
        /// The engine's.
        found: Shape,
    },
    /// A value too far off, or NaN or infinite where the reference is not.
    #[error("value {index} is {found} instead of {expected} (largest in the reference: {peak})")]
    Value {
        /// Position in `CHW` order.
        index: usize,
        /// The reference's.
        expected: f32,
        /// The engine's.
        found: f32,
        /// Largest absolute value of the reference.
        peak: f32,
    },
}

/// Tells whether `found` is `expected` within the tolerance. `expected` must be finite.
///
/// # Panics
/// If `expected` holds NaN or infinity: nothing could be judged by it.
pub fn compare(expected: &Tensor, found: &Tensor, tolerance: Tolerance) -> Result<(), Mismatch> {
    if expected.shape() != found.shape() {
        return Err(Mismatch::Shape { expected: expected.shape(), found: found.shape() });
    }
    assert!(expected.data().iter().all(|v| v.is_finite()), "the expected values must be finite");
    let peak = expected.data().iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
    let difference = |i: &usize| {
        let d = (expected.data()[*i] - found.data()[*i]).abs();
        if d.is_nan() { f32::INFINITY } else { d }
    };
    let worst = (0..expected.data().len()).max_by(|a, b| difference(a).total_cmp(&difference(b)));
    match worst {
        Some(index) if difference(&index) > tolerance.of_peak * peak => {
            Err(Mismatch::Value { index, expected: expected.data()[index], found: found.data()[index], peak })
        }
        _ => Ok(()),
    }
}

/// Root mean square of the difference, as a part of that of `expected`: 1 for zeros, 0 if both are zero, infinite or NaN for broken values.
/// A bound on it beside one on the peak rejects answers that are wrong everywhere, but nowhere by much.
///
/// # Panics
/// If the shapes differ.
pub fn rms_difference(expected: &Tensor, found: &Tensor) -> f64 {
    assert_eq!(expected.shape(), found.shape());
    let squared = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let pairs = expected.data().iter().zip(found.data());
    let difference = squared(&mut pairs.map(|(e, f)| f64::from(*e) - f64::from(*f)));
    let whole = squared(&mut expected.data().iter().map(|e| f64::from(*e)));
    if difference == 0.0 { 0.0 } else { (difference / whole).sqrt() }
}

/// Runs `case` once from a fresh plan.
pub fn run(engine: &dyn Engine, case: &Case) -> Result<Tensor, EngineError> {
    let mut plan =
        engine.prepare(&case.network, &case.weights, case.input.shape().height, case.input.shape().width)?;
    let mut output = Tensor::zeros(plan.output_shape());
    plan.run(&case.input, &case.conditions(), &mut output)?;
    Ok(output)
}

/// Everything in which `engine` fails, in words; empty when it passes.
pub fn failures(engine: &dyn Engine, tolerance: Tolerance) -> Vec<String> {
    let mut failures = Vec::new();
    for case in cases() {
        if let Err(what) = check_case(engine, &case, tolerance) {
            failures.push(format!("{} on {}: {what}", engine.name(), case.name));
        }
    }
    failures.extend(check_refusals(engine));
    failures
}

fn check_case(engine: &dyn Engine, case: &Case, tolerance: Tolerance) -> Result<(), String> {
    let words = |e: EngineError| e.to_string();
    let expected = run(&ReferenceEngine, case).map_err(|e| format!("the reference refuses it: {e}"))?;
    let found = run(engine, case).map_err(words)?;
    compare(&expected, &found, tolerance).map_err(|e| e.to_string())?;
    if run(engine, case).map_err(words)? != found {
        return Err("two runs differ".into());
    }
    check_memory(engine, case, tolerance).map_err(words)??;
    if case.input.shape().channels == 3 && expected.shape().channels == 3 && case.network.crop {
        check_image(engine, case, tolerance).map_err(words)??;
    }
    Ok(())
}

/// Smoothed statistics over three frames, then a reset, while the noise field moves.
fn check_memory(
    engine: &dyn Engine,
    case: &Case,
    tolerance: Tolerance,
) -> Result<Result<(), String>, EngineError> {
    if case.network.sites.is_empty() {
        return Ok(Ok(()));
    }
    let Shape { height, width, .. } = case.input.shape();
    let mut judge = ReferenceEngine.prepare(&case.network, &case.weights, height, width)?;
    let mut plan = engine.prepare(&case.network, &case.weights, height, width)?;
    let (mut expected, mut found) = (Tensor::zeros(judge.output_shape()), Tensor::zeros(plan.output_shape()));
    for (frame, gain) in [1.0f32, 0.25, -0.5, 0.75].into_iter().enumerate() {
        if frame == 2 && !plan.memory().is_empty() {
            // A fresh plan goes on where the other stood.
            let memory = plan.memory();
            plan = engine.prepare(&case.network, &case.weights, height, width)?;
            plan.recall(&memory);
        }
        if frame == 3 {
            judge.reset();
            plan.reset();
        }
        let shape = case.input.shape();
        let input = Tensor::new(shape, case.input.data().iter().map(|v| gain * v).collect());
        let field = Field { origin: [16 * frame as i32, -8], seed: frame as u32 / 2, ..case.field };
        let conditions = Conditions { smoothing: 0.75, field, ..case.conditions() };
        judge.run(&input, &conditions, &mut expected)?;
        plan.run(&input, &conditions, &mut found)?;
        if let Err(e) = compare(&expected, &found, tolerance) {
            return Ok(Err(format!("with smoothed statistics, frame {frame}: {e}")));
        }
    }
    Ok(Ok(()))
}

/// From picture to picture, as through tensors.
fn check_image(
    engine: &dyn Engine,
    case: &Case,
    tolerance: Tolerance,
) -> Result<Result<(), String>, EngineError> {
    let picture = Image::from_tensor(&case.input);
    let case = Case { input: picture.to_tensor(), ..case.clone() };
    let expected = run(&ReferenceEngine, &case)?;
    let mut plan = engine.prepare(&case.network, &case.weights, picture.height(), picture.width())?;
    let mut painted = Image::black(picture.width(), picture.height());
    plan.run_image(&picture, &case.conditions(), &mut painted)?;
    let clamped = |t: &Tensor| Tensor::new(t.shape(), t.data().iter().map(|v| v.clamp(0.0, 1.0)).collect());
    let peak = expected.data().iter().fold(1.0f32, |peak, v| peak.max(v.abs()));
    // Half a step of 8 bits is lost by rounding; a little more where the value lies on the edge of a step.
    let tolerance = Tolerance { of_peak: tolerance.of_peak * peak + 0.51 / 255.0 };
    let (expected, found) = (with_one(&clamped(&expected)), with_one(&painted.to_tensor()));
    if let Err(e) = compare(&expected, &found, tolerance) {
        return Ok(Err(format!("from picture to picture: {e}")));
    }
    check_ahead(plan.as_mut(), &case, &picture)
}

/// Frames on their way come out as they would have one by one, and neither too many nor too few are taken.
fn check_ahead(plan: &mut dyn Plan, case: &Case, picture: &Image) -> Result<Result<(), String>, EngineError> {
    let gains = [1.0f32, 0.4, 0.7, 0.1];
    let darker = |gain| {
        let picture = picture.to_tensor();
        Image::from_tensor(&Tensor::new(picture.shape(), picture.data().iter().map(|v| gain * v).collect()))
    };
    let conditions = Conditions { smoothing: 0.5, ..case.conditions() };
    let mut painted = Image::black(picture.width(), picture.height());
    plan.reset();
    let mut expected = Vec::new();
    for gain in gains {
        plan.run_image(&darker(gain), &conditions, &mut painted)?;
        expected.push(painted.clone());
    }
    plan.reset();
    let Some(ahead) = plan.ahead() else { return Ok(Ok(())) };
    let (most, mut found) = (ahead.most(), Vec::new());
    let mut refused = ahead.finish(&mut painted).is_err();
    for (i, gain) in gains.into_iter().enumerate() {
        if i >= most {
            refused &= ahead.begin(picture, &conditions).is_err();
            ahead.finish(&mut painted)?;
            found.push(painted.clone());
        }
        ahead.begin(&darker(gain), &conditions)?;
    }
    for _ in 0..most.min(gains.len()) {
        ahead.finish(&mut painted)?;
        found.push(painted.clone());
    }
    match refused {
        true if found == expected => Ok(Ok(())),
        true => Ok(Err("frames ahead come out otherwise than one by one".into())),
        false => Ok(Err("more frames ahead are taken than there may be, or fewer given".into())),
    }
}

/// The tensor with a further row block of ones, so that its peak is 1.
fn with_one(t: &Tensor) -> Tensor {
    let mut data = t.data().to_vec();
    data.extend(std::iter::repeat_n(1.0, t.shape().area()));
    Tensor::new(Shape { channels: t.shape().channels + 1, ..t.shape() }, data)
}

fn check_refusals(engine: &dyn Engine) -> Vec<String> {
    let styled = |c: &Case| !c.network.sites.is_empty() && !c.weights.is_empty();
    let case = cases().into_iter().find(styled).expect("some case has a site and weights");
    let Shape { height, width, .. } = case.input.shape();
    let mut failures = Vec::new();
    let mut expect_error = |what: &str, refused: bool| {
        if !refused {
            failures.push(format!("{} accepts {what}", engine.name()));
        }
    };
    let Ok(mut plan) = engine.prepare(&case.network, &case.weights, height, width) else {
        return vec![format!("{} refuses {}", engine.name(), case.name)];
    };
    let mut output = Tensor::zeros(plan.output_shape());
    let good = case.conditions();
    let mut refuses =
        |input: &Tensor, conditions: Conditions| plan.run(input, &conditions, &mut output).is_err();
    expect_error("a short style", refuses(&case.input, Conditions { style: &case.style[1..], ..good }));
    expect_error("a strength of NaN", refuses(&case.input, Conditions { strength: f32::NAN, ..good }));
    let wild = Field { strokes: 2.5, ..good.field };
    expect_error("strokes of 2.5", refuses(&case.input, Conditions { field: wild, ..good }));
    expect_error("a smoothing of 2", refuses(&case.input, Conditions { smoothing: 2.0, ..good }));
    expect_error("an input of another size", refuses(&case.input.cropped(height - 1, width), good));
    let empty = std::sync::Arc::new(crate::Weights::new());
    expect_error("missing weights", engine.prepare(&case.network, &empty, height, width).is_err());
    expect_error("an empty picture", engine.prepare(&case.network, &case.weights, 0, width).is_err());
    failures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Network, Weights};
    use std::sync::Arc;

    #[test]
    fn the_yardstick_rejects_wrong_answers() {
        let shape = Shape::new(1, 1, 3);
        let expected = Tensor::new(shape, vec![0.0, 1.0, -2.0]);
        let with = |values: [f32; 3]| {
            compare(&expected, &Tensor::new(shape, values.to_vec()), Tolerance { of_peak: 0.01 })
        };
        assert!(with([0.0, 1.0, -2.0]).is_ok());
        assert!(with([0.019, 1.0, -2.0]).is_ok());
        assert!(with([0.021, 1.0, -2.0]).is_err());
        assert!(with([0.0, f32::NAN, -2.0]).is_err());
        assert!(with([0.0, f32::INFINITY, -2.0]).is_err());
        let zero = Tensor::zeros(shape);
        assert!(compare(&zero, &zero, Tolerance::F32).is_ok());
        assert!(compare(&zero, &Tensor::new(shape, vec![0.0, 1e-30, 0.0]), Tolerance::F32).is_err());
        assert!(compare(&zero, &Tensor::zeros(Shape::new(1, 3, 1)), Tolerance::F32).is_err());
    }

    #[test]
    fn the_reference_passes_its_own_suite() {
        assert_eq!(failures(&ReferenceEngine, Tolerance::F32), Vec::<String>::new());
    }

    /// The reference, with every output value moved a little.
    struct Skewed;
    struct SkewedPlan(Box<dyn Plan>);

    impl Engine for Skewed {
        fn name(&self) -> String {
            "skewed".into()
        }
        fn prepare(
            &self,
            n: &Network,
            w: &Arc<Weights>,
            h: usize,
            x: usize,
        ) -> Result<Box<dyn Plan>, EngineError> {
            Ok(Box::new(SkewedPlan(ReferenceEngine.prepare(n, w, h, x)?)))
        }
    }

    impl Plan for SkewedPlan {
        fn input_shape(&self) -> Shape {
            self.0.input_shape()
        }
        fn output_shape(&self) -> Shape {
            self.0.output_shape()
        }
        fn run(
            &mut self,
            input: &Tensor,
            conditions: &Conditions,
            output: &mut Tensor,
        ) -> Result<(), EngineError> {
            self.0.run(input, conditions, output)?;
            let peak = output.data().iter().fold(0.0f32, |peak, v| peak.max(v.abs()));
            output.data_mut()[0] += 2.0 * Tolerance::F32.of_peak * peak;
            Ok(())
        }
        fn reset(&mut self) {}
    }

    #[test]
    fn an_engine_that_is_a_little_wrong_fails_every_case() {
        let cases = cases().len();
        assert!(failures(&Skewed, Tolerance::F32).len() >= cases, "{:?}", failures(&Skewed, Tolerance::F32));
    }
}
