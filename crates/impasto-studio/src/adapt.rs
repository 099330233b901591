//! The working size that holds a rate.

use crate::clock::Instant;
use std::time::Duration;

/// Shorter sides in px to choose from. Steps are small: each is seen, for strokes change with the size. Below the first a painting is a
/// smear: a machine that is too slow for it paints fewer frames.
const LADDER: [usize; 13] = [270, 288, 324, 360, 396, 432, 468, 504, 540, 576, 648, 720, 1080];
/// The rung to begin with.
const FIRST: usize = 1;
/// Going up, painting may take this part of a frame's time: on a machine with few cores the page needs some too.
const SHARE: f32 = 0.85;
/// What comes later than this part of the wanted rate's time is late.
const LATE: f32 = 1.06;
/// Frames before a size is judged: the first ones plan it.
const SETTLE: u32 = 3;
const JUDGE: u32 = 24;
/// So many frames have to be late one after another: a second of somebody else's work is no reason. Far too late is told sooner.
const LATE_FRAMES: u32 = 24;
const FAR_TOO_LATE: f32 = 1.6;
const FAR_TOO_LATE_FRAMES: u32 = 6;
/// A size that was too large is not tried again for so long; for twice as long if it is too large again soon after.
const WAIT: Duration = Duration::from_secs(10);
const MAX_WAIT: Duration = Duration::from_secs(160);
/// A longer break between frames is one of the camera's.
const BREAK_SECS: f32 = 0.5;

/// Chooses a rung of the ladder from how long frames took and how often they came.
pub struct Adapter {
    rung: usize,
    /// Smoothed time in seconds that a frame keeps the painter busy, and from frame to frame.
    busy: f32,
    interval: f32,
    frames: u32,
    late: u32,
    last: Option<Instant>,
    /// From which rung on is not tried until when.
    refused: Option<(usize, Instant)>,
    wait: Duration,
}

impl Default for Adapter {
    fn default() -> Self {
        Self::new()
    }
}

impl Adapter {
    /// Starts in the middle.
    pub fn new() -> Self {
        let (busy, interval, frames, late) = (0.0, 0.0, 0, 0);
        Self { rung: FIRST, busy, interval, frames, late, last: None, refused: None, wait: WAIT }
    }

    /// Shorter side in px for the next frame, of a frame whose shorter side is `available`.
    pub fn shorter_side(&self, available: usize) -> usize {
        LADDER[self.rung].min(available)
    }

    /// How long the next frame will keep the painter busy.
    pub fn busy(&self) -> Duration {
        Duration::from_secs_f32(self.busy)
    }

    /// A frame of shorter side `available` was begun at `start` and took so long to paint.
    pub fn observe(&mut self, start: Instant, took: Duration, available: usize, target_fps: f32) {
        let interval = self.last.replace(start).map(|last| start.duration_since(last).as_secs_f32());
        self.frames += 1;
        if self.frames <= SETTLE {
            (self.busy, self.interval) = (took.as_secs_f32(), 0.0);
            return;
        }
        smooth(&mut self.busy, took.as_secs_f32());
        if let Some(interval) = interval.filter(|interval| *interval < BREAK_SECS) {
            smooth(&mut self.interval, interval);
        }
        let (side, late) = (self.shorter_side(available), self.is_late(target_fps));
        self.late = if late { self.late + 1 } else { 0 };
        let far = self.busy > FAR_TOO_LATE / target_fps;
        if self.rung > 0 && self.late >= if far { FAR_TOO_LATE_FRAMES } else { LATE_FRAMES } {
            self.go_down(start, side, target_fps);
        } else if self.frames > JUDGE && side < available && !late {
            self.go_up(start, side, available, target_fps);
        }
    }

    /// Whether the rate is missed, and for the painter's sake: where it waits for frames, the camera is slow.
    fn is_late(&self, target_fps: f32) -> bool {
        let wanted = 1.0 / target_fps;
        self.busy > wanted || (self.interval > LATE * wanted && self.busy > 0.6 * self.interval)
    }

    fn go_down(&mut self, now: Instant, side: usize, target_fps: f32) {
        // What was above the picture's own size is no rung that was used.
        let used = LADDER.iter().rposition(|&px| px <= side).unwrap_or(0).min(self.rung);
        let refused = if LADDER[used] == side { used } else { self.rung };
        let again = self.refused.is_some_and(|(_, until)| now < until + self.wait);
        self.wait = if again { (2 * self.wait).min(MAX_WAIT) } else { WAIT };
        self.refused = Some((refused, now + self.wait));
        // A jump where it is far too slow: cost goes with the area.
        let late = (self.busy * target_fps).max(self.interval * target_fps).max(1.0);
        let fits = side as f32 / late.sqrt();
        let rung = LADDER.iter().rposition(|&px| px as f32 <= fits).unwrap_or(0);
        self.go(rung.min(refused.saturating_sub(1)));
    }

    fn go_up(&mut self, now: Instant, side: usize, available: usize, target_fps: f32) {
        let budget = SHARE / target_fps;
        let fits = |rung: usize| {
            let px = LADDER[rung].min(available) as f32;
            self.busy * (px / side as f32).powi(2) < budget
        };
        let allowed = |rung: usize| self.refused.is_none_or(|(from, until)| rung < from || now >= until);
        let next = self.rung + 1;
        if next < LADDER.len() && fits(next) && allowed(next) {
            let rungs = next..LADDER.len();
            let most =
                rungs.take_while(|&rung| fits(rung) && allowed(rung) && LADDER[rung - 1] < available).last();
            self.go(most.unwrap_or(next));
        }
    }

    fn go(&mut self, rung: usize) {
        (self.rung, self.frames, self.late) = (rung, 0, 0);
    }
}

fn smooth(value: &mut f32, new: f32) {
    *value = if *value == 0.0 { new } else { 0.88 * *value + 0.12 * new };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shorter sides over many frames when painting costs so many ns a pixel of 16:9, and the camera gives `camera_fps`.
    fn sides(
        ns_per_px: f32,
        target_fps: f32,
        camera_fps: f32,
        available: usize,
        frames: usize,
    ) -> Vec<usize> {
        let (mut adapter, mut now) = (Adapter::new(), Instant::now());
        (0..frames)
            .map(|_| {
                let side = adapter.shorter_side(available);
                let took = Duration::from_secs_f32(ns_per_px * 1e-9 * (side * side * 16 / 9) as f32);
                adapter.observe(now, took, available, target_fps);
                now += took.max(Duration::from_secs_f32(1.0 / camera_fps));
                side
            })
            .collect()
    }

    #[test]
    fn it_settles_where_the_rate_is_held() {
        for (ns, expected) in [(10.0, 720), (100.0, 432), (300.0, 270), (2000.0, 270)] {
            let sides = sides(ns, 24.0, 30.0, 720, 2000);
            let last = &sides[1500..];
            assert!(last.iter().all(|side| *side == last[0]), "it hunts at {ns} ns");
            assert_eq!(last[0], expected, "{ns} ns a px");
        }
        assert_eq!(*sides(1.0, 24.0, 30.0, 240, 500).last().unwrap(), 240, "never above what the camera has");
    }

    #[test]
    fn a_machine_that_becomes_far_too_slow_is_noticed_at_once() {
        let (mut adapter, mut now) = (Adapter::new(), Instant::now());
        let mut frames = |ns_per_px: f32, count: usize| {
            for _ in 0..count {
                let side = adapter.shorter_side(1080);
                let took = Duration::from_secs_f32(ns_per_px * 1e-9 * (side * side * 16 / 9) as f32);
                adapter.observe(now, took, 1080, 24.0);
                now += took.max(Duration::from_secs_f32(1.0 / 30.0));
            }
            adapter.shorter_side(1080)
        };
        assert_eq!(frames(10.0, 500), 1080);
        assert_eq!(frames(1500.0, 20), 270);
    }

    #[test]
    fn a_slow_camera_is_no_reason_to_paint_less() {
        let sides = sides(40.0, 24.0, 10.0, 720, 500);
        assert!(*sides.last().unwrap() > 500, "{}", sides.last().unwrap());
    }

    /// The painter keeps within its time, but the rate is missed: something else on the machine wants its share.
    #[test]
    fn a_rate_that_is_missed_makes_it_smaller_and_the_size_is_not_tried_again_soon() {
        let (mut adapter, mut now) = (Adapter::new(), Instant::now());
        let mut sides = Vec::new();
        for _ in 0..1500 {
            let side = adapter.shorter_side(720);
            sides.push(side);
            let took = Duration::from_secs_f32(60e-9 * (side * side * 16 / 9) as f32);
            adapter.observe(now, took, 720, 24.0);
            // Half as long again is lost elsewhere.
            now += took.mul_f32(1.5).max(Duration::from_millis(33));
        }
        let tries = sides.windows(2).filter(|pair| pair[1] > pair[0]).count();
        assert!(tries <= 6, "{tries} times up in a minute");
        let last = *sides.last().unwrap();
        let rate = 1.0 / (1.5 * 60e-9 * (last * last * 16 / 9) as f32);
        assert!((23.0..31.0).contains(&rate), "{rate} frames/s at {last}");
    }
}
