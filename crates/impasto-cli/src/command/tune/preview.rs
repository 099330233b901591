//! A page that shows how a run goes, and reloads itself.

use super::styled;
use crate::page::{self, Shown};
use anyhow::{Context, Result};
use impasto::{Dials, Image, Model, Stylizer};
use impasto_media::{atomic, resize};
use impasto_train::data::Library;
use impasto_train::tune::{TuneReport, Tuner};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Between two pictures of the run.
const EVERY: Duration = Duration::from_secs(10);
/// Photos that are shown, and their shorter side, px, at most.
const PHOTOS: usize = 3;
const SIDE_PX: usize = 300;

/// The page's file, and what it shows.
pub struct Preview {
    path: PathBuf,
    name: String,
    model: Arc<Model>,
    stylizer: Stylizer,
    painting: Image,
    photos: Vec<Image>,
    written: Option<Instant>,
}

impl Preview {
    /// Shows some of `photos`; nothing is written yet.
    pub fn new(
        path: &Path,
        name: &str,
        model: &Arc<Model>,
        painting: &Image,
        photos: &Library,
    ) -> Result<Self> {
        let sized = |image: &Image| {
            resize::resize_shorter_side(image, SIDE_PX.min(image.width()).min(image.height()))
        };
        let photos = (0..PHOTOS).map(|i| sized(&photos.get(i * photos.places() / PHOTOS).1)).collect();
        Ok(Self {
            path: path.into(),
            name: name.into(),
            model: model.clone(),
            stylizer: Stylizer::builder(model.clone()).build()?,
            painting: sized(painting),
            photos,
            written: None,
        })
    }

    /// Writes the page, if it is time to.
    pub fn step(&mut self, tuner: &Tuner, report: &TuneReport, words: &str) -> Result<()> {
        let due = self.written.is_none_or(|at| at.elapsed() >= EVERY);
        if !due && report.step != report.steps {
            return Ok(());
        }
        self.write(tuner, words, report.step != report.steps)?;
        self.written = Some(Instant::now());
        Ok(())
    }

    /// Writes the page; one of a run that goes on reloads itself.
    pub fn write(&self, tuner: &Tuner, words: &str, goes_on: bool) -> Result<()> {
        let style = styled(&self.model, &self.name, "preview", tuner.tuned(0)?)?;
        let shown = |image: Image, label: &str| Shown { image, label: label.into(), command: None };
        let mut pictures = vec![shown(self.painting.clone(), "the painting")];
        for photo in &self.photos {
            let painted = self.stylizer.paint(photo, &style, &Dials::default())?;
            pictures.push(shown(painted, words));
        }
        let title =
            if goes_on { format!("Tuning to {}", self.name) } else { format!("Tuned to {}", self.name) };
        let text = page::watched(&title, words, tuner.figures(), &pictures, goes_on)?;
        let shown = self.path.display();
        atomic::write(&self.path, text.as_bytes())
            .with_context(|| format!("cannot write {shown}; does its folder exist, and is there space?"))
    }
}
