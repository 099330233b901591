//! A device fails in the middle of a stream, and another engine carries on.

use impasto::engines::{FallbackEngine, Notice};
use impasto_core::conformance::{Case, cases, run};
use impasto_core::reference::ReferenceEngine;
use impasto_core::{Ahead, Conditions, Engine, EngineError, Image, Network, Plan, Shape, Tensor, Weights};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// The reference, on a device that is lost after a number of frames.
struct Failing {
    frames_left: Arc<AtomicUsize>,
    /// Plans of more positions than this find no memory.
    most: usize,
}

/// A plan, how many frames are left to it, and those on their way.
struct FailingPlan(Box<dyn Plan>, Arc<AtomicUsize>, VecDeque<(Image, Vec<f32>)>);

impl FailingPlan {
    fn spend(&self) -> Result<(), EngineError> {
        let left = self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| EngineError::Device("the device was lost".into()))
    }
}

impl Ahead for FailingPlan {
    fn most(&self) -> usize {
        2
    }

    fn begin(&mut self, input: &Image, conditions: &Conditions<'_>) -> Result<(), EngineError> {
        self.2.push_back((input.clone(), conditions.style.to_vec()));
        Ok(())
    }

    fn finish(&mut self, output: &mut Image) -> Result<(), EngineError> {
        self.spend()?;
        let (input, style) = self.2.pop_front().ok_or(EngineError::Ahead(0, 2))?;
        self.0.run_image(&input, &Conditions::new(&style), output)
    }
}

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
        Ok(Box::new(FailingPlan(plan, Arc::clone(&self.frames_left), VecDeque::new())))
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
        self.spend()?;
        self.0.run(input, conditions, output)
    }

    fn ahead(&mut self) -> Option<&mut dyn Ahead> {
        Some(self)
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

/// The engine, and the lines that a person gets.
fn sturdy(first: Arc<dyn Engine>) -> (FallbackEngine, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&lines);
    let notice: Notice = Arc::new(move |line| heard.lock().unwrap().push(line.to_owned()));
    (FallbackEngine::new(first, Arc::new(ReferenceEngine), notice), lines)
}

fn failing(frames: usize, most: usize) -> (FallbackEngine, Arc<Mutex<Vec<String>>>) {
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
fn frames_on_their_way_are_painted_again_when_the_device_is_lost() {
    let case = case();
    let picture = |i: u8| {
        Image::from_fn(case.input.shape().width, case.input.shape().height, |x, y| [x as u8, y as u8, i])
    };
    let (height, width) = (case.input.shape().height, case.input.shape().width);
    let mut judge = ReferenceEngine.prepare(&case.network, &case.weights, height, width).unwrap();
    for survived in 0..6 {
        let (engine, lines) = failing(survived, usize::MAX);
        let mut plan = engine.prepare(&case.network, &case.weights, height, width).unwrap();
        let (mut expected, mut painted) = (Image::black(width, height), Image::black(width, height));
        let mut check = |plan: &mut dyn Plan, i: u8| {
            plan.ahead().unwrap().finish(&mut painted).unwrap();
            judge.run_image(&picture(i), &case.conditions(), &mut expected).unwrap();
            assert_eq!(painted, expected, "frame {i} where the device survived {survived}");
        };
        for i in 0..6 {
            plan.ahead().unwrap().begin(&picture(i), &case.conditions()).unwrap();
            if i > 0 {
                check(plan.as_mut(), i - 1);
            }
        }
        check(plan.as_mut(), 5);
        assert!(plan.ahead().unwrap().finish(&mut Image::black(width, height)).is_err());
        assert_eq!(lines.lock().unwrap().len(), 1);
    }
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
