//! Weights in the order in which register tiles read them.

use super::LANES;
use super::winograd::Points;
use crate::memory::Arena;
use crate::simd::{BLOCK, Isa, Kernel, Simd};

/// Fewer input channels than this go window by window: Winograd's transforms would cost more than they save.
const WINOGRAD_INPUTS: usize = 16;

/// Weights of a convolution, ready for [`super::conv`], or, transposed, for [`super::conv_transposed`].
///
/// `[tap][column tile][inputs][width]`, a column tile being one or two blocks of 16 outputs; with 3x3 windows and enough channels
/// the same once more with Winograd's 36 points in the place of taps.
pub struct PackedConv {
    pub(super) kernel: usize,
    /// Channels that are read; those of the map behind them are zero.
    pub(super) inputs: usize,
    /// Blocks of 16 channels that are written.
    pub(super) blocks: usize,
    output_lanes: usize,
    /// Blocks in the widest column tile.
    pub(super) widest: usize,
    pub(super) taps: Arena,
    pub(super) winograd: Option<Points>,
}

impl PackedConv {
    /// Weights `[out][in][kernel * kernel]` for [`super::conv`].
    ///
    /// # Panics
    /// If `weight` has another length, or the kernel is neither 1 nor 3.
    pub fn forward(isa: Isa, weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> Self {
        assert_eq!(weight.len(), outputs * inputs * kernel * kernel);
        let taps = kernel * kernel;
        Self::pack(isa, (outputs, inputs, kernel), |o, i, t| weight[(o * inputs + i) * taps + t])
    }

    /// The same weights for [`super::conv_transposed`], which goes from their outputs to their inputs.
    ///
    /// # Panics
    /// If `weight` has another length, or the kernel is neither 1 nor 3.
    pub fn transposed(isa: Isa, weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> Self {
        assert_eq!(weight.len(), outputs * inputs * kernel * kernel);
        let taps = kernel * kernel;
        // A convolution with its windows turned by half a circle.
        Self::pack(isa, (inputs, outputs, kernel), |i, o, t| weight[(o * inputs + i) * taps + taps - 1 - t])
    }

    fn pack(
        isa: Isa,
        (outputs, inputs, kernel): (usize, usize, usize),
        value: impl Fn(usize, usize, usize) -> f32 + Copy,
    ) -> Self {
        assert!(kernel == 1 || kernel == 3, "kernels are 1x1 or 3x3");
        let (blocks, widest) = (outputs.div_ceil(BLOCK), isa.run(Widest));
        let mut packed = Self {
            kernel,
            inputs,
            blocks,
            output_lanes: outputs.next_multiple_of(LANES),
            widest,
            taps: Arena::new(kernel * kernel * inputs * blocks * BLOCK),
            winograd: None,
        };
        let places: Vec<usize> = (0..outputs).map(|o| packed.column(o)).collect();
        let taps = packed.taps.as_mut_slice();
        for o in 0..outputs {
            let width = width_of(o / BLOCK, blocks, widest);
            for i in 0..inputs {
                for t in 0..kernel * kernel {
                    taps[t * inputs * blocks * BLOCK + places[o] + i * width] = value(o, i, t);
                }
            }
        }
        if kernel == 3 && inputs >= WINOGRAD_INPUTS {
            packed.winograd = Some(Points::new(isa, (inputs, outputs), (blocks, widest), value));
        }
        packed
    }

    /// Padded channels of the map that is read.
    pub(super) fn input_lanes(&self) -> usize {
        self.inputs.next_multiple_of(LANES)
    }

    /// Padded channels of the map that is written.
    pub(super) fn output_lanes(&self) -> usize {
        self.output_lanes
    }

    /// Offset in values of the weights of tap `t`.
    pub(super) fn tap(&self, t: usize) -> usize {
        t * self.inputs * self.blocks * BLOCK
    }

    /// Offset of the weight of the first input to output `o` within a tap.
    fn column(&self, o: usize) -> usize {
        column(o, self.inputs, self.widest)
    }
}

/// Offset of output `o` among column tiles `[inputs][width]`.
pub(super) fn column(o: usize, inputs: usize, widest: usize) -> usize {
    let tile = o / BLOCK / widest * widest;
    tile * BLOCK * inputs + (o - tile * BLOCK)
}

/// Columns of the tile that `block` lies in.
pub(super) fn width_of(block: usize, blocks: usize, widest: usize) -> usize {
    widest.min(blocks - block / widest * widest) * BLOCK
}

struct Widest;

impl Kernel for Widest {
    type Out = usize;
    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> usize {
        S::NB
    }
}
