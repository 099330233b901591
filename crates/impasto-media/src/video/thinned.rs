//! A film with fewer frames a second.

use super::Rate;
use super::frame::{Frame, Info, Source};
use crate::error::Result;

/// Leaves frames out so that at most one begins in each of the slots of `rate`. Frames that stay keep their own times.
pub struct Thinned<S> {
    source: S,
    info: Info,
    rate: Rate,
    next: Option<Frame>,
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
        Self { source, info, rate, next: None }
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
        let Some(mut frame) = self.next.take().map_or_else(|| self.source.read(), |f| Ok(Some(f)))? else {
            return Ok(None);
        };
        let slot = self.slot(frame.start);
        while let Some(next) = self.source.read()? {
            if self.slot(next.start) != slot {
                self.next = Some(next);
                break;
            }
            frame.duration = next.start + next.duration - frame.start;
        }
        Ok(Some(frame))
    }
}
