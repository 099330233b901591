//! Why a request of the page cannot be answered.

use impasto_studio::StudioError;

/// Why a request of the page cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The request is none, or its bytes do not fit.
    #[error("{0}; reload the page, and empty the browser's cache for it if that changes nothing")]
    Request(String),
    /// The model's file.
    #[error("the network cannot be read: {0}; reload the page")]
    Model(#[from] impasto_core::ModelError),
    /// Nothing was opened yet.
    #[error("no network is loaded yet; send `open` first")]
    NotOpen,
    /// A setting, a style or a frame.
    #[error(transparent)]
    Studio(#[from] StudioError),
    /// The picture cannot be painted.
    #[error(transparent)]
    Paint(#[from] impasto::PaintError),
    /// No photo was handed in.
    #[error("there is no photo to paint; choose one first")]
    NoPhoto,
}

impl From<impasto_core::StyleError> for WebError {
    fn from(why: impasto_core::StyleError) -> Self {
        StudioError::from(why).into()
    }
}
