//! Judges style transfer networks by figures and by sheets to look at.
//!
//! [`evaluate`] paints pairs of photos and paintings with every [`Candidate`] and gives a [`Report`]: the parts of texture, Gram
//! matrices and transport that are left to the painting, structure, lattice and the other figures of [`Metric`], identity, warp error under
//! known motion, time and memory. [`film`] measures painted films. The same pictures, seed and engine give the same figures
//! (but for time and memory). Networks by others are in [`baseline`], as tables like our own, so that they
//! are painted and judged by the same code.
//!
//! ```no_run
//! use impasto_core::{Weights, reference::ReferenceEngine};
//! use impasto_eval::{Candidate, EvalConfig, baseline, evaluate, markdown};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let load = |path: &str| Weights::load(path.as_ref()).map(|(weights, _)| weights);
//! let vgg = load("vgg19_normalised.safetensors")?;
//! let adain = baseline::adain(&vgg, &load("decoder.safetensors")?)?;
//! let config = EvalConfig::new("contents", "styles");
//! let outcome = evaluate(&config, &[Candidate::from(adain)], &vgg, &ReferenceEngine, None, &mut |_| ())?;
//! outcome.save("out".as_ref(), "an example")?;
//! println!("{}", markdown::figures(&outcome.report));
//! # Ok(())
//! # }
//! ```
//!
//! Pictures here are tensors `[3, height, width]`, RGB in `0..1`; differences between pictures are given in `0..255`.
#![forbid(unsafe_code)]

pub mod baseline;
mod config;
pub mod cost;
mod error;
mod eval_set;
mod evaluate;
mod features;
mod figures;
pub mod film;
pub mod judge;
mod limit;
pub mod machine;
pub mod markdown;
pub mod metrics;
pub mod motion;
mod painter;
mod pairs;
mod pictures;
mod report;
pub mod sheet;
mod tuned;

pub use config::{Candidate, EvalConfig, Progress, Round, SheetConfig, Stage, shown_size};
pub use error::EvalError;
pub use evaluate::{Outcome, evaluate};
pub use features::{Features, StyleDistance, StyleFeatures};
pub use figures::{Metric, Values};
pub use limit::{Limit, LimitReport};
pub use pairs::{Pair, pairs};
pub use report::{Figures, ModelReport, PairFigures, Report, RoundReport};
pub use tuned::{TunedError, tuned};
