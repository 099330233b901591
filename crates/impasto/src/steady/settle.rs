//! The painting follows slowly where the frame stands still.

use impasto_core::Image;

/// Side of a cell in px.
const CELL: usize = 8;
/// Share of the old painting that is kept in a still place, at a dial of 1.
const KEEP: f32 = 0.95;
/// A cell moves in full when its pixels differ by this much of 255 more than noise does, in the mean.
const FULL: f32 = 3.0;

/// Difference of a frame from the one before: a value for every cell of 8x8 px, 0 still to 1 moving.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Motion {
    /// Cells in a row; 0 where everything moves.
    across: usize,
    cells: Vec<f32>,
}

impl Motion {
    /// Everything has changed.
    pub fn everywhere() -> Self {
        Self::default()
    }

    /// Differences of up to `noise` of 255 count for nothing.
    pub(super) fn between(before: &Image, now: &Image, noise: f32) -> Self {
        let (width, height) = (now.width(), now.height());
        let across = width.div_ceil(CELL);
        let mut cells = Vec::with_capacity(across * height.div_ceil(CELL));
        for top in (0..height).step_by(CELL) {
            let mut sums = vec![(0u32, 0u32); across];
            for y in top..(top + CELL).min(height) {
                let row = 3 * y * width..3 * (y + 1) * width;
                add_row(&before.rgb()[row.clone()], &now.rgb()[row], noise as u8, &mut sums);
            }
            cells.extend(sums.iter().map(|(sum, count)| *sum as f32 / *count as f32 / FULL));
        }
        Self { across, cells: widened(&cells, across) }
    }

    /// Motion at each pixel of row `y`, between the middles of cells.
    fn row(&self, y: usize, out: &mut [f32]) {
        let down = self.cells.len() / self.across;
        let (first, second, weight) = place(y, down);
        let line = |row: usize| &self.cells[row * self.across..(row + 1) * self.across];
        let (above, below) = (line(first), line(second));
        for (x, out) in out.iter_mut().enumerate() {
            let (left, right, across) = place(x, self.across);
            let mix = |line: &[f32]| line[left] + across * (line[right] - line[left]);
            *out = mix(above) + weight * (mix(below) - mix(above));
        }
    }
}

/// Adds, for every cell, by how much its pixels differ beyond noise, and how many values that were.
fn add_row(before: &[u8], now: &[u8], noise: u8, sums: &mut [(u32, u32)]) {
    for ((before, now), sum) in before.chunks(3 * CELL).zip(now.chunks(3 * CELL)).zip(sums) {
        let beyond = before.iter().zip(now).map(|(a, b)| u32::from(a.abs_diff(*b).saturating_sub(noise)));
        *sum = (sum.0 + beyond.sum::<u32>(), sum.1 + before.len() as u32);
    }
}

/// The largest of each cell and its neighbours, at most 1: a painter looks beyond a cell.
fn widened(cells: &[f32], across: usize) -> Vec<f32> {
    let down = cells.len() / across;
    let around = |i: usize, len: usize| i.saturating_sub(1)..(i + 2).min(len);
    let largest = |i: usize| {
        let (x, y) = (i % across, i / across);
        let rows = around(y, down).flat_map(|y| cells[y * across..][around(x, across)].iter());
        rows.copied().fold(0.0, f32::max).min(1.0)
    };
    (0..cells.len()).map(largest).collect()
}

/// The cells around a pixel and the weight of the second.
fn place(at: usize, cells: usize) -> (usize, usize, f32) {
    let place = ((at as f32 + 0.5) / CELL as f32 - 0.5).clamp(0.0, (cells - 1) as f32);
    let first = place as usize;
    (first, (first + 1).min(cells - 1), place - first as f32)
}

/// Holds back what changes in a painting though its frame does not: what is left of flicker. Where the frame moves, the painting is as it is, so
/// there are no ghosts; and it is as it is while style or dials change.
#[derive(Default)]
pub(crate) struct Settler {
    size: (usize, usize),
    /// Shown values, in 1/256 of a byte's unit, so that small steps add up.
    shown: Vec<u16>,
    look: Vec<f32>,
    moves: Vec<f32>,
}

impl Settler {
    /// Forgets what was shown: the next painting stays as it is.
    pub fn forget(&mut self) {
        self.shown.clear();
    }

    /// Changes `painted`, made of a frame with this `motion`; `look` is all that it was made with. `steady` is `0..1`.
    pub fn settle(&mut self, painted: &mut Image, motion: &Motion, look: &[f32], steady: f32) {
        let size = (painted.width(), painted.height());
        let afresh = motion.across == 0 || steady <= 0.0 || size != self.size || look != self.look;
        if afresh || self.shown.len() != painted.rgb().len() {
            self.shown.clear();
            self.shown.extend(painted.rgb().iter().map(|&v| u16::from(v) << 8));
            (self.size, self.look) = (size, look.to_vec());
            return;
        }
        // Most of it comes early on the dial: it costs nothing to see.
        let keep = KEEP * (1.0 - (1.0 - steady).powi(2));
        self.moves.resize(size.0, 0.0);
        for (y, row) in painted.rgb_mut().chunks_exact_mut(3 * size.0).enumerate() {
            motion.row(y, &mut self.moves);
            let shown = &mut self.shown[3 * y * size.0..3 * (y + 1) * size.0];
            for ((new, shown), moves) in
                row.chunks_exact_mut(3).zip(shown.chunks_exact_mut(3)).zip(&self.moves)
            {
                let share = (256.0 * (1.0 - keep * (1.0 - moves))) as i32;
                for c in 0..3 {
                    let difference = (i32::from(new[c]) << 8) - i32::from(shown[c]);
                    shown[c] = (i32::from(shown[c]) + ((difference * share) >> 8)) as u16;
                    new[c] = ((u32::from(shown[c]) + 128) >> 8).min(255) as u8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene;
    use impasto_core::Random;

    fn painted(seed: u64) -> Image {
        let (still, mut random) = (scene::draw(96, 54, 0.0), Random::new(seed));
        Image::from_fn(96, 54, |x, y| {
            still.pixel(x, y).map(|v| (f32::from(v) + 3.0 * random.normal()).round().clamp(0.0, 255.0) as u8)
        })
    }

    fn difference(a: &Image, b: &Image) -> f32 {
        let sum: u32 = a.rgb().iter().zip(b.rgb()).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        sum as f32 / a.rgb().len() as f32
    }

    fn still() -> Motion {
        let frame = scene::draw(96, 54, 0.0);
        Motion::between(&frame, &frame, 0.0)
    }

    #[test]
    fn flicker_of_a_still_frame_is_held_back_and_a_lasting_change_arrives() {
        let look = [1.0, 2.0];
        let mut settler = Settler::default();
        let mut shown = Vec::new();
        for seed in 0..20 {
            let mut image = painted(seed);
            settler.settle(&mut image, &still(), &look, 0.6);
            shown.push(image);
        }
        assert_eq!(shown[0], painted(0), "the first stays");
        let calmed = difference(&shown[18], &shown[19]);
        assert!(calmed < 0.3 * difference(&painted(18), &painted(19)), "{calmed}");
        let mut last = painted(0);
        for _ in 0..300 {
            last = Image::from_fn(96, 54, |_, _| [9, 130, 255]);
            settler.settle(&mut last, &still(), &look, 1.0);
        }
        assert!(
            last.rgb()
                .chunks_exact(3)
                .all(|p| p.iter().zip([9u8, 130, 255]).all(|(a, b)| a.abs_diff(b) <= 1))
        );
    }

    #[test]
    fn what_moves_is_shown_as_it_is_painted() {
        let look = [1.0, 2.0];
        let before = scene::draw(96, 54, 0.0);
        let now = Image::from_fn(96, 54, |x, y| if x < 24 { [255, 0, 0] } else { before.pixel(x, y) });
        let motion = Motion::between(&before, &now, 4.0);
        let (mut settler, mut first, mut second) = (Settler::default(), painted(1), painted(2));
        settler.settle(&mut first, &motion, &look, 1.0);
        settler.settle(&mut second, &motion, &look, 1.0);
        let fresh = painted(2);
        let same = |x: usize| (0..54).all(|y| second.pixel(x, y) == fresh.pixel(x, y));
        assert!((0..24).all(same), "no ghost");
        assert!((60..96).all(|x| !same(x)), "and calm elsewhere");
    }

    #[test]
    fn another_look_and_another_size_are_there_at_once() {
        let mut settler = Settler::default();
        let mut settled = |look: &[f32], seed: u64| {
            let mut image = painted(seed);
            settler.settle(&mut image, &still(), look, 1.0);
            image == painted(seed)
        };
        assert!(settled(&[1.0, 2.0], 0) && !settled(&[1.0, 2.0], 1));
        assert!(settled(&[1.0, 3.0], 2), "look");
        settler.forget();
        let mut image = painted(4);
        settler.settle(&mut image, &still(), &[1.0, 3.0], 1.0);
        assert_eq!(image, painted(4), "forgotten");
        let mut small = scene::draw(20, 10, 0.0);
        let motion = Motion::between(&small, &small, 0.0);
        settler.settle(&mut small, &motion, &[1.0, 3.0], 1.0);
        assert_eq!(small, scene::draw(20, 10, 0.0), "size");
    }
}
