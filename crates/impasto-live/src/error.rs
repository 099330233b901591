//! Why something on the live page does not go.

/// Why something on the live page does not go.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// A setting out of range, or of a wrong type.
    #[error("setting `{name}`: {what}")]
    Setting {
        /// Its name.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// No such style.
    #[error("there is no style `{0}`; GET /api/state lists them")]
    Style(String),
    /// A built-in style cannot be removed.
    #[error("`{0}` is built in and cannot be removed")]
    BuiltIn(String),
    /// The dropped file is no picture, or too large.
    #[error(transparent)]
    Picture(#[from] impasto_media::Error),
    /// It cannot be painted.
    #[error(transparent)]
    Paint(#[from] impasto::PaintError),
    /// A style file that does not fit.
    #[error(transparent)]
    StyleFile(#[from] impasto_core::StyleError),
    /// A message of a viewer that cannot be read.
    #[error("message: {0}")]
    Message(String),
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
