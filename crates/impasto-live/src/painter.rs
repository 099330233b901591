//! The painter's two threads: one takes the newest frame and paints it, the other brings the painting to the frame's size and hands it out,
//! while the next is painted.

use crate::adapt::Adapter;
use crate::fade::Fader;
use crate::picture::Picture;
use crate::settings::{Flash, Settings};
use crate::stats::Stage;
use crate::studio::{Frame, Painted, Studio};
use crate::{LiveError, enlarge, look};
use impasto::flash::{FlashLimiter, Flashes};
use impasto::{Dials, Session};
use impasto_core::Image;
use impasto_media::resize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Paints until the studio stops.
pub fn run(studio: &Studio) {
    // One painting may wait; nothing else queues.
    let (paintings, finished) = sync_channel(1);
    std::thread::scope(|scope| {
        let finisher = std::thread::Builder::new().name("finish".into());
        finisher.spawn_scoped(scope, || finish(studio, finished)).expect("the system starts a thread");
        let mut painter = Painter::new(studio);
        while !studio.is_stopped() {
            let Some(frame) = studio.inbox.take(Duration::from_millis(100)) else { continue };
            match painter.paint(frame) {
                Ok(painting) => {
                    let _ = paintings.send(painting);
                }
                Err(why) => studio.fail(why.to_string()),
            }
        }
        drop(paintings);
    });
    if let Err(why) = studio.finish_recording() {
        studio.trouble("recording", Some(why.to_string()));
    }
}

/// Enlarges paintings and hands them out until there are no more.
fn finish(studio: &Studio, paintings: Receiver<Painting>) {
    let mut limiter = FlashLimiter::new();
    for Painting { frame, small } in paintings {
        let settings = studio.settings();
        let (sequence, captured_ms) = (frame.sequence, frame.captured_ms);
        let original = Arc::new(frame.picture);
        let (picture, working) = match small {
            None if settings.mirror => {
                let picture = look::seen((*original).clone(), &original, true, 0.0);
                (Arc::new(picture), (original.width(), original.height()))
            }
            None => (original.clone(), (original.width(), original.height())),
            Some(mut small) => {
                studio.flashes(deflash(&mut limiter, &mut small.painted, captured_ms, settings.flash));
                let start = Instant::now();
                let working = (small.painted.width(), small.painted.height());
                let picture = small.enlarged(&original);
                let picture = look::seen(picture, &original, settings.mirror, settings.split);
                studio.stage(Stage::Enlarge, start.elapsed());
                (Arc::new(picture), working)
            }
        };
        studio.publish(Painted::new(picture, original, sequence, captured_ms), working);
    }
}

/// Counts or damps flashes, as the setting says.
fn deflash(limiter: &mut FlashLimiter, painted: &mut Image, captured_ms: f64, flash: Flash) -> Flashes {
    let seconds = captured_ms / 1e3;
    match flash {
        Flash::Off => Flashes::default(),
        Flash::Warn => limiter.watch(painted, seconds),
        Flash::Limit => limiter.limit(painted, seconds),
    }
}

/// A frame on its way from the painter.
struct Painting {
    frame: Frame,
    /// `None` where the frame is shown as it came.
    small: Option<Small>,
}

/// What was painted of a frame, at the working size.
struct Small {
    painted: Image,
    /// The frame itself, noise and all.
    photo: Image,
}

impl Small {
    fn enlarged(self, frame: &Picture) -> Picture {
        if (self.painted.width(), self.painted.height()) == (frame.width(), frame.height()) {
            return self.painted.into();
        }
        enlarge::with_detail(&self.painted, &self.photo, frame.planes()).into()
    }
}

struct Painter<'a> {
    studio: &'a Studio,
    session: Session,
    adapter: Adapter,
    fader: Fader,
}

impl<'a> Painter<'a> {
    fn new(studio: &'a Studio) -> Self {
        let session = studio.stylizer.session();
        Self { studio, session, adapter: Adapter::new(), fader: Fader::default() }
    }

    fn paint(&mut self, frame: Frame) -> Result<Painting, LiveError> {
        let start = Instant::now();
        self.studio.took(frame.sequence, self.adapter.busy());
        let settings = self.studio.settings();
        let target = if frame.painted { None } else { self.studio.style(&settings)? };
        let Some(target) = target else { return Ok(Painting { frame, small: None }) };
        let session = &mut self.session;
        let style = self.fader.toward(target, start, &mut |style| session.is_ready(style))?;
        let (width, height) = self.working_size(&frame.picture, &settings);
        let photo = resize::resize(frame.picture.image(), width, height);
        let prepared = self.lap(Stage::Prepare, start);
        let dials = Dials {
            strength: settings.strength,
            keep_color: settings.keep_color,
            steady: settings.steady,
            ..Dials::default()
        };
        let mut painted = Image::black(width, height);
        self.session.paint(&photo, &style, &dials, &mut painted)?;
        self.lap(Stage::Paint, prepared);
        if settings.resolution == 0 {
            let available = (shorter_side(&frame.picture) as f32 / settings.brush) as usize;
            self.adapter.observe(start, start.elapsed(), available.max(1), settings.target_fps);
        }
        Ok(Painting { frame, small: Some(Small { painted, photo }) })
    }

    fn working_size(&self, frame: &Picture, settings: &Settings) -> (usize, usize) {
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

fn shorter_side(picture: &Picture) -> usize {
    picture.width().min(picture.height())
}
