//! Recording what is painted live into an MP4 file; the live crate calls it on a thread of its own.

use anyhow::{Context, Result};
use impasto::Image;
use impasto_live::record::{Recorder, Recording};
use impasto_live::server::RecorderFactory;
use impasto_live::{LiveError, Studio};
use impasto_media::video::mp4;
use std::path::Path;
use std::sync::Arc;

/// Quality of recordings, `1..=100`.
const QUALITY: u8 = 85;

/// Makes recorders for the live page's API.
pub fn factory() -> RecorderFactory {
    Arc::new(|path, sound| Ok(Box::new(FilmRecorder::create(path, sound)?)))
}

/// Records into `path` from now until the studio ends; `sound` is that of the page's microphone.
pub fn begin(studio: &Arc<Studio>, path: &Path, sound: bool) -> Result<()> {
    let shown = path.display().to_string();
    let recorder =
        FilmRecorder::create(path, sound).with_context(|| format!("cannot record into {shown}"))?;
    Ok(studio.record(Recording::new(shown, sound, Box::new(recorder)))?)
}

/// A film that grows.
struct FilmRecorder(mp4::Recorder);

impl FilmRecorder {
    fn create(path: &Path, sound: bool) -> Result<Self, LiveError> {
        let film = mp4::Recorder::create(path, QUALITY)?;
        Ok(Self(if sound { film.with_sound() } else { film }))
    }
}

impl Recorder for FilmRecorder {
    fn write(&mut self, image: &Image, seconds: f64) -> Result<(), LiveError> {
        self.0.write(image, seconds).map_err(failed)
    }

    fn write_sound(&mut self, packet: &[u8], seconds: f64) -> Result<(), LiveError> {
        self.0.write_sound(packet, seconds);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), LiveError> {
        self.0.finish().map_err(failed)
    }
}

fn failed(why: impasto_media::Error) -> LiveError {
    LiveError::Record(why.to_string())
}
