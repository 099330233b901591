//! Why something on a painting page does not go.

/// Why something on a painting page does not go.
#[derive(Debug, thiserror::Error)]
pub enum StudioError {
    /// A setting out of range, or of a wrong type.
    #[error("setting `{name}`: {what}")]
    Setting {
        /// Its name.
        name: String,
        /// The fault.
        what: String,
    },
    /// No such style.
    #[error("there is no style `{0}`; GET /api/state lists them")]
    Style(String),
    /// A built-in style cannot be removed.
    #[error("`{0}` is built in and cannot be removed")]
    BuiltIn(String),
    /// It cannot be painted.
    #[error(transparent)]
    Paint(#[from] impasto::PaintError),
    /// A style file that does not fit.
    #[error(transparent)]
    StyleFile(#[from] impasto_core::StyleError),
    /// A message that cannot be read.
    #[error("message: {0}")]
    Message(String),
}
