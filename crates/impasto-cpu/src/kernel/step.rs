//! One step of a plan.

use super::finish::Finish;
use impasto_core::Conditions;

/// The picture that a frame reads.
#[derive(Clone, Copy)]
pub(crate) enum Picture<'a> {
    /// `[channels][height][width]`.
    Planar(&'a [f32]),
    /// `[height][width][3]`, 0 to 255 standing for 0 to 1.
    Bytes(&'a [u8]),
}

/// The picture that a frame writes.
#[derive(Clone, Copy)]
pub(crate) enum Canvas {
    /// `[channels][height][width]`.
    Planar(*mut f32),
    /// `[height][width][3]`, clamped to 0 to 1 and rounded to 0 to 255.
    Bytes(*mut u8),
}
// SAFETY: steps write disjoint pixels of a canvas that the plan's caller lends mutably for the frame.
unsafe impl Send for Canvas {}
// SAFETY: as above.
unsafe impl Sync for Canvas {}

/// Data that differ in every frame.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// Read by the first steps.
    pub input: Picture<'a>,
    /// Written by the last step.
    pub output: Canvas,
    /// The style.
    pub conditions: Conditions<'a>,
}

/// One layer, with what was fused into it, cut into jobs that do not depend on the number of threads.
pub(crate) trait Step: Send + Sync {
    /// For reports: kind and sizes.
    fn label(&self) -> String;

    /// Number of jobs.
    fn jobs(&self) -> usize;

    /// `f32` values of scratch memory that one worker needs.
    fn scratch(&self) -> usize {
        0
    }

    /// Multiply-accumulates of the layer as the table states it, for reports.
    fn macs(&self) -> u64 {
        0
    }

    /// Multiply-accumulates that the kernel does, those whose results are thrown away too, for reports.
    fn products(&self) -> u64 {
        self.macs()
    }

    /// Output positions of one job, for layers that can leave sums.
    fn positions(&self, _job: usize) -> usize {
        0
    }

    /// Operations behind the sums, for layers that can leave sums.
    fn finish_mut(&mut self) -> Option<&mut Finish> {
        None
    }

    /// Does one job.
    ///
    /// # Safety
    /// The plan's memory must be alive, earlier steps done, no other call with this `job` under way, and
    /// `scratch` this worker's own.
    unsafe fn job(&self, job: usize, scratch: *mut f32, frame: &Frame<'_>);

    /// Forgets what it remembers from earlier frames.
    fn reset(&self) {}

    /// Number of values it may remember; 0 for steps without a memory.
    fn memory_len(&self) -> usize {
        0
    }

    /// Memory of earlier frames, of [`Step::memory_len`] numbers or none.
    fn memory(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes up what [`Step::memory`] gave.
    fn recall(&self, _memory: &[f64]) {}
}
