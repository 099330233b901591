//! Impasto's models for other programs: [`onnx`], and on it the package for the [`oak`] camera.
//!
//! * [`export_onnx`] writes any model as two ONNX files, the painter and the style encoder.
//! * [`export_oak`] writes a folder that drives a Luxonis OAK camera: the network in the shape its
//!   compiler likes, styles, a readable Python program, and, where asked, compiled blobs.
//! * [`oak::child`] runs that program and takes its frames.

pub mod error;
pub mod oak;
pub mod onnx;
mod pixels;

pub use error::ExportError;
pub use oak::{OakOptions, export_oak};
pub use onnx::{OnnxFiles, OnnxOptions, export_onnx, export_styled_onnx};
