//! Reads the weight files people have (PyTorch `.pth`, safetensors) without executing anything in them, and makes of
//! them what Impasto paints with.
//!
//! * [`TensorFile`] opens any weight file, lists its tensors and reads them one by one, within [`Limits`].
//! * [`import_vgg`] and [`import_decoder`] recognise a file's layout and give its layers the names they have here.
//! * [`layer_means`] and [`rescale`] normalise a VGG as published on pictures.
//! * [`import_classic`] does it all and gives a checked [`Model`](impasto_core::Model).
//!
//! ```no_run
//! let model = impasto_import::import_classic("vgg_normalised.pth".as_ref(), "decoder.pth".as_ref(), None)?;
//! model.save("classic.safetensors".as_ref(), impasto_core::weights::Precision::F32)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A file from outside is never trusted: a `.pth` is a program for Python's pickle machine, and a header may claim
//! anything. Names that weights do not need are refused and told, sizes are compared with the file before memory is
//! taken, and sums are checked for overflow.
#![forbid(unsafe_code)]

mod classic;
mod element;
mod error;
mod file;
mod layout;
mod limits;
mod normalise;
mod pickle;
mod pth;
mod safetensors;

pub use classic::{Pictures, Vgg, import_classic, import_decoder, import_plain_vgg, import_vgg};
pub use element::Element;
pub use error::{ImportError, ReadError};
pub use file::{TensorFile, TensorInfo};
pub use layout::{Inventory, LayoutError, VggKind};
pub use limits::Limits;
pub use normalise::{LayerMeans, layer_means, rescale};
