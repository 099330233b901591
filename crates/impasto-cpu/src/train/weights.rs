//! The gradient to the weights.

use super::sum::Operands;
use super::{LANES, map_len, room};
use crate::kernel::gemm::column_tiles;
use crate::simd::{BLOCK, Isa, Kernel, Simd};

/// Values of both maps that are alive at once, about: all taps and channels read them from the second-level cache.
const NEAR_VALUES: usize = 96 << 10;

/// Sizes of a convolution whose weights want their gradient.
#[derive(Clone, Copy, Debug)]
pub struct WeightsShape {
    /// Height and width of the input, and of `dy`, px.
    pub size: (usize, usize),
    /// Input channels; the map has them padded.
    pub inputs: usize,
    /// Output channels; the map has them padded.
    pub outputs: usize,
    /// Side of the window, 1 or 3.
    pub kernel: usize,
    /// Only every `stride`-th pixel and row of `dy` can be other than zero.
    pub stride: usize,
}

/// `gradient[tap][i][o] += sum over pixels p of x[p + tap][i] * dy[p][o]`, with inputs and outputs padded.
/// `x` has its rim filled as the padding says. A convolution of stride 2 has its `dy` spread out first, with zeros between.
///
/// # Panics
/// If a map or the gradient is too short.
pub fn weights_gradient(isa: Isa, x: &[f32], dy: &[f32], shape: WeightsShape, gradient: &mut [f32]) {
    let (height, width) = shape.size;
    let lanes = (shape.inputs.next_multiple_of(LANES), shape.outputs.next_multiple_of(LANES));
    assert!(x.len() >= map_len(height, width, lanes.0) && dy.len() >= map_len(height, width, lanes.1));
    assert_eq!(gradient.len(), shape.kernel * shape.kernel * lanes.0 * lanes.1);
    room::with(32 * BLOCK, |c| isa.run(Run { x, dy, shape, lanes, gradient, c }));
}

struct Run<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    shape: WeightsShape,
    lanes: (usize, usize),
    gradient: &'a mut [f32],
    c: *mut f32,
}

impl Kernel for Run<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let WeightsShape { size: (height, width), stride, kernel, .. } = self.shape;
        let row = (width + 2) as isize;
        let (x_lanes, y_lanes) = (self.lanes.0 as isize, self.lanes.1 as isize);
        let rows: Vec<isize> = (0..height as isize).step_by(stride).map(|v| (v + 1) * row + 1).collect();
        let near = NEAR_VALUES / ((width + 2) * (stride * self.lanes.0 + self.lanes.1));
        let mut steps = Vec::with_capacity(near.max(1));
        for band in rows.chunks(near.max(1)) {
            for t in 0..kernel * kernel {
                let away = if kernel == 1 { 0 } else { t as isize / 3 * row + t as isize % 3 - row - 1 };
                steps.clear();
                steps.extend(band.iter().map(|at| ((at + away) * x_lanes, at * y_lanes)));
                self.tap(s, t, &steps);
            }
        }
    }
}

impl Run<'_> {
    /// All inputs and outputs of one tap, over the rows of one band.
    #[inline(always)]
    fn tap<S: Simd>(&mut self, s: S, t: usize, steps: &[(isize, isize)]) {
        let WeightsShape { size: (_, width), inputs, outputs, stride, .. } = self.shape;
        for (first, wide) in column_tiles::<S>(outputs.div_ceil(BLOCK)) {
            let columns = wide * BLOCK;
            let operands = Operands {
                steps,
                length: width.div_ceil(stride),
                a_k: stride * self.lanes.0,
                a_row: 1,
                b_k: stride * self.lanes.1,
                c_row: columns,
            };
            for i in (0..inputs).step_by(S::ROWS) {
                let at = (t * self.lanes.0 + i) * self.lanes.1 + first * BLOCK;
                // SAFETY: pixels are inside the rimmed maps, channels below the padded ones: rows divide 32.
                unsafe {
                    let (a, b) = (self.x.as_ptr().add(i), self.dy.as_ptr().add(first * BLOCK));
                    s.sum_tile(wide, &operands, a, b, self.c);
                    self.add(s, at, columns);
                }
            }
        }
    }

    /// Adds the tile's sums to the gradient from `at` on.
    ///
    /// # Safety
    /// The tile must be inside the gradient, and `c` hold its sums.
    #[inline(always)]
    unsafe fn add<S: Simd>(&mut self, s: S, at: usize, columns: usize) {
        const { assert!(LANES.is_multiple_of(S::ROWS)) };
        for r in 0..S::ROWS {
            let row = &mut self.gradient[at + r * self.lanes.1..][..columns];
            for lane in (0..columns).step_by(S::LANES) {
                // SAFETY: both have `columns` values.
                unsafe {
                    let to = row.as_mut_ptr().add(lane);
                    s.store(to, s.add(s.load(to), s.load(self.c.add(r * columns + lane))));
                }
            }
        }
    }
}
