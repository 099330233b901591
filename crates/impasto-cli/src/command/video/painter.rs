//! Painting frame after frame: steadied, in one look.

use anyhow::Result;
use impasto::steady::{Advice, Settler, Steadier};
use impasto::{Dials, Image, Session, Style};
use impasto_media::video::pipeline::{PaintFailure, Painter};
use std::collections::VecDeque;

/// Paints the frames of one film.
pub struct FilmPainter<'a> {
    session: Session<'a>,
    steadier: Steadier,
    settler: Settler,
    /// For the frames that were begun.
    advices: VecDeque<Advice>,
    style: &'a Style,
    dials: Dials,
    steady: f32,
}

impl<'a> FilmPainter<'a> {
    /// In that style; `steady` is `0..1`.
    pub fn new(session: Session<'a>, style: &'a Style, dials: Dials, steady: f32) -> Self {
        let (steadier, settler, advices) = (Steadier::new(), Settler::new(), VecDeque::new());
        Self { session, steadier, settler, advices, style, dials, steady }
    }
}

impl Painter for FilmPainter<'_> {
    fn begin(&mut self, mut frame: Image) -> Result<(), PaintFailure> {
        let advice = self.steadier.calm(&mut frame, self.steady);
        if advice.cut {
            self.session.reset();
        }
        let dials = Dials { smoothing: advice.smoothing, ..self.dials };
        self.session.begin(frame, self.style, &dials)?;
        self.advices.push_back(advice);
        Ok(())
    }

    fn is_full(&mut self) -> bool {
        self.session.is_full()
    }

    fn finish(&mut self) -> Result<Image, PaintFailure> {
        let mut painted = self.session.finish()?.ok_or("no frame was begun")?;
        let advice = self.advices.pop_front().ok_or("no frame was begun")?;
        self.settler.settle(&mut painted, &advice.motion, self.style, &self.dials, self.steady);
        Ok(painted)
    }

    fn skip(&mut self, mut frame: Image) {
        self.steadier.calm(&mut frame, self.steady);
    }

    fn recall(&mut self, memory: &[f64], width: usize, height: usize) -> Result<(), PaintFailure> {
        Ok(self.session.recall(memory, width, height)?)
    }

    fn memory(&mut self) -> Vec<f64> {
        // A whole painting is too much to keep in a journal: it is forgotten, whether the film goes on at once or later.
        self.settler.forget();
        self.session.memory()
    }
}
