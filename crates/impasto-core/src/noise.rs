//! The noise field: fixed planes of Gaussian noise that a painter grows its strokes from.
//!
//! A convolutional network that sees a flat sky has only the camera's noise and its own grid to paint with: the first flickers, the
//! second is a lattice. A field that is fixed in the picture gives it something else (Ulyanov et al. 2017, arXiv 1701.02096, feed
//! noise to generators for the same reason). [`crate::Op::Noise`] adds it to features:
//!
//! ```text
//! y[c, v, u] = x[c, v, u] + amount * gain[c] * sum over k of weight[c, k] * n_k[v + origin_y / stride, u + origin_x / stride]
//! amount     = strength * strokes                    of the frame's conditions
//! ```
//! `gain` is chosen by the style, `weight` belongs to the network. A plane `n_k` has mean 0 and deviation 1 and repeats every
//! [`PERIOD`] cells. It is made from integers, so that every machine makes the same bits:
//!
//! ```text
//! w(y, x) = sum of the 8 bytes of SplitMix64's number PERIOD * y + x, less its mean of 1020;  deviation sqrt(43690)
//! n(y, x) = w blurred by (1, 2, .., g, .., 2, 1) along both axes, g the plane's grain, divided by its deviation
//! ```

use crate::network::{Network, NodeId, Op};
use crate::tensor::Shape;

/// Planes repeat after this many cells along both axes.
pub const PERIOD: usize = 256;
/// A site has at most this many planes. Windows always hold this many numbers a cell; those of missing planes are 0.
pub const MAX_PLANES: usize = 4;
/// Largest grain of a plane, in cells.
pub const MAX_GRAIN: usize = 16;
/// The field that this module makes. Models name theirs, and one of another version is refused.
pub const VERSION: u32 = 1;

/// Sum of eight bytes, on average.
const MEAN: i32 = 1020;
/// Variance of that sum: `8 (256^2 - 1) / 12`.
const VARIANCE: f64 = 43690.0;

/// Which field a frame is painted with, and where it lies under the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Field {
    /// Chooses the planes.
    pub seed: u32,
    /// The field's position `[x, y]` under the picture's left upper corner, px. Sites round it down to whole cells, so it should be a
    /// multiple of the network's [`Network::multiple`].
    pub origin: [i32; 2],
    /// Scales the noise, `0..=2`; at 1 it is as the network was trained.
    pub strokes: f32,
}

impl Default for Field {
    fn default() -> Self {
        Self { seed: 0, origin: [0, 0], strokes: 1.0 }
    }
}

/// One period of the planes of a site, `[PERIOD][PERIOD][MAX_PLANES]`.
struct Tile(Vec<f32>);

impl Tile {
    fn new(seed: u32, stride: usize, grains: &[usize]) -> Self {
        let mut values = vec![0.0; PERIOD * PERIOD * MAX_PLANES];
        for (k, &grain) in grains.iter().enumerate() {
            let plane = plane(seed, stride, k, grain);
            values.iter_mut().skip(k).step_by(MAX_PLANES).zip(plane).for_each(|(value, n)| *value = n);
        }
        Self(values)
    }

    /// Copies `height` x `width` cells from cell `[x, y]` on, wherever that lies.
    fn copy(&self, [x, y]: [i64; 2], width: usize, out: &mut [f32]) {
        let wrapped = |at: i64| at.rem_euclid(PERIOD as i64) as usize;
        for (v, row) in out.chunks_exact_mut(width * MAX_PLANES).enumerate() {
            let from = &self.0[wrapped(y + v as i64) * PERIOD * MAX_PLANES..][..PERIOD * MAX_PLANES];
            let (mut done, mut at) = (0, wrapped(x) * MAX_PLANES);
            while done < row.len() {
                let count = (row.len() - done).min(from.len() - at);
                row[done..done + count].copy_from_slice(&from[at..at + count]);
                (done, at) = (done + count, 0);
            }
        }
    }
}

/// One period of plane `k` of the sites at `stride`, in rows.
fn plane(seed: u32, stride: usize, k: usize, grain: usize) -> Vec<f32> {
    let key = mixed(u64::from(seed) | (stride as u64) << 32 | (k as u64) << 48);
    let white = |i: usize| {
        let bits = mixed(key.wrapping_add((i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        bits.to_le_bytes().into_iter().map(i32::from).sum::<i32>() - MEAN
    };
    let mut values: Vec<i32> = (0..PERIOD * PERIOD).map(white).collect();
    // Along rows, then along columns.
    for step in [1, PERIOD] {
        values = blurred(&values, step, grain as isize);
    }
    let g = grain as f64;
    // Sum of squares of (1, 2, .., g, .., 2, 1), once for each axis.
    let power = ((2.0 * g * g * g + g) / 3.0).powi(2);
    let scale = (1.0 / (VARIANCE * power).sqrt()) as f32;
    values.into_iter().map(|value| value as f32 * scale).collect()
}

/// SplitMix64's mixing function (Steele, Lea and Flood 2014).
fn mixed(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Sums with weights `grain - |i|` over neighbours `i` along one axis, which is periodic; `step` is the distance between neighbours.
fn blurred(values: &[i32], step: usize, grain: isize) -> Vec<i32> {
    if grain == 1 {
        return values.to_vec();
    }
    let one = |at: usize| {
        let along = (at / step % PERIOD) as isize;
        let start = at - along as usize * step;
        let neighbour = |i: isize| values[start + (along + i).rem_euclid(PERIOD as isize) as usize * step];
        (1 - grain..grain).map(|i| (grain - i.abs()) as i32 * neighbour(i)).sum()
    };
    (0..values.len()).map(one).collect()
}

/// One period of the field that sites at `stride` read, `[PERIOD][PERIOD][MAX_PLANES]`, for runtimes that lay it out themselves.
pub fn period(seed: u32, stride: usize, grains: &[usize]) -> Vec<f32> {
    Tile::new(seed, stride, grains).0
}

/// Number of a window in [`Windows`].
pub type WindowId = usize;

/// Cells that the noise sites of a network read at one picture size: a window of the field for each resolution. Sites that read the same
/// share one. All memory is allocated by [`Windows::new`], and nothing moves until it is dropped.
pub struct Windows {
    windows: Vec<Window>,
    /// For each node of the table, its window.
    of: Vec<Option<WindowId>>,
    field: Option<(u32, [i32; 2])>,
}

struct Window {
    stride: usize,
    grains: Vec<usize>,
    width: usize,
    tile: Option<(u32, Tile)>,
    cells: Box<[f32]>,
}

impl Windows {
    /// Windows for the noise sites of `network`, whose nodes have these `shapes`; empty until [`Windows::update`].
    pub fn new(network: &Network, shapes: &[Shape]) -> Self {
        let mut windows: Vec<Window> = Vec::new();
        let mut of = vec![None; network.nodes.len()];
        for (id, node) in network.nodes.iter().enumerate() {
            let Op::Noise { stride, grains, .. } = &node.op else { continue };
            let Shape { height, width, .. } = shapes[id];
            let len = height * width * MAX_PLANES;
            let same =
                |w: &Window| (w.stride, &w.grains, w.width, w.cells.len()) == (*stride, grains, width, len);
            let known = windows.iter().position(same).unwrap_or_else(|| {
                let cells = vec![0.0; len].into_boxed_slice();
                windows.push(Window { stride: *stride, grains: grains.clone(), width, tile: None, cells });
                windows.len() - 1
            });
            of[id] = Some(known);
        }
        Self { windows, of, field: None }
    }

    /// Fills all windows for `field`, and tells whether anything had to change. A new seed costs about 5 ms, a new origin a copy.
    pub fn update(&mut self, field: &Field) -> bool {
        let wanted = Some((field.seed, field.origin));
        if self.windows.is_empty() || self.field == wanted {
            return false;
        }
        for window in &mut self.windows {
            let seed = field.seed;
            if window.tile.as_ref().is_none_or(|(known, _)| *known != seed) {
                window.tile = Some((seed, Tile::new(seed, window.stride, &window.grains)));
            }
            let (_, tile) = window.tile.as_ref().expect("made above");
            let cell = field.origin.map(|px| i64::from(px).div_euclid(window.stride as i64));
            tile.copy(cell, window.width, &mut window.cells);
        }
        self.field = wanted;
        true
    }

    /// The window that node `id` reads; `None` for nodes that read none.
    pub fn of(&self, id: NodeId) -> Option<WindowId> {
        self.of[id]
    }

    /// Number of windows.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether the network has no noise sites.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// A window's cells, `[height][width][MAX_PLANES]`.
    pub fn cells(&self, id: WindowId) -> &[f32] {
        &self.windows[id].cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::NetworkBuilder;

    fn moments(values: &[f32]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        (mean, (values.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt())
    }

    #[test]
    fn planes_are_normal_and_differ() {
        for (k, grain, loose) in [(0, 1, 0.02), (1, 1, 0.02), (3, 4, 0.1)] {
            let plane = plane(7, 8, k, grain);
            let (mean, deviation) = moments(&plane);
            assert!(mean.abs() < loose && (deviation - 1.0).abs() < loose, "{k}: {mean} {deviation}");
            let beyond = plane.iter().filter(|v| v.abs() > 2.0).count() as f64 / plane.len() as f64;
            assert!((beyond - 0.0455).abs() < 0.3 * loose + 0.005, "{k}: {beyond} beyond two deviations");
        }
        let others = [plane(7, 8, 1, 1), plane(8, 8, 0, 1), plane(7, 4, 0, 1)];
        let first = plane(7, 8, 0, 1);
        for other in others {
            let product: f32 = first.iter().zip(&other).map(|(a, b)| a * b).sum();
            assert!((product / first.len() as f32).abs() < 0.02);
        }
    }

    /// Pinned, since models are trained with exactly this field.
    #[test]
    fn the_field_never_changes() {
        let plane = plane(0, 8, 0, 1);
        let bits: Vec<i32> = plane[..6].iter().map(|v| (v * VARIANCE.sqrt() as f32).round() as i32).collect();
        assert_eq!(bits, PINNED);
        let coarse = super::plane(3, 2, 3, 4);
        let product: f32 = coarse.windows(2).map(|pair| pair[0] * pair[1]).sum();
        assert!(product / coarse.len() as f32 > 0.8, "neighbours are alike");
    }
    const PINNED: [i32; 6] = [-664, 286, -329, 22, -220, 79];

    #[test]
    fn windows_follow_the_origin_and_repeat() {
        let mut b = NetworkBuilder::new("field").fit_picture(8);
        let x = b.input(3);
        let x = b.conv("down", x, 5, 3, 2, crate::Padding::Replicate);
        let x = b.noise("noise", x, 5, 2, &[1, 2]);
        b.noise("again", x, 5, 2, &[1, 2]);
        let network = b.finish();
        network.check().unwrap();
        let shapes = network.shapes(16, 40).unwrap();
        let mut windows = Windows::new(&network, &shapes);
        assert_eq!(windows.len(), 1, "sites of one resolution share their window");
        let at = |windows: &Windows, y: usize, x: usize| {
            windows.cells(0)[(y * 20 + x) * MAX_PLANES..][..MAX_PLANES].to_vec()
        };
        let field = Field { seed: 5, ..Field::default() };
        assert!(windows.update(&field) && !windows.update(&field));
        let (here, there) = (at(&windows, 2, 7), at(&windows, 5, 11));
        assert!(here[0] != 0.0 && here[1] != 0.0 && here[2..] == [0.0, 0.0]);
        windows.update(&Field { origin: [8, 6], ..field });
        assert_eq!(at(&windows, 2, 7), there);
        windows.update(&Field { origin: [-2 * PERIOD as i32, 2 * PERIOD as i32], ..field });
        assert_eq!(at(&windows, 2, 7), here);
        windows.update(&Field { seed: 6, ..field });
        assert_ne!(at(&windows, 2, 7), here);
    }
}
