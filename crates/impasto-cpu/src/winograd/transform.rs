//! The transforms of Winograd's F(4x4, 3x3), and of its shorter form for doubled inputs.
//!
//! One dimension of `y = w * d` (3 taps, 4 results from 6 values) is computed with 6 products instead of 12:
//! `y = A ((G w) . (B d))`, with the points 0, 1, -1, 2, -2 and infinity (Lavin and Gray 2015, arXiv:1509.09308).
//! Two dimensions apply it along columns, then rows: 36 products instead of 144.
//!
//! **Doubled inputs.** After nearest upsampling the six values are `s0 s1 s1 s2 s2 s3`. Then the product for the
//! point -1 is always zero, and those for 2 and -2 are both multiples of `s2 - s1`. What is left are 4 different
//! inputs and 5 products, with the factors moved into the weights: 25 products instead of 36, 16 values to
//! transform instead of 36, and a quarter of the memory read.

use crate::simd::{Simd, zero};

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
const G_UP: [[f64; 3]; 5] = [
    [1.0 / 4.0, 0.0, 0.0],
    [-1.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0],
    [1.0 / 12.0, 1.0 / 3.0, 1.0 / 3.0],
    [1.0 / 3.0, 1.0 / 3.0, 4.0 / 3.0],
    [0.0, 0.0, 1.0],
];

/// Sizes of the two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// Whether the input is doubled.
    pub up: bool,
}

impl Form {
    /// Stored positions along one side of a tile's input; also transformed inputs along that side.
    pub(super) fn inputs(self) -> usize {
        if self.up { 4 } else { 6 }
    }

    /// Products along one side.
    pub(super) fn products(self) -> usize {
        if self.up { 5 } else { 6 }
    }

    /// Stored positions from one tile to the next.
    pub(super) fn step(self) -> usize {
        if self.up { 2 } else { 4 }
    }

    /// Which transformed input the product at `p` takes.
    pub(super) fn source(self, p: usize) -> usize {
        if !self.up {
            return p;
        }
        UP_SOURCE[p / 5] * 4 + UP_SOURCE[p % 5]
    }

    /// The transformed weights of one 3x3 window, row by row.
    pub(super) fn weights(self, window: &[f32]) -> Vec<f64> {
        let rows: &[[f64; 3]] = if self.up { &G_UP } else { &G };
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
    let mut half = [[zero(s); N]; M];
    for x in 0..N {
        let mut column = [zero(s); N];
        for (y, v) in column.iter_mut().enumerate() {
            *v = read(y, x);
        }
        for (half, v) in half.iter_mut().zip(L::of(s, column)) {
            half[x] = v;
        }
    }
    for (y, half) in half.iter().enumerate() {
        for (x, v) in L::of(s, *half).into_iter().enumerate() {
            write(y, x, v);
        }
    }
}
