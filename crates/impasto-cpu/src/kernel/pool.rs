//! Maximum of 2x2 windows where no convolution could take it along, and their mean. Windows over the edge take what there is.

use super::step::{Frame, Step};
use super::view::{Element, Half, Map, View};
use crate::simd::{Isa, Kernel, Simd};
use impasto_core::lower::PoolKind;
use std::marker::PhantomData;

/// A planned step.
pub(crate) struct Pool {
    pub isa: Isa,
    pub kind: PoolKind,
    pub view: View,
    pub out: Map,
}

impl Step for Pool {
    fn label(&self) -> String {
        format!("pool {:?} {} at {}x{}", self.kind, self.out.channels, self.out.width, self.out.height)
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
        let Pool { kind, view, out, .. } = self.step;
        let (last_y, last_x) = (view.height() - 1, view.width() - 1);
        for x in 0..out.width {
            let (top, left) = (2 * self.y, 2 * x);
            let (below, right) = ((top + 1).min(last_y), (left + 1).min(last_x));
            for lane in (0..out.channels).step_by(S::LANES) {
                let [a, b, c, d] =
                    [(top, left), (top, right), (below, left), (below, right)].map(|(y, x)| {
                        // SAFETY: inside the view, and the output has the view's channels.
                        unsafe { view.read::<S, E>(s, y, x, lane) }
                    });
                let v = match kind {
                    PoolKind::Max => s.at_least(s.at_least(a, b), s.at_least(c, d)),
                    // At an odd edge a position stands for its missing neighbour, which leaves the mean of what there is.
                    PoolKind::Mean => s.mul(s.add(s.add(a, b), s.add(c, d)), s.splat(0.25)),
                };
                // SAFETY: inside the output.
                unsafe { E::store(s, out.at::<E>(self.y, x).add(lane), v) };
            }
        }
    }
}
