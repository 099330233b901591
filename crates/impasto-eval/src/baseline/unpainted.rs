//! The photo itself, as a network that does nothing: what the figures say when nothing is painted.

use impasto_core::model::StrengthKind;
use impasto_core::{Model, Network, NetworkBuilder, Padding, Weights};

/// A model named `unpainted`, whose painting is the photo. Its style is a gain of 1 and a bias of 0, whatever the painting.
pub fn unpainted() -> Model {
    let mut weights = Weights::new();
    weights.insert("constant.weight", vec![6, 6, 1, 1], vec![0.0; 36]);
    weights.insert("constant.bias", vec![6], vec![0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    let record = serde_json::json!({});
    Model::new("unpainted", painter(), encoder(), weights, StrengthKind::Features, "CC0-1.0", record)
        .expect("both tables are sound")
}

fn painter() -> Network {
    let mut b = NetworkBuilder::new("unpainted").fit_picture(1);
    let x = b.input(3);
    b.modulate("site", x, 3);
    b.finish()
}

fn encoder() -> Network {
    let mut b = NetworkBuilder::new("unpainted style encoder");
    let x = b.input(3);
    let x = b.mean_std(x, 0.0, false);
    b.conv("constant", x, 6, 1, 1, Padding::Zero);
    b.finish()
}
