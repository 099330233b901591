//! Frames in and out of Impasto: stills, video and cameras.
//!
//! A *still* is read with [`still::read`] and written with [`still::write`]: whatever the file held
//! (any orientation, colour profile or depth), the picture in memory is upright 8-bit sRGB.
//!
//! A film comes from a [`video::Source`] and goes to a [`video::Sink`], with [`video::pipeline::run`] between them.
//!
//! This crate knows no engine: what paints the frames is handed in.
#![forbid(unsafe_code)]

mod error;
pub mod folder;
pub mod memory;
pub mod resize;
pub mod still;
#[cfg(test)]
mod testing;
pub mod video;
pub use impasto_pixel::view;

pub use error::{Error, Result};
pub use impasto_core::atomic;
