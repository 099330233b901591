//! From style to style over time.

use crate::StudioError;
use crate::clock::Instant;
use impasto::Style;
use std::time::Duration;

/// A new style takes this long to fade in.
const FADE: Duration = Duration::from_millis(450);

/// Moves from style to style over time, in 0.45 s.
#[derive(Default)]
pub struct Fader {
    fade: Option<Fade>,
}

struct Fade {
    from: Style,
    to: Style,
    start: Instant,
}

impl Fader {
    /// The style at the moment `now`, on the way to `target`; the first target is there at once.
    pub fn toward(&mut self, target: Style, now: Instant) -> Result<Style, StudioError> {
        let current = match &self.fade {
            None => target.clone(),
            Some(fade) => fade.at(now)?,
        };
        match &self.fade {
            Some(fade) if fade.to.vector() == target.vector() => {}
            _ => self.fade = Some(Fade { from: current.clone(), to: target, start: now }),
        }
        Ok(current)
    }
}

impl Fade {
    fn at(&self, now: Instant) -> Result<Style, StudioError> {
        let t = now.duration_since(self.start).as_secs_f32() / FADE.as_secs_f32();
        if t >= 1.0 { Ok(self.to.clone()) } else { Ok(self.from.toward(&self.to, t)?) }
    }
}
