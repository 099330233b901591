//! Networks by others, written as tables, so that the same engine paints with them and the same code judges them.
//!
//! Their weights are not in this repository; each function takes a safetensors file's tensors under the
//! names that the original code gives them.

mod adain;
mod distilled;
mod microast;
mod unpainted;

pub use adain::adain;
pub use distilled::distilled;
pub use microast::microast;
pub use unpainted::unpainted;

use crate::{Candidate, EvalError};
use impasto_core::{Model, ModelError, Weights};
use std::path::Path;

/// File names of the baselines that [`found_in`] looks for: AdaIN's decoder, MicroAST, and Collaborative Distillation.
pub const FILES: [&str; 3] = [
    "adain_official_decoder_fp16.safetensors",
    "microast.safetensors",
    "collab_distill16x_relu4_1.safetensors",
];

/// From the VGG's weights and a file's.
type Maker = fn(&Weights, &Weights) -> Result<Model, ModelError>;

/// The baselines whose [`FILES`] lie in `folder`, in that order; none when there are none.
///
/// # Errors
/// When a file is there and cannot be used.
pub fn found_in(folder: &Path, vgg: &Weights) -> Result<Vec<Candidate>, EvalError> {
    let makers: [Maker; 3] =
        [|vgg, decoder| adain(vgg, decoder), |_, own| microast(own), |_, own| distilled(own)];
    let mut found = Vec::new();
    for (name, make) in FILES.iter().zip(makers) {
        let path = folder.join(name);
        if path.is_file() {
            let failed = |source: ModelError| EvalError::Baseline { path: path.clone(), source };
            let (weights, _) = Weights::load(&path).map_err(|e| failed(e.into()))?;
            found.push(Candidate::from(make(vgg, &weights).map_err(failed)?));
        }
    }
    Ok(found)
}

/// The same tensors under other names; those for which `rename` gives `None` are left out.
fn renamed(weights: &Weights, rename: impl Fn(&str) -> Option<String>) -> Weights {
    let mut out = Weights::new();
    for (name, weight) in weights.iter() {
        if let Some(name) = rename(name) {
            out.insert(name, weight.shape.clone(), weight.values.clone());
        }
    }
    out
}
