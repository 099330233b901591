//! The face that every engine shows: prepare a plan for one network at one size, then run it per frame.

use crate::image::Image;
use crate::network::{Network, Op, TableError};
use crate::noise::Field;
use crate::tensor::{Shape, Tensor};
use crate::weights::{Weights, WeightsError};
use std::sync::Arc;

/// Walks networks.
///
/// Contract, checked by [`crate::conformance`]: the plan's output equals the reference engine's within
/// the suite's tolerances, for every table that [`Network::check`] accepts; it does not depend on the
/// number of threads; and two runs from the same state are bit-equal.
pub trait Engine: Send + Sync {
    /// Short name for messages, with the instruction set or adapter, such as `cpu (avx512)`.
    fn name(&self) -> String;

    /// Plans `network` for pictures of `height` x `width` px. The weights are shared, not copied, where
    /// an engine needs no layout of its own.
    fn prepare(
        &self,
        network: &Network,
        weights: &Arc<Weights>,
        height: usize,
        width: usize,
    ) -> Result<Box<dyn Plan>, EngineError>;
}

/// One network, ready for pictures of one size.
pub trait Plan: Send {
    /// Shape of the input of [`Plan::run`]: `[channels, height, width]` of the picture.
    fn input_shape(&self) -> Shape;

    /// Shape of the output of [`Plan::run`], cropped as the table says.
    fn output_shape(&self) -> Shape;

    /// Runs the network. `input` and `output` must have the plan's shapes, and `conditions.style` the
    /// length of the network's style vector.
    fn run(
        &mut self,
        input: &Tensor,
        conditions: &Conditions,
        output: &mut Tensor,
    ) -> Result<(), EngineError>;

    /// The same from picture to picture, for networks with three channels in and out. Engines that
    /// convert while they read and write override this.
    fn run_image(
        &mut self,
        input: &Image,
        conditions: &Conditions,
        output: &mut Image,
    ) -> Result<(), EngineError> {
        let mut painted = Tensor::zeros(self.output_shape());
        let picture = Shape::new(3, input.height(), input.width());
        check_shape("input picture", self.input_shape(), picture)?;
        check_shape("output picture", self.output_shape(), Shape::new(3, output.height(), output.width()))?;
        self.run(&input.to_tensor(), conditions, &mut painted)?;
        output.read_tensor(&painted);
        Ok(())
    }

    /// Painting with a second frame on its way, from engines whose device works by itself; others have nothing to gain.
    fn ahead(&mut self) -> Option<&mut dyn Ahead> {
        None
    }

    /// Forgets the content statistics that [`Conditions::smoothing`] remembers: at a scene cut.
    fn reset(&mut self);

    /// The content statistics that [`Conditions::smoothing`] remembers, in an order of the engine's own; empty
    /// after a reset, and from engines that cannot tell.
    fn memory(&self) -> Vec<f64> {
        Vec::new()
    }

    /// Takes up what [`Plan::memory`] of a like plan gave, so that the next frame is painted as it would have been there. What
    /// does not fit is forgotten.
    fn recall(&mut self, memory: &[f64]) {
        let _ = memory;
        self.reset();
    }
}

/// A plan with frames on their way: while the device paints one, the next goes in and the last comes out.
///
/// Frames come out in the order in which they went in, as [`Plan::run_image`] would have painted them one by one; that
/// must not be called while a frame is on its way.
pub trait Ahead {
    /// Frames that may be on their way at once.
    fn most(&self) -> usize;

    /// Takes a frame in. With [`Ahead::most`] frames on their way it is an error.
    fn begin(&mut self, input: &Image, conditions: &Conditions) -> Result<(), EngineError>;

    /// Waits for the oldest frame on its way. Without one it is an error.
    fn finish(&mut self, output: &mut Image) -> Result<(), EngineError>;
}

/// Conditions that a frame is painted with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditions<'a> {
    /// The style vector: for each site of the table, its two halves (see [`crate::SiteKind`]).
    pub style: &'a [f32],
    /// `0..1`: how far the statistics at AdaIN sites go from the content's own (0, which gives the
    /// network's reconstruction) to the style's (1). Equals mixing the features, as in the original.
    /// Modulation sites do not know it.
    pub strength: f32,
    /// `0..1`: how much of the content statistics at AdaIN sites (mean and standard deviation) is kept from the
    /// frames before: `used = smoothing * used_before + (1 - smoothing) * own`. The first frame uses its own.
    pub smoothing: f32,
    /// The noise field, for networks that have one.
    pub field: Field,
}

impl<'a> Conditions<'a> {
    /// At full strength, each frame by itself.
    pub fn new(style: &'a [f32]) -> Self {
        Self { style, ..Conditions::NONE }
    }

    /// For networks without sites, such as style encoders.
    pub const NONE: Conditions<'static> = Conditions {
        style: &[],
        strength: 1.0,
        smoothing: 0.0,
        field: Field { seed: 0, origin: [0, 0], strokes: 1.0 },
    };

    /// The factor of the noise field.
    pub fn noise_amount(&self) -> f32 {
        self.strength * self.field.strokes
    }

    /// Tells whether these fit `network`.
    pub fn check(&self, network: &Network) -> Result<(), EngineError> {
        let (expected, found) = (network.style_len(), self.style.len());
        if expected != found {
            return Err(TableError::StyleLength { network: network.name.clone(), expected, found }.into());
        }
        let dials = [
            ("strength", self.strength, 1),
            ("smoothing", self.smoothing, 1),
            ("strokes", self.field.strokes, 2),
        ];
        for (name, value, most) in dials {
            if !(0.0..=most as f32).contains(&value) {
                return Err(EngineError::Range { name, most, value });
            }
        }
        Ok(())
    }
}

/// Why an engine cannot paint.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The table is unsound, or does not fit the style.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The weights do not fit the table.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A tensor or picture of another shape than the plan's.
    #[error("the {what} has shape {found}, this plan takes {expected}")]
    Shape {
        /// Which.
        what: &'static str,
        /// The plan's.
        expected: Shape,
        /// The one given.
        found: Shape,
    },
    /// A dial outside its range.
    #[error("{name} must be between 0 and {most}, found {value}")]
    Range {
        /// The dial.
        name: &'static str,
        /// The end of its range.
        most: u32,
        /// Its value.
        value: f32,
    },
    /// More frames on their way than the plan takes, or none where one is waited for.
    #[error("{0} frames are on their way, and at most {1} may be; finish the oldest first, or begin one")]
    Ahead(usize, usize),
    /// The engine's device cannot do it.
    #[error("{0}")]
    Device(String),
}

/// Tells whether a shape is the plan's.
pub fn check_shape(what: &'static str, expected: Shape, found: Shape) -> Result<(), EngineError> {
    if expected == found { Ok(()) } else { Err(EngineError::Shape { what, expected, found }) }
}

/// Checks everything that [`Engine::prepare`] must refuse, and gives the shape of every node.
pub fn check_prepare(
    network: &Network,
    weights: &Weights,
    height: usize,
    width: usize,
) -> Result<Vec<Shape>, EngineError> {
    network.check()?;
    network.check_weights(weights)?;
    let shapes = network.shapes(height, width)?;
    debug_assert!(matches!(network.nodes[0].op, Op::Input { .. }));
    Ok(shapes)
}
