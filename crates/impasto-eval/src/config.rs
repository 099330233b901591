//! What to judge, by what, and how far it is.

use crate::error::EvalError;
use crate::report::ModelReport;
use impasto_core::Model;
use std::collections::HashSet;
use std::path::PathBuf;

/// Below this the VGG's last map is too small to say anything.
const SMALLEST_PX: usize = 32;

/// One size to judge at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Side of the square pictures, px, at least 32.
    pub size_px: usize,
    /// Number of pairs; at most all photos times all paintings.
    pub pairs: usize,
}

/// How large the contact sheets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SheetConfig {
    /// Photos, down.
    pub contents: usize,
    /// Paintings, across.
    pub styles: usize,
    /// Rows of the sheet that shows all models side by side.
    pub side_by_side: usize,
}

/// What to judge by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalConfig {
    /// Folder of photos.
    pub contents: PathBuf,
    /// Folder of paintings.
    pub styles: PathBuf,
    /// Sizes, in order.
    pub rounds: Vec<Round>,
    /// Of the noise.
    pub seed: u64,
    /// Photos, spread evenly over all, that are judged for identity and under motion.
    pub alone: usize,
    /// Frames that are timed for each model and size.
    pub timed_frames: usize,
    /// Sheets, or none.
    pub sheets: Option<SheetConfig>,
}

impl EvalConfig {
    /// The design's protocol: 100 pairs at 256 px and 25 at 512 px, 14 photos for identity and motion, seed 3, 5 timed frames, sheets of 6 photos and 8 paintings.
    pub fn new(contents: impl Into<PathBuf>, styles: impl Into<PathBuf>) -> Self {
        Self {
            contents: contents.into(),
            styles: styles.into(),
            rounds: vec![Round { size_px: 256, pairs: 100 }, Round { size_px: 512, pairs: 25 }],
            seed: 3,
            alone: 14,
            timed_frames: 5,
            sheets: Some(SheetConfig { contents: 6, styles: 8, side_by_side: 8 }),
        }
    }

    pub(crate) fn check(&self, entrants: &[Entrant]) -> Result<(), EvalError> {
        let config = |what: String| Err(EvalError::Config(what));
        if entrants.is_empty() {
            return config("there is no model to judge; give at least one".into());
        }
        let mut names = HashSet::new();
        if let Some(twice) = entrants.iter().find(|e| !names.insert(&e.name)) {
            return config(format!("two models are named `{}`; give each a name of its own", twice.name));
        }
        match self.rounds.iter().find(|r| r.size_px < SMALLEST_PX || r.pairs == 0) {
            Some(Round { size_px, pairs }) => config(format!(
                "cannot judge {pairs} pairs at {size_px} px: at least 1 at {SMALLEST_PX} px are needed"
            )),
            None if self.rounds.is_empty() => config("there is no size to judge at".into()),
            None if self.alone == 0 => config("identity and motion need at least one photo".into()),
            None => Ok(()),
        }
    }
}

/// A model under the name that tables show.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// For tables and file names; no other entrant has it.
    pub name: String,
    /// The model.
    pub model: Model,
}

impl From<Model> for Entrant {
    fn from(model: Model) -> Self {
        Self { name: model.name.clone(), model }
    }
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The VGG looks at photos and paintings.
    Looking,
    /// Pairs are painted and judged.
    Pairs,
    /// Photos are painted in their own style.
    Identity,
    /// Moved views are painted.
    Motion,
    /// Contact sheets are painted.
    Sheets,
    /// The model is judged at this size: [`Progress::finished`] holds the result.
    Finished,
}

/// How far an evaluation is.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress<'a> {
    /// The entrant's name; empty while [`Stage::Looking`].
    pub model: &'a str,
    /// Side of the pictures.
    pub size_px: usize,
    /// What is being done.
    pub stage: Stage,
    /// Steps of this stage that are done.
    pub done: usize,
    /// Steps of this stage.
    pub total: usize,
    /// What was found, at [`Stage::Finished`].
    pub finished: Option<&'a ModelReport>,
}
