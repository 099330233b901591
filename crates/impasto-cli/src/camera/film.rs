//! A film as a camera: at its own pace, over and over. A network camera is a film that has no end, and is opened again when it is lost.

use super::Chosen;
use anyhow::Result;
use impasto::Image;
use impasto_live::LiveError;
use impasto_live::camera::Camera;
use impasto_media::video::{self, Frame, InputOptions, Source, convert, is_address, without_passwords};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often, and after which pauses, a network camera that is lost is opened again.
const TRIES: u32 = 150;
const PAUSE: Duration = Duration::from_secs(2);
/// Further behind than this, the film goes on where it stood instead of catching up.
const PATIENCE: Duration = Duration::from_millis(500);

/// The camera, not opened yet; a file that is no film is an error at once.
pub fn choose(path: &Path) -> Result<Chosen> {
    let mut first = Some(FilmCamera::open(path)?);
    let (path, name) = (path.to_path_buf(), without_passwords(&path.display().to_string()));
    let open = move |_: &_| -> Result<Box<dyn Camera>, LiveError> {
        match first.take() {
            Some(camera) => Ok(Box::new(camera)),
            None => Ok(Box::new(FilmCamera::open(&path)?)),
        }
    };
    Ok(Chosen { name, browser: false, open: Box::new(open) })
}

/// Shows the frames of a film when their time has come; frames whose time has passed are left out.
struct FilmCamera {
    path: PathBuf,
    source: Box<dyn Source>,
    /// When this round of the film began.
    began: Instant,
    /// Frames of this round.
    frames: u64,
    /// When the last of them ends, in ticks.
    end: u64,
}

impl FilmCamera {
    fn open(path: &Path) -> Result<Self, LiveError> {
        let source = video::open(path, &InputOptions::default())?.source;
        Ok(Self { path: path.into(), source, began: Instant::now(), frames: 0, end: 0 })
    }

    /// The next frame of the film; after its last the first again.
    fn read(&mut self) -> Result<Frame, LiveError> {
        loop {
            match self.source.read() {
                Ok(Some(frame)) => {
                    self.frames += 1;
                    self.end = frame.start + frame.duration;
                    return Ok(frame);
                }
                ended if is_address(&self.path) => self.open_again(ended.err())?,
                // A film that is cut short is shown as far as it goes.
                ended if self.frames == 0 => {
                    ended?;
                    return Err(LiveError::Camera(format!("{} holds no frame", self.path.display())));
                }
                _ => {
                    self.wait(self.end);
                    *self = Self::open(&self.path)?;
                }
            }
        }
    }

    /// Opens a network camera that is lost, for as long as somebody may be mending it.
    fn open_again(&mut self, lost: Option<impasto_media::Error>) -> Result<(), LiveError> {
        let name = without_passwords(&self.path.display().to_string());
        let why = lost.map_or("it ended".into(), |error| error.to_string());
        eprintln!("{name} is lost ({why}); it is opened again");
        for _ in 0..TRIES {
            std::thread::sleep(PAUSE);
            if let Ok(again) = Self::open(&self.path) {
                *self = again;
                return Ok(());
            }
        }
        Err(LiveError::Camera(format!("{name} has not come back for {} s", TRIES * PAUSE.as_secs() as u32)))
    }

    /// Sleeps until a moment of this round.
    fn wait(&self, ticks: u64) {
        std::thread::sleep(self.moment(ticks).saturating_sub(self.began.elapsed()));
    }

    fn moment(&self, ticks: u64) -> Duration {
        Duration::from_secs_f64(ticks as f64 / f64::from(self.source.info().timescale))
    }
}

impl Camera for FilmCamera {
    fn next(&mut self) -> Result<Option<Image>, LiveError> {
        let mut frame = self.read()?;
        let late = self.began.elapsed().saturating_sub(self.moment(frame.start));
        if late > PATIENCE {
            // Nobody looked for a while, or this machine is too slow to decode all of it.
            self.began += late;
        }
        while self.began.elapsed() > self.moment(frame.start + frame.duration) {
            let next = self.read()?;
            let is_new_round = next.start < frame.start;
            frame = next;
            if is_new_round {
                break;
            }
        }
        self.wait(frame.start);
        let info = self.source.info();
        Ok(Some(convert::upright(frame.pixels, info, info.width, info.height)))
    }
}
