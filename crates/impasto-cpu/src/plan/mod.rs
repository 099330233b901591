//! A network at one size: steps, memory, threads.

mod arena;
mod build;
mod choose;

use crate::kernel::picture::Size;
use crate::kernel::step::{Canvas, Frame, Picture, Step};
use crate::memory::{Arena, LINE};
use crate::pool::Pool;
use crate::precision::Precision;
use crate::simd::Isa;
use build::{Ends, Paper, build};
use choose::{Choices, Kernels, fits_tiles};
use impasto_core::engine::{check_prepare, check_shape};
use impasto_core::lower::{Folded, lower};
use impasto_core::noise::Windows;
use impasto_core::{Conditions, EngineError, Image, Network, Op, Plan, Shape, Tensor, Weights};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// One step's share of a frame, see [`CpuPlan::run_timed`].
#[derive(Clone, Debug)]
pub struct StepTime {
    /// Kernel and sizes.
    pub label: String,
    /// Multiply-accumulates of the layer as the table states it; 0 for steps that are not convolutions.
    pub macs: u64,
    /// Multiply-accumulates that the kernel does: fewer by Winograd, more where registers are not full.
    pub products: u64,
    /// Time from the step's first job to the end of its last, by the caller's clock.
    pub time: Duration,
}

/// A network, ready for pictures of one size. All memory is allocated here; running allocates nothing.
pub struct CpuPlan {
    network: Network,
    input: Shape,
    output: Shape,
    steps: Vec<Box<dyn Step>>,
    memory: Vec<Arena>,
    /// The noise field, which steps point into.
    fields: Windows,
    scratch: Arena,
    /// Scratch values of each thread.
    scratch_step: usize,
    pool: Arc<Mutex<Pool>>,
    precision: Precision,
}

impl CpuPlan {
    pub(crate) fn new(
        (isa, precision): (Isa, Precision),
        pool: &Arc<Mutex<Pool>>,
        network: &Network,
        weights: &Weights,
        height: usize,
        width: usize,
    ) -> Result<CpuPlan, EngineError> {
        check_prepare(network, weights, height, width)?;
        let mut folded = Folded::new(network, weights);
        folded.fold_scales_into_producers();
        folded.fold_first_convs();
        let fits = precision != Precision::Bf16 || fits_tiles(&folded.network);
        let precision = if precision.is_available(isa) && fits { precision } else { Precision::F32 };
        let shapes = folded.network.shapes(height, width)?;
        let lowered = lower(&folded.network, &shapes, &Kernels { precision });
        let choices = Choices::new(&lowered, precision);
        let Op::Input { channels } = network.nodes[0].op else { unreachable!("the table was checked") };
        let (input, output) = (Shape::new(channels, height, width), network.output_shape(height, width)?);
        let ends = Ends { picture: size(input), canvas: size(output) };
        let fields = Windows::new(&folded.network, &shapes);
        let paper = Paper { folded: &folded, lowered: &lowered, choices: &choices, precision };
        let built = build(isa, paper, &fields, ends);
        let threads = pool.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).threads();
        let widest = built.steps.iter().map(|step| step.scratch()).max().unwrap_or(0);
        // Threads must not share a line; a little more keeps them from sharing cache sets.
        let scratch_step = (widest + 4 * LINE).next_multiple_of(LINE);
        Ok(CpuPlan {
            network: network.clone(),
            input,
            output,
            steps: built.steps,
            memory: built.memory,
            fields,
            scratch: Arena::new(threads * scratch_step),
            scratch_step,
            pool: Arc::clone(pool),
            precision,
        })
    }

    /// The precision in use, which is `f32` where the machine or the table cannot have the one that was asked for.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Bytes of activations and scratch memory; packed weights come on top.
    pub fn memory_bytes(&self) -> usize {
        (self.memory.iter().map(Arena::len).sum::<usize>() + self.scratch.len()) * 4
    }

    /// As [`Plan::run_image`], and tells where the time went, by `clock`: the time since some moment, or the processor
    /// time of the calling thread, which says more on a busy machine when there is one thread.
    ///
    /// # Errors
    /// As [`Plan::run_image`].
    pub fn run_timed(
        &mut self,
        input: &Image,
        conditions: &Conditions<'_>,
        output: &mut Image,
        clock: &dyn Fn() -> Duration,
    ) -> Result<Vec<StepTime>, EngineError> {
        let frame = self.image_frame(input, conditions, output)?;
        let mut times = Vec::with_capacity(self.steps.len());
        let mut before = clock();
        self.frame(&frame, |step| {
            let now = clock();
            let (label, macs, products) = (step.label(), step.macs(), step.products());
            times.push(StepTime { label, macs, products, time: now - before });
            before = now;
        });
        Ok(times)
    }

    fn image_frame<'a>(
        &self,
        input: &'a Image,
        conditions: &Conditions<'a>,
        output: &mut Image,
    ) -> Result<Frame<'a>, EngineError> {
        conditions.check(&self.network)?;
        check_shape("input picture", self.input, Shape::new(3, input.height(), input.width()))?;
        check_shape("output picture", self.output, Shape::new(3, output.height(), output.width()))?;
        Ok(Frame {
            input: Picture::Bytes(input.rgb()),
            output: Canvas::Bytes(output.rgb_mut().as_mut_ptr()),
            conditions: *conditions,
        })
    }

    fn tensor_frame<'a>(
        &self,
        input: &'a Tensor,
        conditions: &Conditions<'a>,
        output: &mut Tensor,
    ) -> Result<Frame<'a>, EngineError> {
        conditions.check(&self.network)?;
        check_shape("input", self.input, input.shape())?;
        check_shape("output", self.output, output.shape())?;
        Ok(Frame {
            input: Picture::Planar(input.data()),
            output: Canvas::Planar(output.data_mut().as_mut_ptr()),
            conditions: *conditions,
        })
    }

    fn frame(&mut self, frame: &Frame<'_>, mut done: impl FnMut(&dyn Step)) {
        self.fields.update(&frame.conditions.field);
        let mut pool = self.pool.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (scratch, each) = (crate::kernel::view::Ptr(self.scratch.ptr()), self.scratch_step);
        for step in &self.steps {
            pool.run(step.jobs(), &|job, worker| {
                // By reference, so that the closure captures the whole `Ptr`, which may cross threads.
                let scratch = &scratch;
                // SAFETY: workers are below the pool's threads and have their own scratch; steps run one after
                // another, each job once; the canvas was checked to have the plan's shape.
                unsafe { step.job(job, scratch.0.add(worker * each), frame) };
            });
            done(&**step);
        }
    }
}

fn size(shape: Shape) -> Size {
    Size { channels: shape.channels, height: shape.height, width: shape.width }
}

impl Plan for CpuPlan {
    fn input_shape(&self) -> Shape {
        self.input
    }

    fn output_shape(&self) -> Shape {
        self.output
    }

    fn run(
        &mut self,
        input: &Tensor,
        conditions: &Conditions<'_>,
        output: &mut Tensor,
    ) -> Result<(), EngineError> {
        let frame = self.tensor_frame(input, conditions, output)?;
        self.frame(&frame, |_| ());
        Ok(())
    }

    fn run_image(
        &mut self,
        input: &Image,
        conditions: &Conditions<'_>,
        output: &mut Image,
    ) -> Result<(), EngineError> {
        let frame = self.image_frame(input, conditions, output)?;
        self.frame(&frame, |_| ());
        Ok(())
    }

    fn reset(&mut self) {
        self.steps.iter().for_each(|step| step.reset());
    }

    fn memory(&self) -> Vec<f64> {
        self.steps.iter().flat_map(|step| step.memory()).collect()
    }

    fn recall(&mut self, memory: &[f64]) {
        self.reset();
        if memory.len() != self.steps.iter().map(|step| step.memory_len()).sum::<usize>() {
            return;
        }
        let mut rest = memory;
        for step in &self.steps {
            let (own, others) = rest.split_at(step.memory_len());
            step.recall(own);
            rest = others;
        }
    }
}
