//! Moving pictures: files in and out.
//!
//! A [`Source`] gives [`Frame`]s with their own times, in ticks of its [`Info::timescale`], and never loses one; a
//! [`Sink`] takes them. [`pipeline::run`] joins them with whatever paints, on named threads with bounded queues, so that memory
//! stays flat however long the film is.
//!
//! Inside the program: MP4 and MOV with H.264, y4m, GIF, animated WebP and PNG, folders of pictures. Everything else goes through an
//! `ffmpeg` that is found on the machine ([`ffmpeg`]). [`Output`] writes beside its target and can go on after the program was killed.

mod address;
mod alpha;
mod apng;
mod canvas;
pub mod convert;
mod disk;
mod error;
mod every;
pub mod ffmpeg;
mod frame;
mod gif;
mod input;
mod kind;
pub mod mp4;
mod output;
mod palette;
mod part;
mod pictures;
pub mod pipeline;
mod place;
mod plan;
mod rate;
mod room;
mod section;
#[cfg(test)]
mod tests;
mod thinned;
mod tone;
mod viewed;
mod webp;
pub mod y4m;

pub use address::{is_address, without_passwords};
pub use error::VideoError;
pub use every::Every;
pub use frame::{Chroma, Color, Frame, Info, Layout, Matrix, Pixels, Planes, Plays, Rotation, Sink, Source};

pub use input::{Backend, Input, InputOptions, open};
pub use kind::Kind;
pub use output::{Output, OutputOptions};
pub use part::Mark;
pub use rate::Rate;
pub use section::{Parts, Section, Until};
pub use tone::{Primaries, Tone, Transfer};
pub use viewed::Viewed;
