//! Films as ffmpeg makes them, read by us and compared frame by frame with what ffmpeg itself decodes: count, times,
//! pixels. Without an ffmpeg on the machine each test prints a line that begins with `skipped:`.
//!
//! The kinds are listed in `docs/video.md`.

mod builtin;
mod cases;
mod handed_in;
mod network;
mod refused;
mod sound;
mod studio;
mod through;
