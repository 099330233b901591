//! AdaIN style transfer itself, with nothing else around it.
//!
//! * A [`Network`] is a table of layers plus named [`Weights`]; every engine, the trainer and the
//!   exporters walk the same table.
//! * A [`Style`] is a short vector: mean and standard deviation per channel at each AdaIN site.
//!   Mixing, strength and fading are arithmetic on it.
//! * A [`Model`] bundles a painter, a style encoder and their weights in one safetensors file.
//! * [`mod@lower`] is the planner of every engine: a table goes in, fused steps come out.
//! * An [`Engine`] prepares a [`Plan`] for one network at one size; the [`mod@reference`] engine is the
//!   plain judge, and [`conformance`] is the suite that every other engine must pass.
//!
//! Conventions, once: pictures are sRGB, [`Image`] is interleaved `RGB8` in `0..=255`, [`Tensor`] is
//! planar `CHW` in `f32`, pictures inside tensors are RGB in `0..1`. Floats become bytes by rounding
//! in one function, [`crate::image::byte_from_unit`].
#![forbid(unsafe_code)]

pub mod atomic;
pub mod classic;
pub mod conformance;
pub mod engine;
pub mod image;
pub mod light;
pub mod lower;
pub mod model;
pub mod network;
pub mod noise;
pub mod random;
pub mod reference;
pub mod style;
pub mod tensor;
pub mod weights;

pub use crate::image::Image;
pub use engine::{Ahead, Conditions, Engine, EngineError, Plan};
pub use model::{Model, ModelError};
pub use network::{Network, NetworkBuilder, Node, NodeId, Op, Padding, Site, SiteKind, TableError};
pub use noise::Field;
pub use random::Random;
pub use style::{Style, StyleError};
pub use tensor::{Shape, Tensor};
pub use weights::{Weights, WeightsError};
