//! Recording what is painted, on a thread of its own: nobody waits for a disk or an encoder.

use crate::LiveError;
use crate::studio::Painted;
use impasto_core::Image;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Pictures that may wait for the recorder; later ones are left out until it has caught up.
const MAX_PICTURES: usize = 8;
/// Packets of sound that may wait: 20 s.
const MAX_PACKETS: usize = 1000;

/// Writes pictures with times; made by whoever knows the file's format. All calls come from one thread, and may take their time.
pub trait Recorder: Send {
    /// Writes the picture that is shown from `seconds` after the recording's start on.
    fn write(&mut self, image: &Image, seconds: f64) -> Result<(), LiveError>;

    /// Writes a packet of Opus (one channel) that is heard from `seconds` after the recording's start on. A recorder without sound leaves it out.
    fn write_sound(&mut self, _packet: &[u8], _seconds: f64) -> Result<(), LiveError> {
        Ok(())
    }

    /// Completes the file.
    fn finish(self: Box<Self>) -> Result<(), LiveError>;
}

/// A recorder that is about to work on a file.
pub struct Recording {
    file: String,
    sound: bool,
    recorder: Box<dyn Recorder>,
}

impl Recording {
    /// Records into `file`, which is only shown here: the recorder knows where it writes. `sound` asks the page that steers for its microphone.
    pub fn new(file: String, sound: bool, recorder: Box<dyn Recorder>) -> Self {
        Self { file, sound, recorder }
    }

    /// Starts its thread. `failed` is called from there if the recorder fails; the recording has ended then.
    pub(crate) fn start(
        self,
        failed: impl FnOnce(&LiveError) + Send + 'static,
    ) -> Result<Running, LiveError> {
        let Self { file, sound, recorder } = self;
        let queue = Arc::new(Queue::default());
        let (parts, name) = (queue.clone(), file.clone());
        let work = move || {
            // A recorder that panics ends its recording and nothing else; it is not used again.
            let written = catch_unwind(AssertUnwindSafe(|| write_all(recorder, &parts, sound)));
            let written = written
                .unwrap_or_else(|_| Err(LiveError::Record("the recorder stopped unexpectedly".into())));
            parts.close();
            let written = written.map_err(|why| LiveError::Record(format!("{name}: {}", plain(why))));
            if let Err(why) = &written {
                failed(why);
            }
            written
        };
        let thread = std::thread::Builder::new().name("record".into());
        let thread = thread.spawn(work).map_err(|e| LiveError::Record(e.to_string()))?;
        Ok(Running { file, sound, queue, thread })
    }
}

/// The words without the kind that stands before them.
fn plain(why: LiveError) -> String {
    match why {
        LiveError::Record(what) => what,
        other => other.to_string(),
    }
}

/// A recording at work. Handing something in never waits.
pub(crate) struct Running {
    /// The file's name.
    pub file: String,
    /// Whether sound is wanted.
    pub sound: bool,
    queue: Arc<Queue>,
    thread: JoinHandle<Result<(), LiveError>>,
}

impl Running {
    /// Hands a painted frame in; `false` if it is left out since the recorder is behind.
    pub fn write(&self, painted: &Arc<Painted>) -> bool {
        self.queue.put(Part::Picture(painted.clone()))
    }

    /// Hands in a packet of Opus that was heard from `captured_ms` on.
    pub fn write_sound(&self, packet: &[u8], captured_ms: f64) -> bool {
        self.queue.put(Part::Sound(packet.to_vec(), captured_ms))
    }

    /// Waits until everything is written and the file complete.
    pub fn finish(self) -> Result<(), LiveError> {
        self.queue.close();
        self.thread.join().expect("panics of the recorder are caught")
    }
}

enum Part {
    Picture(Arc<Painted>),
    /// A packet, and when it began to be heard in ms since 1970.
    Sound(Vec<u8>, f64),
}

#[derive(Default)]
struct Waiting {
    parts: VecDeque<Part>,
    pictures: usize,
    closed: bool,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was room.
    fn put(&self, part: Part) -> bool {
        let mut waiting = self.lock();
        let is_picture = matches!(part, Part::Picture(_));
        let packets = waiting.parts.len() - waiting.pictures;
        let full = if is_picture { waiting.pictures >= MAX_PICTURES } else { packets >= MAX_PACKETS };
        if waiting.closed || full {
            return false;
        }
        waiting.pictures += usize::from(is_picture);
        waiting.parts.push_back(part);
        self.arrived.notify_one();
        true
    }

    /// Waits for the next part; `None` once the queue is closed and empty.
    fn take(&self) -> Option<Part> {
        let nothing_yet = |waiting: &mut Waiting| waiting.parts.is_empty() && !waiting.closed;
        let waiting = self.arrived.wait_while(self.lock(), nothing_yet);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        let part = waiting.parts.pop_front()?;
        waiting.pictures -= usize::from(matches!(part, Part::Picture(_)));
        Some(part)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }
}

/// Writes parts with times from the first picture on, until the queue is closed. A picture that is not later than the last, and sound
/// before the first, are left out.
fn write_all(mut recorder: Box<dyn Recorder>, queue: &Queue, sound: bool) -> Result<(), LiveError> {
    let (mut start_ms, mut last_seconds) = (None, -1.0);
    while let Some(part) = queue.take() {
        match part {
            Part::Picture(painted) => {
                let seconds = (painted.captured_ms - *start_ms.get_or_insert(painted.captured_ms)) / 1e3;
                if seconds > last_seconds && seconds.is_finite() {
                    last_seconds = seconds;
                    recorder.write(painted.image(), seconds)?;
                }
            }
            Part::Sound(packet, captured_ms) => {
                let seconds = start_ms.map_or(-1.0, |start| (captured_ms - start) / 1e3);
                if seconds >= 0.0 && sound {
                    recorder.write_sound(&packet, seconds)?;
                }
            }
        }
    }
    recorder.finish()
}
