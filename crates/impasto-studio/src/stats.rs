//! How fast it goes, measured.

use crate::clock::Instant;
use impasto::flash::Flashes;
use serde::Serialize;
use std::collections::VecDeque;
use std::time::Duration;

/// What happens to a frame, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// From the wire's format to RGB.
    Decode,
    /// To the working size, and the noise gate.
    Prepare,
    /// The network.
    Paint,
    /// Back to the frame's size, with its detail.
    Enlarge,
    /// To the wire's format.
    Encode,
}

const STAGES: [(Stage, &str); 5] = [
    (Stage::Decode, "decode"),
    (Stage::Prepare, "prepare"),
    (Stage::Paint, "paint"),
    (Stage::Enlarge, "enlarge"),
    (Stage::Encode, "encode"),
];

/// Frames over which rates and percentiles are taken.
const WINDOW: usize = 240;
/// Rates look back this far at most.
const RATE_WINDOW: Duration = Duration::from_secs(4);

/// Collects times of the last frames.
pub struct Stats {
    painted: u64,
    dropped: u64,
    moments: VecDeque<Instant>,
    latencies_ms: VecDeque<f32>,
    stages_ms: [f32; 5],
    working: (usize, usize),
    shown: (usize, usize),
    unrecorded: u64,
    flashes: Flashes,
    error: Option<String>,
}

/// What `GET /api/stats` gives; times in ms, sizes in px.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Painted frames a second, over the last seconds.
    pub fps: f32,
    /// Median time from capture to show; to hand-over where no viewer reports.
    pub latency_p50_ms: Option<f32>,
    /// The same, 95th percentile.
    pub latency_p95_ms: Option<f32>,
    /// Frames painted since the start.
    pub frames_painted: u64,
    /// Frames that a newer one overtook before they were painted.
    pub frames_dropped: u64,
    /// Size at which is painted.
    pub working_width: usize,
    /// Size at which is painted.
    pub working_height: usize,
    /// Size that is shown.
    pub width: usize,
    /// Size that is shown.
    pub height: usize,
    /// Painted frames that a recording left out since its file was not written fast enough.
    pub frames_unrecorded: u64,
    /// Flashes in the last second by WCAG 2.3.1; more than 3 are too many. 0 where the setting `flash` is `off`.
    pub flashes: usize,
    /// Whether the last frame was damped to keep them at 3.
    pub flashes_damped: bool,
    /// Smoothed time of each stage.
    pub stages_ms: serde_json::Map<String, serde_json::Value>,
    /// What went wrong last, if the last frame could not be painted or the camera is gone.
    pub error: Option<String>,
}

impl Default for Stats {
    fn default() -> Self {
        Self::new()
    }
}

impl Stats {
    /// Nothing measured yet.
    pub fn new() -> Self {
        Self {
            painted: 0,
            dropped: 0,
            moments: VecDeque::new(),
            latencies_ms: VecDeque::new(),
            stages_ms: [0.0; 5],
            working: (0, 0),
            shown: (0, 0),
            unrecorded: 0,
            flashes: Flashes::default(),
            error: None,
        }
    }

    /// A frame is painted.
    pub fn painted(&mut self, now: Instant, working: (usize, usize), shown: (usize, usize)) {
        self.painted += 1;
        (self.working, self.shown, self.error) = (working, shown, None);
        push(&mut self.moments, now);
    }

    /// A frame was overtaken.
    pub fn dropped(&mut self) {
        self.dropped += 1;
    }

    /// The recording left a frame out.
    pub fn unrecorded(&mut self) {
        self.unrecorded += 1;
    }

    /// Flashes up to the newest frame.
    pub fn flashes(&mut self, flashes: Flashes) {
        self.flashes = flashes;
    }

    /// A frame was seen, so long after its capture. Times out of `0..60 s` come from clocks that differ, and are left out.
    pub fn latency(&mut self, ms: f32) {
        if (0.0..60_000.0).contains(&ms) {
            push(&mut self.latencies_ms, ms);
        }
    }

    /// A stage took so long.
    pub fn stage(&mut self, stage: Stage, took: Duration) {
        let index = STAGES.iter().position(|(s, _)| *s == stage).expect("all stages are listed");
        let (ms, smoothed) = (took.as_secs_f32() * 1e3, &mut self.stages_ms[index]);
        *smoothed = if *smoothed == 0.0 { ms } else { 0.9 * *smoothed + 0.1 * ms };
    }

    /// Something went wrong; `None` says that it is well again.
    pub fn error(&mut self, what: Option<String>) {
        self.error = what;
    }

    /// The figures at this moment.
    pub fn report(&self, now: Instant) -> Report {
        let mut sorted: Vec<f32> = self.latencies_ms.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        let percentile = |p: f32| sorted.get(((sorted.len() as f32 - 1.0) * p).round() as usize).copied();
        let stages = STAGES.iter().zip(self.stages_ms).map(|((_, name), ms)| (name.to_string(), ms.into()));
        Report {
            fps: self.rate(now),
            latency_p50_ms: percentile(0.5),
            latency_p95_ms: percentile(0.95),
            frames_painted: self.painted,
            frames_dropped: self.dropped,
            working_width: self.working.0,
            working_height: self.working.1,
            width: self.shown.0,
            height: self.shown.1,
            frames_unrecorded: self.unrecorded,
            flashes: self.flashes.in_a_second,
            flashes_damped: self.flashes.damped,
            stages_ms: stages.collect(),
            error: self.error.clone(),
        }
    }

    fn rate(&self, now: Instant) -> f32 {
        let recent: Vec<_> = self.moments.iter().filter(|m| now.duration_since(**m) < RATE_WINDOW).collect();
        match recent[..] {
            [first, .., _] => (recent.len() - 1) as f32 / now.duration_since(*first).as_secs_f32().max(1e-3),
            _ => 0.0,
        }
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == WINDOW {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_percentiles() {
        let (mut stats, start) = (Stats::new(), Instant::now());
        for i in 0..100 {
            stats.painted(start + Duration::from_millis(40 * i), (320, 180), (640, 360));
            stats.latency(i as f32);
        }
        stats.latency(-5.0);
        stats.latency(f32::NAN);
        let report = stats.report(start + Duration::from_millis(40 * 99));
        assert!((report.fps - 25.0).abs() < 0.5, "{}", report.fps);
        assert_eq!((report.latency_p50_ms, report.latency_p95_ms), (Some(50.0), Some(94.0)));
        assert_eq!((report.frames_painted, report.working_width), (100, 320));
        assert_eq!(stats.report(start + Duration::from_secs(60)).fps, 0.0);
        assert_eq!(Stats::new().report(start).latency_p50_ms, None);
    }
}
