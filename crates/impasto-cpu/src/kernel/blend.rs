//! Writes a view to memory as it is seen, alone or added to another: `out = max(a + b, floor)`.
//!
//! Also the way channels are put one after another: each part is written at its offset in the output's channels.

use super::step::{Frame, Step};
use super::view::{Element, Half, Map, View};
use crate::simd::{Isa, Kernel, Simd};
use std::marker::PhantomData;

/// A planned step.
pub(crate) struct Blend {
    pub isa: Isa,
    pub a: View,
    pub b: Option<View>,
    /// ReLU at the end.
    pub relu: bool,
    pub out: Map,
    /// First channel of the output that is written.
    pub offset: usize,
    /// Channels that are written; those beyond the view's, fewer than 16, are zero.
    pub channels: usize,
}

/// Positions in one job, about.
const POSITIONS: usize = 4096;

impl Blend {
    fn rows(&self) -> usize {
        (POSITIONS / self.out.width).clamp(1, self.out.height)
    }
}

impl Step for Blend {
    fn label(&self) -> String {
        let what = if self.b.is_some() { "add" } else { "copy" };
        format!("{what} {} at {}x{}", self.channels, self.out.width, self.out.height)
    }

    fn jobs(&self) -> usize {
        self.out.height.div_ceil(self.rows())
    }

    unsafe fn job(&self, job: usize, _scratch: *mut f32, _: &Frame<'_>) {
        let first = job * self.rows();
        let end = (first + self.rows()).min(self.out.height);
        let step = self;
        match self.out.half {
            false => self.isa.run(Job::<f32> { step, first, end, element: PhantomData }),
            true => self.isa.run(Job::<Half> { step, first, end, element: PhantomData }),
        }
    }
}

struct Job<'a, E> {
    step: &'a Blend,
    first: usize,
    end: usize,
    element: PhantomData<E>,
}

impl<E: Element> Kernel for Job<'_, E> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let step = self.step;
        for y in self.first..self.end {
            for x in 0..step.out.width {
                let whole = step.channels.min(step.a.map.channels) / S::LANES * S::LANES;
                // SAFETY: positions are inside all maps; `offset + channels` is at most the output's channels.
                unsafe {
                    let out = step.out.at::<E>(y, x).add(step.offset);
                    for lane in (0..whole).step_by(S::LANES) {
                        E::store(s, out.add(lane), value::<S, E>(s, step, y, x, lane));
                    }
                    // A last register that would reach beyond the part's channels goes through `rest`.
                    let mut rest = [std::mem::zeroed::<E>(); 16];
                    if whole < step.a.map.channels && whole < step.channels {
                        E::store(s, rest.as_mut_ptr(), value::<S, E>(s, step, y, x, whole));
                    }
                    for lane in whole..step.channels {
                        *out.add(lane) = rest[(lane - whole).min(15)];
                    }
                }
            }
        }
    }
}

/// # Safety
/// The position and `lane..lane + LANES` must be inside both views.
#[inline(always)]
unsafe fn value<S: Simd, E: Element>(s: S, step: &Blend, y: usize, x: usize, lane: usize) -> S::F {
    // SAFETY: as the caller says.
    let sum = unsafe {
        let a = step.a.read::<S, E>(s, y, x, lane);
        match &step.b {
            Some(b) => s.add(a, b.read::<S, E>(s, y, x, lane)),
            None => a,
        }
    };
    if step.relu { s.at_least(s.splat(0.0), sum) } else { sum }
}
