//! An engine that carries on, on another engine, when its device fails: also in the middle of a stream.

use impasto_core::{Conditions, Engine, EngineError, Image, Network, Plan, Shape, Tensor, Weights};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Takes a line for the person.
pub type Notice = Arc<dyn Fn(&str) + Send + Sync>;

/// Two engines: the second takes over what the first cannot do for reasons of its device ([`EngineError::Device`]).
///
/// A plan that could not be made (too little memory, a size past a limit) goes to the second engine alone. A plan that
/// failed while it ran takes the first engine out for good. Content statistics that the failed plan remembered are lost:
/// the frame starts afresh, as after a scene cut.
pub struct Sturdy {
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

impl Sturdy {
    /// `first`, and behind it `second`; `notice` gets a line at each failure.
    pub fn new(first: Arc<dyn Engine>, second: Arc<dyn Engine>, notice: Notice) -> Sturdy {
        Sturdy { shared: Arc::new(Shared { first, second, notice, state: Mutex::default() }) }
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

impl Engine for Sturdy {
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
                    return Ok(Box::new(SturdyPlan { plan, again: Some(again) }));
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
}

impl SturdyPlan {
    /// Does `paint` on this plan, or, where its device fails, on one by the second engine.
    fn carry_on(
        &mut self,
        paint: &mut dyn FnMut(&mut dyn Plan) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let outcome = paint(self.plan.as_mut());
        let (Err(EngineError::Device(why)), Some(again)) = (&outcome, &self.again) else { return outcome };
        again.shared.state().failed = true;
        again.shared.say(why);
        let (height, width) = again.size;
        self.plan = again.shared.second.prepare(&again.network, &again.weights, height, width)?;
        self.again = None;
        paint(self.plan.as_mut())
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

    fn reset(&mut self) {
        self.plan.reset();
    }
}
