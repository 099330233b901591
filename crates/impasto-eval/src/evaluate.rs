//! The protocol, from pictures to report.

use crate::config::{Candidate, EvalConfig, Progress, Stage};
use crate::error::EvalError;
use crate::eval_set::{CandidateRun, EvalSet, Pastiches};
use crate::limit::Limit;
use crate::pictures::Pictures;
use crate::report::Report;
use crate::sheet::Sheet;
use crate::{machine, markdown};
use impasto_core::{Engine, Weights};
use impasto_media::{atomic, still};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// A report and its sheets.
pub struct Outcome {
    /// The figures.
    pub report: Report,
    /// Contact sheets, `NAME`, `side-by-side-SIZE` and `limit-SIZE`.
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

/// Judges `candidates` by `config` with the normalised VGG-19 `vgg` (`conv0`, `conv1_1` to `conv4_1`); painters and judge run on `engine`.
/// A `limit` paints some pairs of the first round.
///
/// # Errors
/// When pictures cannot be read, weights do not fit, or a setting is out of range; nothing is written.
pub fn evaluate(
    config: &EvalConfig,
    candidates: &[Candidate],
    vgg: &Weights,
    engine: &dyn Engine,
    mut limit: Option<Limit>,
    on_progress: &mut dyn FnMut(&Progress),
) -> Result<Outcome, EvalError> {
    config.check(candidates)?;
    let pictures = (Pictures::read(&config.contents)?, Pictures::read(&config.styles)?);
    let vgg = Arc::new(vgg.clone());
    let (mut rounds, mut sheets) = (Vec::new(), Vec::new());
    for (i, round) in config.rounds.iter().enumerate() {
        let mut set = EvalSet::new(*round, config, &pictures, &vgg, engine, on_progress)?;
        let mut limit = limit.as_mut().filter(|_| i == 0);
        let beside = limit.as_ref().map_or(vec![], |limit| set.spread(limit.pairs));
        let side_by_side = config.sheets.map_or(vec![], |size| set.spread(size.side_by_side));
        let kept: BTreeSet<usize> = beside.iter().chain(&side_by_side).copied().collect();
        let mut results = Vec::new();
        let mut shown: Vec<Pastiches> = Vec::new();
        for candidate in candidates {
            let (mut painter, cost) = set.measure(candidate, engine, config.timed_frames)?;
            let mut run = CandidateRun::new(candidate, &mut painter, on_progress);
            let (result, pastiches) = set.judge(&mut run, cost, &kept)?;
            if let (0, Some(size)) = (i, config.sheets) {
                sheets.push(set.sheet(&mut run, size)?);
            }
            let (model, size, finished) = (candidate.name.as_str(), round.size(), Some(&result));
            on_progress(&Progress { model, size, stage: Stage::Finished, done: 1, total: 1, finished });
            results.push(result);
            shown.push(pastiches);
        }
        let mut report = set.report(results);
        if config.sheets.is_some() {
            sheets.push(set.side_by_side("side-by-side", &side_by_side, &shown));
        }
        if let Some(limit) = &mut limit {
            let (figures, pastiches) = set.judge_limit(limit, &beside, on_progress)?;
            report.limit = Some(figures);
            if config.sheets.is_some() {
                shown.push(pastiches);
                sheets.push(set.side_by_side("limit", &beside, &shown));
            }
        }
        rounds.push(report);
    }
    let (contents, styles) = (pictures.0.names(), pictures.1.names());
    let report = Report { engine: engine.name(), seed: config.seed, contents, styles, rounds, clips: vec![] };
    Ok(Outcome { report, sheets })
}
