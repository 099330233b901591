//! The painter's thread: takes the newest frame, paints it, hands it out.

use crate::LiveError;
use crate::adapt::Adapter;
use crate::fade::Fader;
use crate::settings::Settings;
use crate::stats::Stage;
use crate::studio::{Frame, Painted, Studio};
use impasto::steady::Steadier;
use impasto::{Dials, Session, upsample};
use impasto_core::Image;
use impasto_media::resize;
use std::time::{Duration, Instant};

/// Paints until the studio stops.
pub fn run(studio: &Studio) {
    let mut painter = Painter::new(studio);
    while !studio.is_stopped() {
        let Some(frame) = studio.inbox.take(Duration::from_millis(100)) else { continue };
        let (sequence, captured_ms) = (frame.sequence, frame.captured_ms);
        match painter.paint(frame) {
            Ok((image, working)) => studio.publish(Painted::new(image, sequence, captured_ms), working),
            Err(why) => studio.fail(why.to_string()),
        }
    }
    if let Err(why) = studio.finish_recording() {
        studio.fail(why.to_string());
    }
}

struct Painter<'a> {
    studio: &'a Studio,
    session: Session<'a>,
    steadier: Steadier,
    adapter: Adapter,
    fader: Fader,
}

impl<'a> Painter<'a> {
    fn new(studio: &'a Studio) -> Self {
        let session = studio.stylizer.session();
        Self { studio, session, steadier: Steadier::new(), adapter: Adapter::new(), fader: Fader::default() }
    }

    /// The painted frame, of the frame's size, and the size at which it was painted.
    fn paint(&mut self, frame: Frame) -> Result<(Image, (usize, usize)), LiveError> {
        let settings = self.studio.settings();
        let target = if frame.painted { None } else { self.studio.style(&settings)? };
        let Some(target) = target else {
            let size = (frame.image.width(), frame.image.height());
            return Ok((frame.image, size));
        };
        let start = Instant::now();
        let style = self.fader.toward(target, start)?;
        let (width, height) = self.working_size(&frame.image, &settings);
        let mut small = scaled(&frame.image, width, height);
        let advice = self.steadier.calm(&mut small, settings.steady);
        if advice.cut {
            self.session.reset();
        }
        let prepared = self.lap(Stage::Prepare, start);
        let dials = Dials {
            strength: settings.strength,
            keep_color: settings.keep_color,
            smoothing: advice.smoothing,
        };
        let mut painted = Image::black(width, height);
        self.session.paint(&small, &style, &dials, &mut painted)?;
        let done = self.lap(Stage::Paint, prepared);
        let enlarged = upsample::with_detail(&painted, &small, &frame.image);
        self.lap(Stage::Enlarge, done);
        if settings.resolution == 0 {
            let available = (shorter_side(&frame.image) as f32 / settings.brush) as usize;
            self.adapter.observe(start.elapsed(), available.max(1), settings.target_fps);
        }
        Ok((enlarged, (width, height)))
    }

    fn working_size(&self, frame: &Image, settings: &Settings) -> (usize, usize) {
        let available = shorter_side(frame);
        let brushed = ((available as f32 / settings.brush) as usize).max(1);
        let wanted = match settings.resolution {
            0 => self.adapter.shorter_side(brushed),
            px => ((px as f32 / settings.brush) as usize).clamp(1, available),
        };
        let scale = wanted as f32 / available as f32;
        let side = |px: usize| ((px as f32 * scale).round() as usize).max(1);
        (side(frame.width()), side(frame.height()))
    }

    fn lap(&self, stage: Stage, since: Instant) -> Instant {
        let now = Instant::now();
        self.studio.stage(stage, now - since);
        now
    }
}

fn shorter_side(image: &Image) -> usize {
    image.width().min(image.height())
}

fn scaled(image: &Image, width: usize, height: usize) -> Image {
    if (image.width(), image.height()) == (width, height) {
        return image.clone();
    }
    resize::resize(image, width, height)
}
