//! VGG-19 up to relu4_1, from any of the layouts people have.

use std::fmt;
use std::io::{BufRead, Seek};

use impasto_core::classic::VGG19;
use impasto_core::weights::{Weight, Weights};

use super::{Convolution, Inventory, LayoutError, Reader, insert, prefix_of};
use crate::TensorFile;

/// First layer: 1x1, from RGB in `0..1` to the range that the rest was trained on.
pub(crate) const FIRST: Convolution = Convolution { name: "conv0", outputs: 3, inputs: 3, side: 1 };
/// Last layer that AdaIN needs.
pub(crate) const LAST: &str = "conv4_1";

const WANTED: &str = "VGG-19";
const HINT: &str = "Known are vgg_normalised.pth of pytorch-AdaIN, vgg19 and vgg19_bn of torchvision, and files with \
                    layers conv1_1, conv1_2, …";
const SWAPPED: &str = "This is a decoder: name the VGG first and the decoder second";

/// Added to the variance in torchvision's batch normalisation.
const NORM_EPS: f64 = 1e-5;

/// Positions of the convolutions conv1_1 to conv4_1 in a Sequential.
const NORMALISED: [usize; 9] = [2, 5, 9, 12, 16, 19, 22, 25, 29];
const TORCHVISION: [usize; 9] = [0, 2, 5, 7, 10, 12, 14, 16, 19];
const TORCHVISION_BN: [usize; 9] = [0, 3, 7, 10, 14, 17, 20, 23, 27];

/// Kind of VGG-19 in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VggKind {
    /// Normalised already, with its own first 1x1 layer: RGB in `0..1`.
    Normalised,
    /// As its authors published it, layers by name: BGR in `0..255` minus the mean `(103.939, 116.779, 123.68)`.
    Caffe,
    /// torchvision's `vgg19`: RGB in `0..1`, minus mean, over deviation.
    Torchvision,
    /// torchvision's `vgg19_bn`: the same, with batch normalisation, which is folded into the convolutions.
    TorchvisionBn,
}

impl VggKind {
    /// Whether the mean activation of its channels is 1 already.
    pub fn is_normalised(self) -> bool {
        self == VggKind::Normalised
    }
}

impl fmt::Display for VggKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            VggKind::Normalised => "a normalised VGG-19",
            VggKind::Caffe => "the VGG-19 its authors published",
            VggKind::Torchvision => "torchvision's VGG-19",
            VggKind::TorchvisionBn => "torchvision's VGG-19 with batch normalisation",
        })
    }
}

/// `conv1_1` to `conv4_1` in order.
pub(crate) fn vgg_convolutions() -> Vec<Convolution> {
    let mut inputs = FIRST.outputs;
    let mut convolutions = Vec::new();
    for (name, outputs, _) in VGG19 {
        convolutions.push(Convolution { name, outputs, inputs, side: 3 });
        inputs = outputs;
        if name == LAST {
            break;
        }
    }
    convolutions
}

/// Names under which a layout keeps its layers.
struct Layout {
    kind: VggKind,
    prefix: String,
    /// Positions in a Sequential; without them layers have their names.
    positions: Option<[usize; 9]>,
}

impl Layout {
    fn stem(&self, index: usize, name: &str) -> String {
        match self.positions {
            Some(positions) => format!("{}{}", self.prefix, positions[index]),
            None => format!("{}{name}", self.prefix),
        }
    }
}

fn recognise<R: BufRead + Seek>(file: &TensorFile<R>) -> Option<Layout> {
    let layout = |kind, prefix, positions| Some(Layout { kind, prefix, positions });
    if let Some(prefix) = prefix_of(file, "conv1_1.weight", None) {
        let has_first = file.info(&format!("{prefix}conv0.weight")).is_some();
        return layout(if has_first { VggKind::Normalised } else { VggKind::Caffe }, prefix, None);
    }
    if let Some(prefix) = prefix_of(file, "0.weight", Some(FIRST.shape())) {
        return layout(VggKind::Normalised, prefix, Some(NORMALISED));
    }
    let prefix = prefix_of(file, "0.weight", Some([64, 3, 3, 3]))?;
    if file.info(&format!("{prefix}1.running_var")).is_some() {
        return layout(VggKind::TorchvisionBn, prefix, Some(TORCHVISION_BN));
    }
    layout(VggKind::Torchvision, prefix, Some(TORCHVISION))
}

/// Reads a VGG and gives its layers their names here. Only its input is unified (`conv0`): it is not normalised.
pub(crate) fn read_vgg<R: BufRead + Seek>(
    file: &mut TensorFile<R>,
) -> Result<(VggKind, Weights), LayoutError> {
    let Some(layout) = recognise(file) else {
        let hint = if super::decoder::is_decoder(file) { SWAPPED } else { HINT };
        return Err(LayoutError::Unknown { wanted: WANTED, found: Inventory::of(file), hint });
    };
    let mut reader = Reader { file, wanted: WANTED };
    let mut weights = Weights::new();
    let (weight, bias) = reader.first(&layout)?;
    insert(&mut weights, FIRST.name, weight, bias);
    for (index, conv) in vgg_convolutions().iter().enumerate() {
        let (mut weight, mut bias) = reader.convolution(&layout.stem(index, conv.name), conv)?;
        if layout.kind == VggKind::TorchvisionBn {
            let norm = format!("{}{}", layout.prefix, TORCHVISION_BN[index] + 1);
            reader.fold_norm(&norm, conv, &mut weight.values, &mut bias.values)?;
        }
        insert(&mut weights, conv.name, weight, bias);
    }
    Ok((layout.kind, weights))
}

pub(super) fn is_vgg<R: BufRead + Seek>(file: &TensorFile<R>) -> bool {
    recognise(file).is_some()
}

impl<R: BufRead + Seek> Reader<'_, R> {
    /// The 1x1 layer in front: the file's own, or one that does what its trainers did to pictures.
    fn first(&mut self, layout: &Layout) -> Result<(Weight, Weight), LayoutError> {
        Ok(match (layout.kind, layout.positions) {
            (VggKind::Normalised, Some(_)) => self.convolution(&format!("{}0", layout.prefix), &FIRST)?,
            (VggKind::Normalised, None) => self.convolution(&format!("{}conv0", layout.prefix), &FIRST)?,
            (VggKind::Caffe, _) => caffe_input(),
            (VggKind::Torchvision | VggKind::TorchvisionBn, _) => torchvision_input(),
        })
    }

    /// `gamma * (conv(x) - mean) / sqrt(var + eps) + beta` as one convolution.
    fn fold_norm(
        &mut self,
        norm: &str,
        conv: &Convolution,
        weight: &mut [f32],
        bias: &mut [f32],
    ) -> Result<(), LayoutError> {
        let mut part = |part: &str| self.tensor(&format!("{norm}.{part}"), conv.name, &[conv.outputs]);
        let (gamma, beta) = (part("weight")?.values, part("bias")?.values);
        let (mean, var) = (part("running_mean")?.values, part("running_var")?.values);
        for (c, kernel) in weight.chunks_exact_mut(conv.inputs * conv.side * conv.side).enumerate() {
            let gain = f64::from(gamma[c]) / (f64::from(var[c]) + NORM_EPS).sqrt();
            kernel.iter_mut().for_each(|w| *w = (f64::from(*w) * gain) as f32);
            bias[c] = ((f64::from(bias[c]) - f64::from(mean[c])) * gain + f64::from(beta[c])) as f32;
        }
        Ok(())
    }
}

/// RGB `0..1` to BGR `0..255` minus the training set's mean.
fn caffe_input() -> (Weight, Weight) {
    let mut weight = [0.0; 9];
    for c in 0..3 {
        weight[c * 3 + (2 - c)] = 255.0;
    }
    first_layer(weight, [-103.939, -116.779, -123.68])
}

/// RGB `0..1` minus ImageNet's mean, over its deviation.
fn torchvision_input() -> (Weight, Weight) {
    const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
    const STD: [f64; 3] = [0.229, 0.224, 0.225];
    let mut weight = [0.0; 9];
    for c in 0..3 {
        weight[c * 3 + c] = (1.0 / STD[c]) as f32;
    }
    first_layer(weight, [0, 1, 2].map(|c| (-MEAN[c] / STD[c]) as f32))
}

fn first_layer(weight: [f32; 9], bias: [f32; 3]) -> (Weight, Weight) {
    let weight = Weight { shape: FIRST.shape().to_vec(), values: weight.to_vec() };
    (weight, Weight { shape: vec![FIRST.outputs], values: bias.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(layer: &(Weight, Weight), rgb: [f32; 3]) -> [f32; 3] {
        let (weight, bias) = layer;
        [0, 1, 2].map(|o| bias.values[o] + (0..3).map(|i| weight.values[o * 3 + i] * rgb[i]).sum::<f32>())
    }

    #[test]
    fn pictures_are_prepared_as_the_trainers_did() {
        let caffe = applied(&caffe_input(), [1.0, 0.5, 0.0]);
        assert_eq!(caffe, [-103.939, 127.5 - 116.779, 255.0 - 123.68]);
        let torchvision = applied(&torchvision_input(), [0.485 + 0.229, 0.456, 0.406 - 2.0 * 0.225]);
        for (found, expected) in torchvision.iter().zip([1.0, 0.0, -2.0]) {
            assert!((found - expected).abs() < 1e-6, "{torchvision:?}");
        }
    }

    #[test]
    fn the_layers_end_at_conv4_1() {
        let convolutions = vgg_convolutions();
        assert_eq!(convolutions.len(), NORMALISED.len());
        assert_eq!(convolutions[8], Convolution { name: "conv4_1", outputs: 512, inputs: 256, side: 3 });
    }
}
