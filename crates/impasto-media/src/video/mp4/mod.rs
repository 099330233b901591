//! MP4 and QuickTime MOV (ISO 14496-12), with H.264 pictures.
//!
//! Read: plain and fragmented files, index in front or behind, B-frames, any frame times, edit lists, rotation, clean aperture.
//! Written: a fragmented file while work goes on ([`FragmentWriter`], whose fragments are whole whatever happens after
//! them), and from it a plain file with the index in front and sound tracks copied bit for bit ([`assemble`]).

mod assemble;
mod boxes;
mod coder;
mod edit;
mod entry;
mod fragment;
mod h264;
mod movie;
mod opus;
mod recorder;
mod sink;
mod sound;
mod source;
mod sps;
mod table;
mod tracks;

pub use assemble::{Whole, assemble};
pub(crate) use assemble::{has_clean_aperture, xmp_box};
pub(crate) use coder::Coder;
pub(crate) use entry::AvcConfig;
pub use fragment::FragmentWriter;
pub use h264::{Encoded, Encoder};
pub use movie::Movie;
pub use recorder::Recorder;
pub use sink::Mp4Sink;
pub(crate) use sink::{Coding, fits_builtin};
pub use sound::Sound;
pub use source::{Mp4Source, Opened};
