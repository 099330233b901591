//! Impasto's live page: a camera goes in, a painting comes out.
//!
//! One [`Studio`] paints: frames come to its inbox, where only the newest waits, and painted frames go to whoever
//! watches. Frames come from a browser's camera over a WebSocket, or from a [`camera::Camera`] on this machine. The
//! [`server`] shows the page and a small HTTP API, described in `docs/live.md`, to this machine only unless told otherwise.
//! The part that needs no server is the crate `impasto-studio`, which paints inside a page of its own too.
#![forbid(unsafe_code)]

pub mod camera;
pub mod codec;
mod deepen;
mod dropped;
mod error;
mod inbox;
mod painter;
pub mod record;
pub mod server;
mod studio;
pub mod v4l2;

pub use deepen::{DeepenPhase, DeepenProgress, DeepenRequest, DeepenRun, DeepenStatus, Deepener};
pub use error::LiveError;
pub use impasto_studio::{Chosen, Crop, Flash, Frame, Gallery, Picture, Report, Settings, Stage};
pub use server::{Server, ServerOptions};
pub use studio::{Painted, Studio, Taken, now_ms};
