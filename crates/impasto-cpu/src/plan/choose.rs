//! The kernels' abilities, which the planner asks for, and the choices that concern several steps at once.

use crate::precision::Precision;
use impasto_core::lower::{BufferId, Conv, Fusion, Geometry, Lowered, Step, Value};
use impasto_core::{Network, Op, Padding};

/// The kernels of one precision.
#[derive(Clone, Copy)]
pub(crate) struct Kernels {
    pub precision: Precision,
}

impl Kernels {
    fn is_bf16(self) -> bool {
        self.precision == Precision::Bf16
    }
}

impl Fusion for Kernels {
    fn takes_pool(&self, conv: &Geometry) -> bool {
        self.is_bf16() || is_winograd(conv)
    }

    fn reads_picture(&self, conv: &Geometry, mul: f32) -> bool {
        conv.input.channels <= 4 && conv.groups == 1 && mul != 0.0
    }

    fn scales_picture(&self) -> bool {
        true
    }

    fn reads_doubled(&self, conv: &Geometry, pool: bool) -> bool {
        !(self.is_bf16() && (conv.kernel == 1 || conv.stride > 1 || pool))
    }

    fn adds_doubled(&self) -> bool {
        false
    }
}

/// Whether the kernel in [`crate::winograd`] is the one for a convolution.
pub(crate) fn is_winograd(conv: &Geometry) -> bool {
    let fits = conv.kernel == 3 && conv.stride == 1 && conv.groups == 1;
    fits && conv.input.channels >= 12 && conv.output.channels >= 12 && conv.input.area() >= 16
}

/// Whether the kernel in [`crate::kernel::tiled`] and those around it can do all layers in bf16.
pub(crate) fn fits_tiles(network: &Network) -> bool {
    let readers = network.live_readers();
    let is_live = |id: usize| id == network.output() || !readers[id].is_empty();
    let fits = |op: &Op| match *op {
        Op::Conv { kernel, stride, groups, .. } => kernel <= 3 && stride <= 2 && groups == 1,
        Op::MeanStd { .. } | Op::Concat { .. } => false,
        Op::Input { .. }
        | Op::Relu { .. }
        | Op::MaxPool2 { .. }
        | Op::AvgPool2 { .. }
        | Op::Upsample2 { .. }
        | Op::Add { .. }
        | Op::AdaIn { .. }
        | Op::Modulate { .. }
        | Op::Noise { .. }
        | Op::Scale { .. } => true,
    };
    network.nodes.iter().enumerate().all(|(id, node)| !is_live(id) || fits(&node.op))
}

/// Choices that concern several steps at once.
#[derive(Debug)]
pub(crate) struct Choices {
    /// The activation that is never in memory: the last convolution writes the frame's canvas instead.
    pub canvas: Option<BufferId>,
    /// For each activation, whether the convolution that writes it leaves the sums for its statistics and ranges.
    pub sums: Vec<bool>,
}

impl Choices {
    pub fn new(lowered: &Lowered, precision: Precision) -> Choices {
        let mut choices = Choices { canvas: canvas(lowered), sums: vec![false; lowered.buffers.len()] };
        for step in &lowered.steps {
            if let Some(buffer) = choices.summed(step, precision) {
                choices.sums[buffer] = true;
            }
        }
        choices
    }

    /// The activation whose sums a step needs.
    fn summed(&self, step: &Step, precision: Precision) -> Option<BufferId> {
        match step {
            Step::AdaIn { input, .. } | Step::MeanStd { input, .. } => Some(*input),
            Step::Conv(conv) if self.gains_by_int8(conv, precision) => conv.input.buffer(),
            Step::Conv(_)
            | Step::Import { .. }
            | Step::Blend { .. }
            | Step::Copy { .. }
            | Step::Pool { .. }
            | Step::Modulate { .. }
            | Step::Noise { .. }
            | Step::Export { .. } => None,
        }
    }

    /// Whether [`crate::kernel::eight`] can do a convolution, and gains by it. It needs positions of the input around every result, which
    /// zeros are not. Winograd's products in `f32` take as long as plain ones in eight bits. Layers of stride 2 stay exact: the values that
    /// light reads there decide what all later layers see, and the grain of a clear sky shows it.
    pub fn gains_by_int8(&self, conv: &Conv, precision: Precision) -> bool {
        let Geometry { kernel, stride, groups, padding, .. } = conv.geometry;
        let fits = kernel == 3 && stride == 1 && groups == 1 && padding != Padding::Zero && !conv.pool;
        let up = matches!(conv.input, Value::Buffer { up: true, .. });
        precision == Precision::Int8 && fits && (up || self.canvas == Some(conv.out))
    }
}

/// The result of the last convolution, if it can write the canvas: at most four channels that nothing else reads.
fn canvas(lowered: &Lowered) -> Option<BufferId> {
    let (last, steps) = lowered.steps.split_last()?;
    let Step::Export { input } = *last else { unreachable!("the last step exports") };
    let out = input.buffer().filter(|&buffer| input == Value::plain(buffer))?;
    let fits = |step: &Step| match step {
        Step::Conv(conv) => {
            let few = conv.geometry.output.channels <= 4 && conv.geometry.groups == 1;
            conv.out == out && few && conv.residual.is_none() && !conv.pool && conv.input.buffer().is_some()
        }
        Step::Import { .. }
        | Step::Blend { .. }
        | Step::Copy { .. }
        | Step::Pool { .. }
        | Step::AdaIn { .. }
        | Step::Modulate { .. }
        | Step::Noise { .. }
        | Step::MeanStd { .. }
        | Step::Export { .. } => false,
    };
    let is_read = steps.iter().any(|step| step.reads().contains(&out));
    (!is_read && steps.iter().any(fits)).then_some(out)
}
