//! Maximum of 2x2 windows where no convolution could take it along. Windows over the edge take what there is.

use super::step::{Frame, Step};
use super::view::{Element, Half, Map, View};
use crate::simd::{Isa, Kernel, Simd};
use std::marker::PhantomData;

/// A planned step.
pub(crate) struct Pool {
    pub isa: Isa,
    pub view: View,
    pub out: Map,
}

impl Step for Pool {
    fn label(&self) -> String {
        format!("pool {} at {}x{}", self.out.channels, self.out.width, self.out.height)
    }

    fn jobs(&self) -> usize {
        self.out.height
    }

    unsafe fn job(&self, job: usize, _scratch: *mut f32, _: &Frame<'_>) {
        match self.out.half {
            false => self.isa.run(Row::<f32> { step: self, y: job, element: PhantomData }),
            true => self.isa.run(Row::<Half> { step: self, y: job, element: PhantomData }),
        }
    }
}

struct Row<'a, E> {
    step: &'a Pool,
    y: usize,
    element: PhantomData<E>,
}

impl<E: Element> Kernel for Row<'_, E> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Pool { view, out, .. } = self.step;
        let (last_y, last_x) = (view.height() - 1, view.width() - 1);
        for x in 0..out.width {
            let (top, left) = (2 * self.y, 2 * x);
            let (below, right) = ((top + 1).min(last_y), (left + 1).min(last_x));
            for lane in (0..out.channels).step_by(S::LANES) {
                let mut v = s.splat(f32::NEG_INFINITY);
                for (y, x) in [(top, left), (top, right), (below, left), (below, right)] {
                    // SAFETY: inside the view, and the output has the view's channels.
                    v = s.at_least(v, unsafe { view.read::<S, E>(s, y, x, lane) });
                }
                // SAFETY: inside the output.
                unsafe { E::store(s, out.at::<E>(self.y, x).add(lane), v) };
            }
        }
    }
}
