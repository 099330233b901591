//! The last few frames of the camera, to learn on. They are kept here and nowhere else.

use impasto_core::Image;
use impasto_media::resize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Frames that are kept.
const KEPT: usize = 32;
/// Their shorter side, px, at most.
const SIDE_PX: usize = 360;
/// Between two of them.
const EVERY: Duration = Duration::from_millis(1500);

/// Frames of the last minute or so.
#[derive(Default)]
pub(super) struct Frames {
    kept: VecDeque<Arc<Image>>,
    last: Option<(Instant, u32)>,
}

impl Frames {
    /// Whether another frame is wanted, whose number is `sequence`.
    pub fn want(&self, sequence: u32, now: Instant) -> bool {
        self.last.is_none_or(|(at, number)| number != sequence && now.duration_since(at) >= EVERY)
    }

    /// Takes a frame in, made smaller; the oldest goes.
    pub fn take(&mut self, frame: &Image, sequence: u32, now: Instant) {
        self.last = Some((now, sequence));
        let large = frame.width().min(frame.height()) > SIDE_PX;
        let small = if large { resize::resize_shorter_side(frame, SIDE_PX) } else { frame.clone() };
        self.kept.push_back(Arc::new(small));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
    }

    /// All of them, the oldest first.
    pub fn all(&self) -> Vec<Arc<Image>> {
        self.kept.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_are_kept_small_and_none_twice() {
        let (mut frames, start) = (Frames::default(), Instant::now());
        let mut now = start;
        for i in 0..40u32 {
            assert!(frames.want(i, now));
            frames.take(&Image::from_fn(720, 400, |_, _| [i as u8; 3]), i, now);
            assert!(!frames.want(i + 1, now), "too soon");
            now += EVERY;
            assert!(!frames.want(i, now), "the same one: the camera stands still");
        }
        let all = frames.all();
        assert_eq!((all.len(), all[0].pixel(0, 0), all[31].pixel(0, 0)), (32, [8; 3], [39; 3]));
        assert_eq!((all[0].width(), all[0].height()), (648, 360));
    }
}
