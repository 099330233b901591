//! A camera that comes back.

use super::{OakChild, OakCommand, OakError, Timeouts};
use crate::oak::protocol::{Frame, Hello};
use std::time::{Duration, Instant};

/// Waiting times between attempts: doubled each time, from the first to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOff {
    /// After the first failure.
    pub first: Duration,
    /// Never longer than this.
    pub longest: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(15) }
    }
}

impl BackOff {
    /// The wait after failure number `failures`, counted from 1.
    pub fn wait(self, failures: u32) -> Duration {
        self.first.saturating_mul(1u32.checked_shl(failures - 1).unwrap_or(u32::MAX)).min(self.longest)
    }
}

/// What a camera has to say.
#[derive(Debug)]
pub enum OakEvent {
    /// The program runs, and this is what it says of itself.
    Connected(Hello),
    /// A frame, the newest.
    Frame(Frame),
    /// Nothing within the time asked for.
    Nothing,
    /// It failed, and is tried again after this time; `None` if that makes no sense.
    Trouble(OakError, Option<Duration>),
}

/// A camera that comes back: the program is started again when it fails.
pub struct OakCamera {
    command: OakCommand,
    timeouts: Timeouts,
    back_off: BackOff,
    child: Option<OakChild>,
    failures: u32,
    next_try: Option<Instant>,
    given_up: bool,
    style: Option<Vec<f32>>,
}

impl OakCamera {
    /// Nothing is started until [`OakCamera::next`].
    pub fn new(command: OakCommand, timeouts: Timeouts, back_off: BackOff) -> Self {
        Self {
            command,
            timeouts,
            back_off,
            child: None,
            failures: 0,
            next_try: None,
            given_up: false,
            style: None,
        }
    }

    /// Paints with this style from now on, also after the program was started again.
    pub fn set_style(&mut self, vector: &[f32]) -> Result<(), OakError> {
        self.style = Some(vector.to_vec());
        self.child.as_ref().map_or(Ok(()), |child| child.set_style(vector))
    }

    /// Lines for the log since the last call.
    pub fn notes(&self) -> Vec<String> {
        self.child.as_ref().map_or(vec![], OakChild::notes)
    }

    /// What happens next, within about `wait`; starting the program takes as long as it takes.
    pub fn next(&mut self, wait: Duration) -> OakEvent {
        if self.child.is_none() {
            return self.start(wait);
        }
        let child = self.child.as_mut().expect("just seen");
        match child.next_frame(wait) {
            Ok(Some(frame)) => {
                self.failures = 0;
                OakEvent::Frame(frame)
            }
            Ok(None) => OakEvent::Nothing,
            Err(error) => self.failed(error),
        }
    }

    fn start(&mut self, wait: Duration) -> OakEvent {
        let pause = self.next_try.map_or(Duration::ZERO, |at| at.saturating_duration_since(Instant::now()));
        if self.given_up || pause > wait {
            std::thread::sleep(wait);
            return OakEvent::Nothing;
        }
        std::thread::sleep(pause);
        let started = OakChild::spawn(&self.command, self.timeouts).and_then(|child| {
            match &self.style {
                Some(style) if child.hello().mode == "chip" => child.set_style(style)?,
                _ => {}
            }
            Ok(child)
        });
        match started {
            Ok(child) => {
                let hello = child.hello().clone();
                self.child = Some(child);
                OakEvent::Connected(hello)
            }
            Err(error) => self.failed(error),
        }
    }

    fn failed(&mut self, error: OakError) -> OakEvent {
        self.child = None;
        self.failures += 1;
        self.given_up = error.is_final();
        let wait = self.back_off.wait(self.failures);
        self.next_try = Some(Instant::now() + wait);
        let again = (!self.given_up).then_some(wait);
        OakEvent::Trouble(error, again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let back_off = BackOff { first: Duration::from_millis(100), longest: Duration::from_secs(1) };
        let waits: Vec<u128> = [1, 2, 3, 4, 5, 40].map(|n| back_off.wait(n).as_millis()).to_vec();
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000]);
    }
}
