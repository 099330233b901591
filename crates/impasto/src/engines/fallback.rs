//! An engine that carries on, on another engine, when its device fails: also in the middle of a stream.

use impasto_core::engine::check_shape;
use impasto_core::{
    Ahead, Conditions, Engine, EngineError, Field, Image, Network, Plan, Shape, Tensor, Weights,
};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Takes a line for the person.
pub type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// Two engines: the second takes over what the first cannot do for reasons of its device ([`EngineError::Device`]).
///
/// A plan that could not be made (too little memory, a size past a limit) goes to the second engine alone. A plan that
/// failed while it ran takes the first engine out for good. Content statistics that the failed plan remembered are lost:
/// the frame starts afresh, as after a scene cut.
pub struct FallbackEngine {
    shared: Arc<Shared>,
}

struct Shared {
    first: Arc<dyn Engine>,
    second: Arc<dyn Engine>,
    notice: Notice,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failed: bool,
    /// The last line that was given, so that a folder of large photos does not repeat it.
    said: String,
}

impl FallbackEngine {
    /// `first`, and behind it `second`; `notice` gets a line at each failure.
    pub fn new(first: Arc<dyn Engine>, second: Arc<dyn Engine>, notice: Notice) -> FallbackEngine {
        FallbackEngine { shared: Arc::new(Shared { first, second, notice, state: Mutex::default() }) }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, why: &str) {
        let line = format!("{why}; painting on {} instead", self.second.name());
        let mut state = self.state();
        if state.said != line {
            (self.notice)(&line);
            state.said = line;
        }
    }
}

impl Engine for FallbackEngine {
    fn name(&self) -> String {
        if self.shared.state().failed { self.shared.second.name() } else { self.shared.first.name() }
    }

    fn prepare(
        &self,
        network: &Network,
        weights: &Arc<Weights>,
        height: usize,
        width: usize,
    ) -> Result<Box<dyn Plan>, EngineError> {
        let shared = &self.shared;
        if !shared.state().failed {
            match shared.first.prepare(network, weights, height, width) {
                Err(EngineError::Device(why)) => shared.say(&why),
                Err(error) => return Err(error),
                Ok(plan) => {
                    let again = Again {
                        shared: Arc::clone(shared),
                        network: network.clone(),
                        weights: Arc::clone(weights),
                        size: (height, width),
                    };
                    return Ok(Box::new(SturdyPlan::new(plan, again)));
                }
            }
        }
        shared.second.prepare(network, weights, height, width)
    }
}

/// All that it takes to prepare a plan again.
struct Again {
    shared: Arc<Shared>,
    network: Network,
    weights: Arc<Weights>,
    size: (usize, usize),
}

struct SturdyPlan {
    plan: Box<dyn Plan>,
    /// None once the second engine paints.
    again: Option<Again>,
    /// Frames that the first engine may have on their way; 0 where it paints one by one.
    most: usize,
    /// Those that it has, to paint them again if it fails.
    under_way: VecDeque<Kept>,
    /// Frames that were on their way when it failed, painted by the second engine.
    rescued: VecDeque<Image>,
}

/// A frame and what it is painted with.
struct Kept {
    frame: Image,
    style: Vec<f32>,
    strength: f32,
    smoothing: f32,
    field: Field,
}

impl Kept {
    fn new(frame: &Image, conditions: &Conditions<'_>) -> Kept {
        let &Conditions { style, strength, smoothing, field } = conditions;
        Kept { frame: frame.clone(), style: style.to_vec(), strength, smoothing, field }
    }

    fn conditions(&self) -> Conditions<'_> {
        let &Kept { strength, smoothing, field, .. } = self;
        Conditions { style: &self.style, strength, smoothing, field }
    }
}

impl SturdyPlan {
    fn new(mut plan: Box<dyn Plan>, again: Again) -> SturdyPlan {
        let most = plan.ahead().map_or(0, |ahead| ahead.most());
        SturdyPlan { plan, again: Some(again), most, under_way: VecDeque::new(), rescued: VecDeque::new() }
    }

    /// Does `paint` on this plan, or, where its device fails, on one by the second engine.
    fn carry_on(
        &mut self,
        paint: &mut dyn FnMut(&mut dyn Plan) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        if !self.rescued.is_empty() {
            return Err(EngineError::Ahead(self.rescued.len(), 0));
        }
        match paint(self.plan.as_mut()) {
            Err(EngineError::Device(why)) if self.again.is_some() => {
                self.change(&why)?;
                paint(self.plan.as_mut())
            }
            outcome => outcome,
        }
    }

    /// Goes to the second engine, which first paints the frames that are on their way.
    fn change(&mut self, why: &str) -> Result<(), EngineError> {
        let Some(again) = self.again.take() else { return Ok(()) };
        again.shared.state().failed = true;
        again.shared.say(why);
        let (height, width) = again.size;
        self.plan = again.shared.second.prepare(&again.network, &again.weights, height, width)?;
        for kept in std::mem::take(&mut self.under_way) {
            self.rescue(&kept)?;
        }
        Ok(())
    }

    fn rescue(&mut self, kept: &Kept) -> Result<(), EngineError> {
        let Shape { height, width, .. } = self.plan.output_shape();
        let mut painted = Image::black(width, height);
        self.plan.run_image(&kept.frame, &kept.conditions(), &mut painted)?;
        self.rescued.push_back(painted);
        Ok(())
    }
}

impl Ahead for SturdyPlan {
    fn most(&self) -> usize {
        self.most
    }

    fn begin(&mut self, input: &Image, conditions: &Conditions<'_>) -> Result<(), EngineError> {
        let count = self.under_way.len() + self.rescued.len();
        if count == self.most {
            return Err(EngineError::Ahead(count, self.most));
        }
        let kept = Kept::new(input, conditions);
        match self.plan.ahead().filter(|_| self.again.is_some()) {
            None => return self.rescue(&kept),
            Some(ahead) => match ahead.begin(input, conditions) {
                Err(EngineError::Device(why)) => self.change(&why)?,
                outcome => {
                    outcome?;
                    self.under_way.push_back(kept);
                    return Ok(());
                }
            },
        }
        self.rescue(&kept)
    }

    fn finish(&mut self, output: &mut Image) -> Result<(), EngineError> {
        if self.rescued.is_empty() && self.again.is_some() {
            let ahead = self.plan.ahead().ok_or(EngineError::Ahead(0, self.most))?;
            match ahead.finish(output) {
                Err(EngineError::Device(why)) => self.change(&why)?,
                outcome => {
                    outcome?;
                    self.under_way.pop_front();
                    return Ok(());
                }
            }
        }
        let painted = self.rescued.pop_front().ok_or(EngineError::Ahead(0, self.most))?;
        let shape = |image: &Image| Shape::new(3, image.height(), image.width());
        check_shape("output picture", shape(&painted), shape(output))?;
        *output = painted;
        Ok(())
    }
}

impl Plan for SturdyPlan {
    fn input_shape(&self) -> Shape {
        self.plan.input_shape()
    }

    fn output_shape(&self) -> Shape {
        self.plan.output_shape()
    }

    fn run(
        &mut self,
        input: &Tensor,
        conditions: &Conditions<'_>,
        output: &mut Tensor,
    ) -> Result<(), EngineError> {
        self.carry_on(&mut |plan| plan.run(input, conditions, output))
    }

    fn run_image(
        &mut self,
        input: &Image,
        conditions: &Conditions<'_>,
        output: &mut Image,
    ) -> Result<(), EngineError> {
        self.carry_on(&mut |plan| plan.run_image(input, conditions, output))
    }

    fn ahead(&mut self) -> Option<&mut dyn Ahead> {
        if self.most > 0 { Some(self) } else { None }
    }

    fn reset(&mut self) {
        self.plan.reset();
    }

    fn memory(&self) -> Vec<f64> {
        self.plan.memory()
    }

    fn recall(&mut self, memory: &[f64]) {
        self.plan.recall(memory);
    }
}
