//! A device fails in the middle of a stream, and another engine carries on.

use impasto::engines::{Notice, Sturdy};
use impasto_core::conformance::{Case, cases, run};
use impasto_core::reference::ReferenceEngine;
use impasto_core::{Conditions, Engine, EngineError, Network, Plan, Shape, Tensor, Weights};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The reference, on a device that is lost after a number of frames.
struct Failing {
    frames_left: Arc<AtomicUsize>,
    /// Plans of more positions than this find no memory.
    most: usize,
}

struct FailingPlan(Box<dyn Plan>, Arc<AtomicUsize>);

impl Engine for Failing {
    fn name(&self) -> String {
        "failing".into()
    }

    fn prepare(
        &self,
        network: &Network,
        weights: &Arc<Weights>,
        height: usize,
        width: usize,
    ) -> Result<Box<dyn Plan>, EngineError> {
        if height * width > self.most {
            return Err(EngineError::Device("no room for the picture".into()));
        }
        let plan = ReferenceEngine.prepare(network, weights, height, width)?;
        Ok(Box::new(FailingPlan(plan, Arc::clone(&self.frames_left))))
    }
}

impl Plan for FailingPlan {
    fn input_shape(&self) -> Shape {
        self.0.input_shape()
    }

    fn output_shape(&self) -> Shape {
        self.0.output_shape()
    }

    fn run(
        &mut self,
        input: &Tensor,
        conditions: &Conditions<'_>,
        output: &mut Tensor,
    ) -> Result<(), EngineError> {
        let lost = self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        lost.map_err(|_| EngineError::Device("the device was lost".into()))?;
        self.0.run(input, conditions, output)
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

/// The engine, and the lines that a person gets.
fn sturdy(first: Arc<dyn Engine>) -> (Sturdy, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lines);
    let notice: Notice = Arc::new(move |line| heard.lock().unwrap().push(line.to_owned()));
    (Sturdy::new(first, Arc::new(ReferenceEngine), notice), lines)
}

fn failing(frames: usize, most: usize) -> (Sturdy, Arc<Mutex<Vec<String>>>) {
    sturdy(Arc::new(Failing { frames_left: Arc::new(AtomicUsize::new(frames)), most }))
}

fn case() -> Case {
    cases().into_iter().find(|case| case.name.starts_with("a small light")).expect("it is a case")
}

fn frames(engine: &dyn Engine, case: &Case, count: usize, mut before: impl FnMut(usize)) -> Vec<Tensor> {
    let shape = case.input.shape();
    let mut plan = engine.prepare(&case.network, &case.weights, shape.height, shape.width).unwrap();
    let mut output = Tensor::zeros(plan.output_shape());
    let frame = |i| {
        before(i);
        plan.run(&case.input, &case.conditions(), &mut output).unwrap();
        output.clone()
    };
    (0..count).map(frame).collect()
}

#[test]
fn no_frame_is_lost_when_the_device_is() {
    let case = case();
    let expected = run(&ReferenceEngine, &case).unwrap();
    let (engine, lines) = failing(2, usize::MAX);
    for painted in frames(&engine, &case, 5, |_| ()) {
        assert_eq!(painted, expected);
    }
    assert_eq!(*lines.lock().unwrap(), ["the device was lost; painting on reference instead"]);
    // It stays with the second engine, also for new plans.
    assert_eq!(engine.name(), "reference");
    run(&engine, &case).unwrap();
    assert_eq!(lines.lock().unwrap().len(), 1);
}

#[test]
fn a_picture_too_large_for_the_device_goes_elsewhere_and_is_told_once() {
    let case = case();
    let (engine, lines) = failing(usize::MAX, 0);
    run(&engine, &case).unwrap();
    run(&engine, &case).unwrap();
    assert_eq!(*lines.lock().unwrap(), ["no room for the picture; painting on reference instead"]);
    // Smaller ones may still fit.
    assert_eq!(engine.name(), "failing");
}

#[test]
fn mistakes_that_no_engine_could_mend_stay_mistakes() {
    let case = case();
    let (engine, lines) = failing(usize::MAX, usize::MAX);
    let shape = case.input.shape();
    assert!(engine.prepare(&case.network, &Arc::new(Weights::new()), shape.height, shape.width).is_err());
    let mut plan = engine.prepare(&case.network, &case.weights, shape.height, shape.width).unwrap();
    let mut output = Tensor::zeros(plan.output_shape());
    assert!(plan.run(&case.input, &Conditions::NONE, &mut output).is_err());
    assert!(lines.lock().unwrap().is_empty());
}

#[cfg(feature = "gpu")]
#[test]
fn a_real_gpu_may_be_lost_in_mid_stream() {
    use impasto::gpu::GpuEngine;
    use impasto_core::conformance::{Tolerance, compare};
    let Ok(gpu) = GpuEngine::new(None) else {
        eprintln!("skipped: a_real_gpu_may_be_lost_in_mid_stream: this machine has no GPU adapter");
        return;
    };
    let gpu = Arc::new(gpu);
    let case = case();
    let expected = run(&ReferenceEngine, &case).unwrap();
    let (engine, lines) = sturdy(Arc::clone(&gpu) as Arc<dyn Engine>);
    let painted = frames(&engine, &case, 4, |i| {
        if i == 2 {
            gpu.lose();
        }
    });
    for frame in &painted[..2] {
        compare(&expected, frame, Tolerance::F32).unwrap();
    }
    assert_eq!(painted[2..], [expected.clone(), expected]);
    assert_eq!(lines.lock().unwrap().len(), 1, "{lines:?}");
}
