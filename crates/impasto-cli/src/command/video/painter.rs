//! Painting frame after frame, in one look.

use super::look::Look;
use impasto::{Dials, Image, Session};
use impasto_media::video::pipeline::{PaintFailure, Painter};

/// Paints the frames of one film.
pub struct FilmPainter {
    session: Session,
    look: Look,
    dials: Dials,
    /// A frame's style that could not be passed over; told with the next frame.
    failed: Option<anyhow::Error>,
}

impl FilmPainter {
    /// In that look.
    pub fn new(session: Session, look: Look, dials: Dials) -> Self {
        Self { session, look, dials, failed: None }
    }
}

impl Painter for FilmPainter {
    fn begin(&mut self, frame: Image) -> Result<(), PaintFailure> {
        if let Some(error) = self.failed.take() {
            return Err(error.into());
        }
        match &mut self.look {
            Look::Still(style) => self.session.begin(frame, style, &self.dials)?,
            Look::Moving(moving) => self.session.begin(frame, &moving.next_style()?, &self.dials)?,
        }
        Ok(())
    }

    fn is_full(&mut self) -> bool {
        self.session.is_full()
    }

    fn finish(&mut self) -> Result<Image, PaintFailure> {
        Ok(self.session.finish()?.ok_or("no frame was begun")?)
    }

    fn skip(&mut self, frame: Image) {
        self.session.skip(frame, &self.dials);
        if let Look::Moving(moving) = &mut self.look {
            self.failed = self.failed.take().or(moving.skip().err());
        }
    }

    fn recall(&mut self, memory: &[f64], _width: usize, _height: usize) -> Result<(), PaintFailure> {
        self.session.recall(memory);
        Ok(())
    }

    fn memory(&mut self) -> Vec<f64> {
        self.session.memory()
    }
}
