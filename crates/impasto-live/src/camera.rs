//! Cameras of this machine, and the thread that reads one.

use crate::LiveError;
use crate::studio::{Studio, now_ms};
use impasto::Style;
use impasto_core::Image;
use impasto_studio::{Fader, Frame};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Gives pictures one after another, at its own pace.
pub trait Camera: Send {
    /// Waits for the next picture. `None` ends it for good.
    fn next(&mut self) -> Result<Option<Image>, LiveError>;

    /// Whether its pictures come painted, in the style that it was given last.
    fn paints(&self) -> bool {
        false
    }

    /// The style for the pictures to come; only a camera that paints is asked.
    fn wear(&mut self, _style: &Style) -> Result<(), LiveError> {
        Ok(())
    }
}

/// What is known of where frames come from; part of `GET /api/state`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CameraStatus {
    /// `browser`, `demo`, or the name of a camera or file.
    pub name: String,
    /// Why there is no picture, if there is none.
    pub error: Option<String>,
    /// Whether a page that steers may hand in its own camera's frames.
    pub browser: bool,
    /// Whether the camera paints by itself: then styles and their mix count, and no other dial.
    pub paints: bool,
}

/// The scene drawn by the program, moving.
pub struct DemoCamera {
    width: usize,
    height: usize,
    interval: Duration,
    start: Instant,
    next: Duration,
}

impl DemoCamera {
    /// A scene of that size, so many pictures a second.
    pub fn new(width: usize, height: usize, fps: f32) -> Self {
        let interval = Duration::from_secs_f32(1.0 / fps);
        Self { width, height, interval, start: Instant::now(), next: Duration::ZERO }
    }
}

impl Camera for DemoCamera {
    fn next(&mut self) -> Result<Option<Image>, LiveError> {
        let now = self.start.elapsed();
        if now < self.next {
            std::thread::sleep(self.next - now);
        }
        // A moment that was missed is not made up for.
        self.next = self.next.max(now.saturating_sub(self.interval)) + self.interval;
        Ok(Some(impasto::scene::draw(self.width, self.height, self.start.elapsed().as_secs_f32())))
    }
}

/// Opens a camera, again after it was lost.
pub type Opener = Box<dyn FnMut() -> Result<Box<dyn Camera>, LiveError> + Send>;

/// Longest wait before a lost camera is tried again.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Reads a camera on a thread of its own until the studio stops or the camera ends. A camera that fails is opened again,
/// with growing waits; what happened stands in the studio's camera status. Nobody looking, it rests. If `browser`, it
/// also rests while a page hands in frames of its own.
pub fn run(studio: &Arc<Studio>, name: &str, browser: bool, mut open: Opener) -> std::thread::JoinHandle<()> {
    let (studio, name) = (studio.clone(), name.to_string());
    studio.set_camera(CameraStatus { name: name.clone(), error: None, browser, paints: false });
    let thread = std::thread::Builder::new().name("camera".into());
    let read = move || {
        let mut wait = Duration::from_millis(250);
        while !studio.is_stopped() {
            let told = |error, paints| {
                studio.set_camera(CameraStatus { name: name.clone(), error, browser, paints });
            };
            match open().and_then(|camera| read(&studio, camera, &told, &mut wait)) {
                Ok(()) => return,
                Err(why) => told(Some(why.to_string()), false),
            }
            pause(&studio, wait);
            wait = (2 * wait).min(MAX_WAIT);
        }
    };
    thread.spawn(read).expect("the system starts a thread")
}

fn read(
    studio: &Studio,
    mut camera: Box<dyn Camera>,
    told: &dyn Fn(Option<String>, bool),
    wait: &mut Duration,
) -> Result<(), LiveError> {
    let painted = camera.paints();
    // What went wrong stands until a picture has come, not only until the camera could be opened.
    if studio.camera().error.is_none() {
        told(None, painted);
    }
    let (mut sequence, mut untold, mut fader) = (0, true, Fader::default());
    while !studio.is_stopped() {
        if !studio.is_wanted() || studio.has_browser() {
            untold = true;
            pause(studio, Duration::from_millis(50));
            continue;
        }
        let style = if painted { studio.style(&studio.settings())? } else { None };
        if let Some(style) = style {
            camera.wear(&fader.toward(style, Instant::now(), &mut |_| true)?)?;
        }
        let Some(image) = camera.next()? else { return Ok(()) };
        *wait = Duration::from_millis(250);
        if std::mem::take(&mut untold) {
            told(None, painted);
        }
        studio.offer(Frame { picture: image.into(), sequence, captured_ms: now_ms(), painted });
        sequence = sequence.wrapping_add(1);
    }
    Ok(())
}

/// Sleeps, but wakes for the studio's end.
fn pause(studio: &Studio, time: Duration) {
    let until = Instant::now() + time;
    while !studio.is_stopped() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20).min(time));
    }
}
