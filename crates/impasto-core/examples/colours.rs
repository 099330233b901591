//! Writes the smallest model there is: one AdaIN on the picture itself, which gives it the painting's colours.
//!
//! `cargo run --release -p impasto-core --example colours -- colours.safetensors`
//!
//! It costs next to nothing, so it serves where a machine is slow and only the way of the pictures is tried.

use impasto_core::model::StrengthKind;
use impasto_core::weights::Precision;
use impasto_core::{Model, NetworkBuilder, Padding, Weights};
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: colours FILE.safetensors")?;
    let mut b = NetworkBuilder::new("painter").fit_picture(1);
    let x = b.input(3);
    let x = b.adain("site", x, 3, 1e-5);
    b.conv("same", x, 3, 3, 1, Padding::Replicate);
    let painter = b.finish();
    let mut b = NetworkBuilder::new("encoder");
    let x = b.input(3);
    b.mean_std(x, 1e-5, false);
    let mut weights = Weights::default();
    // 3x3 windows that give their centre of the same channel.
    let same = |i: usize| if i % 9 == 4 && (i / 9) % 3 == i / 27 { 1.0 } else { 0.0 };
    weights.insert("same.weight", vec![3, 3, 3, 3], (0..81).map(same).collect());
    weights.insert("same.bias", vec![3], vec![0.0; 3]);
    let (kind, record) = (StrengthKind::Features, serde_json::json!({}));
    let model = Model::new("colours", painter, b.finish(), weights, kind, "CC0-1.0", record)?;
    model.save(Path::new(&path), Precision::F32)?;
    Ok(())
}
