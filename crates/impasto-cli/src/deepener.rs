//! Trains styles for the live page: the same training as `impasto tune`, a few seconds at a time.

use crate::command::tune::drawn;
use impasto::{Image, Model, Provenance, Style};
use impasto_live::{DeepenProgress, DeepenRun, Deepener, LiveError};
use impasto_train::data::Library;
use impasto_train::loss_network::LossNetwork;
use impasto_train::tune::{Go, Length, TuneConfig, TuneError, Tuner};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Crops of photos that a run sees at most; it ends sooner when the held-out figure is flat.
const SAMPLES: u64 = 2400;
/// Crops of a step for each thread.
const SAMPLES_PER_THREAD: u64 = 4;
/// Threads that learn, at most.
const MOST_THREADS: usize = 4;
/// Drawn scenes beside the camera's frames, so that other rooms are painted well too.
const DRAWN: usize = 8;
/// `impasto tune --threads 1` takes 930 MiB at most, with its photos.
const BYTES: u64 = 450 << 20;
const BYTES_PER_THREAD: u64 = 450 << 20;
/// Rank of the update in the file.
const RANK: usize = 16;

/// Begins runs for one model.
pub struct Trainer {
    model: Arc<Model>,
    threads: usize,
}

impl Trainer {
    /// With as many threads as there are cores, up to four.
    pub fn new(model: Arc<Model>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        Self { model, threads: cores.min(MOST_THREADS) }
    }
}

impl Deepener for Trainer {
    fn needs_bytes(&self) -> u64 {
        BYTES + BYTES_PER_THREAD * self.threads as u64
    }

    fn begin(&self, painting: &Image) -> Result<Box<dyn DeepenRun>, LiveError> {
        let length = Length::AtMost(SAMPLES / (SAMPLES_PER_THREAD * self.threads as u64));
        let config = TuneConfig { length, threads: self.threads, ..TuneConfig::default() };
        let mut scenes: Vec<Arc<Image>> = drawn().into_iter().map(Arc::new).collect();
        let held_out = scenes.split_off(DRAWN);
        let paintings = [painting.clone()];
        let tuner = Tuner::new(self.model.clone(), &LossNetwork::builtin(), &paintings, &held_out, config);
        Ok(Box::new(Run { model: self.model.clone(), tuner: tuner.map_err(told)?, scenes }))
    }
}

struct Run {
    model: Arc<Model>,
    tuner: Tuner,
    scenes: Vec<Arc<Image>>,
}

impl DeepenRun for Run {
    fn learn(
        &mut self,
        frames: &[Arc<Image>],
        time: Duration,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<DeepenProgress, LiveError> {
        let photos = frames.iter().chain(&self.scenes).cloned().collect();
        let (until, mut left, mut steps) = (Instant::now() + time, None, 0);
        let each = &mut |_: &Tuner, report: &_| {
            let impasto_train::tune::TuneReport { step, left: figure, .. } = *report;
            (steps, left) = (step, figure.or(left));
            Ok(if Instant::now() < until && go_on() { Go::On } else { Go::Stop })
        };
        self.tuner.go(&Arc::new(Library::of_shared(photos)), each).map_err(told)?;
        Ok(DeepenProgress { steps, part: self.tuner.part(), left })
    }

    fn style(&self, style: &Style, small: bool) -> Result<Style, LiveError> {
        let tuned = self.tuner.tuned(if small { RANK } else { 0 }).map_err(told)?;
        let Provenance { name, source } = style.provenance.clone();
        let provenance =
            Provenance { name, source: format!("{source} (deepened for {} steps)", tuned.steps) };
        Ok(Style::new(&self.model, provenance, tuned.vector)?.tuned(&self.model, tuned.update)?)
    }
}

fn told(why: TuneError) -> LiveError {
    LiveError::Deepen(why.to_string())
}
