//! Films painted frame by frame, to be measured.

use crate::console::Console;
use crate::failure::wrong_use;
use anyhow::{Context, Result, ensure};
use impasto::steady::camera_shift;
use impasto::{Dials, EngineChoice, Image, Provenance, Session, Style, Stylizer};
use impasto_eval::Candidate;
use impasto_eval::film::{ClipFigures, ClipReport, Film, FilmFigures};
use impasto_media::resize::resize_shorter_side;
use impasto_media::video::convert::upright;
use impasto_media::video::{InputOptions, open};
use impasto_media::{folder, still};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Shorter side of the frames, px.
const SHORTER_PX: usize = 360;
/// Shorter side at which paintings are looked at, px: that of `impasto video`.
const PAINTING_PX: usize = 512;
/// Most paintings.
const STYLES: usize = 3;
/// Fewer frames say nothing of steadiness.
const LEAST_FRAMES: usize = 3;

/// Films, and how they are painted.
pub struct Clips {
    /// Files, and folders of frames.
    films: Vec<PathBuf>,
    /// With their names.
    paintings: Vec<(String, Image)>,
    /// Frames of each film.
    frames: usize,
    /// Positions of the dial.
    steady: Vec<f32>,
    /// Paints.
    engine: EngineChoice,
}

impl Clips {
    /// Finds the films in `folder`, and reads some of `paintings`, a folder or a picture.
    pub fn open(
        folder: &Path,
        paintings: &Path,
        (frames, steady): (usize, &[f32]),
        engine: EngineChoice,
    ) -> Result<Self> {
        let (films, paintings) = (films(folder)?, some_paintings(paintings)?);
        Ok(Self { films, paintings, frames, steady: steady.to_vec(), engine })
    }

    /// Paints every film with every candidate.
    pub fn judge(&self, candidates: &[Candidate], console: &Console) -> Result<Vec<ClipReport>> {
        self.films.iter().map(|path| self.film(path, candidates, console)).collect()
    }

    fn film(&self, path: &Path, candidates: &[Candidate], console: &Console) -> Result<ClipReport> {
        let frames = read(path, self.frames)?;
        let (width, height, count) = (frames[0].width(), frames[0].height(), frames.len());
        let film = Film::new(frames, camera_shift);
        let clip = crate::styles::name_of(&path.display().to_string());
        let mut results = Vec::new();
        for candidate in candidates {
            console.note(format!("{clip} ({count} frames) {}", candidate.name));
            let (stylizer, styles) = self.prepared(candidate)?;
            for &steady in &self.steady {
                let figures = styles
                    .iter()
                    .map(|style| painted(stylizer.session(), &film, style, steady))
                    .collect::<Result<Vec<_>>>()?;
                let model = candidate.name.clone();
                results.push(ClipFigures { model, steady, figures: FilmFigures::mean(&figures) });
            }
        }
        let styles = self.paintings.iter().map(|(name, _)| name.clone()).collect();
        let unpainted = film.unpainted();
        Ok(ClipReport { clip, width, height, frames: count, styles, unpainted, results })
    }

    /// The candidate's painter, and the styles of the paintings for it.
    fn prepared(&self, candidate: &Candidate) -> Result<(Stylizer, Vec<Style>)> {
        let model = Arc::new(candidate.model.clone());
        let stylizer = Stylizer::builder(model).engine(self.engine).strict(true).build()?;
        let encode = |(name, painting): &(String, Image)| {
            let provenance = Provenance { name: name.clone(), source: name.clone() };
            Ok(stylizer.encode(painting, provenance)?)
        };
        let styles = self.paintings.iter().map(encode).collect::<Result<_>>()?;
        Ok((stylizer, styles))
    }
}

/// Some of a folder's paintings, spread evenly over all, or the one painting, with names.
fn some_paintings(paintings: &Path) -> Result<Vec<(String, Image)>> {
    let all = match paintings.is_file() {
        true => vec![paintings.to_path_buf()],
        false => folder::list_pictures(paintings)?.into_iter().map(|listed| listed.path).collect(),
    };
    let count = all.len().min(STYLES);
    let chosen = (0..count).map(|k| &all[(2 * k + 1) * all.len() / (2 * count)]);
    let read = |path: &PathBuf| {
        let painting = resize_shorter_side(&still::read(path)?.image, PAINTING_PX);
        Ok((crate::styles::name_of(&path.display().to_string()), painting))
    };
    chosen.map(read).collect()
}

/// The figures of one film in one style.
fn painted(mut session: Session, film: &Film, style: &Style, steady: f32) -> Result<FilmFigures> {
    let dials = Dials { steady, ..Dials::default() };
    let mut one = |frame: &Image| {
        let mut pastiche = Image::black(1, 1);
        session.paint(frame, style, &dials, &mut pastiche)?;
        Ok(pastiche)
    };
    let pastiches = film.frames().iter().map(&mut one).collect::<Result<Vec<_>>>()?;
    Ok(film.figures(&pastiches))
}

/// Files and folders in `folder`, by name; the folder itself where it holds pictures only.
fn films(folder: &Path) -> Result<Vec<PathBuf>> {
    let shown = || format!("cannot read the folder of films {}", folder.display());
    let entries = fs::read_dir(folder).with_context(shown)?;
    let mut all = entries.map(|entry| Ok(entry.with_context(shown)?.path())).collect::<Result<Vec<_>>>()?;
    all.sort();
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let (pictures, films): (Vec<_>, Vec<_>) = all
        .into_iter()
        .filter(|path| !hidden(path))
        .partition(|path| path.is_file() && folder::has_picture_ending(path));
    match (films.is_empty(), pictures.is_empty()) {
        (false, _) => Ok(films),
        (true, false) => Ok(vec![folder.into()]),
        (true, true) => Err(wrong_use(format!(
            "{} holds no film; give a folder of short films, or of folders of frames",
            folder.display()
        ))),
    }
}

/// The first frames of a film, at [`SHORTER_PX`].
fn read(path: &Path, most: usize) -> Result<Vec<Image>> {
    let mut source = open(path, &InputOptions::default())?.source;
    let info = source.info().clone();
    let mut frames: Vec<Image> = Vec::new();
    while frames.len() < most {
        let Some(frame) = source.read()? else { break };
        let image = upright(frame.pixels, &info, info.width, info.height);
        frames.push(resize_shorter_side(&image, SHORTER_PX));
    }
    ensure!(
        frames.len() >= LEAST_FRAMES,
        "{} holds {} frames; at least {LEAST_FRAMES} are needed to measure steadiness",
        path.display(),
        frames.len()
    );
    Ok(frames)
}
