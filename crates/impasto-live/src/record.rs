//! Recording what is painted.

use crate::LiveError;
use crate::studio::Painted;
use impasto_core::Image;

/// Writes pictures with times; made by whoever knows the file's format.
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

/// A recorder at work on a file.
pub struct Recording {
    file: String,
    sound: bool,
    recorder: Box<dyn Recorder>,
    start_ms: Option<f64>,
    last_seconds: f64,
}

impl Recording {
    /// Records into `file`, which is only shown here: the recorder knows where it writes. `sound` asks the page that steers for its microphone.
    pub fn new(file: String, sound: bool, recorder: Box<dyn Recorder>) -> Self {
        Self { file, sound, recorder, start_ms: None, last_seconds: -1.0 }
    }

    /// The file's name.
    pub fn file(&self) -> String {
        self.file.clone()
    }

    /// Whether sound is wanted.
    pub fn has_sound(&self) -> bool {
        self.sound
    }

    /// Writes a packet of Opus that was heard from `captured_ms` on; what comes before the first picture is left out.
    pub(crate) fn write_sound(&mut self, packet: &[u8], captured_ms: f64) -> Result<(), LiveError> {
        match self.start_ms.map(|start| (captured_ms - start) / 1e3) {
            Some(seconds) if seconds >= 0.0 && self.sound => self.recorder.write_sound(packet, seconds),
            _ => Ok(()),
        }
    }

    /// Writes a frame at its capture time; one that is not later than the last is left out.
    pub(crate) fn write(&mut self, painted: &Painted) -> Result<(), LiveError> {
        let start = *self.start_ms.get_or_insert(painted.captured_ms);
        let seconds = (painted.captured_ms - start) / 1e3;
        if seconds <= self.last_seconds || !seconds.is_finite() {
            return Ok(());
        }
        self.last_seconds = seconds;
        self.recorder.write(painted.image(), seconds)
    }

    pub(crate) fn finish(self) -> Result<(), LiveError> {
        self.recorder.finish()
    }
}
