//! Paint pictures, video and cameras in any style.
//!
//! A [`Stylizer`] holds a model and an engine. It paints stills of any size:
//!
//! ```
//! use impasto::{Dials, Stylizer, builtin, scene};
//!
//! let stylizer = Stylizer::builder(builtin::light()).build()?;
//! let photo = scene::draw(96, 64, 0.0);
//! let waves = builtin::style("waves").expect("it is built in");
//! let painted = stylizer.paint(&photo, &waves, &Dials::default())?;
//! assert_eq!((painted.width(), painted.height()), (96, 64));
//! # Ok::<(), impasto::PaintError>(())
//! ```
//!
//! A [`Style`] is a short vector. [`Stylizer::encode`] makes one of any painting, [`Style::mix`] and [`Style::toward`] mix and fade:
//!
//! ```
//! use impasto::{Provenance, Stylizer, builtin, scene};
//!
//! let stylizer = Stylizer::builder(builtin::light()).build()?;
//! let painting = scene::draw(128, 128, 3.0);
//! let own = stylizer.encode(&painting, Provenance { name: "own".into(), source: "drawn here".into() })?;
//! let waves = builtin::style("waves").expect("it is built in");
//! let between = own.toward(&waves, 0.5)?;
//! assert_eq!(between.vector().len(), own.vector().len());
//! # Ok::<(), impasto::PaintError>(())
//! ```
//!
//! A [`Session`] paints the frames of a film or camera; with [`Dials::steady`] it holds the painting still from frame to frame:
//!
//! ```
//! use impasto::{Dials, Image, Stylizer, builtin, scene};
//!
//! let mut session = Stylizer::builder(builtin::light()).build()?.session();
//! let waves = builtin::style("waves").expect("it is built in");
//! let dials = Dials { steady: 0.7, ..Dials::default() };
//! let mut painted = Image::black(1, 1);
//! for frame in 0..3 {
//!     let picture = scene::draw(96, 64, frame as f32 / 24.0);
//!     session.paint(&picture, &waves, &dials, &mut painted)?;
//!     assert_eq!(painted.width(), 96);
//! }
//! # Ok::<(), impasto::PaintError>(())
//! ```
//!
//! With the feature `image`, `Image::try_from(picture)` and `RgbImage::from(picture)` convert from and to `image::RgbImage`. The
//! features `builtin` and `styles`, on by default, put the light network and its styles into the program; `gpu` adds the engine for GPUs.
//! The feature `files` adds `files`, which reads models, styles and pictures by the word that a person typed.
//! [`scene`] draws a moving picture for when there is no camera. The folder `examples` has five numbered programs.
#![forbid(unsafe_code)]

#[cfg(feature = "builtin")]
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
mod strength;
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
