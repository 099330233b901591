//! Paint pictures, video and cameras in any style.
//!
//! ```
//! # use std::sync::Arc;
//! # use impasto::{Dials, Image, Stylizer, Provenance};
//! # fn tour(model: impasto::Model, photo: &Image, painting: &Image) -> Result<(), impasto::PaintError> {
//! let stylizer = Stylizer::builder(Arc::new(model)).build()?;
//! let style = stylizer.encode(painting, Provenance { name: "wave".into(), ..Default::default() })?;
//! let painted = stylizer.paint(photo, &style, &Dials::default())?;
//! # assert_eq!(painted.width(), photo.width());
//! # Ok(())
//! # }
//! ```
//!
//! * A [`Stylizer`] holds a model and an engine. It encodes paintings into [`Style`]s and paints stills of any size.
//! * A [`Session`] paints the frames of a film or camera, and holds the painting still from frame to frame.
//! * A [`Style`] is a short vector: [`Style::mix`] and [`Style::toward`] mix and fade.
//! * The feature `files` adds `files`, which reads models, styles and pictures by the word that a person typed.
//! * [`scene`] draws a moving picture for when there is no camera.
#![forbid(unsafe_code)]

pub mod builtin;
pub mod color;
pub mod engines;
mod error;
#[cfg(feature = "files")]
pub mod files;
pub mod flash;
#[cfg(feature = "files")]
pub mod names;
pub mod regions;
pub mod scene;
mod session;
pub mod steady;
mod stylizer;
mod tiles;

pub use engines::{EngineChoice, EngineSetup, precision_from_word};
pub use error::PaintError;
pub use impasto_core::image::ImageError;
pub use impasto_core::style::Provenance;
pub use impasto_core::{Image, Model, Style, StyleError};
pub use impasto_cpu::Precision;
pub use regions::Mask;
pub use session::Session;
pub use stylizer::{Dials, Stylizer, StylizerBuilder};

/// The GPUs of this machine, and the engine for them.
#[cfg(feature = "gpu")]
pub use impasto_gpu as gpu;
