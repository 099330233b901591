//! The faster of two engines, by a short measurement.

use impasto_core::{Conditions, Engine, EngineError, Image, Network, Plan, Tensor, Weights};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Frames of the measurement, after one that warms up. The fastest counts.
const FRAMES: usize = 3;
/// Longest side of a measured frame, in px: what is faster there is faster on larger ones.
const MOST_PX: usize = 512;
/// An engine so many times slower than the other in its first frame needs no second.
const HOPELESS: u32 = 4;

/// Two engines. For each network and size class (a factor of four in area) both paint a few black frames, once, and
/// the faster one does the rest. One that cannot paint loses. The likely faster one should come first.
pub struct Fastest {
    engines: [Arc<dyn Engine>; 2],
    measure: Measure,
    winners: Mutex<Winners>,
}

/// Times a plan with a style of some length, against the other's time where that is known.
type Measure = fn(&mut dyn Plan, usize, Option<Duration>) -> Result<Duration, EngineError>;

#[derive(Default)]
struct Winners {
    by_class: HashMap<(String, u32), usize>,
    last: Option<usize>,
}

impl Fastest {
    /// The faster of these.
    pub fn new(engines: [Arc<dyn Engine>; 2]) -> Fastest {
        Fastest { engines, measure: fastest_frame, winners: Mutex::default() }
    }

    /// The engine that paints such a frame faster.
    fn race(
        &self,
        network: &Network,
        weights: &Arc<Weights>,
        height: usize,
        width: usize,
    ) -> Result<usize, EngineError> {
        let time = |i: usize, other| {
            let mut plan = self.engines[i].prepare(network, weights, height, width)?;
            (self.measure)(plan.as_mut(), network.style_len(), other)
        };
        match time(0, None) {
            Err(EngineError::Device(_)) => Ok(1),
            Err(error) => Err(error),
            Ok(first) => Ok(usize::from(time(1, Some(first)).is_ok_and(|second| second < first))),
        }
    }

    fn winners(&self) -> MutexGuard<'_, Winners> {
        self.winners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for Fastest {
    fn name(&self) -> String {
        match self.winners().last {
            Some(winner) => self.engines[winner].name(),
            None => self.engines.each_ref().map(|engine| engine.name()).join(" or "),
        }
    }

    fn prepare(
        &self,
        network: &Network,
        weights: &Arc<Weights>,
        height: usize,
        width: usize,
    ) -> Result<Box<dyn Plan>, EngineError> {
        let (high, wide) = (height.min(MOST_PX), width.min(MOST_PX));
        let class = (network.name.clone(), (high * wide).max(1).ilog2() / 2);
        let known = self.winners().by_class.get(&class).copied();
        let winner = match known {
            Some(winner) => winner,
            None => self.race(network, weights, high, wide)?,
        };
        let plan = self.engines[winner].prepare(network, weights, height, width)?;
        let mut winners = self.winners();
        winners.by_class.insert(class, winner);
        winners.last = Some(winner);
        Ok(plan)
    }
}

/// The time of the fastest frame, from picture to picture where the network paints.
fn fastest_frame(
    plan: &mut dyn Plan,
    style_len: usize,
    other: Option<Duration>,
) -> Result<Duration, EngineError> {
    let style = vec![1.0; style_len];
    let conditions = Conditions::new(&style);
    let (input, output) = (plan.input_shape(), plan.output_shape());
    let painter = (input.channels, output.channels) == (3, 3);
    let (picture, mut painted) =
        (Image::black(input.width, input.height), Image::black(output.width, output.height));
    let (tensor, mut made) = (Tensor::zeros(input), Tensor::zeros(output));
    let mut best = Duration::MAX;
    for frame in 0..=FRAMES {
        let started = Instant::now();
        if painter {
            plan.run_image(&picture, &conditions, &mut painted)?;
        } else {
            plan.run(&tensor, &conditions, &mut made)?;
        }
        let time = started.elapsed();
        if other.is_some_and(|other| time > HOPELESS * other) {
            return Ok(time);
        }
        if frame > 0 {
            best = best.min(time);
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::conformance::{Case, cases, run};
    use impasto_core::reference::ReferenceEngine;
    use impasto_cpu::CpuEngine;

    /// An engine that has no device.
    struct Broken;

    impl Engine for Broken {
        fn name(&self) -> String {
            "broken".into()
        }

        fn prepare(
            &self,
            _: &Network,
            _: &Arc<Weights>,
            _: usize,
            _: usize,
        ) -> Result<Box<dyn Plan>, EngineError> {
            Err(EngineError::Device("no device".into()))
        }
    }

    fn case() -> Case {
        cases().into_iter().find(|case| !case.network.sites.is_empty()).expect("some case has a site")
    }

    fn cpu() -> Arc<dyn Engine> {
        Arc::new(CpuEngine::new().unwrap())
    }

    #[test]
    fn the_faster_one_paints_and_starts_afresh() {
        let second_slower: Measure = |plan, style_len, other| {
            let real = fastest_frame(plan, style_len, other)?;
            assert!(real < Duration::MAX);
            Ok(Duration::from_secs(other.map_or(1, |_| 2)))
        };
        let case = case();
        let fastest = Fastest { measure: second_slower, ..Fastest::new([Arc::new(ReferenceEngine), cpu()]) };
        let expected = run(&ReferenceEngine, &case).unwrap();
        assert_eq!(run(&fastest, &case).unwrap(), expected);
        assert_eq!(fastest.name(), "reference");
        let second_faster: Measure = |_, _, other| Ok(Duration::from_secs(other.map_or(2, |_| 1)));
        let other_way =
            Fastest { measure: second_faster, ..Fastest::new([Arc::new(ReferenceEngine), cpu()]) };
        run(&other_way, &case).unwrap();
        assert!(other_way.name().starts_with("cpu"));
        assert_eq!(run(&fastest, &case).unwrap(), expected);
    }

    #[test]
    fn one_that_cannot_paint_loses() {
        let case = case();
        for engines in [[Arc::new(Broken) as Arc<dyn Engine>, cpu()], [cpu(), Arc::new(Broken)]] {
            let fastest = Fastest::new(engines);
            run(&fastest, &case).unwrap();
            assert!(fastest.name().starts_with("cpu"));
        }
        assert!(run(&Fastest::new([Arc::new(Broken), Arc::new(Broken)]), &case).is_err());
    }
}
