//! Painting frames one after another.

use crate::stylizer::{Dials, Stylizer};
use crate::{PaintError, color};
use impasto_core::{Conditions, Image, Plan, Style};

/// Paints the frames of one video or camera. It keeps the plan of the last frame size, and the content
/// statistics that [`Dials::smoothing`] carries from frame to frame.
pub struct Session<'a> {
    stylizer: &'a Stylizer,
    painter: Option<Planned>,
    encoder: Option<Planned>,
}

struct Planned {
    size: (usize, usize),
    plan: Box<dyn Plan>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(stylizer: &'a Stylizer) -> Self {
        Self { stylizer, painter: None, encoder: None }
    }

    /// Paints one frame into `out`, which takes the frame's size. A frame of another size than the last starts afresh.
    pub fn paint(
        &mut self,
        frame: &Image,
        style: &Style,
        dials: &Dials,
        out: &mut Image,
    ) -> Result<(), PaintError> {
        dials.check()?;
        let model = self.stylizer.model();
        style.check(model)?;
        let size = (frame.width(), frame.height());
        if (out.width(), out.height()) != size {
            *out = Image::black(size.0, size.1);
        }
        let (vector, strength) = self.vector(frame, style, dials.strength)?;
        let planned = plan_for(&mut self.painter, size, |h, w| self.stylizer.plan(&model.painter, h, w))?;
        let conditions = Conditions { style: &vector, strength, smoothing: dials.smoothing };
        planned.run_image(frame, &conditions, out)?;
        color::keep_color(out, frame, dials.keep_color);
        Ok(())
    }

    /// Forgets what was carried from earlier frames: at a scene cut.
    pub fn reset(&mut self) {
        if let Some(painter) = &mut self.painter {
            painter.plan.reset();
        }
    }

    /// What the next frame's painting depends on besides the frame: the smoothed content statistics. Empty where nothing is
    /// remembered.
    pub fn memory(&self) -> Vec<f64> {
        self.painter.as_ref().map(|painter| painter.plan.memory()).unwrap_or_default()
    }

    /// Takes up what [`Session::memory`] gave, for frames of `width` x `height` px: the next frame is painted as it would have
    /// been in that session.
    pub fn recall(&mut self, memory: &[f64], width: usize, height: usize) -> Result<(), PaintError> {
        let painter = &self.stylizer.model().painter;
        let plan = plan_for(&mut self.painter, (width, height), |h, w| self.stylizer.plan(painter, h, w))?;
        plan.recall(memory);
        Ok(())
    }

    /// The vector to paint with, and the strength that is left to the painter itself.
    fn vector(&mut self, frame: &Image, style: &Style, strength: f32) -> Result<(Vec<f32>, f32), PaintError> {
        let model = self.stylizer.model();
        if strength == 1.0 || model.strength == impasto_core::model::StrengthKind::Features {
            return Ok((style.vector().to_vec(), strength));
        }
        let small = self.stylizer.style_sized(frame);
        let size = (small.width(), small.height());
        let plan = plan_for(&mut self.encoder, size, |h, w| self.stylizer.plan(&model.encoder, h, w))?;
        let own = crate::stylizer::encode_with(plan, &small)?;
        let mixed = own.iter().zip(style.vector()).map(|(own, style)| own + strength * (style - own));
        Ok((mixed.collect(), 1.0))
    }
}

fn plan_for(
    planned: &mut Option<Planned>,
    size: (usize, usize),
    make: impl FnOnce(usize, usize) -> Result<Box<dyn Plan>, PaintError>,
) -> Result<&mut dyn Plan, PaintError> {
    if planned.as_ref().is_none_or(|p| p.size != size) {
        *planned = Some(Planned { size, plan: make(size.1, size.0)? });
    }
    Ok(planned.as_mut().expect("it was just planned").plan.as_mut())
}
