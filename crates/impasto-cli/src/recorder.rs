//! Recording what is painted live, on a thread of its own, so that painting does not wait for the encoder.

use anyhow::{Context, Result};
use impasto::Image;
use impasto_live::record::{Recorder, Recording};
use impasto_live::server::RecorderFactory;
use impasto_live::{LiveError, Studio};
use impasto_media::video::mp4;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Quality of recordings, `1..=100`.
const QUALITY: u8 = 85;
/// Pictures that may wait for the encoder.
const QUEUE: usize = 8;

/// Makes recorders for the live page's API.
pub fn factory() -> RecorderFactory {
    Arc::new(|path, sound| Ok(Box::new(FilmRecorder::start(path, sound)?)))
}

/// Records into `path` from now until the studio ends; `sound` is that of the page's microphone.
pub fn begin(studio: &Studio, path: &Path, sound: bool) -> Result<()> {
    let shown = path.display().to_string();
    let recorder = FilmRecorder::start(path, sound).with_context(|| format!("cannot record into {shown}"))?;
    Ok(studio.record(Recording::new(shown, sound, Box::new(recorder)))?)
}

/// Something to be written, from so many seconds on.
enum Part {
    Picture(Image, f64),
    Sound(Vec<u8>, f64),
}

/// Hands pictures to a thread that encodes them.
struct FilmRecorder {
    queue: Option<SyncSender<Part>>,
    encoder: Option<JoinHandle<impasto_media::Result<()>>>,
}

impl FilmRecorder {
    fn start(path: &Path, sound: bool) -> Result<Self, LiveError> {
        let film = mp4::Recorder::create(path, QUALITY)?;
        let mut film = if sound { film.with_sound() } else { film };
        let (queue, parts) = sync_channel::<Part>(QUEUE);
        let encode = move || {
            for part in parts {
                match part {
                    Part::Picture(image, seconds) => film.write(&image, seconds)?,
                    Part::Sound(packet, seconds) => film.write_sound(&packet, seconds),
                }
            }
            film.finish()
        };
        let thread = std::thread::Builder::new().name("record".into());
        let encoder = thread.spawn(encode).map_err(|e| LiveError::Record(e.to_string()))?;
        Ok(Self { queue: Some(queue), encoder: Some(encoder) })
    }

    fn hand(&mut self, part: Part) -> Result<(), LiveError> {
        match self.queue.as_ref().map(|queue| queue.send(part)) {
            Some(Ok(())) => Ok(()),
            _ => self.end(),
        }
    }

    /// Waits for the encoder's end.
    fn end(&mut self) -> Result<(), LiveError> {
        self.queue = None;
        match self.encoder.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(why))) => Err(LiveError::Record(why.to_string())),
            Some(Err(_)) => Err(LiveError::Record("the encoder's thread ended unexpectedly".into())),
        }
    }
}

impl Recorder for FilmRecorder {
    fn write(&mut self, image: &Image, seconds: f64) -> Result<(), LiveError> {
        self.hand(Part::Picture(image.clone(), seconds))
    }

    fn write_sound(&mut self, packet: &[u8], seconds: f64) -> Result<(), LiveError> {
        self.hand(Part::Sound(packet.to_vec(), seconds))
    }

    fn finish(mut self: Box<Self>) -> Result<(), LiveError> {
        self.end()
    }
}

impl Drop for FilmRecorder {
    fn drop(&mut self) {
        // Whoever wanted to know has called `finish`.
        let _ = self.end();
    }
}
