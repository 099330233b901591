//! Why a picture cannot be painted.

use impasto_core::{EngineError, StyleError};

/// Why a picture cannot be painted, or a painting not be encoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PaintError {
    /// The engine cannot do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The style does not fit the model, or is damaged.
    #[error(transparent)]
    Style(#[from] StyleError),
    /// A dial outside its range.
    #[error("{name} must be between 0 and {most}, found {value}")]
    Dial {
        /// The dial.
        name: &'static str,
        /// The end of its range.
        most: u32,
        /// Its value.
        value: f32,
    },
    /// A word that names none of the choices.
    #[error("there is no {kind} `{word}`; use one of {known}")]
    Word {
        /// The kind of choice, such as `engine`.
        kind: &'static str,
        /// The word.
        word: String,
        /// The words that there are.
        known: String,
    },
    /// The engine is not part of this build.
    #[error("this build has no {0} engine; build it with `--features {0}`, or use `--engine cpu`")]
    NoEngine(&'static str),
    /// There is no GPU that this build can use.
    #[error("{0}")]
    NoGpu(String),
    /// No GPU adapter is called so.
    #[error("{0}")]
    Adapter(String),
    /// `IMPASTO_ISA` names an instruction set that this machine cannot run.
    #[error(transparent)]
    Isa(#[from] impasto_cpu::IsaError),
    /// A mask of another size.
    #[error(
        "a mask of {found_width}x{found_height} px for a photo of {width}x{height} px; resize the mask to the photo"
    )]
    MaskSize {
        /// The photo's width in px.
        width: usize,
        /// The photo's height in px.
        height: usize,
        /// The mask's width in px.
        found_width: usize,
        /// The mask's height in px.
        found_height: usize,
    },
    /// No region to paint.
    #[error("there is no region to paint: give at least one mask with a style")]
    NoRegion,
}
