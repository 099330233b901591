//! Frames on the wire: those of [`impasto_studio::codec`], with JPEG read by [`impasto_media::still`].

pub use impasto_studio::codec::*;

use crate::{LiveError, Picture};
use impasto_media::still::{self, Limits};

/// Reads a frame.
pub fn decode(message: &[u8]) -> Result<(Header, Picture), LiveError> {
    impasto_studio::codec::decode(message, |file| {
        let most = (MAX_SIDE * MAX_SIDE) as u64;
        let limits = Limits { pixels: most, file_bytes: 1 << 26, decoded_bytes: 4 * most };
        Ok(still::read_bytes(file, "the camera's frame", limits)?.image)
    })
}
