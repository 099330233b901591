//! Paints frames at a working size, and brings the paintings to the frames' size.

use crate::adapt::Adapter;
use crate::clock::Instant;
use crate::fade::Fader;
use crate::picture::Picture;
use crate::settings::{Flash, Settings};
use crate::stats::Stage;
use crate::{StudioError, enlarge, look};
use impasto::flash::{FlashLimiter, Flashes};
use impasto::{Dials, Session, Style, Stylizer};
use impasto_core::Image;
use impasto_pixel::resize;
use std::sync::Arc;
use std::time::Duration;

/// A frame to be painted.
pub struct Frame {
    /// The picture.
    pub picture: Picture,
    /// Number from its camera.
    pub sequence: u32,
    /// Capture time, ms since 1970.
    pub captured_ms: f64,
    /// Its camera has painted it already: it is shown as it is.
    pub painted: bool,
}

/// A frame that [`finished`] brings to its size.
pub struct Painting {
    frame: Frame,
    /// `None` where the frame is shown as it came.
    small: Option<Small>,
}

/// A frame as it is shown.
pub struct Finished {
    /// The painting, mirrored and split as the settings say.
    pub picture: Arc<Picture>,
    /// The camera's picture.
    pub original: Arc<Picture>,
    /// Number from its camera.
    pub sequence: u32,
    /// Capture time, ms since 1970.
    pub captured_ms: f64,
    /// Size that was painted, in px.
    pub working: (usize, usize),
    /// Flashes up to this frame, and the time that enlarging took; `None` where nothing was painted.
    pub measured: Option<(Flashes, Duration)>,
}

/// The painting at its frame's size, as the settings want it seen. Flashes are counted or damped.
pub fn finished(painting: Painting, settings: &Settings, limiter: &mut FlashLimiter) -> Finished {
    let Painting { frame: Frame { picture, sequence, captured_ms, .. }, small } = painting;
    let original = Arc::new(picture);
    let size = (original.width(), original.height());
    let (picture, working, measured) = match small {
        None if settings.mirror => {
            (Arc::new(look::seen((*original).clone(), &original, true, 0.0)), size, None)
        }
        None => (original.clone(), size, None),
        Some(mut small) => {
            let flashes = deflash(limiter, &mut small.painted, captured_ms, settings.flash);
            let start = Instant::now();
            let working = (small.painted.width(), small.painted.height());
            let seen = look::seen(small.enlarged(&original), &original, settings.mirror, settings.split);
            (Arc::new(seen), working, Some((flashes, start.elapsed())))
        }
    };
    Finished { picture, original, sequence, captured_ms, working, measured }
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

/// The painting of a frame, at the working size.
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

/// Paints the frames of one camera in their order, at a working size that holds the rate.
pub struct Painter {
    session: Session,
    adapter: Adapter,
    fader: Fader,
}

impl Painter {
    /// Nothing painted yet.
    pub fn new(stylizer: &Stylizer) -> Self {
        Self { session: stylizer.session(), adapter: Adapter::new(), fader: Fader::default() }
    }

    /// Expected time of the next frame.
    pub fn busy(&self) -> Duration {
        self.adapter.busy()
    }

    /// Paints a frame in a style, which fades in; where there is none, the frame is shown as it came. `lap` gets the time
    /// of each stage.
    pub fn paint(
        &mut self,
        frame: Frame,
        style: Option<Style>,
        settings: &Settings,
        mut lap: impl FnMut(Stage, Duration),
    ) -> Result<Painting, StudioError> {
        let start = Instant::now();
        let Some(target) = style.filter(|_| !frame.painted) else {
            return Ok(Painting { frame, small: None });
        };
        let session = &mut self.session;
        let style = self.fader.toward(target, start, &mut |style| session.is_ready(style))?;
        let (width, height) = self.working_size(&frame.picture, settings);
        let photo = resize::resize(frame.picture.image(), width, height);
        let prepared = start.elapsed();
        lap(Stage::Prepare, prepared);
        let dials = Dials {
            strength: settings.strength,
            keep_color: settings.keep_color,
            steady: settings.steady,
            ..Dials::default()
        };
        let mut painted = Image::black(width, height);
        self.session.paint(&photo, &style, &dials, &mut painted)?;
        lap(Stage::Paint, start.elapsed() - prepared);
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
}

fn shorter_side(picture: &Picture) -> usize {
    picture.width().min(picture.height())
}
