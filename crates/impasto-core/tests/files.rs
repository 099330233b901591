//! Models and styles on their way through files, whole and damaged.

use impasto_core::conformance::{Case, Random};
use impasto_core::model::StrengthKind;
use impasto_core::style::Provenance;
use impasto_core::weights::Precision;
use impasto_core::{Model, ModelError, NetworkBuilder, Padding, Style, StyleError, Weights};

/// A model of two small tables with random weights.
fn model(seed: u64) -> Model {
    let mut b = NetworkBuilder::new("painter").fit_picture(1);
    let x = b.input(3);
    let x = b.conv("a", x, 4, 3, 1, Padding::Reflect);
    let x = b.adain("site", x, 4, 1e-5);
    b.conv("b", x, 3, 3, 1, Padding::Reflect);
    let painter = Case::new("painter", b.finish(), 4, 4, seed);
    let mut b = NetworkBuilder::new("encoder");
    let x = b.input(3);
    let x = b.conv("e", x, 4, 3, 1, Padding::Reflect);
    b.mean_std(x, 1e-5, true);
    let encoder = Case::new("encoder", b.finish(), 4, 4, seed);
    let mut weights = (*painter.weights).clone();
    weights.extend((*encoder.weights).clone());
    let record = serde_json::json!({"seed": seed});
    Model::new("tiny", painter.network, encoder.network, weights, StrengthKind::Features, "CC0-1.0", record)
        .unwrap()
}

fn style(model: &Model, name: &str, vector: Vec<f32>) -> Style {
    Style::new(model, Provenance { name: name.into(), source: "a test".into() }, vector).unwrap()
}

#[test]
fn a_model_survives_its_file() {
    let model = model(1);
    let read = Model::from_bytes(&model.to_bytes(Precision::F32), "memory").unwrap();
    assert_eq!((read.id(), &read.weights, &read.painter), (model.id(), &model.weights, &model.painter));
    assert_eq!((&read.license, &read.training), (&model.license, &model.training));
    assert_eq!(read.strength, model.strength);
    let half = Model::from_bytes(&model.to_bytes(Precision::F16), "memory");
    assert!(half.is_ok(), "the checksum is that of the rounded weights");
}

#[test]
fn a_damaged_model_is_refused_and_never_panics() {
    let bytes = model(2).to_bytes(Precision::F32);
    let last = bytes.len() - 1;
    let mut flipped = bytes.clone();
    flipped[last] ^= 1;
    assert!(matches!(Model::from_bytes(&flipped, "m"), Err(ModelError::Checksum)));
    let mut random = Random::new(5);
    for _ in 0..300 {
        let mut bytes = bytes.clone();
        for _ in 0..random.integer(1, 4) {
            let at = random.integer(0, bytes.len() - 1);
            bytes[at] = random.bits() as u8;
        }
        bytes.truncate(random.integer(0, bytes.len()));
        let _ = Model::from_bytes(&bytes, "m");
    }
    let mut bare = Weights::new();
    bare.insert("conv.bias", vec![1], vec![0.0]);
    let bare = bare.to_bytes(Precision::F32, Default::default());
    assert!(Model::from_bytes(&bare, "m").unwrap_err().to_string().contains("impasto import"));
}

#[test]
fn a_style_survives_its_file_and_knows_its_model() {
    let (mine, other) = (model(1), model(2));
    let style = style(&mine, "wave", vec![0.5, -1.0, 2.0, 0.0, 1.0, 1.0, 0.1, 3.0]);
    let bytes = style.to_bytes();
    assert!(bytes.len() < 1024, "{}", bytes.len());
    let read = Style::from_bytes(&bytes).unwrap();
    assert_eq!(read, style);
    read.check(&mine).unwrap();
    let message = read.check(&other).unwrap_err().to_string();
    assert!(
        message.contains(mine.id()) && message.contains(other.id()) && message.contains("styles make"),
        "{message}"
    );
    for end in [0, 7, 60, bytes.len() - 1] {
        assert!(Style::from_bytes(&bytes[..end]).is_err());
    }
    assert!(matches!(Style::from_bytes(&mine.to_bytes(Precision::F32)), Err(StyleError::Format(_))));
}

#[test]
fn mixing_is_the_weighted_mean() {
    let model = model(1);
    let (a, b) = (style(&model, "a", vec![0.0; 8]), style(&model, "b", vec![4.0; 8]));
    assert_eq!(Style::mix(&[(&a, 1.0), (&b, 3.0)]).unwrap().vector(), [3.0; 8]);
    assert_eq!(a.toward(&b, 0.25).unwrap().vector(), [1.0; 8]);
    assert_eq!(a.toward(&b, 0.0).unwrap().vector(), a.vector());
    assert!(matches!(Style::mix(&[]), Err(StyleError::NoWeight)));
    assert!(matches!(Style::mix(&[(&a, 0.0), (&b, 0.0)]), Err(StyleError::NoWeight)));
    for weight in [-1.0, f32::NAN, f32::INFINITY] {
        assert!(matches!(Style::mix(&[(&a, 1.0), (&b, weight)]), Err(StyleError::Weight { .. })));
    }
    let foreign = style(&self::model(2), "c", vec![0.0; 8]);
    assert!(matches!(Style::mix(&[(&a, 1.0), (&foreign, 1.0)]), Err(StyleError::Model { .. })));
}

#[test]
fn a_vector_must_fit() {
    let model = model(1);
    let make = |vector| Style::new(&model, Provenance::default(), vector);
    assert!(matches!(make(vec![0.0; 7]), Err(StyleError::Damaged(_))));
    assert!(matches!(make(vec![f32::NAN; 8]), Err(StyleError::Damaged(_))));
}
