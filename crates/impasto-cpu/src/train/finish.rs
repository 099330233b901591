//! Operations on a sum before it is stored.

use crate::simd::{Simd, zero};

/// Operations on a convolution's sum before it is stored, in this order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finish<'a> {
    /// Added, one for each (padded) channel.
    pub bias: Option<&'a [f32]>,
    /// `max(sum, 0)`.
    pub relu: bool,
    /// The sum is kept where this map, of the output's shape, is positive, and 0 elsewhere: the gradient of a ReLU that gave it.
    pub gate: Option<&'a [f32]>,
    /// Adds to the output map instead of replacing it.
    pub add: bool,
}

impl Finish<'_> {
    /// # Panics
    /// If the bias or the gate is shorter than the output.
    pub(super) fn check(&self, output: usize, lanes: usize) {
        assert!(self.bias.is_none_or(|b| b.len() >= lanes), "bias too short");
        assert!(self.gate.is_none_or(|g| g.len() >= output), "gate too short");
    }

    /// Stores the sums of one register of channels, from `channel` on, at `at` of the output map `y`.
    ///
    /// # Safety
    /// `at` to `at + LANES` must be inside the output map, `channel` below its channels, and [`Self::check`] have passed.
    #[inline(always)]
    pub(super) unsafe fn store<S: Simd>(&self, s: S, sum: S::F, channel: usize, y: *mut f32, at: usize) {
        let mut value = sum;
        // SAFETY: as the caller says.
        unsafe {
            if let Some(bias) = self.bias {
                value = s.add(value, s.load(bias.as_ptr().add(channel)));
            }
            if self.relu {
                value = s.at_least(zero(s), value);
            }
            if let Some(gate) = self.gate {
                value = s.where_positive(s.load(gate.as_ptr().add(at)), value);
            }
            if self.add {
                value = s.add(value, s.load(y.add(at)));
            }
            s.store(y.add(at), value);
        }
    }
}
