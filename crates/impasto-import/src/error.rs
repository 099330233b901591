//! Faults of weight files.

use std::io;
use std::path::{Path, PathBuf};

use impasto_core::{EngineError, ModelError};

use crate::element::Element;
use crate::layout::LayoutError;

/// Why weights could not be imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file cannot be read.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The fault.
        cause: ReadError,
    },

    /// A file can be read, but its tensors are not those of the network that was wanted.
    #[error("{}: {cause}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// Which tensor is missing or has which shape.
        cause: Box<LayoutError>,
    },

    /// A VGG as published must be normalised before AdaIN can use it, and there are no pictures to do it on.
    #[error(
        "{}: this is {kind}, whose channels are of very unequal strength; painting needs them normalised: \
         give a few dozen photos to do it on, or take a vgg_normalised.pth", path.display()
    )]
    NeedsPictures {
        /// The file.
        path: PathBuf,
        /// Its kind.
        kind: crate::VggKind,
    },

    /// The engine that measures activations cannot go on.
    #[error("measuring the VGG's activations failed: {0}")]
    Engine(EngineError),

    /// The parts do not make a model.
    #[error("the imported weights do not make a model: {0}")]
    Model(ModelError),
}

impl ImportError {
    /// Adds a file's name to what is wrong with it.
    pub(crate) fn file(path: &Path) -> impl Fn(ReadError) -> ImportError {
        move |cause| ImportError::File { path: path.to_owned(), cause }
    }

    /// Adds a file's name to what is wrong with its tensors.
    pub(crate) fn layout(path: &Path) -> impl Fn(LayoutError) -> ImportError {
        move |cause| match cause {
            LayoutError::Read(cause) => ImportError::File { path: path.to_owned(), cause },
            cause => ImportError::Layout { path: path.to_owned(), cause: Box::new(cause) },
        }
    }
}

/// Why a file could not be read, told without its name: see [`ImportError`](crate::ImportError), which adds it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system could not read on.
    #[error("it cannot be read: {0}")]
    Io(io::Error),

    /// The file stops in the middle of something.
    #[error("it ends in the middle of {what}; it is cut short: download or copy it again")]
    Truncated {
        /// The part that was being read.
        what: &'static str,
    },

    /// The first bytes belong to no format we read.
    #[error(
        "it is not a weight file: {found}; a .pth file saved by PyTorch or a .safetensors file is needed"
    )]
    NotWeights {
        /// The first bytes, described.
        found: &'static str,
    },

    /// The pickle names a function or class that no weights need.
    #[error(
        "the file wants to call `{name}`: refused. Nothing in a weight file is ever executed, and plain weights \
         need no such call; get the file from another source, as a plain state_dict or as .safetensors"
    )]
    Refused {
        /// Module and name as written in the file, as in `posix.system`.
        name: String,
    },

    /// The pickle uses an instruction that no tensor file needs.
    #[error(
        "its pickle uses the instruction {opcode:#04x} at byte {at}, which plain weights do not need: refused; \
         save it again with torch.save(model.state_dict(), …)"
    )]
    Opcode {
        /// The instruction's byte.
        opcode: u8,
        /// Its place, counted from the start of the pickle.
        at: u64,
    },

    /// The pickle contradicts itself.
    #[error("its pickle is damaged at byte {at}: {problem}")]
    Pickle {
        /// Place in the pickle, in bytes from its start.
        at: u64,
        /// The fault.
        problem: String,
    },

    /// Something is larger than [`Limits`](crate::Limits) allows.
    #[error("{what} is too large: {found} where at most {limit} are allowed")]
    TooLarge {
        /// The quantity that is too large, with its unit.
        what: &'static str,
        /// Amount that the file asks for.
        found: u64,
        /// Amount that is allowed.
        limit: u64,
    },

    /// The file has a sound form but holds no tensors.
    #[error("it holds no tensors; save the weights with torch.save(model.state_dict(), …)")]
    NoTensors,

    /// The archive around the pickle is damaged or is not PyTorch's.
    #[error("its archive is unusable: {problem}")]
    Archive {
        /// The fault.
        problem: String,
    },

    /// The safetensors header breaks the format's rules.
    #[error("its safetensors header is unusable: {problem}")]
    Header {
        /// Which rule, and where.
        problem: String,
    },

    /// One tensor's description does not fit its numbers.
    #[error("tensor `{name}`: {problem}")]
    Tensor {
        /// The tensor's name in the file.
        name: String,
        /// The part that does not fit.
        problem: String,
    },

    /// A tensor that was asked for is not there.
    #[error("it has no tensor `{name}`")]
    NoSuchTensor {
        /// The name asked for.
        name: String,
    },

    /// A weight must be a floating-point number.
    #[error("tensor `{name}` holds {element}, where weights are f16, bf16, f32 or f64")]
    NotFloat {
        /// The tensor's name in the file.
        name: String,
        /// Its contents.
        element: Element,
    },

    /// A weight is NaN or infinite (or too large for `f32`).
    #[error(
        "tensor `{name}` holds {value} at position {index}; the file is damaged or its training diverged"
    )]
    NotFinite {
        /// The tensor's name in the file.
        name: String,
        /// Position in row-major order.
        index: usize,
        /// The number found.
        value: f32,
    },
}

impl From<io::Error> for ReadError {
    fn from(e: io::Error) -> Self {
        ReadError::Io(e)
    }
}

impl ReadError {
    /// Turns "unexpected end of file" into [`ReadError::Truncated`] and keeps every other cause.
    pub(crate) fn while_reading(what: &'static str) -> impl Fn(io::Error) -> ReadError {
        move |e| match e.kind() {
            io::ErrorKind::UnexpectedEof => ReadError::Truncated { what },
            _ => ReadError::Io(e),
        }
    }

    /// An error about one tensor.
    pub(crate) fn tensor(name: &str, problem: impl Into<String>) -> ReadError {
        ReadError::Tensor { name: name.to_owned(), problem: problem.into() }
    }
}

/// Result of reading a file.
pub(crate) type Result<T, E = ReadError> = std::result::Result<T, E>;
