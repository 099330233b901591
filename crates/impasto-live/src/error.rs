//! Why something on the live page does not go.

use impasto_studio::StudioError;

/// Why something on the live page does not go.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// A setting, a style or a message that is wrong, or a frame that cannot be painted.
    #[error(transparent)]
    Studio(#[from] StudioError),
    /// The dropped file is no picture, or too large.
    #[error(transparent)]
    Picture(#[from] impasto_media::Error),
    /// A camera that does not work.
    #[error("camera: {0}")]
    Camera(String),
    /// A style that cannot be deepened.
    #[error("{0}")]
    Deepen(String),
    /// Too little memory.
    #[error("{0}")]
    NoRoom(String),
    /// A recording that does not work.
    #[error("recording: {0}")]
    Record(String),
    /// The address cannot be taken.
    #[error("cannot listen on {address}: {source}; choose another with --port")]
    Listen {
        /// The address.
        address: String,
        /// The system's words.
        source: std::io::Error,
    },
}

impl From<impasto::PaintError> for LiveError {
    fn from(why: impasto::PaintError) -> Self {
        StudioError::from(why).into()
    }
}

impl From<impasto_core::StyleError> for LiveError {
    fn from(why: impasto_core::StyleError) -> Self {
        StudioError::from(why).into()
    }
}
