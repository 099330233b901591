//! What several tests share: Python environments, scratch folders, and decibels.
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
