//! `impasto train judge`: a small network that judges as a VGG-19 does.

use super::args::{Args, LearnerPrecision};
use super::words;
use crate::console::{Console, duration};
use crate::{interrupt, models};
use anyhow::{Context, Result};
use impasto_import::import_vgg;
use impasto_media::atomic;
use impasto_train::Ending;
use impasto_train::data::Folder;
use impasto_train::distil::{DistilConfig, DistilProgress, DistilReport, DistilSettings, distil};
use impasto_train::loss_network::LossNetwork;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a run is made from, as its folder remembers it in `run.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct JudgeRecord {
    /// What decides the run's course.
    pub judge: DistilSettings,
    /// Folders of photos.
    pub photos: Vec<Folder>,
    /// Folders of paintings.
    pub paintings: Vec<Folder>,
    /// The teacher.
    pub vgg: PathBuf,
    /// Paints the pastiches; the built-in model where there is none.
    pub model: Option<PathBuf>,
    /// The run's folder; where the file lies.
    #[serde(skip)]
    pub run: PathBuf,
}

impl JudgeRecord {
    fn path(run: &Path) -> PathBuf {
        run.join("run.json")
    }

    /// Reads the record of a run.
    pub fn load(run: &Path) -> Result<Self> {
        let path = Self::path(run);
        let text = std::fs::read(&path).with_context(|| {
            format!(
                "{} is no run: {} cannot be read; name the folder that `impasto train judge -o` made",
                run.display(),
                path.display()
            )
        })?;
        let read: Self = serde_json::from_slice(&text).with_context(|| {
            format!(
                "{} is no run of a judge; name the folder that `impasto train judge -o` made",
                run.display()
            )
        })?;
        Ok(Self { run: run.into(), ..read })
    }

    fn save(&self) -> Result<()> {
        let path = Self::path(&self.run);
        let text = serde_json::to_string_pretty(self).expect("plain data");
        atomic::write(&path, text.as_bytes()).with_context(|| format!("cannot write {}", path.display()))
    }

    fn config(&self, args: &Args) -> Result<DistilConfig> {
        let shown = self.model.as_ref().map(|path| path.display().to_string());
        Ok(DistilConfig {
            settings: self.judge.clone(),
            photos: self.photos.clone(),
            paintings: self.paintings.clone(),
            vgg: LossNetwork::normalised(&import_vgg(&self.vgg, None)?.weights)?,
            model: models::load(shown.as_deref())?.as_ref().clone(),
            run: self.run.clone(),
            threads: args
                .threads
                .map_or_else(|| std::thread::available_parallelism().map_or(1, |n| n.get()), usize::from),
            resume: args.resume.is_some(),
            change_settings: args.change_settings,
            plain: args.precision == LearnerPrecision::F32,
            checkpoint_secs: args.save_every,
            report_steps: args.report_every.unwrap_or(100),
        })
    }
}

/// Trains a judge.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    if args.show_settings {
        return console.result(words::judge_settings_json(args)?);
    }
    let record = words::judge(args)?;
    let config = record.config(args)?;
    let (run, mut whole) = (record.run.clone(), None);
    let mut bar = console.progress(config.settings.steps as usize);
    let ending = distil(&config, &interrupt::asked, &mut |progress| match progress {
        DistilProgress::Started { step, steps, pictures: [photos, paintings] } => {
            // From now on Ctrl-C only asks, and the trainer saves before it ends.
            whole = Some(interrupt::hold());
            if let Err(error) = record.save() {
                console.note(format!("take note: {}", crate::failure::words(&error)));
            }
            let begin = if *step == 0 { "beginning".into() } else { format!("going on after step {step}") };
            console.note(format!(
                "{begin}: {steps} steps on {photos} photos and {paintings} paintings; Ctrl-C saves and ends"
            ));
        }
        DistilProgress::Steps { step, report, samples_per_second, remaining_secs, .. } => {
            let left = duration(*remaining_secs);
            bar.reach(
                *step as usize,
                &format!("{}; {samples_per_second:.1} families/s, about {left} left", line(report)),
            );
        }
        DistilProgress::Saved { .. } => {}
    })?;
    drop(bar);
    let told = match ending {
        Ending::Done => console.result(run.join("judge.safetensors").display().to_string()),
        Ending::Stopped(step) => {
            console.note(format!(
                "stopped after step {step}, and saved; go on with: impasto train judge --resume {}",
                run.display()
            ));
            interrupt::leave()
        }
    };
    drop(whole);
    told
}

fn line(report: &DistilReport) -> String {
    let [a, b, c, d] = report.features;
    format!("features {a:.3}, {b:.3}, {c:.3}, {d:.3}, distances {:.4}", report.distances)
}
