//! Why a model cannot be exported.

use impasto_core::network::TableError;
use impasto_core::style::StyleError;
use impasto_core::weights::WeightsError;
use std::path::{Path, PathBuf};

/// Why a model cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The table is unsound, or cannot take a picture of that size.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The weights do not fit the table.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A style of another model.
    #[error(transparent)]
    Style(#[from] StyleError),
    /// Pixel options for a network that does not take pictures.
    #[error("network `{network}` takes {channels} channels; range and colour order are for pictures of 3")]
    NotAPicture {
        /// Its name.
        network: String,
        /// The length expected.
        channels: usize,
    },
    /// A size that the OAK's chip cannot take.
    #[error("the OAK cannot take {width}x{height} px: {why}; use for example --size 512x288")]
    OakSize {
        /// Asked width in px.
        width: usize,
        /// Asked height in px.
        height: usize,
        /// The fault.
        why: String,
    },
    /// Something else that the OAK's chip or its package cannot take.
    #[error("this model cannot go to the OAK: {0}")]
    Oak(String),
    /// No style to ship.
    #[error(
        "the OAK package needs at least one style, since styles cannot be made on the camera; \
         give one with --style"
    )]
    NoStyle,
    /// A tuned style beside others.
    #[error(
        "`{0}` is a tuned style with weights of its own, and the styles of an OAK package share one network; \
         export it alone: --style {0}"
    )]
    TunedAmong(String),
    /// The folder is already there.
    #[error("{} exists already; name another folder, or remove it first", .0.display())]
    Exists(PathBuf),
    /// A file cannot be read or written.
    #[error("{}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The blob cannot be compiled.
    #[error(transparent)]
    Compile(#[from] crate::oak::CompileError),
}

impl ExportError {
    /// Wraps the system's error about `path`.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.into(), source }
    }
}
