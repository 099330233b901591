//! Reads the golden vectors, and compares with them.

use impasto_core::weights::Weight;
use impasto_core::{Shape, Tensor, Weights};

/// PyTorch computed in `f64`; ours is `f32`.
pub const TOLERANCE: f32 = 2e-5;

pub fn golden() -> Weights {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/golden.safetensors");
    Weights::load(path.as_ref()).expect("the golden vectors are part of the crate").0
}

pub fn get<'a>(golden: &'a Weights, case: &str, name: &str) -> &'a Weight {
    golden.get(&format!("{case}/{name}")).unwrap_or_else(|| panic!("no golden vector {case}/{name}"))
}

/// Sample `n` of `[N, C, H, W]`.
pub fn sample(weight: &Weight, n: usize) -> Tensor {
    let [_, c, h, w] = weight.shape[..] else { panic!("not four sides: {:?}", weight.shape) };
    let shape = Shape::new(c, h, w);
    Tensor::new(shape, weight.values[n * shape.len()..(n + 1) * shape.len()].to_vec())
}

pub fn assert_near(found: &[f32], expected: &[f32], what: &str) {
    assert_within(found, expected, TOLERANCE, what);
}

/// Fails unless the largest difference is at most `tolerance` times the largest expected value; NaN fails.
pub fn assert_within(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let scale = expected.iter().fold(0.0f32, |m, v| m.max(v.abs())).max(1e-3);
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let close = (f - e).abs() <= tolerance * scale;
        assert!(close, "{what}[{i}]: found {f}, expected {e} (scale {scale})");
    }
}
