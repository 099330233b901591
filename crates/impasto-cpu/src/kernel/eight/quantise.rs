//! Second of a layer in eight bits: the codes of its weights, which take up the ranges of the inputs.

use super::DotShape;
use crate::kernel::gemm::{Columns, pack_columns};
use crate::kernel::step::{Frame, Step};
use crate::kernel::view::Ptr;
use crate::memory::Arena;
use crate::simd::{BLOCK, DotKernel, Dots, Isa};
use impasto_core::noise::MAX_PLANES;

/// Largest code of a weight.
const MOST: f32 = 127.0;

/// Ranges and codes that a layer's jobs need, written anew in every frame.
#[derive(Clone, Copy)]
pub(crate) struct Quantised {
    /// Words of four weights: `[column tile][k / 4][width]`.
    pub weights: Ptr,
    /// For each column.
    pub scale: Ptr,
    /// For each column.
    pub offset: Ptr,
    /// For each input channel in memory: a value is `gain * x + shift`, with 0 to 1 for the codes 0 to 255.
    pub gain: Ptr,
    /// See `gain`.
    pub shift: Ptr,
    /// `[MAX_PLANES][channels]`: what is added to that for each plane of the noise field, where there is one.
    pub noise: Ptr,
    /// For each input channel: the value of code 0.
    pub low: Ptr,
    /// For each input channel: from one code's value to the next one's.
    pub step: Ptr,
    /// Input channels in memory.
    pub channels: usize,
    /// Values of a window.
    pub k: usize,
}

impl Quantised {
    /// Values of memory that a layer needs, in which [`Quantised::within`] places everything.
    pub(crate) fn values(k: usize, columns: usize, channels: usize) -> usize {
        k / 4 * columns + 2 * columns + (4 + MAX_PLANES) * channels
    }

    /// Places everything in memory from `start` on.
    ///
    /// # Safety
    /// [`Quantised::values`] must follow.
    pub(crate) unsafe fn within(start: Ptr, k: usize, columns: usize, channels: usize) -> Quantised {
        let words = k / 4 * columns;
        // SAFETY: as the caller says.
        let at = |offset: usize| Ptr(unsafe { start.0.add(offset) });
        let (scale, offset) = (at(words), at(words + columns));
        let [gain, shift, low, step, noise] = [0, 1, 2, 3, 4].map(|i| at(words + 2 * columns + i * channels));
        Quantised { weights: start, scale, offset, gain, shift, low, step, noise, channels, k }
    }

    /// The column tile that begins with block `block`.
    ///
    /// # Safety
    /// There must be such a tile.
    #[inline(always)]
    pub(super) unsafe fn columns(&self, block: usize) -> Columns {
        // SAFETY: as the caller says.
        unsafe {
            Columns {
                weights: self.weights.0.cast::<i32>().cast_const().add(block * BLOCK * (self.k / 4)),
                scale: self.scale.0.add(block * BLOCK),
                offset: self.offset.0.add(block * BLOCK),
            }
        }
    }
}

/// Finds the codes. One job is one block of columns.
pub(crate) struct Quantise {
    isa: Isa,
    /// `[column tile][k][width]`, as [`pack_columns`] leaves it.
    weights: Arena,
    blocks: usize,
    /// Blocks of columns of the widest tile.
    widest: usize,
    to: Quantised,
}

impl Quantise {
    /// For weights `value(i, column)`, `i` below `to.k`.
    pub(crate) fn new(
        isa: Isa,
        value: impl Fn(usize, usize) -> f32,
        blocks: usize,
        to: Quantised,
    ) -> Quantise {
        let (_, widest) = isa.run_dots(DotShape);
        let mut weights = Arena::new(to.k * blocks * BLOCK);
        pack_columns(widest, to.k, blocks, value, weights.as_mut_slice());
        Quantise { isa, weights, blocks, widest, to }
    }
}

impl Step for Quantise {
    fn label(&self) -> String {
        format!("codes {}>{}", self.to.channels, self.blocks * BLOCK)
    }

    fn jobs(&self) -> usize {
        self.blocks
    }

    unsafe fn job(&self, block: usize, _: *mut f32, _: &Frame<'_>) {
        self.isa.run_dots(Job { step: self, block });
    }
}

struct Job<'a> {
    step: &'a Quantise,
    block: usize,
}

impl DotKernel for Job<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Dots>(self, s: S) {
        let Job { step: &Quantise { to, widest, blocks, ref weights, .. }, block } = self;
        let tile = block / widest * widest;
        let width = widest.min(blocks - tile) * BLOCK;
        let column = (block - tile) * BLOCK;
        for lane in (0..BLOCK).step_by(S::LANES) {
            // SAFETY: the layer's sizes were planned together; each job writes its own block.
            unsafe {
                let from = weights.ptr().add(tile * BLOCK * to.k + column + lane).cast_const();
                let out = to.weights.0.cast::<i32>().add(tile * BLOCK * (to.k / 4) + column + lane);
                let (scale, offset) = codes(s, &to, from, width, out);
                s.store(to.scale.0.add(block * BLOCK + lane), scale);
                s.store(to.offset.0.add(block * BLOCK + lane), offset);
            }
        }
    }
}

/// Writes the codes of one register of columns; gives their scales and offsets. Weights and words lie `width` apart.
///
/// # Safety
/// `from` must be readable for `k` rows, `out` writable for `k / 4`; the ranges of the inputs must be known.
#[inline(always)]
unsafe fn codes<S: Dots>(
    s: S,
    to: &Quantised,
    from: *const f32,
    width: usize,
    out: *mut i32,
) -> (S::F, S::F) {
    let zero = s.splat(0.0);
    let (mut peak, mut offset) = (zero, zero);
    // SAFETY: as the caller says.
    unsafe {
        for i in 0..to.k {
            let (w, channel) = (s.load(from.add(i * width)), i % to.channels);
            let v = s.mul(w, s.splat(*to.step.0.add(channel)));
            peak = s.at_least(peak, s.at_least(v, s.sub(zero, v)));
            offset = s.fma(w, s.splat(*to.low.0.add(channel)), offset);
        }
        let mut peaks = [0.0f32; BLOCK];
        s.store(peaks.as_mut_ptr(), peak);
        let inverse = s.load(peaks.map(|peak| if peak > 0.0 { MOST / peak } else { 0.0 }).as_ptr());
        for word in 0..to.k / 4 {
            let mut bytes = [[0.0f32; BLOCK]; 4];
            for (byte, values) in bytes.iter_mut().enumerate() {
                let i = 4 * word + byte;
                let v = s.mul(s.load(from.add(i * width)), s.splat(*to.step.0.add(i % to.channels)));
                s.store(values.as_mut_ptr(), s.mul(v, inverse));
            }
            let [a, b, c, d] = &bytes;
            for (lane, (((&a, &b), &c), &d)) in a.iter().zip(b).zip(c).zip(d).enumerate().take(S::LANES) {
                *out.add(word * width + lane) = i32::from_ne_bytes([code(a), code(b), code(c), code(d)]);
            }
        }
        (s.mul(peak, s.splat(1.0 / MOST)), offset)
    }
}

/// The byte of a code from -127 to 127; a function, since a closure could be compiled without the instruction set.
#[inline(always)]
fn code(v: f32) -> u8 {
    v.round_ties_even() as i8 as u8
}
