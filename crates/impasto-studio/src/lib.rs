//! The part of a painting page that needs no server.
//!
//! `impasto live` paints for pages behind a socket, `impasto-web` paints inside the page. Both take the same
//! [`Settings`], hold styles in a [`Gallery`], paint frames with a [`Painter`] at a working size that holds the rate
//! ([`Adapter`]), bring the painting to the frame's size along the frame's edges, and write the same messages
//! ([`codec`]). Nothing here reads files, opens sockets or starts threads.
#![deny(unsafe_code)]

mod adapt;
pub mod clock;
pub mod codec;
mod enlarge;
mod error;
mod fade;
pub mod gallery;
mod look;
mod painter;
mod picture;
mod settings;
mod stats;
mod turn;

pub use adapt::Adapter;
pub use error::StudioError;
pub use fade::Fader;
pub use gallery::{Canvas, Entry, Gallery};
pub use impasto_pixel::view::Crop;
pub use look::seen;
pub use painter::{Finished, Frame, Painter, Painting, finished};
pub use picture::Picture;
pub use settings::{Chosen, Flash, Settings};
pub use stats::{Report, Stage, Stats};
pub use turn::turned;
