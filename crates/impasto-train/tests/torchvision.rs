//! torchvision's VGG-19, plain and with batch normalisation, as loss networks: every look against PyTorch.

use impasto_core::{Shape, Tensor, Weights};
use impasto_import::{VggKind, import_plain_vgg};
use impasto_train::loss_network::{LAYERS, LossNetwork};
use impasto_train::walk::{Packed, Parameters, Plain, Program, Tape};
use std::path::PathBuf;

#[test]
fn torchvisions_networks_see_what_pytorch_sees() {
    let Some(folder) = std::env::var_os("IMPASTO_TORCHVISION").map(PathBuf::from) else {
        println!(
            "skipped: torchvisions_networks_see_what_pytorch_sees: IMPASTO_TORCHVISION names no folder made by tests/golden/make_vgg.py"
        );
        return;
    };
    for (name, kind) in [("vgg19", VggKind::Torchvision), ("vgg19_bn", VggKind::TorchvisionBn)] {
        let (found, weights) = import_plain_vgg(&folder.join(format!("{name}.pth"))).unwrap();
        assert_eq!(found, kind);
        let golden = Weights::load(&folder.join(format!("{name}.golden.safetensors"))).unwrap().0;
        let tensor = |key: &str| {
            let weight = golden.get(key).unwrap();
            let [channels, height, width] = weight.shape[..] else { panic!("{key}: three sides") };
            Tensor::new(Shape::new(channels, height, width), weight.values.clone())
        };
        let loss = LossNetwork::unchecked(&weights).unwrap();
        let picture = tensor("picture");
        let program = Program::new(&loss.network).unwrap();
        let parameters = Parameters::from_weights(&program, &loss.weights).unwrap();
        let packed = Packed::new(Plain, &parameters, &parameters.values);
        let mut tape = Tape::new(Plain, &program, picture.shape().height, picture.shape().width).unwrap();
        tape.run(&program, &packed, &picture, &[]);
        for (id, layer) in loss.looks.into_iter().zip(LAYERS) {
            let expected = tensor(&format!("{layer}/features"));
            let seen = tape.value(id).map().to_tensor();
            let largest = expected.data().iter().fold(0.0f32, |m, v| m.max(v.abs()));
            let pairs = seen.data().iter().zip(expected.data());
            let away = pairs.map(|(s, e)| (s - e).abs()).fold(0.0, f32::max);
            assert!(
                seen.shape() == expected.shape() && away <= 1e-4 * largest,
                "{name} {layer}: {away} of {largest}"
            );
        }
    }
}
