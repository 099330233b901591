//! A film with fewer frames a second.

use super::Rate;
use super::frame::{Frame, Info, Source};
use crate::error::{Error, Result};

/// Leaves frames out so that at most one begins in each of the slots of `rate`. Frames that stay keep their own times.
pub struct Thinned<S> {
    source: S,
    info: Info,
    rate: Rate,
    next: Option<Frame>,
    /// Came up while the next frame was looked for; told once the frame before it is out.
    failed: Option<Error>,
}

impl<S: Source> Thinned<S> {
    /// At most `rate` frames of `source` a second.
    pub fn new(source: S, rate: Rate) -> Self {
        let mut info = source.info().clone();
        let share = (rate.hz() / info.rate()).min(1.0);
        info.frames = info.frames.map(|frames| ((frames as f64 * share).ceil() as u64).max(1));
        if share < 1.0 {
            let ticks = f64::from(info.timescale) / rate.hz();
            info.frame_ticks = (ticks.round() as u64).max(1);
        }
        Self { source, info, rate, next: None, failed: None }
    }

    /// The slot in which a moment lies; a millisecond is forgiven, so that rounded times keep their slots.
    fn slot(&self, start: u64) -> u64 {
        let forgiven = start + u64::from(self.info.timescale) / 1000;
        let scaled = u128::from(forgiven) * u128::from(self.rate.frames);
        (scaled / (u128::from(self.info.timescale) * u128::from(self.rate.seconds))) as u64
    }
}

impl<S: Source> Source for Thinned<S> {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let next = self.next.take().map_or_else(|| self.source.read(), |frame| Ok(Some(frame)));
        let Some(mut frame) = next? else { return Ok(None) };
        let slot = self.slot(frame.start);
        loop {
            match self.source.read() {
                Ok(Some(next)) if self.slot(next.start) == slot => {
                    frame.duration = next.start + next.duration - frame.start;
                }
                Ok(next) => {
                    self.next = next;
                    break;
                }
                Err(error) => {
                    self.failed = Some(error);
                    break;
                }
            }
        }
        Ok(Some(frame))
    }
}
