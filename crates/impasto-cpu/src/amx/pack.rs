//! Weights in the order in which tiles read them.

use half::bf16;

/// Channels of a map are padded to a multiple of this.
pub const LANES: usize = 32;

/// Values of one step: 32 products of 32 outputs.
const STEP: usize = LANES * LANES;

/// The channels that `channels` take in a map.
pub fn padded(channels: usize) -> usize {
    channels.next_multiple_of(LANES)
}

/// Weights of a convolution, ready for the tiles: `[outputs / 32][inputs / 32][tap][2][16][16][2]`, the last
/// four being halves of 16 outputs, pairs of inputs, outputs, and the two inputs of a pair.
#[derive(Clone, Debug)]
pub struct PackedConv {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) kernel: usize,
    values: Vec<bf16>,
    start: usize,
}

impl PackedConv {
    /// Weights `[out][in][kernel * kernel]` for [`super::conv`].
    ///
    /// # Panics
    /// If `weight` has another length, or the kernel is neither 1 nor 3.
    pub fn forward(weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> Self {
        assert_eq!(weight.len(), outputs * inputs * kernel * kernel);
        Self::pack(outputs, inputs, kernel, |o, i, t| weight[(o * inputs + i) * kernel * kernel + t])
    }

    /// The same weights for [`super::conv_transposed`], which goes from their outputs to their inputs.
    ///
    /// # Panics
    /// If `weight` has another length, or the kernel is neither 1 nor 3.
    pub fn transposed(weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> Self {
        assert_eq!(weight.len(), outputs * inputs * kernel * kernel);
        Self::pack(inputs, outputs, kernel, |i, o, t| weight[(o * inputs + i) * kernel * kernel + t])
    }

    fn pack(
        outputs: usize,
        inputs: usize,
        kernel: usize,
        value: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        assert!(kernel == 1 || kernel == 3, "kernels are 1x1 or 3x3");
        let (taps, width) = (kernel * kernel, padded(inputs));
        let length = padded(outputs) * width * taps;
        let mut values = vec![bf16::ZERO; length + LANES];
        let start = values.as_ptr().align_offset(64).min(LANES);
        let body = &mut values[start..start + length];
        for o in 0..outputs {
            for i in 0..inputs {
                let (block, half, column) = (o / LANES, o % LANES / 16, o % 16);
                let (step, pair, odd) = (i / LANES, i % LANES / 2, i % 2);
                for t in 0..taps {
                    let at = (block * width / LANES + step) * taps + t;
                    body[at * STEP + half * STEP / 2 + (pair * 16 + column) * 2 + odd] =
                        bf16::from_f32(value(o, i, t));
                }
            }
        }
        Self { inputs: width, outputs: padded(outputs), kernel, values, start }
    }

    /// Offset in bytes, from a block's start, of the weights of one tap and 32 inputs (`step` counted in such).
    pub(super) fn offset(&self, tap: usize, step: usize) -> isize {
        ((step * self.kernel * self.kernel + tap) * STEP * size_of::<bf16>()) as isize
    }

    /// The values for 32 outputs, `block` counted in such.
    pub(super) fn block(&self, block: usize) -> &[bf16] {
        let length = self.inputs * LANES * self.kernel * self.kernel;
        &self.values[self.start + block * length..self.start + (block + 1) * length]
    }
}
