//! Impasto's live page: a camera goes in, a painting comes out.
//!
//! One [`Studio`] paints: frames come to its inbox, where only the newest waits, and painted frames go to whoever
//! watches. Frames come from a browser's camera over a WebSocket, or from a [`camera::Camera`] on this machine. The
//! [`server`] shows the page and a small HTTP API, described in `docs/live.md`, to this machine only unless told otherwise.
#![forbid(unsafe_code)]

mod adapt;
pub mod camera;
pub mod codec;
mod deepen;
mod enlarge;
mod error;
mod fade;
mod gallery;
mod inbox;
mod look;
mod painter;
mod picture;
pub mod record;
pub mod server;
mod settings;
mod stats;
mod studio;
mod turn;
pub mod v4l2;

pub use deepen::{DeepenPhase, DeepenProgress, DeepenRequest, DeepenRun, DeepenStatus, Deepener};
pub use error::LiveError;
pub use gallery::Gallery;
pub use picture::Picture;
pub use server::{Server, ServerOptions};
pub use settings::{Chosen, Flash, Settings};
pub use stats::{Report, Stage};
pub use studio::{Frame, Painted, Studio, Taken, now_ms};
