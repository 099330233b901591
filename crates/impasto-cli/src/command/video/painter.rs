//! Painting frame after frame, in one look.

use anyhow::Result;
use impasto::{Dials, Image, Session, Style};
use impasto_media::video::pipeline::{PaintFailure, Painter};

/// Paints the frames of one film.
pub struct FilmPainter<'a> {
    session: Session,
    style: &'a Style,
    dials: Dials,
}

impl<'a> FilmPainter<'a> {
    /// In that style.
    pub fn new(session: Session, style: &'a Style, dials: Dials) -> Self {
        Self { session, style, dials }
    }
}

impl Painter for FilmPainter<'_> {
    fn begin(&mut self, frame: Image) -> Result<(), PaintFailure> {
        Ok(self.session.begin(frame, self.style, &self.dials)?)
    }

    fn is_full(&mut self) -> bool {
        self.session.is_full()
    }

    fn finish(&mut self) -> Result<Image, PaintFailure> {
        Ok(self.session.finish()?.ok_or("no frame was begun")?)
    }

    fn skip(&mut self, frame: Image) {
        self.session.skip(frame, &self.dials);
    }

    fn recall(&mut self, memory: &[f64], _width: usize, _height: usize) -> Result<(), PaintFailure> {
        self.session.recall(memory);
        Ok(())
    }

    fn memory(&mut self) -> Vec<f64> {
        self.session.memory()
    }
}
