//! Made-up weights of the right shapes, laid out as each kind of file lays them out.

use std::collections::HashMap;
use std::io::Cursor;

use impasto_core::weights::{Precision, Weights};

use super::decoder::decoder_convolutions;
use super::*;
use crate::Limits;

type Memory = TensorFile<Cursor<Vec<u8>>>;

fn file(weights: &Weights) -> Memory {
    let bytes = weights.to_bytes(Precision::F32, HashMap::new());
    TensorFile::from_reader(Cursor::new(bytes), Limits::default()).unwrap()
}

/// Every value tells its layer and its place in it.
fn fill(weights: &mut Weights, stem: &str, conv: &Convolution, layer: usize) {
    let count = conv.shape().iter().product();
    let values = (0..count).map(|i| layer as f32 + (i % 1024) as f32 / 1024.0).collect();
    weights.insert(format!("{stem}.weight"), conv.shape().to_vec(), values);
    weights.insert(format!("{stem}.bias"), vec![conv.outputs], vec![layer as f32; conv.outputs]);
}

fn vgg(stems: &[String]) -> Weights {
    let mut weights = Weights::new();
    for (layer, (conv, stem)) in vgg_convolutions().iter().zip(stems).enumerate() {
        fill(&mut weights, stem, conv, layer);
    }
    weights
}

fn names(prefix: &str) -> Vec<String> {
    vgg_convolutions().iter().map(|conv| format!("{prefix}{}", conv.name)).collect()
}

fn positions(prefix: &str, positions: [usize; 9]) -> Vec<String> {
    positions.iter().map(|position| format!("{prefix}{position}")).collect()
}

/// The layers above, without what the reader puts in front of them.
fn without_first(mut weights: Weights) -> Weights {
    weights.remove("conv0.weight").expect("a first layer");
    weights.remove("conv0.bias").expect("a first layer");
    weights
}

#[test]
fn every_layout_gives_the_same_layers() {
    let expected = vgg(&names(""));
    for (prefix, layout, kind) in [
        ("features.", [0, 2, 5, 7, 10, 12, 14, 16, 19], VggKind::Torchvision),
        ("", [0, 2, 5, 7, 10, 12, 14, 16, 19], VggKind::Torchvision),
        ("", [2, 5, 9, 12, 16, 19, 22, 25, 29], VggKind::Normalised),
        ("state_dict.module.", [2, 5, 9, 12, 16, 19, 22, 25, 29], VggKind::Normalised),
    ] {
        let mut weights = vgg(&positions(prefix, layout));
        if kind == VggKind::Normalised {
            fill(&mut weights, &format!("{prefix}0"), &FIRST, 77);
        }
        // Layers behind relu4_1 and classifiers are passed over.
        weights.insert(format!("{prefix}51.weight"), vec![2], vec![f32::NAN; 2]);
        let (found, read) = read_vgg(&mut file(&weights)).unwrap();
        assert_eq!(found, kind, "{prefix}");
        assert!(without_first(read) == expected, "{prefix} {kind}");
    }
}

#[test]
fn layers_by_name_keep_their_own_first_layer_or_get_one() {
    let (kind, plain) = read_vgg(&mut file(&vgg(&names("")))).unwrap();
    assert_eq!(kind, VggKind::Caffe);
    assert_eq!(
        plain.get("conv0.weight").unwrap().values,
        [0.0, 0.0, 255.0, 0.0, 255.0, 0.0, 255.0, 0.0, 0.0]
    );
    let mut weights = vgg(&names("encoder."));
    fill(&mut weights, "encoder.conv0", &FIRST, 77);
    let (kind, own) = read_vgg(&mut file(&weights)).unwrap();
    assert_eq!(kind, VggKind::Normalised);
    assert_eq!(own.get("conv0.bias").unwrap().values, [77.0; 3]);
}

#[test]
fn batch_normalisation_is_folded_in() {
    let layout = [0, 3, 7, 10, 14, 17, 20, 23, 27];
    let mut weights = vgg(&positions("features.", layout));
    for (conv, position) in vgg_convolutions().iter().zip(layout) {
        let mut norm = |part: &str, value: f32| {
            let name = format!("features.{}.{part}", position + 1);
            weights.insert(name, vec![conv.outputs], vec![value; conv.outputs]);
        };
        norm("weight", 3.0);
        norm("bias", 0.5);
        norm("running_mean", 2.0);
        norm("running_var", 2.25 - 1e-5);
    }
    let (kind, read) = read_vgg(&mut file(&weights)).unwrap();
    assert_eq!(kind, VggKind::TorchvisionBn);
    // Gain 3 / sqrt(2.25) = 2; layer 4 has biases of 4: (4 - 2) * 2 + 0.5.
    let close =
        |found: f32, expected: f32| assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
    close(read.get("conv3_1.bias").unwrap().values[255], 4.5);
    close(read.get("conv3_1.weight").unwrap().values[512], 9.0);
}

#[test]
fn decoders_read_by_position_and_by_name() {
    let convolutions = decoder_convolutions();
    let mut named = Weights::new();
    let mut placed = Weights::new();
    for (layer, (conv, position)) in convolutions.iter().zip([1, 5, 8, 11, 14, 18, 21, 25, 28]).enumerate() {
        fill(&mut named, conv.name, conv, layer);
        fill(&mut placed, &format!("module.{position}"), conv, layer);
    }
    assert!(read_decoder(&mut file(&named)).unwrap() == named);
    assert!(read_decoder(&mut file(&placed)).unwrap() == named);
}

#[test]
fn swapped_files_are_told() {
    let mut decoder = Weights::new();
    fill(&mut decoder, "dec0", &decoder_convolutions()[0], 0);
    let swapped = read_vgg(&mut file(&decoder)).unwrap_err().to_string();
    assert!(swapped.contains("This is a decoder: name the VGG first"), "{swapped}");
    let swapped = read_decoder(&mut file(&vgg(&names("")))).unwrap_err().to_string();
    assert!(swapped.contains("This is a VGG: name the VGG first"), "{swapped}");
}

#[test]
fn what_is_missing_or_misshapen_is_named() {
    let mut lacking = vgg(&positions("features.", [0, 2, 5, 7, 10, 12, 14, 16, 19]));
    lacking.remove("features.12.bias");
    let message = read_vgg(&mut file(&lacking)).unwrap_err().to_string();
    assert!(message.contains("`features.12.bias` (conv3_2 of VGG-19) is missing"), "{message}");
    assert!(message.contains("[256]"), "{message}");
    lacking.insert("features.12.bias", vec![3], vec![0.0; 3]);
    let message = read_vgg(&mut file(&lacking)).unwrap_err().to_string();
    assert!(message.contains("has shape [3] where [256] is needed"), "{message}");
}

#[test]
fn an_unknown_file_is_described() {
    let mut weights = Weights::new();
    weights.insert("enc1.0.weight", vec![2, 1], vec![0.0; 2]);
    let message = read_vgg(&mut file(&weights)).unwrap_err().to_string();
    assert!(message.contains("it has 1 tensors: `enc1.0.weight` [2, 1]"), "{message}");
    assert!(message.contains("vgg_normalised.pth"), "{message}");
}

#[test]
fn a_weight_that_is_not_a_number_is_refused() {
    let mut weights = vgg(&names(""));
    weights.get_mut("conv2_1.bias").unwrap().values[5] = f32::NAN;
    let refused = read_vgg(&mut file(&weights)).unwrap_err();
    assert!(matches!(refused, LayoutError::Read(ReadError::NotFinite { index: 5, .. })), "{refused}");
}
