//! What codes the frames between two checkpoints.

use super::entry::AvcConfig;
use super::h264::{Encoded, Encoder};
use crate::video::frame::Planes;

/// Codes planar 4:2:0 of even sides as H.264, in the order of showing. What comes out depends on the frames since the
/// last [`Coder::end`] alone.
pub(crate) trait Coder: Send {
    /// Takes the next frame; gives those that are ready.
    fn push(&mut self, planes: &Planes) -> Result<Vec<Encoded>, String>;

    /// Gives the frames that were not ready before; the next one stands by itself.
    fn end(&mut self) -> Result<Vec<Encoded>, String>;

    /// The parameter sets; empty before the first frame is ready.
    fn config(&self) -> &AvcConfig;
}

impl Coder for Encoder {
    fn push(&mut self, planes: &Planes) -> Result<Vec<Encoded>, String> {
        self.encode(planes).map(|frame| vec![frame])
    }

    fn end(&mut self) -> Result<Vec<Encoded>, String> {
        self.restart();
        Ok(Vec::new())
    }

    fn config(&self) -> &AvcConfig {
        self.config()
    }
}
