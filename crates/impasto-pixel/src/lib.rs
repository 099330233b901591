//! Pixels in memory: planar YCbCr, conversions to and from sRGB, and resizing.
//!
//! No file is read or written here, so that everything also runs in a browser.
#![forbid(unsafe_code)]

pub mod convert;
mod planes;
pub mod resize;
mod rotation;
pub mod view;

pub use planes::{Chroma, Color, Matrix, Planes};
pub use rotation::{Rotation, rotate};
