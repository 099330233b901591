//! The style of each frame: one for all, or that of another film's frame.

use crate::args::StyleWord;
use crate::styles::{Styles, is_film};
use anyhow::{Context, Result, bail};
use impasto::{Provenance, Style, Stylizer};
use impasto_media::resize;
use impasto_media::video::{self, InputOptions, Source, convert};
use std::path::{Path, PathBuf};

/// The styles of a film's frames.
pub enum Look {
    /// The same for all.
    Still(Box<Style>),
    /// A mix in which at least one part moves.
    Moving(Moving),
}

impl Look {
    /// The look that the words mean.
    pub fn of(
        words: &[StyleWord],
        stylizer: &Stylizer,
        style_px: usize,
        options: InputOptions,
    ) -> Result<Self> {
        let reader = Styles { stylizer, style_px };
        if !words.iter().any(|word| is_film(Path::new(&word.what))) {
            return Ok(Self::Still(Box::new(reader.mix(words)?)));
        }
        crate::styles::check_weights(words)?;
        let part = |word: &StyleWord| {
            let path = Path::new(&word.what);
            let part = match is_film(path) {
                true => Part::Film(StyleFilm::open(path, options)?),
                false => Part::Still(Box::new(reader.read(&word.what)?)),
            };
            Ok((part, word.weight.unwrap_or(1.0)))
        };
        let parts = words.iter().map(part).collect::<Result<_>>()?;
        Ok(Self::Moving(Moving { parts, stylizer: stylizer.clone(), style_px }))
    }
}

/// Parts of a mix with their weights.
pub struct Moving {
    parts: Vec<(Part, f32)>,
    stylizer: Stylizer,
    style_px: usize,
}

enum Part {
    Still(Box<Style>),
    Film(StyleFilm),
}

impl Moving {
    /// The style of the next frame.
    pub fn next_style(&mut self) -> Result<Style> {
        let reader = Reader { stylizer: &self.stylizer, style_px: self.style_px };
        let mut styles = Vec::new();
        for (part, weight) in &mut self.parts {
            match part {
                Part::Still(style) => styles.push(((**style).clone(), *weight)),
                Part::Film(film) => styles.push((reader.encode(film)?, *weight)),
            }
        }
        if styles.len() == 1 {
            return Ok(styles.remove(0).0);
        }
        let weighted: Vec<_> = styles.iter().map(|(style, weight)| (style, *weight)).collect();
        Ok(Style::mix(&weighted)?)
    }

    /// Passes over the style of a frame that is painted already.
    pub fn skip(&mut self) -> Result<()> {
        self.parts.iter_mut().try_for_each(|(part, _)| match part {
            Part::Still(_) => Ok(()),
            Part::Film(film) => film.next_frame().map(drop),
        })
    }
}

struct Reader<'a> {
    stylizer: &'a Stylizer,
    style_px: usize,
}

impl Reader<'_> {
    fn encode(&self, film: &mut StyleFilm) -> Result<Style> {
        let pixels = film.next_frame()?.pixels;
        let info = film.source.info();
        let (width, height) = resize::size_for_shorter_side(info.width, info.height, self.style_px);
        let painting = convert::upright(pixels, info, width, height);
        let source = film.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let provenance = Provenance { name: crate::styles::name_of(&source), source };
        let failed = || format!("cannot take a style from a frame of {}", film.path.display());
        self.stylizer.encode(&painting, provenance).with_context(failed)
    }
}

/// A film whose frames are styles, one after another, and again from the first.
struct StyleFilm {
    path: PathBuf,
    options: InputOptions,
    source: Box<dyn Source>,
}

impl StyleFilm {
    fn open(path: &Path, options: InputOptions) -> Result<Self> {
        let source = video::open(path, &options).context("cannot take styles from the film")?.source;
        Ok(Self { path: path.into(), options, source })
    }

    fn next_frame(&mut self) -> Result<video::Frame> {
        if let Some(frame) = self.source.read()? {
            return Ok(frame);
        }
        self.source = video::open(&self.path, &self.options)?.source;
        match self.source.read()? {
            Some(frame) => Ok(frame),
            None => bail!("{} holds no frame, so it has no style", self.path.display()),
        }
    }
}
