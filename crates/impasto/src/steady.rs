//! Keeping a moving painting calm: what a camera's noise and a wandering exposure would stir up.
//!
//! One dial, [`crate::Dials::steady`], drives it all; [`crate::Session`] does it. A *noise gate* lets a pixel of the frame change only
//! as far as it differs from what was there before by more than noise does. *Content statistics* at AdaIN sites are smoothed over time.
//! The frame is painted *on the scene's own grid*, which follows the camera. The *painting* follows slowly where the frame stands
//! still. And all start afresh at a *scene cut*.

mod anchor;
mod motion;
mod settle;

pub(crate) use anchor::{Anchor, Place};
pub(crate) use settle::{Motion, Settler};

use impasto_core::Image;

/// The dial for films and cameras, unless another is asked for.
pub const DEFAULT: f32 = 0.6;

/// Share of the content statistics that is kept from frame to frame at this position of the dial.
pub fn kept_statistics(steady: f32) -> f32 {
    SMOOTHING * steady
}

/// Motion of the camera from one frame to the next, px `[x, y]`: where things are now, less where they were. `None` where there is
/// nothing to follow: after a cut, before a blank wall.
///
/// # Panics
/// If the frames' sizes differ.
pub fn camera_shift(before: &Image, now: &Image) -> Option<[f32; 2]> {
    Some(motion::Pyramid::new(now).shift_since(&motion::Pyramid::new(before), [0.0; 2])?.by)
}

/// Differences up to this many of 255, at a dial of 1, are taken for noise.
const NOISE: f32 = 7.0;
/// Differences from this many of 255 on, at a dial of 1, pass in full.
const MOTION: f32 = 22.0;
/// Part of a difference taken for noise that passes, so that slow changes arrive in the end.
const LEAK: f32 = 0.12;
/// Share of statistics kept from frame to frame, at a dial of 1.
const SMOOTHING: f32 = 0.95;
/// A cut: this share of the cells of a coarse grid has changed by more than [`CUT_CHANGE`] of 255.
const CUT_SHARE: f32 = 0.55;
const CUT_CHANGE: f32 = 24.0;
const GRID: usize = 12;

/// Memory of the last frame, to steady the next.
#[derive(Default)]
pub(crate) struct Calm {
    shown: Option<Image>,
    grid: Vec<f32>,
}

/// Conditions that a frame is painted with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Advice {
    /// The frame begins a new scene.
    pub cut: bool,
    /// Share of the content statistics that is kept.
    pub smoothing: f32,
    /// Changed parts of the frame, for [`Settler::settle`].
    pub motion: Motion,
}

impl Calm {
    /// Takes noise out of `frame`, in place. `steady` is `0..1`; at 0 the frame stays as it is.
    pub fn calm(&mut self, frame: &mut Image, steady: f32) -> Advice {
        let grid = coarse(frame);
        let same_size =
            self.shown.as_ref().is_some_and(|s| (s.width(), s.height()) == (frame.width(), frame.height()));
        let cut = !same_size || is_cut(&self.grid, &grid);
        self.grid = grid;
        let mut motion = Motion::everywhere();
        match &mut self.shown {
            Some(shown) if !cut && steady > 0.0 => {
                motion = Motion::between(shown, frame, NOISE * steady);
                gate(shown, frame, steady);
                frame.rgb_mut().copy_from_slice(shown.rgb());
            }
            Some(shown) if same_size => shown.rgb_mut().copy_from_slice(frame.rgb()),
            shown => *shown = Some(frame.clone()),
        }
        Advice { cut, smoothing: kept_statistics(steady), motion }
    }
}

/// Moves `shown` towards `frame` by a share that grows with the pixel's largest difference.
fn gate(shown: &mut Image, frame: &Image, steady: f32) {
    let shares = shares(steady);
    for (shown, new) in shown.rgb_mut().chunks_exact_mut(3).zip(frame.rgb().chunks_exact(3)) {
        let largest = (0..3).map(|c| shown[c].abs_diff(new[c])).max().unwrap_or(0);
        let share = i32::from(shares[usize::from(largest)]);
        for c in 0..3 {
            let difference = i32::from(new[c]) - i32::from(shown[c]);
            // Rounded away from zero, so that a difference of 1 still arrives.
            let step = (difference * share + 255 * difference.signum()) / 256;
            shown[c] = (i32::from(shown[c]) + step) as u8;
        }
    }
}

/// Of 256: how much of a difference passes, by the difference.
fn shares(steady: f32) -> [u16; 256] {
    let (noise, motion) = (NOISE * steady, MOTION * steady);
    std::array::from_fn(|difference| {
        let t = ((difference as f32 - noise) / (motion - noise)).clamp(0.0, 1.0);
        (256.0 * (LEAK + (1.0 - LEAK) * t)).round() as u16
    })
}

/// Mean green of the cells of a [`GRID`] x [`GRID`] grid, from a few pixels of each.
fn coarse(frame: &Image) -> Vec<f32> {
    let (width, height) = (frame.width(), frame.height());
    let at = |cell: usize, part: usize, len: usize| ((cell * 4 + part) * len / (GRID * 4)).min(len - 1);
    let cell = |i: usize| {
        let sample =
            |k: usize| f32::from(frame.pixel(at(i % GRID, k % 4, width), at(i / GRID, k / 4, height))[1]);
        (0..16).map(sample).sum::<f32>() / 16.0
    };
    (0..GRID * GRID).map(cell).collect()
}

fn is_cut(before: &[f32], now: &[f32]) -> bool {
    let changed = before.iter().zip(now).filter(|(a, b)| (**a - **b).abs() > CUT_CHANGE).count();
    changed as f32 > CUT_SHARE * (GRID * GRID) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene;
    use impasto_core::Random;

    fn noisy(image: &Image, seed: u64) -> Image {
        let mut random = Random::new(seed);
        Image::from_fn(image.width(), image.height(), |x, y| {
            image
                .pixel(x, y)
                .map(|byte| (f32::from(byte) + 2.0 * random.normal()).round().clamp(0.0, 255.0) as u8)
        })
    }

    fn mean_difference(a: &Image, b: &Image) -> f32 {
        let sum: u32 = a.rgb().iter().zip(b.rgb()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        sum as f32 / a.rgb().len() as f32
    }

    #[test]
    fn noise_is_gated_and_motion_passes() {
        let still = scene::draw(96, 54, 0.0);
        let mut steadier = Calm::default();
        let (mut first, mut second) = (noisy(&still, 1), noisy(&still, 2));
        let stirred = mean_difference(&first, &second);
        steadier.calm(&mut first, 0.8);
        assert!(!steadier.calm(&mut second, 0.8).cut);
        assert!(mean_difference(&first, &second) < 0.5 * stirred);

        let moved = Image::from_fn(96, 54, |x, y| if x < 20 { [255, 0, 0] } else { still.pixel(x, y) });
        let mut frame = moved.clone();
        assert!(!steadier.calm(&mut frame, 0.8).cut);
        assert_eq!(frame.pixel(5, 5), [255, 0, 0], "no ghost");
    }

    #[test]
    fn a_slow_change_arrives() {
        let mut steadier = Calm::default();
        steadier.calm(&mut Image::from_fn(32, 32, |_, _| [100; 3]), 1.0);
        let mut shown = [0; 3];
        for _ in 0..40 {
            let mut frame = Image::from_fn(32, 32, |_, _| [104, 97, 100]);
            steadier.calm(&mut frame, 1.0);
            shown = frame.pixel(3, 3);
        }
        assert_eq!(shown, [104, 97, 100]);
    }

    #[test]
    fn a_cut_is_seen_and_a_pan_is_not() {
        let wide = scene::draw(240, 54, 0.0);
        let view = |from: usize| Image::from_fn(96, 54, |x, y| wide.pixel(from + x, y));
        let mut steadier = Calm::default();
        assert!(steadier.calm(&mut view(0), 0.5).cut, "the first frame begins a scene");
        for from in (4..60).step_by(4) {
            assert!(!steadier.calm(&mut view(from), 0.5).cut, "a pan at {from}");
        }
        let mut other =
            Image::from_fn(96, 54, |x, y| if (x / 9 + y / 9) % 2 == 0 { [250; 3] } else { [5; 3] });
        assert!(steadier.calm(&mut other, 0.5).cut);
        assert_eq!(other.pixel(0, 0), [250; 3], "the frame after a cut is untouched");
        assert!(steadier.calm(&mut view(0).clone(), 0.5).cut);
        assert!(steadier.calm(&mut scene::draw(50, 50, 0.0), 0.5).cut, "another size is a new scene");
    }

    #[test]
    fn nothing_is_done_at_zero() {
        let (a, b) = (scene::draw(60, 40, 0.0), scene::draw(60, 40, 0.1));
        let mut steadier = Calm::default();
        steadier.calm(&mut a.clone(), 0.0);
        let mut frame = b.clone();
        let motion = Motion::everywhere();
        assert_eq!(steadier.calm(&mut frame, 0.0), Advice { cut: false, smoothing: 0.0, motion });
        assert_eq!(frame, b);
    }
}
