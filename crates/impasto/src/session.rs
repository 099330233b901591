//! Painting frames one after another.

use crate::stylizer::{Dials, Stylizer};
use crate::{PaintError, color};
use impasto_core::{Image, Plan, Style};
use std::collections::VecDeque;

/// Paints the frames of one video or camera. It keeps the plan of the last frame size, and the content
/// statistics that [`Dials::smoothing`] carries from frame to frame.
pub struct Session<'a> {
    stylizer: &'a Stylizer,
    painter: Option<Planned>,
    encoder: Option<Planned>,
    coming: VecDeque<Coming>,
}

/// A frame that was begun.
enum Coming {
    Painted(Image),
    /// On its way through the engine's device.
    UnderWay {
        frame: Image,
        keep_color: f32,
    },
}

struct Planned {
    size: (usize, usize),
    plan: Box<dyn Plan>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(stylizer: &'a Stylizer) -> Self {
        Self { stylizer, painter: None, encoder: None, coming: VecDeque::new() }
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
        self.settle()?;
        let model = self.stylizer.model();
        style.check(model)?;
        let size = (frame.width(), frame.height());
        if (out.width(), out.height()) != size {
            *out = Image::black(size.0, size.1);
        }
        let (vector, strength) = self.vector(frame, style, dials.strength)?;
        let planned = plan_for(&mut self.painter, size, |h, w| self.stylizer.plan(&model.painter, h, w))?;
        let conditions = dials.conditions(&vector, strength);
        planned.run_image(frame, &conditions, out)?;
        color::keep_color(out, frame, dials.keep_color);
        Ok(())
    }

    /// Takes a frame in; [`Session::finish`] gives it painted. An engine with a device of its own paints it while the caller
    /// does other things, and takes the next one in; others paint it at once. Frames come out as [`Session::paint`]
    /// would have painted them one by one.
    pub fn begin(&mut self, frame: Image, style: &Style, dials: &Dials) -> Result<(), PaintError> {
        let size = (frame.width(), frame.height());
        if self.is_full() || self.painter.as_ref().is_some_and(|painter| painter.size != size) {
            self.settle()?;
        }
        dials.check()?;
        let model = self.stylizer.model();
        style.check(model)?;
        let (vector, strength) = self.vector(&frame, style, dials.strength)?;
        let conditions = dials.conditions(&vector, strength);
        let plan = plan_for(&mut self.painter, size, |h, w| self.stylizer.plan(&model.painter, h, w))?;
        if let Some(ahead) = plan.ahead() {
            ahead.begin(&frame, &conditions)?;
            self.coming.push_back(Coming::UnderWay { frame, keep_color: dials.keep_color });
            return Ok(());
        }
        let mut painted = Image::black(size.0, size.1);
        plan.run_image(&frame, &conditions, &mut painted)?;
        color::keep_color(&mut painted, &frame, dials.keep_color);
        self.coming.push_back(Coming::Painted(painted));
        Ok(())
    }

    /// Whether there is nothing to gain from beginning another frame before the oldest is finished.
    pub fn is_full(&mut self) -> bool {
        let ahead = self.painter.as_mut().and_then(|painter| painter.plan.ahead());
        let most = ahead.map_or(1, |ahead| ahead.most());
        self.coming.len() >= most
    }

    /// The oldest frame that was begun, painted; `None` where there is none.
    pub fn finish(&mut self) -> Result<Option<Image>, PaintError> {
        match self.coming.pop_front() {
            None => Ok(None),
            Some(Coming::Painted(painted)) => Ok(Some(painted)),
            Some(Coming::UnderWay { frame, keep_color }) => {
                let planned = self.painter.as_mut().expect("frames under way have a plan");
                let mut painted = Image::black(frame.width(), frame.height());
                let ahead = planned.plan.ahead().expect("frames under way have an engine that takes them");
                ahead.finish(&mut painted)?;
                color::keep_color(&mut painted, &frame, keep_color);
                Ok(Some(painted))
            }
        }
    }

    /// Waits for all frames under way.
    fn settle(&mut self) -> Result<(), PaintError> {
        for _ in 0..self.coming.len() {
            let painted = self.finish()?.expect("it is coming");
            self.coming.push_back(Coming::Painted(painted));
        }
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
