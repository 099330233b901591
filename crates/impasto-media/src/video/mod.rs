//! Moving pictures: files in and out.
//!
//! A [`Source`] gives [`Frame`]s with their own times, in ticks of its [`Info::timescale`], and never loses one; a
//! [`Sink`] takes them. [`pipeline::run`] joins them with whatever paints, on named threads with bounded queues, so that memory
//! stays flat however long the film is.
//!
//! Inside the program: MP4 and MOV with H.264, y4m, GIF, animated WebP, folders of pictures. Everything else goes through an
//! `ffmpeg` that is found on the machine ([`ffmpeg`]). [`Output`] writes beside its target and can go on after the program was killed.

pub mod convert;
mod error;
pub mod ffmpeg;
mod frame;
mod gif;
mod input;
pub mod mp4;
mod output;
mod palette;
mod part;
mod pictures;
pub mod pipeline;
mod rate;
#[cfg(test)]
mod tests;
mod thinned;
mod webp;
pub mod y4m;

pub use error::VideoError;
pub use frame::{Chroma, Color, Frame, Info, Layout, Matrix, Pixels, Planes, Rotation, Sink, Source};
pub use input::{Backend, Input, InputOptions, open};
pub use output::{Kind, Output, OutputOptions};
pub use part::Mark;
pub use rate::Rate;
