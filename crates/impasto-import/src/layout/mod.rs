//! Which network a file holds, told by the names and shapes of its tensors, and what its tensors are called here.
//!
//! | file | tensors |
//! |---|---|
//! | pytorch-AdaIN `vgg_normalised.pth` | `0` (1x1), `2`, `5`, `9`, `12`, `16`, `19`, `22`, `25`, `29`, … |
//! | pytorch-AdaIN `decoder.pth` | `1`, `5`, `8`, `11`, `14`, `18`, `21`, `25`, `28` |
//! | torchvision `vgg19` | `features.0`, `.2`, `.5`, `.7`, `.10`, `.12`, `.14`, `.16`, `.19`, … |
//! | torchvision `vgg19_bn` | `features.0` with norm `features.1`, `.3` with `.4`, `.7` with `.8`, … |
//! | by name | `conv0`, `conv1_1`, … and `dec0` … `dec8` |
//!
//! Each with `.weight` and `.bias`, and with any dotted prefix (`module.`, `state_dict.`, `decoder.`). Layers behind
//! relu4_1, and anything else in the file, are not read.

mod decoder;
#[cfg(test)]
mod tests;
mod vgg;

use std::fmt;
use std::io::{BufRead, Seek};

use impasto_core::weights::{Weight, Weights};

use crate::{ReadError, TensorFile};

pub(crate) use decoder::read_decoder;
pub use vgg::VggKind;
pub(crate) use vgg::{FIRST, LAST, read_vgg, vgg_convolutions};

/// Why a file's tensors are not the ones wanted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// No known layout fits.
    #[error("it holds no {wanted} in a layout known here; {found}. {hint}")]
    Unknown {
        /// The expected layout.
        wanted: &'static str,
        /// The layout found.
        found: Inventory,
        /// The remedy.
        hint: &'static str,
    },

    /// The layout is known, but a tensor is not there.
    #[error("tensor `{tensor}` ({layer} of {wanted}) is missing; it should have shape {expected:?}")]
    Missing {
        /// The expected layout.
        wanted: &'static str,
        /// Its name in the file.
        tensor: String,
        /// The layer it belongs to.
        layer: &'static str,
        /// The shape it should have.
        expected: Vec<usize>,
    },

    /// A tensor has another shape.
    #[error("tensor `{tensor}` ({layer} of {wanted}) has shape {found:?} where {expected:?} is needed")]
    Shape {
        /// The expected layout.
        wanted: &'static str,
        /// Its name in the file.
        tensor: String,
        /// The layer it belongs to.
        layer: &'static str,
        /// The shape it should have.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
    },

    /// A tensor cannot be read.
    #[error(transparent)]
    Read(ReadError),
}

/// The first few tensors of a file, for a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    count: usize,
    first: Vec<(String, Vec<usize>)>,
}

impl Inventory {
    fn of<R: BufRead + Seek>(file: &TensorFile<R>) -> Self {
        let first = file.tensors().take(3).map(|(name, info)| (name.to_owned(), info.shape.clone()));
        Inventory { count: file.tensors().count(), first: first.collect() }
    }
}

impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it has {} tensors", self.count)?;
        for (i, (name, shape)) in self.first.iter().enumerate() {
            write!(f, "{} `{name}` {shape:?}", if i == 0 { ":" } else { "," })?;
        }
        f.write_str(if self.count > self.first.len() { ", …" } else { "" })
    }
}

/// A square convolution of the network: weights `[outputs, inputs, side, side]`, bias `[outputs]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Convolution {
    pub(crate) name: &'static str,
    pub(crate) outputs: usize,
    pub(crate) inputs: usize,
    pub(crate) side: usize,
}

impl Convolution {
    pub(crate) fn shape(&self) -> [usize; 4] {
        [self.outputs, self.inputs, self.side, self.side]
    }
}

/// Reads tensors of one network out of a file and checks the shape of each.
struct Reader<'a, R> {
    file: &'a mut TensorFile<R>,
    wanted: &'static str,
}

impl<R: BufRead + Seek> Reader<'_, R> {
    /// Weights and bias of the convolution called `stem` in the file.
    fn convolution(&mut self, stem: &str, conv: &Convolution) -> Result<(Weight, Weight), LayoutError> {
        let weight = self.tensor(&format!("{stem}.weight"), conv.name, &conv.shape())?;
        let bias = self.tensor(&format!("{stem}.bias"), conv.name, &[conv.outputs])?;
        Ok((weight, bias))
    }

    fn tensor(
        &mut self,
        tensor: &str,
        layer: &'static str,
        expected: &[usize],
    ) -> Result<Weight, LayoutError> {
        let (wanted, tensor) = (self.wanted, tensor.to_owned());
        match self.file.info(&tensor).map(|info| info.shape.clone()) {
            None => Err(LayoutError::Missing { wanted, tensor, layer, expected: expected.to_vec() }),
            Some(found) if found != expected => {
                Err(LayoutError::Shape { wanted, tensor, layer, expected: expected.to_vec(), found })
            }
            Some(_) => self.file.read(&tensor).map_err(LayoutError::Read),
        }
    }
}

/// The dotted prefix before which the file has a tensor `last` of this shape, the shortest if there are several.
fn prefix_of<R: BufRead + Seek>(
    file: &TensorFile<R>,
    last: &str,
    shape: Option<[usize; 4]>,
) -> Option<String> {
    let fits = file.tensors().filter(|(_, info)| shape.is_none_or(|shape| info.shape == shape));
    let prefixes = fits.filter_map(|(name, _)| name.strip_suffix(last));
    prefixes
        .filter(|prefix| prefix.is_empty() || prefix.ends_with('.'))
        .min_by_key(|p| p.len())
        .map(str::to_owned)
}

fn insert(weights: &mut Weights, layer: &str, weight: Weight, bias: Weight) {
    weights.insert(format!("{layer}.weight"), weight.shape, weight.values);
    weights.insert(format!("{layer}.bias"), bias.shape, bias.values);
}
