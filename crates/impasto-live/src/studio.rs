//! What the page, the API, the cameras and the painter share.

use crate::camera::CameraStatus;
use crate::codec::{self, WireFormat};
use crate::deepen::Deepenings;
use crate::inbox::Inbox;
use crate::record::{Recording, Running};
use crate::{LiveError, painter};
use axum::body::Bytes;
use impasto::flash::Flashes;
use impasto::{Dials, Style, Stylizer};
use impasto_core::Image;
use impasto_studio::gallery::small_painting;
use impasto_studio::{Chosen, Frame, Gallery, Picture, Report, Settings, Stage, Stats, StudioError, turned};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// A painted frame, with its encodings made once each, when first asked for.
pub struct Painted {
    picture: Arc<Picture>,
    /// The camera's picture that it was painted from.
    original: Arc<Picture>,
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
    pub(crate) fn new(
        picture: Arc<Picture>,
        original: Arc<Picture>,
        sequence: u32,
        captured_ms: f64,
    ) -> Self {
        Self { picture, original, sequence, captured_ms, wire: Default::default() }
    }

    /// The camera's picture that it was painted from.
    pub(crate) fn original(&self) -> &Picture {
        &self.original
    }

    /// The painting.
    pub fn image(&self) -> &Image {
        self.picture.image()
    }

    /// The whole message for a viewer; made when it is first asked for, which takes milliseconds.
    pub fn message(&self, format: WireFormat) -> Bytes {
        let encode = || codec::encode(&self.picture, format, self.sequence, self.captured_ms).into();
        self.wire[format as usize].get_or_init(encode).clone()
    }
}

/// A mix of styles, and what it was made from.
struct Mixed {
    /// Of the gallery.
    version: u64,
    styles: Vec<Chosen>,
    style: Option<Style>,
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
    /// The mix that was asked for last.
    mixed: Mutex<Option<Mixed>>,
    pub(crate) deepenings: Deepenings,
    settings: Mutex<Settings>,
    stats: Mutex<Stats>,
    recording: Mutex<Option<Running>>,
    /// What does not work beside the painting, by the part's name.
    troubles: Mutex<BTreeMap<&'static str, String>>,
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

/// Held for moments only, never while something else is waited for.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Values are replaced whole, so one that a panic left behind is sound.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Studio {
    /// A studio with these styles and settings; nothing is painted until [`Studio::start`].
    pub fn new(stylizer: Stylizer, gallery: Gallery, settings: Settings) -> Result<Arc<Self>, LiveError> {
        gallery.mix(&settings.styles)?;
        Ok(Arc::new(Self {
            stylizer,
            inbox: Inbox::new(),
            gallery: Mutex::new(gallery),
            mixed: Mutex::default(),
            deepenings: Deepenings::default(),
            settings: Mutex::new(settings),
            stats: Mutex::new(Stats::new()),
            recording: Mutex::new(None),
            troubles: Mutex::default(),
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

    /// Hands in a frame, turned and cropped as the settings say; an older one that still waits is dropped.
    pub fn offer(&self, mut frame: Frame) {
        if self.deepenings.is_resting() {
            return;
        }
        let (degrees, crop) = {
            let settings = locked(&self.settings);
            (settings.rotate, settings.crop)
        };
        frame.picture = turned(frame.picture, degrees, crop);
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
        if self.watchers.fetch_add(1, Ordering::SeqCst) == 0 {
            self.changed();
        }
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
        let entry = crate::dropped::dropped_entry(&self.stylizer, bytes, name)?;
        let id = locked(&self.gallery).add_dropped(entry)?;
        self.changed();
        Ok(id)
    }

    /// Takes a dropped style away, and out of the mix.
    pub fn remove_style(&self, id: &str) -> Result<(), LiveError> {
        locked(&self.gallery).remove(id)?;
        self.deepenings.forget(id);
        locked(&self.settings).styles.retain(|c| c.id != id);
        self.changed();
        Ok(())
    }

    /// A small painting in that style, JPEG.
    pub fn thumb(&self, id: &str) -> Option<Vec<u8>> {
        locked(&self.gallery).thumb(id).map(<[u8]>::to_vec)
    }

    /// The painting that a dropped style was made from, small, JPEG.
    pub fn style_painting(&self, id: &str) -> Option<Vec<u8>> {
        locked(&self.gallery).painting(id).map(<[u8]>::to_vec)
    }

    /// The camera's last picture in that style, small, JPEG; the style's own small painting where there is no picture yet.
    /// Takes some milliseconds.
    pub fn thumb_of_camera(&self, id: &str) -> Result<Vec<u8>, LiveError> {
        let original = self.painted.borrow().as_ref().map(|painted| painted.original.clone());
        let style = locked(&self.gallery).mix(&[Chosen { id: id.into(), weight: 1.0 }])?;
        let (Some(original), Some(style)) = (original, style) else {
            return self.thumb(id).ok_or_else(|| StudioError::Style(id.into()).into());
        };
        let (strength, keep_color) = {
            let settings = locked(&self.settings);
            (settings.strength, settings.keep_color)
        };
        let dials = Dials { strength, keep_color, ..Dials::default() };
        Ok(small_painting(&self.stylizer, &style, Some(original.image()), &dials)?)
    }

    /// The chosen mix; `None` shows the camera as it is. The same mix is made once, so that weights that it changes are too.
    pub(crate) fn style(&self, settings: &Settings) -> Result<Option<Style>, LiveError> {
        let gallery = locked(&self.gallery);
        let mut mixed = locked(&self.mixed);
        let known =
            mixed.as_ref().filter(|mix| mix.version == gallery.version() && mix.styles == settings.styles);
        if let Some(known) = known {
            return Ok(known.style.clone());
        }
        let style = gallery.mix(&settings.styles)?;
        *mixed =
            Some(Mixed { version: gallery.version(), styles: settings.styles.clone(), style: style.clone() });
        Ok(style)
    }

    /// Looks into the gallery, or changes it, for a moment.
    pub(crate) fn gallery<T>(&self, then: impl FnOnce(&mut Gallery) -> T) -> T {
        then(&mut locked(&self.gallery))
    }

    /// Whether a recording runs.
    pub(crate) fn is_recording(&self) -> bool {
        locked(&self.recording).is_some()
    }

    /// Everything that a page shows besides pictures.
    pub fn state(&self) -> Value {
        let model = self.stylizer.model();
        let (recording, sound) = match &*locked(&self.recording) {
            Some(recording) => (Some(recording.file.clone()), recording.sound),
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
            "deepening": self.deepenings.shown(),
            "troubles": self.troubles(),
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

    /// Starts a recording; one that runs is finished first, which may take a while.
    pub fn record(self: &Arc<Self>, recording: Recording) -> Result<(), LiveError> {
        self.finish_recording()?;
        let studio = Arc::downgrade(self);
        let mut place = locked(&self.recording);
        let running = recording.start(move |why| {
            if let Some(studio) = studio.upgrade() {
                studio.recording_failed(why);
            }
        })?;
        *place = Some(running);
        drop(place);
        self.trouble("recording", None);
        self.changed();
        Ok(())
    }

    /// The recorder of the running recording says that it cannot go on.
    fn recording_failed(&self, why: &LiveError) {
        // Out of its place first: then nobody waits for it, and dropping it ends nothing that is needed.
        drop(locked(&self.recording).take());
        self.trouble("recording", Some(why.to_string()));
        self.changed();
    }

    /// Finishes the recording, if there is one, and waits until its file is whole; gives its file.
    pub fn finish_recording(&self) -> Result<Option<String>, LiveError> {
        let taken = locked(&self.recording).take();
        let Some(recording) = taken else { return Ok(None) };
        self.changed();
        let file = recording.file.clone();
        recording.finish()?;
        Ok(Some(file))
    }

    /// Gives a painted frame to the recording and to whoever watches.
    pub(crate) fn publish(&self, painted: Painted, working: (usize, usize)) {
        let size = (painted.picture.width(), painted.picture.height());
        locked(&self.stats).painted(Instant::now(), working, size);
        let painted = Arc::new(painted);
        let behind = locked(&self.recording).as_ref().is_some_and(|recording| !recording.write(&painted));
        if behind {
            locked(&self.stats).unrecorded();
        }
        self.painted.send_replace(Some(painted));
    }

    /// Flashes of the last second, up to the newest painted frame.
    pub(crate) fn flashes(&self, flashes: Flashes) {
        locked(&self.stats).flashes(flashes);
    }

    /// A packet of Opus from the page's microphone, heard from `captured_ms` on.
    pub(crate) fn hear(&self, packet: &[u8], captured_ms: f64) {
        if let Some(recording) = &*locked(&self.recording) {
            recording.write_sound(packet, captured_ms);
        }
    }

    /// What does not work beside the painting (`recording`, `virtual camera`, `server`), in words.
    pub fn troubles(&self) -> BTreeMap<&'static str, String> {
        locked(&self.troubles).clone()
    }

    /// A part of the program does not work, or works again.
    pub(crate) fn trouble(&self, part: &'static str, what: Option<String>) {
        let before = {
            let mut troubles = locked(&self.troubles);
            match what.clone() {
                Some(what) => troubles.insert(part, what),
                None => troubles.remove(part),
            }
        };
        if before != what {
            self.changed();
        }
    }

    pub(crate) fn changed(&self) {
        self.revision.send_modify(|revision| *revision += 1);
    }
}

/// Someone who looks; see [`Studio::looking`].
pub struct Looking(Arc<Studio>);

impl Drop for Looking {
    fn drop(&mut self) {
        if self.0.watchers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.changed();
        }
    }
}
