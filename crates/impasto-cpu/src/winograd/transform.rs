//! The transforms of Winograd's F(4x4, 3x3) and F(6x6, 3x3), and of the shorter form for doubled inputs.
//!
//! One dimension of `y = w * d` (3 taps, 4 results from 6 values) is computed with 6 products instead of 12:
//! `y = A ((G w) . (B d))`, with the points 0, 1, -1, 2, -2 and infinity (Lavin and Gray 2015, arXiv:1509.09308).
//! Two dimensions apply it along columns, then rows: 36 products instead of 144. F(6x6, 3x3) has the points 1/2 and -1/2 too: 64
//! products instead of 324.
//!
//! **Doubled inputs.** After nearest upsampling the six values are `s0 s1 s1 s2 s2 s3`. Then the product for the
//! point -1 is always zero, and those for 2 and -2 are both multiples of `s2 - s1`. What is left are 4 different
//! inputs and 5 products, with the factors moved into the weights: 25 products instead of 36, 16 values to
//! transform instead of 36, and a quarter of the memory read.

use crate::simd::{Simd, zero};
use std::mem::MaybeUninit;

/// A transform of one row or column. A trait, not a closure, so that it is always inlined: compiled by itself it would
/// lack the instruction set.
pub(crate) trait Line<S: Simd, const N: usize, const M: usize> {
    /// The transformed values.
    fn of(s: S, values: [S::F; N]) -> [S::F; M];
}

/// `B d` for six values in a row.
pub(crate) struct Input;
impl<S: Simd> Line<S, 6, 6> for Input {
    #[inline(always)]
    fn of(s: S, d: [S::F; 6]) -> [S::F; 6] {
        let k = |x: f32| s.splat(x);
        let a = s.fma(d[2], k(-4.0), d[4]);
        let b = s.fma(d[1], k(-4.0), d[3]);
        let c = s.sub(d[4], d[2]);
        let e = s.sub(d[3], d[1]);
        [
            s.fma(d[0], k(4.0), s.fma(d[2], k(-5.0), d[4])),
            s.add(a, b),
            s.sub(a, b),
            s.fma(e, k(2.0), c),
            s.fma(e, k(-2.0), c),
            s.fma(d[1], k(4.0), s.fma(d[3], k(-5.0), d[5])),
        ]
    }
}

/// `B d` for eight values in a row.
pub(super) struct InputSix;
impl<S: Simd> Line<S, 8, 8> for InputSix {
    #[inline(always)]
    fn of(s: S, d: [S::F; 8]) -> [S::F; 8] {
        let k = |x: f32| s.splat(x);
        // Of the points 1 and -1, 2 and -2, 1/2 and -1/2: what both share, and what differs in sign.
        let even1 = s.fma(d[4], k(-4.25), s.add(d[2], d[6]));
        let odd1 = s.fma(d[3], k(-4.25), s.add(d[1], d[5]));
        let even2 = s.fma(d[4], k(-1.25), s.fma(d[2], k(0.25), d[6]));
        let odd2 = s.fma(d[3], k(-1.25), s.fma(d[1], k(0.25), d[5]));
        let even3 = s.fma(d[4], k(-5.0), s.fma(d[2], k(4.0), d[6]));
        let odd3 = s.fma(d[3], k(-1.25), s.fma(d[5], k(0.25), d[1]));
        [
            s.fma(s.sub(d[4], d[2]), k(5.25), s.sub(d[0], d[6])),
            s.add(even1, odd1),
            s.sub(even1, odd1),
            s.fma(odd2, k(2.0), even2),
            s.fma(odd2, k(-2.0), even2),
            s.fma(odd3, k(2.0), even3),
            s.fma(odd3, k(-2.0), even3),
            s.fma(s.sub(d[3], d[5]), k(5.25), s.sub(d[7], d[1])),
        ]
    }
}

/// The four inputs that differ when the six values are `d0 d1 d1 d2 d2 d3`.
pub(super) struct InputUp;
impl<S: Simd> Line<S, 4, 4> for InputUp {
    #[inline(always)]
    fn of(s: S, d: [S::F; 4]) -> [S::F; 4] {
        let k = |x: f32| s.splat(x);
        [
            s.fma(d[0], k(4.0), s.fma(d[1], k(-5.0), d[2])),
            s.fma(d[1], k(-4.0), d[2]),
            s.sub(d[2], d[1]),
            s.fma(d[1], k(4.0), s.fma(d[2], k(-5.0), d[3])),
        ]
    }
}

/// Which of [`InputUp`]'s four values each of the five products takes.
const UP_SOURCE: [usize; 5] = [0, 1, 2, 2, 3];

/// `A m`: four results from six products.
pub(crate) struct Output;
impl<S: Simd> Line<S, 6, 4> for Output {
    #[inline(always)]
    fn of(s: S, m: [S::F; 6]) -> [S::F; 4] {
        let k = |x: f32| s.splat(x);
        let (sum1, dif1) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let (sum2, dif2) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
        [
            s.add(s.add(m[0], sum1), sum2),
            s.fma(dif2, k(2.0), dif1),
            s.fma(sum2, k(4.0), sum1),
            s.add(s.fma(dif2, k(8.0), dif1), m[5]),
        ]
    }
}

/// `A m`: six results from eight products.
pub(super) struct OutputSix;
impl<S: Simd> Line<S, 8, 6> for OutputSix {
    #[inline(always)]
    fn of(s: S, m: [S::F; 8]) -> [S::F; 6] {
        let k = |x: f32| s.splat(x);
        let (sum1, dif1) = (s.add(m[1], m[2]), s.sub(m[1], m[2]));
        let (sum2, dif2) = (s.add(m[3], m[4]), s.sub(m[3], m[4]));
        let (sum3, dif3) = (s.add(m[5], m[6]), s.sub(m[5], m[6]));
        [
            s.add(s.add(m[0], sum1), s.add(sum2, sum3)),
            s.fma(dif3, k(1.0 / 2.0), s.fma(dif2, k(2.0), dif1)),
            s.fma(sum3, k(1.0 / 4.0), s.fma(sum2, k(4.0), sum1)),
            s.fma(dif3, k(1.0 / 8.0), s.fma(dif2, k(8.0), dif1)),
            s.fma(sum3, k(1.0 / 16.0), s.fma(sum2, k(16.0), sum1)),
            s.add(s.fma(dif3, k(1.0 / 32.0), s.fma(dif2, k(32.0), dif1)), m[7]),
        ]
    }
}

/// Four results from the five products of a doubled input.
pub(super) struct OutputUp;
impl<S: Simd> Line<S, 5, 4> for OutputUp {
    #[inline(always)]
    fn of(s: S, m: [S::F; 5]) -> [S::F; 4] {
        let four = s.splat(4.0);
        [
            s.add(s.add(m[0], m[1]), m[2]),
            s.add(m[1], m[3]),
            s.fma(m[2], four, m[1]),
            s.add(s.fma(m[3], four, m[1]), m[4]),
        ]
    }
}

/// `G w`, for weights that change all the time; those that stay are transformed in `f64` by [`Form::weights`].
pub(crate) struct Weights;
impl<S: Simd> Line<S, 3, 6> for Weights {
    #[inline(always)]
    fn of(s: S, w: [S::F; 3]) -> [S::F; 6] {
        let k = |x: f32| s.splat(x);
        let even = s.mul(s.add(w[0], w[2]), k(-1.0 / 6.0));
        let odd = s.mul(w[1], k(1.0 / 6.0));
        let outer = s.fma(w[2], k(1.0 / 6.0), s.mul(w[0], k(1.0 / 24.0)));
        let half = s.mul(w[1], k(1.0 / 12.0));
        [
            s.mul(w[0], k(1.0 / 4.0)),
            s.sub(even, odd),
            s.add(even, odd),
            s.add(outer, half),
            s.sub(outer, half),
            w[2],
        ]
    }
}

/// `G`: what becomes of three weights. For doubled inputs rows 2 to 4 of the plain `G` are combined.
const G: [[f64; 3]; 6] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
    [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
    [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
    [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
    [0.0, 0.0, 1.0],
];
const G_SIX: [[f64; 3]; 8] = [
    [1.0, 0.0, 0.0],
    [-2.0 / 9.0, -2.0 / 9.0, -2.0 / 9.0],
    [-2.0 / 9.0, 2.0 / 9.0, -2.0 / 9.0],
    [1.0 / 90.0, 1.0 / 45.0, 2.0 / 45.0],
    [1.0 / 90.0, -1.0 / 45.0, 2.0 / 45.0],
    [32.0 / 45.0, 16.0 / 45.0, 8.0 / 45.0],
    [32.0 / 45.0, -16.0 / 45.0, 8.0 / 45.0],
    [0.0, 0.0, 1.0],
];
const G_UP: [[f64; 3]; 5] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0],
    [1.0 / 12.0, 1.0 / 3.0, 1.0 / 3.0],
    [1.0 / 3.0, 1.0 / 3.0, 4.0 / 3.0],
    [0.0, 0.0, 1.0],
];

/// The forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// F(4x4, 3x3).
    Four,
    /// F(6x6, 3x3).
    Six,
    /// F(4x4, 3x3) of a doubled input.
    Doubled,
}

/// F(6x6) is worth its larger weights up to this many of them (4 MiB): more come from too far away, and fill memory.
const SIX_VALUES: usize = 1 << 20;

impl Form {
    /// The form for an output of this size (height, width), with channels in and out.
    pub(super) fn fastest(up: bool, size: (usize, usize), (cin, cout): (usize, usize)) -> Form {
        if up {
            return Form::Doubled;
        }
        let products = |form: Form| form.total(size) * form.products().pow(2);
        // At the right and below, larger tiles may stand outside for the most part; transforms cost a little more.
        let fewer = products(Form::Six) * 10 <= products(Form::Four) * 9;
        if fewer && cin * cout * 64 <= SIX_VALUES { Form::Six } else { Form::Four }
    }

    /// Tiles of an output.
    pub(super) fn total(self, (height, width): (usize, usize)) -> usize {
        height.div_ceil(self.tile()) * width.div_ceil(self.tile())
    }

    /// Tiles in one job, about: more would use each weight more often, fewer leave more cache to the next layer's weights, and to
    /// what is fetched ahead. Measured on 64 to 512 channels: 14 to 56 are within a tenth of each other.
    pub(super) fn tiles(self) -> usize {
        if self == Form::Six { 14 } else { 28 }
    }

    /// Output positions along one side of a tile.
    pub(super) fn tile(self) -> usize {
        if self == Form::Six { 6 } else { 4 }
    }

    /// Stored positions along one side of a tile's input; also transformed inputs along that side.
    pub(super) fn inputs(self) -> usize {
        match self {
            Form::Four => 6,
            Form::Six => 8,
            Form::Doubled => 4,
        }
    }

    /// Products along one side.
    pub(super) fn products(self) -> usize {
        match self {
            Form::Four => 6,
            Form::Six => 8,
            Form::Doubled => 5,
        }
    }

    /// Stored positions from one tile to the next.
    pub(super) fn step(self) -> usize {
        if self == Form::Doubled { 2 } else { self.tile() }
    }

    /// Which transformed input the product at `p` takes.
    pub(super) fn source(self, p: usize) -> usize {
        if self == Form::Doubled { UP_SOURCE[p / 5] * 4 + UP_SOURCE[p % 5] } else { p }
    }

    /// The transformed weights of one 3x3 window, row by row.
    pub(super) fn weights(self, window: &[f32]) -> Vec<f64> {
        let rows: &[[f64; 3]] = match self {
            Form::Four => &G,
            Form::Six => &G_SIX,
            Form::Doubled => &G_UP,
        };
        let mut out = Vec::with_capacity(rows.len() * rows.len());
        for gy in rows {
            let column = |x: usize| (0..3).map(|y| gy[y] * f64::from(window[y * 3 + x])).sum::<f64>();
            let line = [column(0), column(1), column(2)];
            out.extend(rows.iter().map(|gx| (0..3).map(|x| gx[x] * line[x]).sum::<f64>()));
        }
        out
    }
}

/// Transforms `N` x `N` positions along both sides; `read(y, x)` gives them, `write(p, v)` takes the results.
#[inline(always)]
pub(crate) fn square<S: Simd, L: Line<S, N, M>, const N: usize, const M: usize>(
    s: S,
    _: L,
    read: impl Fn(usize, usize) -> S::F,
    mut write: impl FnMut(usize, usize, S::F),
) {
    // Not filled in beforehand: that would take as long as a pass of the transform.
    let mut half = [[MaybeUninit::<S::F>::uninit(); N]; M];
    for x in 0..N {
        let mut column = [zero(s); N];
        for (y, v) in column.iter_mut().enumerate() {
            *v = read(y, x);
        }
        for (half, v) in half.iter_mut().zip(L::of(s, column)) {
            half[x].write(v);
        }
    }
    for (y, half) in half.iter().enumerate() {
        let mut row = [zero(s); N];
        for (v, half) in row.iter_mut().zip(half) {
            // SAFETY: the loop above wrote all `M` rows at each of the `N` columns.
            *v = unsafe { half.assume_init() };
        }
        for (x, v) in L::of(s, row).into_iter().enumerate() {
            write(y, x, v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Portable;

    const CHANNELS: usize = 64;

    /// The largest error of a tile of `form`, as a part of the largest result: random values of `CHANNELS` channels.
    fn error<
        I: Line<Portable, N, N>,
        O: Line<Portable, P, T>,
        const N: usize,
        const P: usize,
        const T: usize,
    >(
        form: Form,
        input: fn() -> I,
        output: fn() -> O,
    ) -> f64 {
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let s = Portable;
        let (mut sums, mut direct) = ([[0.0f32; P]; P], [[0.0f64; T]; T]);
        for _ in 0..CHANNELS {
            let stored: [[f32; N]; N] = std::array::from_fn(|_| std::array::from_fn(|_| random()));
            let window: [f32; 9] = std::array::from_fn(|_| random());
            let mut v = [0.0f32; 64];
            let read = |y: usize, x: usize| s.splat(stored[y][x]);
            square(s, input(), read, |y, x, value| v[y * N + x] = first(s, value));
            for (p, weight) in form.weights(&window).into_iter().enumerate() {
                sums[p / P][p % P] += v[form.source(p)] * weight as f32;
            }
            let seen = |at: usize| if form == Form::Doubled { at.div_ceil(2) } else { at };
            for (y, line) in direct.iter_mut().enumerate() {
                for (x, value) in line.iter_mut().enumerate() {
                    let product = |tap: usize| {
                        let other = stored[seen(y + tap / 3)][seen(x + tap % 3)];
                        f64::from(window[tap]) * f64::from(other)
                    };
                    *value += (0..9).map(product).sum::<f64>();
                }
            }
        }
        let mut error = 0.0f64;
        square(
            s,
            output(),
            |y, x| s.splat(sums[y][x]),
            |y, x, value| {
                error = error.max((f64::from(first(s, value)) - direct[y][x]).abs());
            },
        );
        error / direct.as_flattened().iter().fold(0.0, |most: f64, value| most.max(value.abs()))
    }

    fn first(s: Portable, value: <Portable as Simd>::F) -> f32 {
        let mut lanes = [0.0; crate::simd::BLOCK];
        // SAFETY: a register has at most a block of lanes.
        unsafe { s.store(lanes.as_mut_ptr(), value) };
        lanes[0]
    }

    #[test]
    fn every_form_gives_what_the_convolution_is() {
        let errors = [
            error(Form::Four, || Input, || Output),
            error(Form::Six, || InputSix, || OutputSix),
            error(Form::Doubled, || InputUp, || OutputUp),
        ];
        assert!(errors[0] < 4e-6 && errors[1] < 1e-5 && errors[2] < 4e-6, "{errors:?}");
    }

    #[test]
    fn larger_tiles_are_taken_where_they_save_products() {
        let form = |size, channels| Form::fastest(false, size, channels);
        assert_eq!(form((180, 320), (48, 48)), Form::Six);
        assert_eq!(form((64, 64), (128, 128)), Form::Six);
        // Nearly three quarters of the second tile would stand outside.
        assert_eq!(form((8, 8), (48, 48)), Form::Four);
        // Too many weights.
        assert_eq!(form((256, 256), (256, 128)), Form::Four);
        assert_eq!(Form::fastest(true, (180, 320), (48, 48)), Form::Doubled);
    }
}
