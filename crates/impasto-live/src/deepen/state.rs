//! State of the runs.

use super::{DeepenProgress, DeepenRun, Deepener};
use crate::LiveError;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Runs that stand still and can go on, beside the one that goes; each takes some 30 MB.
const KEPT_RUNS: usize = 3;
/// A run that will take longer than this beside painting is slow, and the page offers to let the picture rest.
const SLOW: Duration = Duration::from_secs(20 * 60);
/// A run that has not come further for so long beside painting is slow too.
const STUCK: Duration = Duration::from_secs(20);
/// The time left is told only after this part of the way and this long.
const TOLD: (f32, Duration) = (0.01, Duration::from_secs(8));
/// While the picture rests, so much is painted of what the camera gives after each change.
const GLIMPSE: Duration = Duration::from_millis(900);

/// State of a style's deepening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeepenPhase {
    /// It was never asked for, or taken back.
    #[default]
    Quick,
    /// It is being trained.
    Learning,
    /// It was stopped, and can go on.
    Stopped,
    /// It has come to its end.
    Done,
    /// It could not go on.
    Failed,
}

/// Answer of `GET /api/styles/ID/deepen`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DeepenStatus {
    /// State of the run.
    pub phase: DeepenPhase,
    /// Whether there is a painting to learn from.
    pub painting: bool,
    /// Whether the style that is painted now is a deepened one, which can be undone.
    pub deepened: bool,
    /// The part of the way that is done, `0..1`.
    pub part: f32,
    /// Steps done.
    pub steps: u64,
    /// The part of the way from photo to painting that is left, on pictures that it does not learn from.
    pub left: Option<f32>,
    /// Camera frames that it learns on now.
    pub frames: usize,
    /// Seconds to the end at the speed of now.
    pub seconds_left: Option<u64>,
    /// Whether this machine has too little to spare while it paints.
    pub slow: bool,
    /// Whether the picture rests meanwhile.
    pub rest: bool,
    /// Why it could not go on.
    pub error: Option<String>,
}

/// Everything about runs that is shared between the server and the thread that learns.
#[derive(Default)]
pub(crate) struct Deepenings {
    deepener: Mutex<Option<Arc<dyn Deepener>>>,
    state: Mutex<State>,
    /// Runs that stand still, the oldest first.
    kept: Mutex<Vec<(String, Box<dyn DeepenRun>)>>,
    /// Held by the thread that learns, so that one that follows finds what the one before it has kept.
    turn: Mutex<()>,
}

/// One run's orders.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    stop: AtomicBool,
    forget: AtomicBool,
}

impl Orders {
    /// Whether it has to end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Whether nothing of it is wanted any more.
    pub fn is_forgotten(&self) -> bool {
        self.forget.load(Ordering::SeqCst)
    }
}

#[derive(Default)]
struct State {
    statuses: BTreeMap<String, DeepenStatus>,
    current: Option<Current>,
    /// Orders of runs whose threads have not ended.
    threads: Vec<(String, Arc<Orders>)>,
    /// Until when frames are painted though the picture rests.
    glimpse: Option<Instant>,
}

/// The run that goes.
struct Current {
    id: String,
    orders: Arc<Orders>,
    /// When its speed was measured from, and where it stood then.
    pace: (Instant, f32),
    /// When it came further last.
    last: Instant,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Deepenings {
    pub fn offer(&self, deepener: Arc<dyn Deepener>) {
        *locked(&self.deepener) = Some(deepener);
    }

    pub fn deepener(&self) -> Option<Arc<dyn Deepener>> {
        locked(&self.deepener).clone()
    }

    /// JSON for the page: whether styles can be deepened at all, and those for which it was asked.
    pub fn shown(&self) -> serde_json::Value {
        let state = locked(&self.state);
        let current = state.current.as_ref().map(|current| current.id.clone());
        let offered = locked(&self.deepener).is_some();
        let styles: BTreeMap<_, _> = state.statuses.keys().map(|id| (id, state.status(id))).collect();
        serde_json::json!({ "offered": offered, "current": current, "styles": styles })
    }

    pub fn status(&self, id: &str) -> DeepenStatus {
        locked(&self.state).status(id)
    }

    /// Makes the run of that style the one that goes; the one that went is told to stop. `None` if it goes already, or has come to its end.
    pub fn begin(&self, id: &str, rest: bool) -> Option<Arc<Orders>> {
        let mut state = locked(&self.state);
        if state.current.as_ref().is_some_and(|current| current.id == id) {
            state.set_rest(id, rest);
            return None;
        }
        let status = state.statuses.entry(id.into()).or_default();
        match status.phase {
            DeepenPhase::Done => return None,
            DeepenPhase::Failed => *status = DeepenStatus::default(),
            DeepenPhase::Quick | DeepenPhase::Learning | DeepenPhase::Stopped => {}
        }
        (status.phase, status.error) = (DeepenPhase::Learning, None);
        let pace = (Instant::now(), status.part);
        state.end_current(DeepenPhase::Stopped);
        let orders = Arc::new(Orders::default());
        state.current = Some(Current { id: id.into(), orders: orders.clone(), pace, last: pace.0 });
        state.threads.push((id.into(), orders.clone()));
        state.set_rest(id, rest);
        Some(orders)
    }

    /// Waits until the thread before has ended.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        locked(&self.turn)
    }

    /// Stops the run of that style, if it goes.
    pub fn stop(&self, id: &str) {
        let mut state = locked(&self.state);
        if state.current.as_ref().is_some_and(|current| current.id == id) {
            state.end_current(DeepenPhase::Stopped);
        }
    }

    /// Stops it and forgets all of it.
    pub fn forget(&self, id: &str) {
        self.stop(id);
        let mut state = locked(&self.state);
        state.statuses.remove(id);
        for (_, orders) in state.threads.iter().filter(|(other, _)| other == id) {
            orders.forget.store(true, Ordering::SeqCst);
        }
        drop(state);
        locked(&self.kept).retain(|(other, _)| other != id);
    }

    pub fn rest(&self, id: &str, rest: bool) {
        locked(&self.state).set_rest(id, rest);
    }

    /// The run of these orders has come so far.
    pub fn progressed(&self, orders: &Arc<Orders>, progress: &DeepenProgress, frames: usize) {
        let mut state = locked(&self.state);
        let Some(current) = state.current.as_mut().filter(|current| Arc::ptr_eq(&current.orders, orders))
        else {
            return;
        };
        let (since, before) = current.pace;
        current.last = Instant::now();
        let (done, took) = (progress.part - before, since.elapsed());
        let left =
            (done > TOLD.0 && took > TOLD.1).then(|| took.mul_f32((1.0 - progress.part).max(0.0) / done));
        let id = current.id.clone();
        let status = state.statuses.entry(id).or_default();
        (status.part, status.steps, status.frames) = (progress.part, progress.steps, frames);
        status.left = progress.left.or(status.left);
        status.seconds_left = left.map(|left| left.as_secs());
        status.slow = !status.rest && left.is_some_and(|left| left > SLOW);
    }

    /// The thread of these orders ends. Its run stands so, unless another has taken its place.
    pub fn ended(&self, orders: &Arc<Orders>, result: Result<DeepenPhase, LiveError>) {
        let mut state = locked(&self.state);
        state.threads.retain(|(_, other)| !Arc::ptr_eq(other, orders));
        let is_own = |current: &&Current| Arc::ptr_eq(&current.orders, orders);
        let Some(id) = state.current.as_ref().filter(is_own).map(|current| current.id.clone()) else {
            return;
        };
        match result {
            Ok(phase) => state.end_current(phase),
            Err(why) => {
                state.end_current(DeepenPhase::Failed);
                state.statuses.entry(id).or_default().error = Some(why.to_string());
            }
        }
    }

    pub fn keep(&self, id: &str, run: Box<dyn DeepenRun>) {
        let mut kept = locked(&self.kept);
        kept.retain(|(other, _)| other != id);
        kept.push((id.into(), run));
        if kept.len() > KEPT_RUNS {
            kept.remove(0);
        }
    }

    pub fn kept(&self, id: &str) -> Option<Box<dyn DeepenRun>> {
        let mut kept = locked(&self.kept);
        let at = kept.iter().position(|(other, _)| other == id)?;
        Some(kept.remove(at).1)
    }

    /// The painting has changed: while the picture rests, some frames show it.
    pub fn glimpse(&self) {
        locked(&self.state).glimpse = Some(Instant::now() + GLIMPSE);
    }

    /// Whether frames are left unpainted now.
    pub fn is_resting(&self) -> bool {
        let state = locked(&self.state);
        let Some(current) = &state.current else { return false };
        let rests = state.statuses.get(&current.id).is_some_and(|status| status.rest);
        rests && state.glimpse.is_none_or(|until| Instant::now() > until)
    }
}

impl State {
    fn status(&self, id: &str) -> DeepenStatus {
        let mut status = self.statuses.get(id).cloned().unwrap_or_default();
        let current = self.current.as_ref().filter(|current| current.id == id);
        status.slow |= !status.rest && current.is_some_and(|current| current.last.elapsed() > STUCK);
        status
    }

    fn set_rest(&mut self, id: &str, rest: bool) {
        let Some(status) = self.statuses.get_mut(id) else { return };
        status.rest = rest;
        // The speed is another one from now on.
        (status.seconds_left, status.slow) = (None, false);
        let part = status.part;
        if let Some(current) = &mut self.current {
            current.pace = (Instant::now(), part);
            current.last = current.pace.0;
        }
        self.glimpse = Some(Instant::now() + GLIMPSE);
    }

    fn end_current(&mut self, phase: DeepenPhase) {
        let Some(current) = self.current.take() else { return };
        current.orders.stop.store(true, Ordering::SeqCst);
        if let Some(status) = self.statuses.get_mut(&current.id) {
            status.phase = phase;
            (status.seconds_left, status.slow, status.rest) = (None, false, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_run_goes_at_a_time() {
        let runs = Deepenings::default();
        let first = runs.begin("a", false).unwrap();
        assert!(runs.begin("a", true).is_none() && runs.status("a").rest, "it goes already");
        let second = runs.begin("b", false).unwrap();
        assert!(first.is_stopped() && !second.is_stopped());
        assert_eq!(
            (runs.status("a").phase, runs.status("b").phase),
            (DeepenPhase::Stopped, DeepenPhase::Learning)
        );
        let progress = DeepenProgress { steps: 9, part: 0.5, left: Some(0.4) };
        runs.progressed(&first, &progress, 3);
        assert_eq!(runs.status("b").steps, 0, "the first has nothing to say any more");
        runs.ended(&first, Ok(DeepenPhase::Done));
        assert_eq!(runs.status("b").phase, DeepenPhase::Learning);
        runs.progressed(&second, &progress, 3);
        let status = runs.status("b");
        assert_eq!((status.steps, status.frames, status.left, status.seconds_left), (9, 3, Some(0.4), None));
        runs.ended(&second, Err(LiveError::Deepen("out of paint".into())));
        assert_eq!(
            (runs.status("b").phase, runs.status("b").error.as_deref()),
            (DeepenPhase::Failed, Some("out of paint"))
        );
        let third = runs.begin("b", false).unwrap();
        runs.forget("b");
        assert!(third.is_stopped() && third.is_forgotten() && !first.is_forgotten());
        assert_eq!(runs.status("b"), DeepenStatus::default());
        let fourth = runs.begin("c", false).unwrap();
        runs.ended(&fourth, Ok(DeepenPhase::Done));
        assert!(runs.begin("c", false).is_none(), "it is at its end");
    }

    #[test]
    fn a_picture_that_rests_shows_what_has_changed() {
        let runs = Deepenings::default();
        let stop = runs.begin("a", true).unwrap();
        assert!(!runs.is_resting(), "what it begins with is seen");
        locked(&runs.state).glimpse = Some(Instant::now() - Duration::from_millis(1));
        assert!(runs.is_resting());
        runs.glimpse();
        assert!(!runs.is_resting());
        runs.rest("a", false);
        assert!(!runs.status("a").slow);
        locked(&runs.state).current.as_mut().unwrap().last -= STUCK + Duration::from_millis(1);
        assert!(
            runs.status("a").slow && runs.shown()["styles"]["a"]["slow"] == true,
            "painting leaves it nothing"
        );
        runs.rest("a", true);
        assert!(!runs.status("a").slow, "now it has the whole machine");
        runs.ended(&stop, Ok(DeepenPhase::Done));
        assert!(!runs.is_resting() && !runs.status("a").rest);
    }
}
