//! AdaIN (Huang and Belongie 2017): the classic tables with the authors' decoder.

use impasto_core::classic::{Variance, encoder, painter};
use impasto_core::model::StrengthKind;
use impasto_core::{Model, ModelError, Weights};

/// AdaIN as a model named `adain`. `vgg` holds `conv0` to `conv4_1` of the normalised VGG-19, `decoder` holds `dec0` to `dec8`.
pub fn adain(vgg: &Weights, decoder: &Weights) -> Result<Model, ModelError> {
    let mut weights = vgg.clone();
    weights.extend(decoder.clone());
    Model::new(
        "adain",
        painter(Variance::Port),
        encoder(Variance::Port),
        weights,
        StrengthKind::Features,
        "MIT",
        serde_json::json!({"source": "xunhuang1995/AdaIN-style"}),
    )
}
