//! Records of a run: a log, TensorBoard event files, sheets, and a report for the browser.
//!
//! A [`Journal`] only reads [`Progress`]. In the run's folder it keeps `log.jsonl` (one record a line, from which everything else is made),
//! `sheets/STEP.jpg`, `events.out.tfevents.*` and `report.html`, which holds its curves and pictures itself.

mod chart;
mod entry;
mod events;
mod report;

pub use entry::{Entry, Figures};
pub use events::EventFile;

use crate::progress::{Progress, Steps, Validation};
use entry::{kept, scalars};
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use impasto_core::{Image, atomic};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Quality of sheets, of 100.
const SHEET_QUALITY: u8 = 88;

/// Keeps the records of one run.
pub struct Journal {
    run: PathBuf,
    title: String,
    entries: Vec<Entry>,
    events: Option<EventFile<File>>,
}

impl Journal {
    /// For the run in folder `run`; nothing is written before the first record. `title` heads the report.
    pub fn new(run: &Path, title: &str) -> Self {
        Self { run: run.into(), title: title.into(), entries: vec![], events: None }
    }

    /// The report's file.
    pub fn report_path(run: &Path) -> PathBuf {
        run.join("report.html")
    }

    /// Takes a record down.
    ///
    /// # Errors
    /// If a file cannot be written. The run does not depend on it.
    pub fn record(&mut self, progress: &Progress) -> io::Result<()> {
        match progress {
            Progress::Started { step, steps, pictures, device } => {
                self.start(*step)?;
                let device = device.clone();
                self.keep(Entry::Started { step: *step, steps: *steps, pictures: *pictures, device })
            }
            Progress::Steps(steps) => self.steps(steps),
            Progress::Validated(validation) => self.validated(validation),
            Progress::Warning { step, message } => {
                self.keep(Entry::Warning { step: *step, message: message.clone() })
            }
            Progress::Saved { .. } => self.report(),
        }
    }

    /// A run that goes on keeps what it wrote up to `step`, and forgets what came after the checkpoint.
    fn start(&mut self, step: u64) -> io::Result<()> {
        fs::create_dir_all(self.run.join("sheets"))?;
        let old = if step > 0 { fs::read_to_string(self.log()).unwrap_or_default() } else { String::new() };
        self.entries = kept(&old, step);
        let mut lines = Vec::new();
        for entry in &self.entries {
            lines.extend(line(entry));
        }
        fs::write(self.log(), lines)?;
        let name = format!("events.out.tfevents.{}.{step}.impasto", events::now_secs() as u64);
        let mut events = EventFile::new(File::create(self.run.join(name))?)?;
        events.restart(step)?;
        self.events = Some(events);
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.run.join("log.jsonl")
    }

    fn keep(&mut self, entry: Entry) -> io::Result<()> {
        OpenOptions::new().append(true).create(true).open(self.log())?.write_all(&line(&entry))?;
        self.entries.push(entry);
        Ok(())
    }

    fn steps(&mut self, steps: &Steps) -> io::Result<()> {
        if let Some(events) = &mut self.events {
            events.scalars(steps.step, &scalars(steps))?;
        }
        self.keep(Entry::Steps(steps.clone()))
    }

    fn validated(&mut self, v: &Validation) -> io::Result<()> {
        let figures =
            Figures { step: v.step, content: v.content, style: v.style, ssim: v.ssim, flicker: v.flicker };
        let jpeg = jpeg(&v.sheet)?;
        fs::write(self.sheet(v.step), &jpeg)?;
        if let Some(events) = &mut self.events {
            events.scalars(v.step, &figures.scalars())?;
            events.picture(v.step, "held out", (v.sheet.width(), v.sheet.height()), &jpeg)?;
        }
        self.keep(Entry::Validated(figures))?;
        self.report()
    }

    fn sheet(&self, step: u64) -> PathBuf {
        self.run.join("sheets").join(format!("{step:06}.jpg"))
    }

    fn report(&self) -> io::Result<()> {
        let page = report::page(&self.title, &self.entries, &|step| fs::read(self.sheet(step)).ok());
        atomic::write(&Self::report_path(&self.run), page.as_bytes())
    }
}

fn line(entry: &Entry) -> Vec<u8> {
    let mut line = serde_json::to_vec(entry).expect("plain data");
    line.push(b'\n');
    line
}

fn jpeg(image: &Image) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let (width, height) = (image.width() as u32, image.height() as u32);
    JpegEncoder::new_with_quality(&mut bytes, SHEET_QUALITY)
        .encode(image.rgb(), width, height, ExtendedColorType::Rgb8)
        .map_err(io::Error::other)?;
    Ok(bytes)
}
