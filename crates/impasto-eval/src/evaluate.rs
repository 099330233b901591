//! The protocol, from pictures to report.

use crate::config::{Entrant, EvalConfig, Progress, Stage};
use crate::error::EvalError;
use crate::hall::{Bench, Hall};
use crate::pictures::Pictures;
use crate::report::{Report, RoundReport};
use crate::sheet::Sheet;
use crate::{machine, markdown};
use impasto_core::{Engine, Tensor, Weights};
use impasto_media::{atomic, still};
use std::path::Path;
use std::sync::Arc;

/// A report and its sheets.
pub struct Outcome {
    /// The figures.
    pub report: Report,
    /// Contact sheets, `NAME` and `side-by-side-SIZE`.
    pub sheets: Vec<Sheet>,
}

impl Outcome {
    /// Writes `report.json`, `report.md` and a PNG a sheet into `folder`, which is made if need be; each file
    /// appears whole or not at all. The page names the `command` that made it.
    pub fn save(&self, folder: &Path, command: &str) -> Result<(), EvalError> {
        std::fs::create_dir_all(folder).map_err(|e| EvalError::write(folder, e))?;
        let text = |name: &str, text: String| {
            let path = folder.join(name);
            atomic::write(&path, text.as_bytes()).map_err(|e| EvalError::write(&path, e))
        };
        text("report.json", self.report.to_json())?;
        text("report.md", markdown::page(&self.report, command, &machine::describe()))?;
        for sheet in &self.sheets {
            let path = folder.join(format!("{}.png", sheet.name));
            still::write(&path, &still::Still::from_image(sheet.draw()), still::WriteOptions::default())?;
        }
        Ok(())
    }
}

/// Judges `entrants` by `config` with the normalised VGG-19 `vgg` (`conv0`, `conv1_1` to `conv4_1`); both paint and look on `engine`.
///
/// # Errors
/// When pictures cannot be read, weights do not fit, or a setting is out of range; nothing is written.
pub fn evaluate(
    config: &EvalConfig,
    entrants: &[Entrant],
    vgg: &Weights,
    engine: &dyn Engine,
    on_progress: &mut dyn FnMut(&Progress),
) -> Result<Outcome, EvalError> {
    config.check(entrants)?;
    let pictures = (Pictures::read(&config.contents)?, Pictures::read(&config.styles)?);
    let vgg = Arc::new(vgg.clone());
    let (mut rounds, mut sheets) = (Vec::new(), Vec::new());
    for (i, round) in config.rounds.iter().enumerate() {
        let mut hall = Hall::new(*round, config, &pictures, &vgg, engine, on_progress)?;
        let mut results = Vec::new();
        let mut shown: Vec<Vec<Tensor>> = Vec::new();
        for entrant in entrants {
            let (mut painter, cost) = hall.measure(entrant, engine, config.timed_frames)?;
            let mut bench = Bench::new(entrant, &mut painter, on_progress);
            let (result, paintings) =
                hall.judge(&mut bench, cost, config.sheets.map_or(0, |s| s.side_by_side))?;
            if let (0, Some(size)) = (i, config.sheets) {
                sheets.push(hall.sheet(&mut bench, size)?);
            }
            let (model, size_px, finished) = (entrant.name.as_str(), round.size_px, Some(&result));
            on_progress(&Progress { model, size_px, stage: Stage::Finished, done: 1, total: 1, finished });
            results.push(result);
            shown.push(paintings);
        }
        if let Some(size) = config.sheets {
            sheets.push(hall.side_by_side(size.side_by_side, &shown));
        }
        rounds.push(RoundReport { size_px: round.size_px, pairs: hall.pairs(), results });
    }
    let (contents, styles) = (pictures.0.names(), pictures.1.names());
    let report = Report { engine: engine.name(), seed: config.seed, contents, styles, rounds };
    Ok(Outcome { report, sheets })
}
