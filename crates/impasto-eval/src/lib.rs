//! Judges style transfer networks by figures and by sheets to look at.
//!
//! [`evaluate`] paints pairs of photos and paintings with every [`Entrant`] and gives a [`Report`]: content
//! and style loss as seen by the normalised VGG-19, similarity to the photo, identity, flicker under noise,
//! warp error under known motion, time and memory. The same pictures, seed and engine give the same figures
//! (but for time and memory). Networks by others are in [`baseline`], as tables like our own, so that they
//! are painted and judged by the same code.
//!
//! ```no_run
//! use impasto_core::{Weights, reference::ReferenceEngine};
//! use impasto_eval::{Entrant, EvalConfig, baseline, evaluate, markdown};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let load = |path: &str| Weights::load(path.as_ref()).map(|(weights, _)| weights);
//! let vgg = load("vgg19_normalised.safetensors")?;
//! let adain = baseline::adain(&vgg, &load("decoder.safetensors")?)?;
//! let config = EvalConfig::new("contents", "styles");
//! let outcome = evaluate(&config, &[Entrant::from(adain)], &vgg, &ReferenceEngine, &mut |_| ())?;
//! outcome.save("out".as_ref(), "an example")?;
//! println!("{}", markdown::figures(&outcome.report));
//! # Ok(())
//! # }
//! ```
//!
//! Pictures here are tensors `[3, size, size]`, RGB in `0..1`; differences between pictures are given in `0..255`.
#![forbid(unsafe_code)]

pub mod baseline;
mod config;
pub mod cost;
mod error;
mod evaluate;
pub mod film;
mod hall;
pub mod judge;
pub mod machine;
pub mod markdown;
pub mod metrics;
pub mod motion;
mod painter;
mod pairs;
mod pictures;
mod report;
pub mod sheet;

pub use config::{Entrant, EvalConfig, Progress, Round, SheetConfig, Stage};
pub use error::EvalError;
pub use evaluate::{Outcome, evaluate};
pub use pairs::{Pair, pairs};
pub use report::{Figures, ModelReport, PairFigures, Report, RoundReport};
