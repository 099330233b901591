//! Which engine paints, and what happens when it cannot.

mod fallback;
mod fastest;
mod gpu;

pub use fallback::{FallbackEngine, Notice};
pub use fastest::Fastest;

use crate::PaintError;
use impasto_core::Engine;
use impasto_core::reference::ReferenceEngine;
use impasto_cpu::{CpuEngine, Isa, Precision};
use std::path::PathBuf;
use std::sync::Arc;

/// Which engine paints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The fastest of those that this build has and this machine can run, by a short measurement. Adapters in software,
    /// which are slower than our own CPU engine, are left out.
    #[default]
    Auto,
    /// The CPU, with the best instructions that it has.
    Cpu,
    /// The GPU.
    Gpu,
    /// The plain judge: slow.
    Reference,
}

impl EngineChoice {
    /// All choices, with the words for them.
    pub const ALL: [(&'static str, EngineChoice); 4] = [
        ("auto", EngineChoice::Auto),
        ("cpu", EngineChoice::Cpu),
        ("gpu", EngineChoice::Gpu),
        ("reference", EngineChoice::Reference),
    ];

    /// The choice that a word means.
    ///
    /// # Errors
    /// [`PaintError::Word`] for any other word.
    pub fn from_word(word: &str) -> Result<Self, PaintError> {
        by_word("engine", word, Self::ALL.map(|(name, choice)| (name.into(), choice)))
    }
}

/// The precision that a word means: `f32`, `bf16` or `int8`.
///
/// # Errors
/// [`PaintError::Word`] for any other word.
pub fn precision_from_word(word: &str) -> Result<Precision, PaintError> {
    let all = [Precision::F32, Precision::Bf16, Precision::Int8];
    by_word("precision", word, all.map(|precision| (precision.to_string(), precision)))
}

fn by_word<T: Copy, const N: usize>(
    kind: &'static str,
    word: &str,
    known: [(String, T); N],
) -> Result<T, PaintError> {
    known.iter().find(|(name, _)| name == word).map(|(_, value)| *value).ok_or_else(|| PaintError::Word {
        kind,
        word: word.into(),
        known: known.each_ref().map(|(name, _)| name.as_str()).join(", "),
    })
}

/// All that an engine is made from.
#[derive(Clone, Default)]
pub struct EngineSetup {
    /// Which.
    pub choice: EngineChoice,
    /// Threads of the CPU engine; 0 is one a core.
    pub threads: usize,
    /// Number type of the CPU engine's products. With less than `f32` the GPU engine keeps activations in `f16`.
    pub precision: Precision,
    /// A part of the name of the GPU adapter; without it what `IMPASTO_ADAPTER` names, else the likely fastest.
    pub adapter: Option<String>,
    /// File in which the GPU engine notes which kernels were fastest; without it, it goes by rules.
    pub tuning: Option<PathBuf>,
    /// Whether it measures what that file does not tell, which takes seconds at the first frame: for many frames.
    pub measure: bool,
}

impl EngineSetup {
    /// The engine, which fails where its device does.
    ///
    /// # Errors
    /// When this build or this machine has none.
    pub fn strict(&self) -> Result<Arc<dyn Engine>, PaintError> {
        match self.choice {
            EngineChoice::Cpu => self.cpu(),
            EngineChoice::Reference => Ok(Arc::new(ReferenceEngine)),
            EngineChoice::Gpu => gpu::engine(self),
            EngineChoice::Auto => match gpu::hardware(self)? {
                Some(gpu) => Ok(Arc::new(Fastest::new([gpu, self.cpu()?]))),
                None => self.cpu(),
            },
        }
    }

    /// The engine, and behind it the CPU engine, which carries on where a device fails or is missing; `notice` gets the
    /// reason in one line.
    ///
    /// # Errors
    /// When this build has no such engine, no adapter is called so, or the CPU cannot run `IMPASTO_ISA`.
    pub fn with_fallback(&self, notice: Notice) -> Result<Arc<dyn Engine>, PaintError> {
        match self.strict() {
            Ok(engine) if matches!(self.choice, EngineChoice::Gpu | EngineChoice::Auto) => {
                Ok(Arc::new(FallbackEngine::new(engine, self.cpu()?, notice)))
            }
            Err(error @ PaintError::NoGpu(_)) => {
                let cpu = self.cpu()?;
                notice(&format!("{error}; painting on {} instead", cpu.name()));
                Ok(cpu)
            }
            other => other,
        }
    }

    fn cpu(&self) -> Result<Arc<dyn Engine>, PaintError> {
        let isa = Isa::from_env()?;
        Ok(Arc::new(CpuEngine::with(isa, self.threads)?.precision(self.precision.or_better(isa))))
    }
}
