//! Maximum of 2x2 windows where no convolution could take it along. Windows over the edge take what there is.

use super::step::{Frame, Step};
use super::view::{Map, View};
use crate::simd::{Isa, Kernel, Simd};

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
        self.isa.run(Row { step: self, y: job });
    }
}

struct Row<'a> {
    step: &'a Pool,
    y: usize,
}

impl Kernel for Row<'_> {
    type Out = ();
    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Pool { view, out, .. } = self.step;
        let (last_y, last_x) = (view.height() - 1, view.width() - 1);
        let shift = u32::from(view.up);
        for x in 0..out.width {
            for lane in (0..out.channels).step_by(S::LANES) {
                let read = |dy: usize, dx: usize| {
                    let (y, x) = ((2 * self.y + dy).min(last_y), (2 * x + dx).min(last_x));
                    // SAFETY: inside the view, and the output has the view's channels.
                    unsafe {
                        view.touch(s, lane).apply(s, s.load(view.map.at(y >> shift, x >> shift).add(lane)))
                    }
                };
                let upper = s.at_least(read(0, 0), read(0, 1));
                let v = s.at_least(upper, s.at_least(read(1, 0), read(1, 1)));
                // SAFETY: inside the output.
                unsafe { s.store(out.at(self.y, x).add(lane), v) };
            }
        }
    }
}
