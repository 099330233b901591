//! Which of a camera's formats is taken.

use super::pixels::PixelKind;
use linuxvideo::format::{FrameIntervals, FrameSizes, PixelFormat};
use linuxvideo::{BufType, Device};

/// A rate from which on video looks fluent; a camera's raw formats often fall below it at large sizes.
const FLUENT_FPS: f32 = 23.9;

/// A format that the camera offers, at its size nearest to the one asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Offer {
    pub kind: PixelKind,
    pub format: PixelFormat,
    pub width: u32,
    pub height: u32,
    /// The highest rate there; none where the driver does not say.
    pub fps: Option<f32>,
}

/// What the camera offers, with sizes near `asked` (width and height in px).
pub(super) fn offers(device: &Device, asked: (u32, u32)) -> Vec<Offer> {
    let described = device.formats(BufType::VIDEO_CAPTURE).map_while(Result::ok);
    let readable = described.filter_map(|found| {
        let format = found.pixel_format();
        Some((format, PixelKind::of(format.as_fourcc())?))
    });
    readable
        .map(|(format, kind)| {
            // Some drivers do not list sizes; setting the format then brings the nearest.
            let (width, height) = device.frame_sizes(format).map_or(asked, |sizes| nearest(&sizes, asked));
            let fps =
                device.frame_intervals(format, width, height).ok().and_then(|intervals| rate(&intervals));
            Offer { kind, format, width, height, fps }
        })
        .collect()
}

fn nearest(sizes: &FrameSizes, asked: (u32, u32)) -> (u32, u32) {
    match sizes {
        FrameSizes::Discrete(sizes) => {
            let sizes = sizes.iter().map(|size| (size.width(), size.height()));
            sizes.min_by_key(|size| distance(*size, asked)).unwrap_or(asked)
        }
        FrameSizes::Stepwise(range) | FrameSizes::Continuous(range) => (
            stepped(asked.0, range.min_width(), range.max_width(), range.step_width()),
            stepped(asked.1, range.min_height(), range.max_height(), range.step_height()),
        ),
    }
}

fn stepped(asked: u32, least: u32, most: u32, step: u32) -> u32 {
    if asked <= least || most <= least {
        return least;
    }
    least + (asked.min(most) - least) / step.max(1) * step.max(1)
}

fn distance((width, height): (u32, u32), asked: (u32, u32)) -> u32 {
    width.abs_diff(asked.0) + height.abs_diff(asked.1)
}

fn rate(intervals: &FrameIntervals) -> Option<f32> {
    let shortest = intervals.min();
    let fps = shortest.denominator() as f32 / shortest.numerator() as f32;
    (fps.is_finite() && fps > 0.0).then_some(fps)
}

/// The best of several: fluent before slow, then the nearest size, then the kind that is the least work.
pub(super) fn best(offers: Vec<Offer>, asked: (u32, u32)) -> Option<Offer> {
    let is_slow = |offer: &Offer| offer.fps.is_some_and(|fps| fps < FLUENT_FPS);
    let rank = |offer: &Offer| (is_slow(offer), distance((offer.width, offer.height), asked), offer.kind);
    offers.into_iter().min_by_key(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(kind: PixelKind, width: u32, height: u32, fps: f32) -> Offer {
        Offer { kind, format: PixelFormat::YUYV, width, height, fps: Some(fps) }
    }

    #[test]
    fn fluent_then_near_then_simple() {
        let raw = offer(PixelKind::Yuyv, 1280, 720, 10.0);
        let jpeg = offer(PixelKind::Mjpeg, 1280, 720, 30.0);
        let small = offer(PixelKind::Yuyv, 640, 480, 30.0);
        let asked = (1280, 720);
        let chosen = |offers: &[&Offer]| best(offers.iter().map(|o| (*o).clone()).collect(), asked).unwrap();
        assert_eq!(chosen(&[&raw, &jpeg, &small]), jpeg);
        assert_eq!(chosen(&[&raw, &small]), small);
        assert_eq!(chosen(&[&raw]), raw);
        let fast_raw = offer(PixelKind::Yuyv, 1280, 720, 30.0);
        assert_eq!(chosen(&[&jpeg, &fast_raw]), fast_raw);
        assert_eq!(best(vec![], asked), None);
    }

    #[test]
    fn sizes_come_in_steps() {
        assert_eq!(stepped(1280, 16, 1920, 16), 1280);
        assert_eq!(stepped(1287, 16, 1920, 16), 1280);
        assert_eq!(stepped(4000, 16, 1920, 16), 1920);
        assert_eq!(stepped(1, 16, 1920, 0), 16);
    }
}
