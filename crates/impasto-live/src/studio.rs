//! What the page, the API, the cameras and the painter share.

use crate::camera::CameraStatus;
use crate::codec::{self, WireFormat};
use crate::gallery::Gallery;
use crate::inbox::Inbox;
use crate::picture::Picture;
use crate::record::Recording;
use crate::settings::Settings;
use crate::stats::{Report, Stage, Stats};
use crate::{LiveError, painter};
use axum::body::Bytes;
use impasto::Stylizer;
use impasto_core::Image;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

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

/// A painted frame, with its encodings made once each, when first asked for.
pub struct Painted {
    picture: Picture,
    /// Of the frame that it was painted from.
    pub sequence: u32,
    /// Of the frame that it was painted from.
    pub captured_ms: f64,
    wire: [OnceLock<Bytes>; 3],
}

/// The painter has taken a frame and has room for the next to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Taken {
    /// The frame's number.
    pub sequence: u32,
    /// Ms until the painter wants the next.
    pub free_in_ms: f32,
}

impl Painted {
    pub(crate) fn new(picture: Picture, sequence: u32, captured_ms: f64) -> Self {
        Self { picture, sequence, captured_ms, wire: Default::default() }
    }

    /// The painting.
    pub fn image(&self) -> &Image {
        self.picture.image()
    }

    /// The whole message for a viewer.
    pub fn message(&self, format: WireFormat) -> Bytes {
        let encode = || codec::encode(&self.picture, format, self.sequence, self.captured_ms).into();
        self.wire[format as usize].get_or_init(encode).clone()
    }
}

/// A page's camera that has been silent for so long is gone.
const BROWSER_PATIENCE: Duration = Duration::from_secs(2);

/// Milliseconds since 1970.
pub fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64() * 1e3)
}

/// Paints what comes into its inbox, for whoever watches.
pub struct Studio {
    pub(crate) stylizer: Stylizer,
    pub(crate) inbox: Inbox<Frame>,
    gallery: Mutex<Gallery>,
    settings: Mutex<Settings>,
    stats: Mutex<Stats>,
    recording: Mutex<Option<Recording>>,
    camera: Mutex<CameraStatus>,
    /// When a page last handed in a frame.
    browser: Mutex<Option<Instant>>,
    painted: watch::Sender<Option<Arc<Painted>>>,
    taken: watch::Sender<Taken>,
    /// Counts changes of settings, gallery, camera and recording, for those who show them.
    revision: watch::Sender<u64>,
    started_ms: f64,
    watchers: AtomicUsize,
    stopped: AtomicBool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics")
}

impl Studio {
    /// A studio with these styles and settings; nothing is painted until [`Studio::start`].
    pub fn new(stylizer: Stylizer, gallery: Gallery, settings: Settings) -> Result<Arc<Self>, LiveError> {
        gallery.mix(&settings.styles)?;
        Ok(Arc::new(Self {
            stylizer,
            inbox: Inbox::new(),
            gallery: Mutex::new(gallery),
            settings: Mutex::new(settings),
            stats: Mutex::new(Stats::new()),
            recording: Mutex::new(None),
            camera: Mutex::new(CameraStatus::default()),
            browser: Mutex::new(None),
            painted: watch::Sender::new(None),
            taken: watch::Sender::new(Taken::default()),
            revision: watch::Sender::new(0),
            started_ms: now_ms(),
            watchers: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        }))
    }

    /// Starts the painter's thread; it ends with [`Studio::stop`].
    pub fn start(self: &Arc<Self>) -> std::thread::JoinHandle<()> {
        let studio = self.clone();
        let thread = std::thread::Builder::new().name("paint".into());
        thread.spawn(move || painter::run(&studio)).expect("the system starts a thread")
    }

    /// Ends painting, cameras and the recording.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// Whether [`Studio::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Hands in a frame; an older one that still waits is dropped.
    pub fn offer(&self, frame: Frame) {
        if self.inbox.put(frame).is_some() {
            locked(&self.stats).dropped();
        }
    }

    /// Hands in a frame of a page's own camera, if that is wanted.
    pub fn offer_from_browser(&self, frame: Frame) -> Result<(), LiveError> {
        let status = self.camera();
        if !status.browser {
            return Err(LiveError::Camera(format!("frames come from {}, not from the page", status.name)));
        }
        *locked(&self.browser) = Some(Instant::now());
        self.set_camera(CameraStatus { name: "browser".into(), browser: true, ..CameraStatus::default() });
        self.offer(frame);
        Ok(())
    }

    /// Whether a page has handed in a frame just now.
    pub fn has_browser(&self) -> bool {
        locked(&self.browser).is_some_and(|last| last.elapsed() < BROWSER_PATIENCE)
    }

    /// Painted frames, the newest only.
    pub fn watch(&self) -> watch::Receiver<Option<Arc<Painted>>> {
        self.painted.subscribe()
    }

    /// The last frame that the painter has taken.
    pub fn takings(&self) -> watch::Receiver<Taken> {
        self.taken.subscribe()
    }

    pub(crate) fn took(&self, sequence: u32, busy: Duration) {
        self.taken.send_replace(Taken { sequence, free_in_ms: busy.as_secs_f32() * 1e3 });
    }

    /// Changes of what [`Studio::state`] tells.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Counts someone who looks, until the value is dropped: with nobody looking or recording, cameras of this machine rest.
    pub fn looking(self: &Arc<Self>) -> Looking {
        self.watchers.fetch_add(1, Ordering::SeqCst);
        Looking(self.clone())
    }

    /// Whether anybody looks or a recording runs.
    pub fn is_wanted(&self) -> bool {
        self.watchers.load(Ordering::SeqCst) > 0 || locked(&self.recording).is_some()
    }

    /// The settings as they are.
    pub fn settings(&self) -> Settings {
        locked(&self.settings).clone()
    }

    /// Changes parts of the settings.
    pub fn patch(&self, patch: &Value) -> Result<Settings, LiveError> {
        let changed = {
            let mut settings = locked(&self.settings);
            let changed = settings.patched(patch)?;
            locked(&self.gallery).mix(&changed.styles)?;
            *settings = changed.clone();
            changed
        };
        self.changed();
        Ok(changed)
    }

    /// Adds a dropped picture or `.style` file; gives its id.
    pub fn drop_style(&self, bytes: &[u8], name: &str) -> Result<String, LiveError> {
        let entry = crate::gallery::dropped_entry(&self.stylizer, bytes, name)?;
        let id = locked(&self.gallery).add_dropped(entry)?;
        self.changed();
        Ok(id)
    }

    /// Takes a dropped style away, and out of the mix.
    pub fn remove_style(&self, id: &str) -> Result<(), LiveError> {
        locked(&self.gallery).remove(id)?;
        locked(&self.settings).styles.retain(|c| c.id != id);
        self.changed();
        Ok(())
    }

    /// A small painting in that style, JPEG.
    pub fn thumb(&self, id: &str) -> Option<Vec<u8>> {
        locked(&self.gallery).thumb(id).map(<[u8]>::to_vec)
    }

    /// The chosen mix; `None` shows the camera as it is.
    pub(crate) fn style(&self, settings: &Settings) -> Result<Option<impasto::Style>, LiveError> {
        locked(&self.gallery).mix(&settings.styles)
    }

    /// Everything that a page shows besides pictures.
    pub fn state(&self) -> Value {
        let model = self.stylizer.model();
        let (recording, sound) = match &*locked(&self.recording) {
            Some(recording) => (Some(recording.file()), recording.has_sound()),
            None => (None, false),
        };
        json!({
            "started_ms": self.started_ms,
            "model": model.name,
            "engine": self.stylizer.engine_name(),
            "settings": self.settings(),
            "styles": locked(&self.gallery).entries(),
            "camera": *locked(&self.camera),
            "recording": recording,
            "recording_sound": sound,
        })
    }

    /// Speed figures.
    pub fn report(&self) -> Report {
        locked(&self.stats).report(Instant::now())
    }

    pub(crate) fn stage(&self, stage: Stage, took: Duration) {
        locked(&self.stats).stage(stage, took);
    }

    /// A viewer saw a frame so many ms after its capture.
    pub fn seen_after(&self, ms: f32) {
        locked(&self.stats).latency(ms);
    }

    pub(crate) fn fail(&self, what: String) {
        locked(&self.stats).error(Some(what));
    }

    /// What the camera is doing.
    pub fn set_camera(&self, status: CameraStatus) {
        let changed = std::mem::replace(&mut *locked(&self.camera), status.clone()) != status;
        if changed {
            self.changed();
        }
    }

    /// Where frames come from now.
    pub fn camera(&self) -> CameraStatus {
        locked(&self.camera).clone()
    }

    /// Starts a recording; one that runs is finished first.
    pub fn record(&self, recording: Recording) -> Result<(), LiveError> {
        self.finish_recording()?;
        *locked(&self.recording) = Some(recording);
        self.changed();
        Ok(())
    }

    /// Finishes the recording, if there is one; gives its file.
    pub fn finish_recording(&self) -> Result<Option<String>, LiveError> {
        let Some(recording) = locked(&self.recording).take() else { return Ok(None) };
        self.changed();
        let file = recording.file();
        recording.finish()?;
        Ok(Some(file))
    }

    /// Gives a painted frame to the recording and to whoever watches.
    pub(crate) fn publish(&self, painted: Painted, working: (usize, usize)) {
        let size = (painted.picture.width(), painted.picture.height());
        locked(&self.stats).painted(Instant::now(), working, size);
        self.on_record(|recording| recording.write(&painted));
        self.painted.send_replace(Some(Arc::new(painted)));
    }

    /// A packet of Opus from the page's microphone, heard from `captured_ms` on.
    pub(crate) fn hear(&self, packet: &[u8], captured_ms: f64) {
        self.on_record(|recording| recording.write_sound(packet, captured_ms));
    }

    /// Does something to the recording, if there is one; where it fails the recording ends.
    fn on_record(&self, write: impl FnOnce(&mut Recording) -> Result<(), LiveError>) {
        let failed = locked(&self.recording).as_mut().and_then(|recording| write(recording).err());
        if let Some(why) = failed {
            locked(&self.recording).take();
            self.fail(why.to_string());
            self.changed();
        }
    }

    fn changed(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }
}

/// Someone who looks; see [`Studio::looking`].
pub struct Looking(Arc<Studio>);

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::SeqCst);
    }
}
