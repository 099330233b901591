//! Painting frame after frame: steadied, in one look.

use anyhow::Result;
use impasto::steady::Steadier;
use impasto::{Dials, Image, Session, Style};
use impasto_media::video::pipeline::{PaintFailure, Painter};

/// Paints the frames of one film.
pub struct FilmPainter<'a> {
    session: Session<'a>,
    steadier: Steadier,
    style: &'a Style,
    dials: Dials,
    steady: f32,
}

impl<'a> FilmPainter<'a> {
    /// In that style; `steady` is `0..1`.
    pub fn new(session: Session<'a>, style: &'a Style, dials: Dials, steady: f32) -> Self {
        Self { session, steadier: Steadier::new(), style, dials, steady }
    }
}

impl Painter for FilmPainter<'_> {
    fn begin(&mut self, mut frame: Image) -> Result<(), PaintFailure> {
        let advice = self.steadier.calm(&mut frame, self.steady);
        if advice.cut {
            self.session.reset();
        }
        let dials = Dials { smoothing: advice.smoothing, ..self.dials };
        Ok(self.session.begin(frame, self.style, &dials)?)
    }

    fn is_full(&mut self) -> bool {
        self.session.is_full()
    }

    fn finish(&mut self) -> Result<Image, PaintFailure> {
        Ok(self.session.finish()?.ok_or("no frame was begun")?)
    }

    fn skip(&mut self, mut frame: Image) {
        self.steadier.calm(&mut frame, self.steady);
    }

    fn recall(&mut self, memory: &[f64], width: usize, height: usize) -> Result<(), PaintFailure> {
        Ok(self.session.recall(memory, width, height)?)
    }

    fn memory(&self) -> Vec<f64> {
        self.session.memory()
    }
}
