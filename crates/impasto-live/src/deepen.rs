//! *Deepen*: a style is trained on for its one painting while the camera goes on.
//!
//! The program supplies a [`Deepener`], since this crate trains nothing. One run goes at a time, on a thread of low priority. It learns on
//! the camera's frames, of which the last few are kept in memory and never written, and hands the style that it has so far to the gallery every
//! few seconds, where the painter finds it. A run that is stopped keeps what it has learned, and goes on from there when it is asked for again.

mod frames;
mod memory;
mod priority;
mod run;
mod state;

pub use state::{DeepenPhase, DeepenStatus};

pub(crate) use state::Deepenings;

use crate::LiveError;
use crate::studio::Studio;
use impasto::{Image, Style};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Begins runs.
pub trait Deepener: Send + Sync {
    /// Bytes that a run takes.
    fn needs_bytes(&self) -> u64;

    /// A run for this painting, from the start. Takes some seconds.
    fn begin(&self, painting: &Image) -> Result<Box<dyn DeepenRun>, LiveError>;
}

/// A run. It stands still between calls.
pub trait DeepenRun: Send {
    /// Learns on these frames for about `time`, or until `go_on`, which is asked after each step, says no. There may be no frame.
    fn learn(
        &mut self,
        frames: &[Arc<Image>],
        time: Duration,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<DeepenProgress, LiveError>;

    /// `style` as it has become so far; with `small`, in the form that fits a file of some 250 KB, which takes longer.
    fn style(&self, style: &Style, small: bool) -> Result<Style, LiveError>;
}

/// Progress of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct DeepenProgress {
    /// Steps done.
    pub steps: u64,
    /// The part of the way that is done, `0..1`; 1 is the end.
    pub part: f32,
    /// The part of the way from photo to painting that is left, on pictures that it does not learn from, where it was measured.
    pub left: Option<f32>,
}

/// Asked for by `POST /api/styles/ID/deepen`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeepenRequest {
    /// Starts a run or goes on with it; `false` stops it, and keeps what it has learned.
    pub on: Option<bool>,
    /// Whether the picture rests while it goes, so that it has the whole machine.
    pub rest: Option<bool>,
    /// Takes everything back that was learned.
    #[serde(default)]
    pub undo: bool,
}

impl Studio {
    /// Lets styles be deepened.
    pub fn with_deepener(self: &Arc<Self>, deepener: Arc<dyn Deepener>) {
        self.deepenings.offer(deepener);
        self.changed();
    }

    /// Does what was asked for.
    pub fn deepen(self: &Arc<Self>, id: &str, request: &DeepenRequest) -> Result<DeepenStatus, LiveError> {
        let known = self.deepen_status(id)?;
        match request {
            DeepenRequest { undo: true, .. } => {
                self.deepenings.forget(id);
                self.gallery(|gallery| gallery.undo_deepening(id))?;
            }
            DeepenRequest { on: Some(true), rest, .. } => {
                self.check_rest(rest.unwrap_or(false))?;
                run::start(self, id, rest.unwrap_or(false))?;
            }
            DeepenRequest { on: Some(false), .. } => self.deepenings.stop(id),
            DeepenRequest { rest: Some(rest), .. } if known.phase == DeepenPhase::Learning => {
                self.check_rest(*rest)?;
                self.deepenings.rest(id, *rest);
            }
            DeepenRequest { .. } => {
                return Err(LiveError::Deepen(
                    "nothing to do; send {\"on\": true}, {\"on\": false}, {\"undo\": true}, or {\"rest\": true} while it learns"
                        .into(),
                ));
            }
        }
        self.changed();
        self.deepen_status(id)
    }

    fn check_rest(&self, rest: bool) -> Result<(), LiveError> {
        if rest && self.is_recording() {
            let why =
                "the picture cannot rest while it is recorded; end the recording first, or deepen beside it";
            return Err(LiveError::Deepen(why.into()));
        }
        Ok(())
    }

    /// State of a style's deepening.
    pub fn deepen_status(&self, id: &str) -> Result<DeepenStatus, LiveError> {
        let (painting, deepened) = self.gallery(|gallery| gallery.deepens(id))?;
        let status = self.deepenings.status(id);
        Ok(DeepenStatus { painting, deepened, ..status })
    }

    /// The bytes of a style's file, and the name it may have.
    pub fn style_file(&self, id: &str) -> Result<(String, Vec<u8>), LiveError> {
        let style = self.gallery(|gallery| gallery.style(id))?;
        Ok((format!("{id}.style"), style.to_bytes()))
    }
}
