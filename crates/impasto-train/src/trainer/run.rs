//! The loop.

use super::differences::differences;
use super::error::{Kept, TrainError};
use super::machine::learner;
use super::open::{Opened, open, start_weights};
use super::settings::{Machine, Material, Settings, TrainConfig};
use super::tables::Tables;
use super::window::Window;
use crate::checkpoint::{Checkpoint, RunLock};
use crate::data::{Loader, Sampling, Source};
use crate::detect::{Evidence, LEAST_STEPS, findings};
use crate::learner::{Group, Learner, LearnerError, Recipe, StepReport};
use crate::loss_network::LossNetwork;
use crate::progress::{Progress, Validation};
use crate::validate::{Show, Validator};
use crate::walk::{Fast, Kernels};
use impasto_core::Model;
use impasto_core::weights::Precision;
use std::collections::BTreeSet;
use std::time::Instant;

/// Steps in a row that may fail before the run stops.
const PATIENCE: u64 = 10;
/// Paintings over which the encoder's statistics are whitened at the start: from files, and drawn ones.
const WHITENED: [usize; 2] = [400, 64];

/// End of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps are done.
    Done,
    /// It was asked to stop, and has saved a checkpoint after this many steps.
    Stopped(u64),
}

/// Trains as `config` says, from the start or from the run's checkpoint. `on_progress` gets every record.
pub fn train(config: &TrainConfig, on_progress: &mut dyn FnMut(&Progress)) -> Result<(), TrainError> {
    train_until(config, &|| false, on_progress).map(|_| ())
}

/// As [`train`], but after each step `stop` is asked whether to save a checkpoint and end.
pub fn train_until(
    config: &TrainConfig,
    stop: &dyn Fn() -> bool,
    on_progress: &mut dyn FnMut(&Progress),
) -> Result<Ending, TrainError> {
    config.settings.check().map_err(TrainError::Settings)?;
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if let (false, Some(tiles)) = (config.plain, crate::walk::Tiles::detect()) {
        return Run::new(tiles, "bf16 tiles (AMX)", config)?.go(stop, on_progress);
    }
    Run::new(Fast::new().map_err(LearnerError::from)?, "f32", config)?.go(stop, on_progress)
}

struct Run<'a, K: Kernels> {
    config: &'a TrainConfig,
    _lock: RunLock,
    kernels: K,
    processor: &'static str,
    /// Machine and instruction set of the learner.
    device: String,
    learner: Box<dyn Learner>,
    loss: LossNetwork,
    tables: Tables,
    source: Source,
    validator: Validator<K>,
    notes: Vec<String>,
    /// Detectors that have spoken; each does once.
    told: BTreeSet<&'static str>,
    latest: StepReport,
    step: u64,
    saved: Kept,
}

impl<'a, K: Kernels> Run<'a, K> {
    fn new(kernels: K, processor: &'static str, config: &'a TrainConfig) -> Result<Self, TrainError> {
        let (settings, paths) = (&config.settings, &config.paths);
        let missing = settings.recipe.missing_on_gpu();
        if let (Machine::Gpu(_), false) = (&config.machine, missing.is_empty()) {
            return Err(TrainError::Gpu(format!(
                "a GPU cannot compute {} yet; train with --engine cpu, or set these to 0 and recipe.style_kind to moments, root or gram",
                missing.join(", ")
            )));
        }
        // A folder that holds another run, or none to go on from, is told before minutes are spent on opening.
        found(config)?;
        let Opened { photos, paintings, loss, held_out, mut notes } = open(&paths.material, settings.judge)?;
        let drawn = paths.material == Material::Drawn;
        let (show, whitened) = if drawn { (Show::SMALL, WHITENED[1]) } else { (Show::FULL, WHITENED[0]) };
        let tables = Tables::new(settings, &loss, &config.license);
        let source = Source { photos, paintings, sampling: settings.sampling };
        let weights = start_weights(config, &tables, &source, whitened, &mut notes)?;
        let machine = (&config.machine, kernels, processor, config.threads);
        let (learner, device) = learner(machine, &tables, &weights, &loss)?;
        let networks = [&tables.painter, &tables.encoder];
        let validator = Validator::new(kernels, networks, &loss, (held_out, &source), show)?;
        std::fs::create_dir_all(&paths.run).map_err(|e| cannot_save(&paths.run, e, Kept(None)))?;
        let lock = RunLock::take(&paths.run)?;
        // Anew, now that nobody else can write it.
        let found = found(config)?;
        let mut run = Self {
            config,
            _lock: lock,
            kernels,
            processor,
            device,
            learner,
            loss,
            tables,
            source,
            validator,
            notes,
            told: BTreeSet::new(),
            latest: StepReport::default(),
            step: 0,
            saved: Kept(None),
        };
        if let Some(found) = found {
            run.take_up(found)?;
        }
        Ok(run)
    }

    /// Goes on from the checkpoint, if it was made with these settings.
    fn take_up(&mut self, found: Checkpoint) -> Result<(), TrainError> {
        let run = self.config.paths.run.display().to_string();
        let own = serde_json::to_value(&self.config.settings).expect("settings are plain data");
        // Through `Settings`, so that what an older version did not know has its default.
        let old = serde_json::from_str::<Settings>(&found.settings).ok();
        let old = old.and_then(|s| serde_json::to_value(s).ok());
        let old = old.or_else(|| serde_json::from_str(&found.settings).ok()).unwrap_or_default();
        let differences = differences(&old, &own);
        let (found_count, expected) = (found.state.values.len(), self.learner.state().values.len());
        if found_count != expected {
            return Err(TrainError::OtherTable { run, expected, found: found_count, differences });
        }
        if !differences.is_empty() && !self.config.change_settings {
            return Err(TrainError::OtherSettings { run, differences });
        }
        (self.step, self.saved) = (found.step, Kept(Some(found.step)));
        self.learner.restore(found.state);
        Ok(())
    }

    fn loader(&self) -> Loader {
        let (settings, mut source) = (&self.config.settings, self.source.clone());
        if settings.schedule.is_large(self.step) {
            let photo_px = settings.schedule.large_px;
            // Paintings keep their size: few are large enough for more, and enlarged ones teach soft strokes.
            source.sampling = Sampling { photo_px, ..settings.sampling };
        }
        // The processor's threads have a step to compute, unless a GPU does it.
        let workers = match self.config.machine {
            Machine::Cpu => 1,
            Machine::Gpu(_) => self.config.threads,
        };
        Loader::start(&source, self.step * settings.groups as u64, settings.groups, workers)
    }

    fn go(
        mut self,
        stop: &dyn Fn() -> bool,
        on_progress: &mut dyn FnMut(&Progress),
    ) -> Result<Ending, TrainError> {
        let schedule = self.config.settings.schedule;
        self.tell_start(on_progress);
        let (mut loader, mut window) = (self.loader(), Window::new());
        let (mut saved_at, mut failed) = (Instant::now(), 0);
        while self.step < schedule.total() {
            if self.step == schedule.first_large() {
                loader = self.loader();
            }
            let batch: Vec<Group> = loader.next_batch().ok_or(TrainError::Data)?;
            let recipe = schedule.at(self.step, &self.config.settings.recipe);
            let report = self.learn(&batch, &recipe, on_progress)?;
            self.step += 1;
            failed = if report.is_finite() { 0 } else { failed + 1 };
            if failed == PATIENCE {
                return Err(TrainError::NotFinite { step: self.step, kept: self.saved });
            }
            if failed == 0 {
                window.add(&report);
            }
            self.look(&mut window, on_progress)?;
            let stopping = stop();
            let due = saved_at.elapsed().as_secs() >= self.config.checkpoint_secs;
            if stopping || due || self.step == schedule.total() {
                self.save()?;
                on_progress(&Progress::Saved { step: self.step });
                saved_at = Instant::now();
            }
            if stopping && self.step < schedule.total() {
                return Ok(Ending::Stopped(self.step));
            }
        }
        Ok(Ending::Done)
    }

    /// One step; when the learner's device fails in it, the processor does it again, and those that follow.
    fn learn(
        &mut self,
        batch: &[Group],
        recipe: &Recipe,
        on_progress: &mut dyn FnMut(&Progress),
    ) -> Result<StepReport, TrainError> {
        let report = self.learner.step(batch, recipe);
        let Some(cause) = self.learner.failure() else { return Ok(report) };
        let message = format!("{cause}. The CPU carries on from here");
        on_progress(&Progress::Warning { step: self.step, message });
        let (state, weights) = (self.learner.state(), self.learner.weights());
        let machine = (&Machine::Cpu, self.kernels, self.processor, self.config.threads);
        (self.learner, self.device) = learner(machine, &self.tables, &weights, &self.loss)?;
        self.learner.restore(state);
        Ok(self.learner.step(batch, recipe))
    }

    fn tell_start(&self, on_progress: &mut dyn FnMut(&Progress)) {
        let pictures = [self.source.photos.len(), self.source.paintings.len()];
        let (step, steps) = (self.step, self.config.settings.schedule.total());
        on_progress(&Progress::Started { step, steps, pictures, device: self.device.clone() });
        for message in self.notes.clone() {
            on_progress(&Progress::Warning { step, message });
        }
    }

    /// The records that are due after this step.
    fn look(
        &mut self,
        window: &mut Window,
        on_progress: &mut dyn FnMut(&Progress),
    ) -> Result<(), TrainError> {
        let (config, step) = (self.config, self.step);
        let (settings, steps) = (&config.settings, config.settings.schedule.total());
        let due = |every: u64| step.is_multiple_of(every.max(1)) || step == steps;
        if due(config.report_steps) {
            for library in [&self.source.photos, &self.source.paintings] {
                if let Some(message) = left_out(&library.newly_broken()) {
                    on_progress(&Progress::Warning { step, message });
                }
            }
            let samples = settings.groups * settings.sampling.styles;
            let broken = [self.source.photos.broken(), self.source.paintings.broken()];
            let recipe = settings.schedule.at(step - 1, &settings.recipe);
            let state = (step, steps, samples, broken);
            let record = window.take(state, recipe.style, recipe.rate);
            self.latest = record.report;
            on_progress(&Progress::Steps(record));
        }
        if due(config.validate_steps) {
            let validation = self.validator.look_at(step, &self.tables.weights(self.learner.weights()))?;
            let warnings = self.warnings(&validation);
            on_progress(&Progress::Validated(validation));
            for message in warnings {
                on_progress(&Progress::Warning { step, message });
            }
        }
        Ok(())
    }

    /// Findings of the detectors that are new.
    fn warnings(&mut self, validation: &Validation) -> Vec<String> {
        let Settings { schedule, recipe, .. } = &self.config.settings;
        if self.step < schedule.identity_steps + LEAST_STEPS {
            return vec![];
        }
        let recipe = schedule.at(self.step - 1, recipe);
        let ramped = schedule.is_ramped(self.step);
        let evidence = Evidence { validation, report: &self.latest, recipe: &recipe, ramped };
        let found = findings(&evidence);
        found.into_iter().filter(|(name, _)| self.told.insert(name)).map(|(_, words)| words).collect()
    }

    /// Writes the checkpoint, and beside it the model of the averaged weights.
    fn save(&mut self) -> Result<(), TrainError> {
        let folder = &self.config.paths.run;
        let settings = serde_json::to_string(&self.config.settings).expect("settings are plain data");
        let checkpoint = Checkpoint { step: self.step, settings, state: self.learner.state() };
        checkpoint.save(folder).map_err(|e| cannot_save(&Checkpoint::path(folder), e, self.saved))?;
        self.saved = Kept(Some(self.step));
        let path = folder.join("model.safetensors");
        self.model()?.save(&path, Precision::F16).map_err(|e| TrainError::Save {
            path: path.display().to_string(),
            cause: e.to_string(),
            kept: self.saved,
        })
    }

    /// The model of the averaged weights.
    fn model(&self) -> Result<Model, TrainError> {
        let training = serde_json::json!({
            "program": concat!("impasto-train ", env!("CARGO_PKG_VERSION")),
            "step": self.step,
            "settings": self.config.settings,
        });
        self.tables.model(self.learner.weights(), training)
    }
}

/// Names the first files that cannot be read, and says how many more there are.
pub(crate) fn left_out(files: &[String]) -> Option<String> {
    const NAMED: usize = 5;
    let named = files.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    let more = files.len().saturating_sub(NAMED);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    (!files.is_empty()).then(|| format!("left out, as they cannot be read: {named}{more}"))
}

/// The checkpoint to go on from; without `resume` there must be none.
fn found(config: &TrainConfig) -> Result<Option<Checkpoint>, TrainError> {
    let folder = &config.paths.run;
    if config.resume {
        return Ok(Some(Checkpoint::load(folder)?));
    }
    match Checkpoint::path(folder).exists() {
        true => Err(TrainError::Exists(folder.display().to_string())),
        false => Ok(None),
    }
}

fn cannot_save(path: &std::path::Path, error: impl ToString, kept: Kept) -> TrainError {
    TrainError::Save { path: path.display().to_string(), cause: error.to_string(), kept }
}
