//! The working size that holds a rate.

use std::time::Duration;

/// Shorter sides in px to choose from.
const LADDER: [usize; 12] = [96, 120, 144, 180, 216, 256, 288, 360, 432, 540, 720, 1080];
/// Part of a frame's time that painting may take: the rest is for decoding, encoding and the browser.
const SHARE: f32 = 0.72;
/// Going up needs this much to spare, for so many frames, so that the size does not hunt.
const SPARE: f32 = 0.8;
const PATIENCE: u32 = 36;

/// Chooses a rung of the ladder from how long frames took.
pub struct Adapter {
    rung: usize,
    took: f32,
    frames: u32,
}

impl Adapter {
    /// Starts in the middle.
    pub fn new() -> Self {
        Self { rung: 6, took: 0.0, frames: 0 }
    }

    /// Shorter side in px for the next frame, of a frame whose shorter side is `available`.
    pub fn shorter_side(&self, available: usize) -> usize {
        LADDER[self.rung].min(available)
    }

    /// A frame of shorter side `available` took so long to paint.
    pub fn observe(&mut self, took: Duration, available: usize, target_fps: f32) {
        let budget = SHARE / target_fps;
        // The first frame at a size also plans it.
        self.took = match self.frames {
            0 => budget * SPARE,
            1 => took.as_secs_f32(),
            _ => 0.85 * self.took + 0.15 * took.as_secs_f32(),
        };
        self.frames += 1;
        let side = self.shorter_side(available);
        if self.frames > 6 && self.took > budget && self.rung > 0 {
            // A jump where it is far too slow: cost goes with the area.
            let fits = side as f32 * (budget / self.took).sqrt();
            let rung = LADDER.iter().rposition(|&px| px as f32 <= fits).unwrap_or(0);
            self.go(rung.min(self.rung - 1));
        } else if self.frames > PATIENCE && side < available && self.rung + 1 < LADDER.len() {
            let next = LADDER[self.rung + 1].min(available);
            if self.took * (next as f32 / side as f32).powi(2) < SPARE * budget {
                self.go(self.rung + 1);
            }
        }
    }

    fn go(&mut self, rung: usize) {
        (self.rung, self.frames, self.took) = (rung, 0, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shorter sides over many frames when painting costs so many ns a pixel of 16:9.
    fn sides(ns_per_px: f32, target_fps: f32, available: usize) -> Vec<usize> {
        let mut adapter = Adapter::new();
        (0..2000)
            .map(|_| {
                let side = adapter.shorter_side(available);
                let seconds = ns_per_px * 1e-9 * (side * side * 16 / 9) as f32;
                adapter.observe(Duration::from_secs_f32(seconds), available, target_fps);
                side
            })
            .collect()
    }

    #[test]
    fn it_settles_where_the_rate_is_held() {
        for (ns, expected) in [(10.0, 720), (100.0, 360), (300.0, 216), (2000.0, 96)] {
            let sides = sides(ns, 24.0, 720);
            let last = &sides[1500..];
            assert!(last.iter().all(|side| *side == last[0]), "it hunts at {ns} ns");
            assert!(last[0] == expected, "{ns} ns a px: {}", last[0]);
        }
        assert_eq!(*sides(1.0, 24.0, 240).last().unwrap(), 240, "never above what the camera has");
    }

    #[test]
    fn a_machine_that_is_far_too_slow_is_noticed_at_once() {
        let sides = sides(1500.0, 24.0, 720);
        assert!(sides[10] <= 120, "{}", sides[10]);
    }
}
