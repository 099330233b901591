//! Collaborative Distillation (Wang et al., CVPR 2020): VGG-19 to relu4_1 and its decoder with a sixteenth of the
//! parameters, after MingSun-Tse/Collaborative-Distillation. The authors ran it with WCT; here its features meet
//! through AdaIN, as in their comparison.

use super::renamed;
use impasto_core::classic::EPS;
use impasto_core::model::StrengthKind;
use impasto_core::{Model, ModelError, Network, NetworkBuilder, NodeId, Padding, Weights};

/// Name, output channels, and whether a max pool follows.
const ENCODER: [(&str, usize, bool); 9] = [
    ("enc.conv11", 16, false),
    ("enc.conv12", 16, true),
    ("enc.conv21", 32, false),
    ("enc.conv22", 32, true),
    ("enc.conv31", 64, false),
    ("enc.conv32", 64, false),
    ("enc.conv33", 64, false),
    ("enc.conv34", 64, true),
    ("enc.conv41", 128, false),
];

/// Name, output channels, and whether upsampling follows. All have a ReLU, the last one too.
const DECODER: [(&str, usize, bool); 9] = [
    ("dec.conv41", 64, true),
    ("dec.conv34", 64, false),
    ("dec.conv33", 64, false),
    ("dec.conv32", 64, false),
    ("dec.conv31", 32, true),
    ("dec.conv22", 32, false),
    ("dec.conv21", 16, true),
    ("dec.conv12", 16, false),
    ("dec.conv11", 3, false),
];

/// The distilled network with AdaIN, as a model named `distilled`, from the tensors `enc.*` and `dec.*`.
pub fn distilled(original: &Weights) -> Result<Model, ModelError> {
    let weights = renamed(original, |name| (!name.contains("_aux")).then(|| name.to_string()));
    Model::new(
        "distilled",
        painter(),
        encoder(),
        weights,
        StrengthKind::Features,
        "MIT",
        serde_json::json!({"source": "MingSun-Tse/Collaborative-Distillation"}),
    )
}

fn push_encoder(b: &mut NetworkBuilder) -> NodeId {
    let picture = b.input(3);
    let mut x = b.conv("enc.conv0", picture, 3, 1, 1, Padding::Reflect);
    for (name, channels, pooled) in ENCODER {
        x = b.conv(name, x, channels, 3, 1, Padding::Reflect);
        x = b.relu(x);
        if pooled {
            x = b.max_pool2(x);
        }
    }
    x
}

fn painter() -> Network {
    let mut b = NetworkBuilder::new("distilled").fit_picture(1);
    let x = push_encoder(&mut b);
    let mut x = b.adain_unbiased("relu4_1", x, 128, EPS);
    for (name, channels, upsampled) in DECODER {
        x = b.conv(name, x, channels, 3, 1, Padding::Reflect);
        x = b.relu(x);
        if upsampled {
            x = b.upsample2(x);
        }
    }
    b.finish()
}

fn encoder() -> Network {
    let mut b = NetworkBuilder::new("distilled style encoder");
    let x = push_encoder(&mut b);
    b.mean_std(x, EPS, true);
    b.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sound_and_fit_each_other() {
        painter().check().unwrap();
        encoder().check().unwrap();
        assert_eq!(encoder().output_shape(65, 33).unwrap().len(), painter().style_len());
    }
}
