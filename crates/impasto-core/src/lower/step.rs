//! Steps over activations in memory.

use crate::network::{NodeId, Padding};
use crate::tensor::Shape;
use std::ops::Range;

/// Number of an activation in memory, an index into [`Lowered::buffers`].
pub type BufferId = usize;
/// Number of a pair of gain and shift vectors, an index into [`Lowered::affines`].
pub type AffineId = usize;
/// Number of a set of gains for the noise field's planes, an index into [`Lowered::noises`].
pub type NoiseId = usize;

/// A layer's result as its readers see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// The frame's picture, `mul * x + add`.
    Picture {
        /// Factor.
        mul: f32,
        /// Summand.
        add: f32,
    },
    /// An activation: `max(gain * x + shift + noise, floor)`, doubled in height and width if `up`.
    Buffer {
        /// The activation.
        buffer: BufferId,
        /// Whether every position stands for 2x2.
        up: bool,
        /// Gain and shift; 1 and 0 if there is none.
        affine: Option<AffineId>,
        /// Gains of the noise field that is added.
        noise: Option<NoiseId>,
        /// Whether the floor is 0; else there is none.
        relu: bool,
    },
}

impl Value {
    /// An activation as it lies in memory.
    pub fn plain(buffer: BufferId) -> Value {
        Value::Buffer { buffer, up: false, affine: None, noise: None, relu: false }
    }

    /// The activation, unless it is the picture.
    pub fn buffer(self) -> Option<BufferId> {
        match self {
            Value::Buffer { buffer, .. } => Some(buffer),
            Value::Picture { .. } => None,
        }
    }
}

/// Shapes and window of a convolution, as the table states them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Shape of the input.
    pub input: Shape,
    /// Shape of the result, before any pooling.
    pub output: Shape,
    /// Side of the window.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Values outside the picture.
    pub padding: Padding,
}

impl Geometry {
    /// Multiply-accumulates of one frame, as the table states the layer.
    pub fn macs(&self) -> u64 {
        let inner = self.input.channels / self.groups;
        (self.output.len() * inner * self.kernel * self.kernel) as u64
    }
}

/// A convolution with the layers that it takes along, in this order: convolution, ReLU, residual, ReLU, max pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// The row of the folded table, for its weights.
    pub layer: NodeId,
    /// The value that it reads.
    pub input: Value,
    /// Shapes and window.
    pub geometry: Geometry,
    /// Whether a ReLU follows the bias.
    pub relu_before: bool,
    /// A value that is added.
    pub residual: Option<Value>,
    /// Whether a ReLU follows the sum.
    pub relu_after: bool,
    /// Whether 2x2 maxima are written instead of values.
    pub pool: bool,
    /// The activation that it writes.
    pub out: BufferId,
}

/// Reduction of 2x2 values to one; windows over the edge take what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// The maximum.
    Max,
    /// The mean.
    Mean,
}

/// One step. Steps run in their order; each writes what no earlier step still needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Writes the picture, `mul * x + add`, extended to the table's multiple.
    Import {
        /// Factor.
        mul: f32,
        /// Summand.
        add: f32,
        /// The activation that it writes.
        out: BufferId,
    },
    /// A convolution and what it takes along.
    Conv(Conv),
    /// `a`, or `a + b`.
    Blend {
        /// First summand.
        a: Value,
        /// Second summand.
        b: Option<Value>,
        /// The activation that it writes.
        out: BufferId,
    },
    /// Copies a value into the channels of `out` from `offset` on.
    Copy {
        /// The value.
        input: Value,
        /// Its channels.
        channels: usize,
        /// The first channel of `out` that it writes.
        offset: usize,
        /// The activation that it writes a part of.
        out: BufferId,
    },
    /// A 2x2 pool, step 2.
    Pool {
        /// Maximum or mean.
        kind: PoolKind,
        /// The value that it reads.
        input: Value,
        /// Shape of that value.
        shape: Shape,
        /// The activation that it writes.
        out: BufferId,
    },
    /// Gain and shift from the statistics of `input` and the style.
    AdaIn {
        /// The activation whose statistics are taken.
        input: BufferId,
        /// The site's part of the style vector.
        style: Range<usize>,
        /// Added to the variance.
        eps: f32,
        /// Whether the variance is divided by `n - 1`.
        unbiased: bool,
        /// The gains and shifts that it writes.
        out: AffineId,
    },
    /// Gain and shift from the style.
    Modulate {
        /// The site's part of the style vector: `bias[C]`, `gain[C]`.
        style: Range<usize>,
        /// The gains and shifts that it writes.
        out: AffineId,
    },
    /// Gains of the noise field from the style and the layer's weights.
    Noise {
        /// The site's part of the style vector.
        style: Range<usize>,
        /// The gains that it writes.
        out: NoiseId,
    },
    /// `[mean, std]` of every channel of `input`, to `[2 C, 1, 1]`.
    MeanStd {
        /// The activation whose statistics are taken.
        input: BufferId,
        /// Added to the variance.
        eps: f32,
        /// Whether the variance is divided by `n - 1`.
        unbiased: bool,
        /// The activation that it writes.
        out: BufferId,
    },
    /// Writes a value as the frame's result, cropped as the table says. The last step, and only there.
    Export {
        /// The value.
        input: Value,
    },
}

impl Step {
    /// Activations that this step reads.
    pub fn reads(&self) -> Vec<BufferId> {
        let of = |values: &[Option<Value>]| {
            values.iter().flatten().filter_map(|value| value.buffer()).collect::<Vec<_>>()
        };
        match self {
            Step::Import { .. } | Step::Modulate { .. } | Step::Noise { .. } => vec![],
            Step::Conv(conv) => of(&[Some(conv.input), conv.residual]),
            Step::Blend { a, b, .. } => of(&[Some(*a), *b]),
            Step::Copy { input, .. } | Step::Pool { input, .. } | Step::Export { input } => {
                of(&[Some(*input)])
            }
            Step::AdaIn { input, .. } | Step::MeanStd { input, .. } => vec![*input],
        }
    }

    /// The activation that this step writes.
    pub fn writes(&self) -> Option<BufferId> {
        match self {
            Step::Import { out, .. }
            | Step::Conv(Conv { out, .. })
            | Step::Blend { out, .. }
            | Step::Copy { out, .. }
            | Step::Pool { out, .. }
            | Step::MeanStd { out, .. } => Some(*out),
            Step::AdaIn { .. } | Step::Modulate { .. } | Step::Noise { .. } | Step::Export { .. } => None,
        }
    }
}

/// An affine map, one gain and shift a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Channels.
    pub channels: usize,
    /// Gain and shift of all channels, where no step writes them.
    pub constant: Option<(f32, f32)>,
}

/// Gains of the noise field, a set for each layer that adds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoiseGains {
    /// The row of the folded table.
    pub layer: NodeId,
    /// Channels.
    pub channels: usize,
    /// The affine map under it. No other set stands over the same map, so that engines can keep both in one place.
    pub affine: Option<AffineId>,
}

/// A table as steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lowered {
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// Shape of each activation.
    pub buffers: Vec<Shape>,
    /// Gains and shifts.
    pub affines: Vec<Affine>,
    /// Gains of noise fields.
    pub noises: Vec<NoiseGains>,
}

impl Lowered {
    /// For each activation, the first and the last step that touches it; `None` where none does.
    pub fn lifetimes(&self) -> Vec<Option<(usize, usize)>> {
        let mut lives: Vec<Option<(usize, usize)>> = vec![None; self.buffers.len()];
        for (at, step) in self.steps.iter().enumerate() {
            for buffer in step.reads().into_iter().chain(step.writes()) {
                let (first, _) = lives[buffer].unwrap_or((at, at));
                lives[buffer] = Some((first, at));
            }
        }
        lives
    }
}
