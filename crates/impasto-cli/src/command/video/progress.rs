//! How far a film has come: frames, frames a second, time left.

use crate::console::{Console, duration};
use std::time::{Duration, Instant};

/// A line is shown this often where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);
/// The rate is that of about so many seconds.
const MEMORY_SECS: f64 = 5.0;

/// Counts frames.
pub struct FilmProgress<'a> {
    console: &'a Console,
    total: Option<u64>,
    /// Frames of an earlier run.
    first: u64,
    rate: Rate,
    shown: Instant,
}

impl<'a> FilmProgress<'a> {
    /// `first` frames are there already, of `total` if that is known.
    pub fn new(console: &'a Console, first: u64, total: Option<u64>) -> Self {
        Self { console, total, first, rate: Rate::new(first), shown: Instant::now() }
    }

    /// So many frames are painted by now.
    pub fn painted(&mut self, frames: u64) {
        let now = Instant::now();
        self.rate.count(frames, now);
        let wait = if self.console.is_live() { Duration::from_millis(200) } else { EVERY };
        if now.duration_since(self.shown) >= wait || frames == self.first + 1 && self.console.is_live() {
            self.shown = now;
            self.console.status(line(frames, self.total, self.rate.hz()));
        }
    }
}

/// `120 of 300 frames, 24.1 a second, about 8 s left`.
fn line(frames: u64, total: Option<u64>, hz: Option<f64>) -> String {
    let mut line = match total {
        Some(total) => format!("{frames} of {total} frames"),
        None => format!("{frames} frames"),
    };
    if let Some(hz) = hz {
        line += &format!(", {hz:.1} a second");
        if let Some(left) = total.and_then(|total| total.checked_sub(frames)).filter(|&left| left > 0) {
            line += &format!(", about {} left", duration(left as f64 / hz));
        }
    }
    line
}

/// Frames a second of late.
struct Rate {
    frames: u64,
    at: Instant,
    hz: Option<f64>,
}

impl Rate {
    fn new(frames: u64) -> Self {
        Self { frames, at: Instant::now(), hz: None }
    }

    fn count(&mut self, frames: u64, now: Instant) {
        let secs = now.duration_since(self.at).as_secs_f64();
        if secs < 0.5 {
            return;
        }
        let hz = (frames - self.frames) as f64 / secs;
        let keep = (-secs / MEMORY_SECS).exp();
        self.hz = Some(self.hz.map_or(hz, |before| keep * before + (1.0 - keep) * hz));
        (self.frames, self.at) = (frames, now);
    }

    fn hz(&self) -> Option<f64> {
        self.hz.filter(|&hz| hz > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_known() {
        assert_eq!(line(12, None, None), "12 frames");
        assert_eq!(line(120, Some(300), Some(20.0)), "120 of 300 frames, 20.0 a second, about 9.0 s left");
        assert_eq!(line(301, Some(300), Some(20.0)), "301 of 300 frames, 20.0 a second");
    }

    #[test]
    fn the_rate_follows_the_last_seconds() {
        let start = Instant::now();
        let mut rate = Rate { frames: 0, at: start, hz: None };
        let after = |secs: f64| start + Duration::from_secs_f64(secs);
        rate.count(5, after(0.1));
        assert_eq!(rate.hz(), None, "too early to say");
        rate.count(10, after(1.0));
        assert_eq!(rate.hz(), Some(10.0));
        (2..60).for_each(|s| rate.count(10 + 30 * (s - 1), after(s as f64)));
        assert!((rate.hz().unwrap() - 30.0).abs() < 0.1);
    }
}
