//! Why a judgement cannot be given.

use impasto_core::{EngineError, ModelError};
use std::path::{Path, PathBuf};

/// Why a judgement cannot be given.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// A folder without pictures.
    #[error("{} holds no pictures; give a folder of JPEG, PNG or WebP files", .0.display())]
    NoPictures(PathBuf),
    /// A picture or folder cannot be read, or a file not written.
    #[error(transparent)]
    Media(#[from] impasto_media::Error),
    /// A report cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// The VGG weights do not fit.
    #[error(
        "these are not the weights of the normalised VGG-19 (conv0, conv1_1 to conv4_1) that judges: {0}; \
         `impasto import` makes them of the files people have"
    )]
    Vgg(EngineError),
    /// A baseline's file is there and cannot be used.
    #[error("{}: {source}", path.display())]
    Baseline {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: ModelError,
    },
    /// A model cannot be prepared or run.
    #[error("model `{model}` at {}: {source}", crate::config::shown_size(*size))]
    Model {
        /// The model's name.
        model: String,
        /// Width and height of the photos.
        size: (usize, usize),
        /// The engine's words.
        source: EngineError,
    },
    /// The judge cannot run.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A setting out of range.
    #[error("{0}")]
    Config(String),
}

impl EvalError {
    pub(crate) fn write(path: &Path, source: std::io::Error) -> Self {
        EvalError::Write { path: path.into(), source }
    }
}
