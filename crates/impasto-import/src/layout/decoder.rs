//! The mirrored decoder, from pytorch-AdaIN's Sequential or by name.

use std::io::{BufRead, Seek};

use impasto_core::classic::DECODER;
use impasto_core::weights::Weights;

use super::{Convolution, Inventory, LayoutError, Reader, prefix_of};
use crate::TensorFile;

const WANTED: &str = "decoder";
const HINT: &str = "Known are decoder.pth of pytorch-AdaIN and files with layers dec0 to dec8";
const SWAPPED: &str = "This is a VGG: name the VGG first and the decoder second";

/// Positions of the convolutions in pytorch-AdaIN's Sequential.
const POSITIONS: [usize; 9] = [1, 5, 8, 11, 14, 18, 21, 25, 28];

pub(super) fn decoder_convolutions() -> Vec<Convolution> {
    let mut inputs = 512;
    let convolution = |&(name, outputs, _): &(&'static str, usize, bool)| {
        let conv = Convolution { name, outputs, inputs, side: 3 };
        inputs = outputs;
        conv
    };
    DECODER.iter().map(convolution).collect()
}

/// The prefix, and whether layers have names instead of positions.
fn recognise<R: BufRead + Seek>(file: &TensorFile<R>) -> Option<(String, bool)> {
    let first = decoder_convolutions()[0].shape();
    let named = prefix_of(file, "dec0.weight", None).map(|prefix| (prefix, true));
    named.or_else(|| Some((prefix_of(file, "1.weight", Some(first))?, false)))
}

pub(super) fn is_decoder<R: BufRead + Seek>(file: &TensorFile<R>) -> bool {
    recognise(file).is_some()
}

/// Reads a decoder and gives its layers their names here.
pub(crate) fn read_decoder<R: BufRead + Seek>(file: &mut TensorFile<R>) -> Result<Weights, LayoutError> {
    let Some((prefix, named)) = recognise(file) else {
        let hint = if super::vgg::is_vgg(file) { SWAPPED } else { HINT };
        return Err(LayoutError::Unknown { wanted: WANTED, found: Inventory::of(file), hint });
    };
    let mut reader = Reader { file, wanted: WANTED };
    let mut weights = Weights::new();
    for (conv, position) in decoder_convolutions().iter().zip(POSITIONS) {
        let stem = if named { format!("{prefix}{}", conv.name) } else { format!("{prefix}{position}") };
        let (weight, bias) = reader.convolution(&stem, conv)?;
        super::insert(&mut weights, conv.name, weight, bias);
    }
    Ok(weights)
}
