//! Candidates, settings and progress of an evaluation.

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
    /// Width of the photos, px, at least 32. Paintings are squares of the shorter side.
    pub width: usize,
    /// Height of the photos, px, at least 32.
    pub height: usize,
    /// Number of pairs; at most all photos times all paintings.
    pub pairs: usize,
}

impl Round {
    /// Squares of `side_px`.
    pub const fn square(side_px: usize, pairs: usize) -> Self {
        Self { width: side_px, height: side_px, pairs }
    }

    /// Width and height.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }
}

/// The size in words: `512 px` for squares, else `768x432 px`.
pub fn shown_size((width, height): (usize, usize)) -> String {
    if width == height { format!("{width} px") } else { format!("{width}x{height} px") }
}

/// Sizes of the contact sheets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SheetConfig {
    /// Photos, down.
    pub contents: usize,
    /// Paintings, across.
    pub styles: usize,
    /// Rows of the sheet that shows all models side by side.
    pub side_by_side: usize,
}

/// Pictures, sizes and numbers of an evaluation.
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
    /// Photos, spread evenly over all, that are judged for identity and under motion; never more than a round has pairs.
    pub alone: usize,
    /// Frames that are timed for each model and size.
    pub timed_frames: usize,
    /// Sheets, or none.
    pub sheets: Option<SheetConfig>,
}

impl EvalConfig {
    /// The design's protocol: 100 pairs at 256 px, 25 at 512 px, 8 at 768x432 and 4 at 1280x720, 14 photos for identity and motion, seed 3,
    /// 5 timed frames, sheets of 6 photos and 8 paintings.
    pub fn new(contents: impl Into<PathBuf>, styles: impl Into<PathBuf>) -> Self {
        Self {
            contents: contents.into(),
            styles: styles.into(),
            rounds: vec![
                Round::square(256, 100),
                Round::square(512, 25),
                Round { width: 768, height: 432, pairs: 8 },
                Round { width: 1280, height: 720, pairs: 4 },
            ],
            seed: 3,
            alone: 14,
            timed_frames: 5,
            sheets: Some(SheetConfig { contents: 6, styles: 8, side_by_side: 8 }),
        }
    }

    pub(crate) fn check(&self, candidates: &[Candidate]) -> Result<(), EvalError> {
        let config = |what: String| Err(EvalError::Config(what));
        if candidates.is_empty() {
            return config("there is no model to judge; give at least one".into());
        }
        let mut names = HashSet::new();
        if let Some(twice) = candidates.iter().find(|e| !names.insert(&e.name)) {
            return config(format!("two models are named `{}`; give each a name of its own", twice.name));
        }
        match self.rounds.iter().find(|r| r.width.min(r.height) < SMALLEST_PX || r.pairs == 0) {
            Some(round) => config(format!(
                "cannot judge {} pairs at {}; at least 1 pair and {SMALLEST_PX} px a side are needed",
                round.pairs,
                shown_size(round.size())
            )),
            None if self.rounds.is_empty() => config("there is no size to judge at".into()),
            None if self.alone == 0 => config("identity and motion need at least one photo".into()),
            None => Ok(()),
        }
    }
}

/// A model under the name that tables show.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// For tables and file names; no other candidate has it.
    pub name: String,
    /// The model.
    pub model: Model,
}

impl From<Model> for Candidate {
    fn from(model: Model) -> Self {
        Self { name: model.name.clone(), model }
    }
}

/// A part of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Features of photos and paintings are taken.
    Features,
    /// Pairs are painted and judged.
    Pairs,
    /// Photos are painted in their own style.
    Identity,
    /// Moved views are painted.
    Motion,
    /// Contact sheets are painted.
    Sheets,
    /// The limit paints.
    Limit,
    /// The model is judged at this size: [`Progress::finished`] holds the result.
    Finished,
}

/// Progress of an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress<'a> {
    /// The candidate's name; empty while [`Stage::Features`].
    pub model: &'a str,
    /// Width and height of the photos.
    pub size: (usize, usize),
    /// The part that is being done.
    pub stage: Stage,
    /// Steps of this stage that are done.
    pub done: usize,
    /// Steps of this stage.
    pub total: usize,
    /// The result, at [`Stage::Finished`].
    pub finished: Option<&'a ModelReport>,
}
