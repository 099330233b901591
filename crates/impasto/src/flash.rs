//! Counting and damping flashes, after WCAG 2.3.1 (three flashes or below, general flash).
//!
//! A transition is a change of relative luminance by at least 0.1 of its maximum where the darker end is below 0.8; a flash is a pair of opposing
//! transitions. The frame is taken as the whole screen, which WCAG counts as 1024x768 px: no window of 341x256 px of it may have more
//! than three flashes within one second on more than a quarter of its area. Luminance is measured as the mean of each cell
//! of a grid of 24x18 cells, so that such a window has 8x6 cells. Saturated red (the "red flash") is not looked at.

use impasto_core::Image;

/// Cells of the grid, across and down.
const GRID: (usize, usize) = (24, 18);
/// Cells of the window in which a quarter must not flash.
const WINDOW: (usize, usize) = (8, 6);
/// Changes below this, of relative luminance `0..1`, are no transitions.
const CHANGE: f32 = 0.1;
/// Nor are changes between two luminances that both are above this.
const DARKER: f32 = 0.8;
/// Flashes within a second that are allowed.
pub const ALLOWED: usize = 3;
/// The time over which flashes are counted.
const SECOND: f64 = 1.0;
/// Pixels at which each row and column is sampled, about: more tell nothing new about a cell's mean.
const SAMPLES: usize = 240;
/// Share of a new frame while the picture that comes in flashes too often.
const DAMPED: f32 = 0.12;

/// Flashes in the second up to a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flashes {
    /// The most that any window shows on more than a quarter of its area.
    pub in_a_second: usize,
    /// The frame was changed so that it is no more than [`ALLOWED`].
    pub damped: bool,
}

/// Counts the flashes of a sequence of frames.
#[derive(Clone)]
pub struct FlashMeter {
    cells: Vec<Cell>,
}

/// The luminance of one cell over time.
#[derive(Clone, Default)]
struct Cell {
    /// Darkest and brightest since the last transition; `None` before the first frame.
    range: Option<(f32, f32)>,
    /// Times of the last transitions in seconds, the newest last; more than allowed are not needed.
    transitions: Vec<f64>,
    /// Direction of the last transition.
    rising: Option<bool>,
}

impl Cell {
    fn observe(&mut self, luminance: f32, seconds: f64) {
        let (low, high) = self.range.unwrap_or((luminance, luminance));
        let rose = luminance - low >= CHANGE && low < DARKER && self.rising != Some(true);
        let fell = high - luminance >= CHANGE && luminance < DARKER && self.rising != Some(false);
        // Another camera may have an earlier clock: what lies ahead is forgotten too.
        self.transitions.retain(|time| (0.0..SECOND).contains(&(seconds - time)));
        if rose || fell {
            self.rising = Some(rose);
            self.range = Some((luminance, luminance));
            if self.transitions.len() > 2 * ALLOWED + 8 {
                self.transitions.remove(0);
            }
            self.transitions.push(seconds);
        } else {
            self.range = Some((low.min(luminance), high.max(luminance)));
        }
    }

    /// Flashes, a half one counted as whole: the seventh transition begins the fourth flash.
    fn flashes(&self) -> usize {
        self.transitions.len().div_ceil(2)
    }
}

impl Default for FlashMeter {
    fn default() -> Self {
        Self { cells: vec![Cell::default(); GRID.0 * GRID.1] }
    }
}

impl FlashMeter {
    /// No frame was seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the frame that is shown from `seconds` on; gives the flashes of the second before.
    pub fn observe(&mut self, frame: &Image, seconds: f64) -> usize {
        for (cell, luminance) in self.cells.iter_mut().zip(cell_luminances(frame)) {
            cell.observe(luminance, seconds);
        }
        self.worst()
    }

    /// Over all windows: the number of flashes that more than a quarter of the cells have.
    fn worst(&self) -> usize {
        let counts: Vec<usize> = self.cells.iter().map(Cell::flashes).collect();
        if counts.iter().all(|count| *count == 0) {
            return 0;
        }
        let quarter = WINDOW.0 * WINDOW.1 / 4;
        let window = |left: usize, top: usize| {
            let rows = (top..top + WINDOW.1).map(|y| y * GRID.0 + left);
            let mut inside: Vec<usize> = rows.flat_map(|at| counts[at..at + WINDOW.0].to_vec()).collect();
            inside.sort_unstable_by(|a, b| b.cmp(a));
            inside[quarter]
        };
        let tops = 0..=GRID.1 - WINDOW.1;
        tops.flat_map(|top| (0..=GRID.0 - WINDOW.0).map(move |left| (left, top)))
            .map(|(left, top)| window(left, top))
            .max()
            .unwrap_or(0)
    }
}

/// Changes frames so that no more than [`ALLOWED`] flashes a second are left.
#[derive(Default)]
pub struct FlashLimiter {
    /// Of the frames as they come.
    incoming: FlashMeter,
    /// Of the frames as they leave.
    outgoing: FlashMeter,
    before: Option<Image>,
}

impl FlashLimiter {
    /// No frame was seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts without changing the frame that is shown from `seconds` on.
    pub fn watch(&mut self, frame: &Image, seconds: f64) -> Flashes {
        let in_a_second = self.incoming.observe(frame, seconds);
        self.outgoing = self.incoming.clone();
        self.before = None;
        Flashes { in_a_second, damped: false }
    }

    /// Mixes a frame that would make too many flashes with the last one that was given out, as much as is needed.
    pub fn limit(&mut self, frame: &mut Image, seconds: f64) -> Flashes {
        let flashing = self.incoming.observe(frame, seconds) > ALLOWED;
        let shares =
            if flashing { [DAMPED, DAMPED / 2.0, DAMPED / 4.0, 0.0] } else { [1.0, 0.5, DAMPED, 0.0] };
        let mut chosen = None;
        for share in shares {
            let candidate = mixed(frame, self.before.as_ref(), share);
            let mut meter = self.outgoing.clone();
            let in_a_second = meter.observe(&candidate, seconds);
            let damped = share < 1.0 && self.before.is_some();
            chosen = Some((candidate, meter, Flashes { in_a_second, damped }));
            if in_a_second <= ALLOWED {
                break;
            }
        }
        let (candidate, meter, flashes) = chosen.expect("there are four shares");
        self.outgoing = meter;
        *frame = candidate.clone();
        self.before = Some(candidate);
        flashes
    }
}

/// `share` of `new` and the rest of `old`; `new` alone where there is no old one.
fn mixed(new: &Image, old: Option<&Image>, share: f32) -> Image {
    let Some(old) = old.filter(|_| share < 1.0) else { return new.clone() };
    let (width, height) = (new.width(), new.height());
    let weight = (256.0 * share).round() as i32;
    // Towards the old value, so that a share of 0 gives exactly that.
    let mix = |new: u8, old: u8| (i32::from(old) + ((i32::from(new) - i32::from(old)) * weight) / 256) as u8;
    if (old.width(), old.height()) == (width, height) {
        let mut image = old.clone();
        image.rgb_mut().iter_mut().zip(new.rgb()).for_each(|(old, new)| *old = mix(*new, *old));
        return image;
    }
    // The size has changed: the nearest pixel of the old one.
    Image::from_fn(width, height, |x, y| {
        let before = old.pixel(x * old.width() / width, y * old.height() / height);
        let now = new.pixel(x, y);
        std::array::from_fn(|channel| mix(now[channel], before[channel]))
    })
}

/// Mean relative luminance of each cell, `0..1`, rows from the top.
fn cell_luminances(frame: &Image) -> Vec<f32> {
    let (width, height) = (frame.width(), frame.height());
    let linear: [f32; 256] = std::array::from_fn(|byte| linear_from_srgb(byte as f32 / 255.0));
    let mut sums = vec![(0.0f32, 0u32); GRID.0 * GRID.1];
    // A frame smaller than the grid fills each cell with its nearest pixel.
    let (columns, rows) = (samples(width, GRID.0), samples(height, GRID.1));
    for row in 0..rows {
        let (y, cell_row) = (row * height / rows, row * GRID.1 / rows);
        for column in 0..columns {
            let [r, g, b] = frame.pixel(column * width / columns, y).map(|byte| linear[usize::from(byte)]);
            let (sum, count) = &mut sums[cell_row * GRID.0 + column * GRID.0 / columns];
            *sum += 0.2126 * r + 0.7152 * g + 0.0722 * b;
            *count += 1;
        }
    }
    sums.into_iter().map(|(sum, count)| sum / count.max(1) as f32).collect()
}

fn samples(side_px: usize, cells: usize) -> usize {
    side_px.clamp(cells, SAMPLES)
}

fn linear_from_srgb(value: f32) -> f32 {
    if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gray(value: u8) -> Image {
        Image::from_fn(64, 48, |_, _| [value; 3])
    }

    /// Frames at 25 a second: the picture of each by its number.
    fn worst_of(frames: impl Iterator<Item = Image>) -> usize {
        let mut meter = FlashMeter::new();
        frames.enumerate().map(|(i, frame)| meter.observe(&frame, i as f64 / 25.0)).max().unwrap()
    }

    #[test]
    fn flashes_are_counted_as_pairs_within_a_second() {
        // Black and white, each for so many frames: 25 / (2 * frames) flashes a second.
        let blink = |frames: usize| {
            worst_of((0..100).map(|i| gray(if (i / frames).is_multiple_of(2) { 0 } else { 255 })))
        };
        assert_eq!(blink(5), 3, "2.5 a second");
        assert_eq!(blink(4), 4, "3.1 a second");
        assert!(blink(1) > 6);
        assert_eq!(worst_of((0..50).map(|_| gray(90))), 0);
        assert_eq!(worst_of((0..50).map(|i| gray(5 * i))), 1, "one slow rise");
    }

    #[test]
    fn what_is_no_general_flash_is_not_counted() {
        let blink = |a: u8, b: u8| worst_of((0..50).map(|i| gray(if i % 2 == 0 { a } else { b })));
        assert_eq!(blink(100, 115), 0, "luminance 0.13 and 0.17");
        assert_eq!(blink(235, 255), 0, "luminance 0.83 and 1.0: the darker is above 0.8");
        assert!(blink(100, 150) > 3, "luminance 0.13 and 0.30");
        // One corner of 1/10 by 1/10 of the screen is less than a quarter of any window.
        let corner = |i: usize, side: usize| {
            Image::from_fn(64, 48, |x, y| {
                if x < side && y < side * 3 / 4 && i.is_multiple_of(2) { [255; 3] } else { [0; 3] }
            })
        };
        assert_eq!(worst_of((0..50).map(|i| corner(i, 6))), 0);
        assert!(worst_of((0..50).map(|i| corner(i, 20))) > 3, "a window's worth");
    }

    #[test]
    fn the_limiter_leaves_three_flashes_and_calm_pictures_alone() {
        let (mut limiter, mut judge) = (FlashLimiter::new(), FlashMeter::new());
        let mut swings = Vec::new();
        let mut last = 0;
        for i in 0..200 {
            let mut frame = gray(if i % 2 == 0 { 0 } else { 255 });
            let flashes = limiter.limit(&mut frame, i as f64 / 25.0);
            let seen = judge.observe(&frame, i as f64 / 25.0);
            assert!(seen <= ALLOWED && flashes.in_a_second == seen, "frame {i}: {seen}");
            swings.push(frame.pixel(9, 9)[0].abs_diff(last));
            last = frame.pixel(9, 9)[0];
            assert_eq!(flashes.damped, i >= 7, "frame {i}");
        }
        assert!(swings[100..].iter().all(|swing| *swing < 40), "{:?}", &swings[100..]);
        // A slow film afterwards is untouched once the flashing is over.
        for i in 200..260 {
            let mut frame = gray((i % 40) as u8 / 4 + 60);
            let before = frame.clone();
            let flashes = limiter.limit(&mut frame, i as f64 / 25.0);
            if i > 240 {
                assert!(!flashes.damped && frame == before, "frame {i}");
            }
        }
    }

    #[test]
    fn frames_of_another_size_and_tiny_ones_are_taken() {
        let mut limiter = FlashLimiter::new();
        for (i, side) in [64, 3, 1, 500, 7].into_iter().cycle().take(40).enumerate() {
            let mut frame = Image::from_fn(side, side, |_, _| [if i % 2 == 0 { 0 } else { 255 }; 3]);
            limiter.limit(&mut frame, i as f64 / 25.0);
            assert_eq!((frame.width(), frame.height()), (side, side));
        }
        assert!(limiter.outgoing.worst() <= ALLOWED);
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_nothing_behind() {
        let mut meter = FlashMeter::new();
        for i in 0..25 {
            meter.observe(&gray(if i % 2 == 0 { 0 } else { 255 }), 1000.0 + i as f64 / 25.0);
        }
        assert_eq!(meter.observe(&gray(0), 3.0), 0);
    }

    #[test]
    fn watching_counts_and_changes_nothing() {
        let mut limiter = FlashLimiter::new();
        let last =
            (0..25).map(|i| limiter.watch(&gray(if i % 2 == 0 { 0 } else { 255 }), i as f64 / 25.0)).last();
        assert!(last.is_some_and(|flashes| flashes.in_a_second > ALLOWED && !flashes.damped));
    }
}
