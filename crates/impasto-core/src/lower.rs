//! One planner for every engine: a table goes in, a list of fused steps comes out.
//!
//! 1. [`Folded`] rewrites the table: constant layers go into the weights of the convolutions beside them. The result is a table like
//!    any other, which exporters write row by row and the reference engine can judge.
//! 2. [`lower`] turns the table into [`Step`]s over activations in memory. A convolution takes along the layers behind it that only it
//!    feeds: ReLU, residual sum, ReLU, max pool. Upsampling, AdaIN, modulation, the noise field, scaling and ReLU elsewhere are not
//!    computed but noted in the [`Value`] that later steps read; kernels apply them while they load.
//! 3. [`Lowered::lifetimes`] says which steps an activation must survive.
//!
//! An engine states in [`Fusion`] what its kernels can take along, and then chooses a kernel for each step.

mod fold;
mod planner;
mod step;

pub use fold::{ConvWeights, Folded, Map};
pub use planner::{Fusion, lower};
pub use step::{
    Affine, AffineId, BufferId, Conv, Geometry, Lowered, NoiseGains, NoiseId, PoolKind, Step, Value,
};
