//! Shared by several tests: Python environments, scratch folders, and decibels.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of environment `name`, if it can import all of `modules`; otherwise prints one line that
/// `test` was skipped.
pub fn python(test: &str, name: &str, modules: &[&str]) -> Option<PathBuf> {
    let variable = format!("IMPASTO_PYTHON_{}", name.to_uppercase());
    let made = workspace().join("target/python").join(name).join("bin/python");
    let python = std::env::var_os(&variable).map_or(made, PathBuf::from);
    let script = format!("import {}", modules.join(", "));
    let imported = Command::new(&python).args(["-c", &script]).output();
    if imported.is_ok_and(|out| out.status.success()) {
        return Some(python);
    }
    eprintln!(
        "skipped: {test}: no Python with {}; make one with crates/impasto-export/tests/python/make_venv.sh {name}",
        modules.join(", ")
    );
    None
}

/// A script beside the tests.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python").join(name)
}

/// The repository's root.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// An empty folder below the target folder, removed when dropped.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Little-endian bytes.
pub fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// Values of little-endian bytes.
pub fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Peak of `expected` over the root mean square difference, in dB; NaN in `found` gives NaN.
///
/// # Panics
/// If the lengths differ.
pub fn psnr_db(expected: &[f32], found: &[f32]) -> f64 {
    assert_eq!(expected.len(), found.len(), "outputs of different length");
    let peak = expected.iter().fold(0.0f64, |peak, v| peak.max(f64::from(v.abs())));
    let squared: f64 = expected.iter().zip(found).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    20.0 * (peak / (squared / expected.len() as f64).sqrt()).log10()
}

/// Root mean square of `expected` over that of the difference, in dB.
pub fn snr_db(expected: &[f32], found: &[f32]) -> f64 {
    assert_eq!(expected.len(), found.len(), "outputs of different length");
    let power = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
    let signal = power(&mut expected.iter().map(|&v| f64::from(v)));
    let noise = power(&mut expected.iter().zip(found).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    10.0 * (signal / noise).log10()
}

/// A light-like model with random weights: the painter of the conformance suite, and an encoder that fits it.
pub fn light_like() -> impasto_core::Model {
    use impasto_core::model::StrengthKind;
    use impasto_core::{Model, NetworkBuilder, Padding, conformance};
    let painter = conformance::cases().into_iter().find(|c| c.name.contains("small light")).unwrap();
    let mut b = NetworkBuilder::new("encoder");
    let x = b.input(3);
    let x = b.conv("encode", x, painter.network.style_len() / 2, 3, 4, Padding::Replicate);
    b.mean_std(x, 1e-5, false);
    let encoder = conformance::Case::new("encoder", b.finish(), 8, 8, 7);
    let mut weights = (*painter.weights).clone();
    weights.extend((*encoder.weights).clone());
    let (painter, encoder) = (painter.network, encoder.network);
    let training = serde_json::Value::Null;
    Model::new("light-like", painter, encoder, weights, StrengthKind::Code, "CC0-1.0", training).unwrap()
}

/// A style of `model` with plausible numbers.
pub fn some_style(model: &impasto_core::Model, name: &str, seed: u64) -> impasto_core::Style {
    use impasto_core::conformance::Random;
    let mut random = Random::new(seed);
    let mut vector = Vec::new();
    for site in &model.painter.sites {
        vector.extend((0..site.channels).map(|_| random.range(-1.0, 1.0)));
        vector.extend((0..site.channels).map(|_| random.range(0.2, 1.5)));
    }
    let provenance = impasto_core::style::Provenance { name: name.into(), source: "test".into() };
    impasto_core::Style::new(model, provenance, vector).unwrap()
}

/// The folder of OpenVINO 2022.1's libraries that `IMPASTO_OPENVINO_LIBS` names; otherwise prints one line
/// that `test` was skipped.
pub fn openvino_libs(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("IMPASTO_OPENVINO_LIBS").map(PathBuf::from);
    if named.is_none() {
        eprintln!("skipped: {test}: IMPASTO_OPENVINO_LIBS does not name the libraries of OpenVINO 2022.1");
    }
    named
}

/// The light network of the default shape, with random weights.
pub fn light() -> impasto_core::Model {
    use impasto_core::light::{self, LightShape};
    use impasto_core::model::StrengthKind;
    use impasto_core::{Model, conformance};
    let shape = LightShape::default();
    let painter = conformance::Case::new("painter", light::painter(&shape), 8, 8, 1);
    let encoder = conformance::Case::new("encoder", light::encoder(&shape), 8, 8, 2);
    let mut weights = (*painter.weights).clone();
    weights.extend((*encoder.weights).clone());
    let training = serde_json::Value::Null;
    let (painter, encoder) = (painter.network, encoder.network);
    Model::new("light", painter, encoder, weights, StrengthKind::Code, "CC0-1.0", training).unwrap()
}

/// The light network that the program carries.
pub fn trained_light() -> impasto_core::Model {
    impasto_core::Model::load(&workspace().join("crates/impasto/models/light.safetensors")).unwrap()
}

/// One of the program's own styles.
pub fn built_in_style(name: &str) -> impasto_core::Style {
    let path = workspace().join("crates/impasto-styles/styles").join(format!("{name}.style"));
    impasto_core::Style::from_bytes(&std::fs::read(path).unwrap()).unwrap()
}

/// The classic network with the data's weights.
pub fn classic(data: &Path) -> impasto_core::Model {
    use impasto_core::classic::{self, Variance};
    use impasto_core::model::StrengthKind;
    use impasto_core::{Model, Weights};
    let load = |name: &str| Weights::load(&data.join(name)).unwrap().0;
    let mut weights = load("weights/vgg19_normalised_relu4_1.safetensors");
    weights.extend(load("reference/adain_official_decoder_fp16.safetensors"));
    let (painter, encoder) = (classic::painter(Variance::Port), classic::encoder(Variance::Port));
    let training = serde_json::Value::Null;
    Model::new("classic", painter, encoder, weights, StrengthKind::Features, "see SOURCES", training).unwrap()
}
