//! Recording pictures as they come.

use super::opus::{self, OPUS_RATE};
use super::sink::{Coding, Mp4Sink, fits_builtin};
use crate::error::{Error, Result};
use crate::video::VideoError;
use crate::video::convert;
use crate::video::frame::{Frame, Info, Sink};
use crate::video::part::Standing;
use impasto_core::Image;
use std::fs::File;
use std::path::Path;

/// Ticks a second, as is usual for video.
const TIMESCALE: u32 = 90_000;
/// A fragment is written after so many ticks: what a crash can lose.
const FRAGMENT_TICKS: u64 = 2 * TIMESCALE as u64;
/// Ticks of the last picture, whose end nobody knows.
const LAST_TICKS: u64 = TIMESCALE as u64 / 25;

/// Writes pictures with times into a fragmented MP4 file. It can be played up to its last two seconds while it grows, and after a crash.
pub struct Recorder {
    file: Option<File>,
    name: String,
    quality: u8,
    sink: Option<Box<Mp4Sink>>,
    size: (usize, usize),
    /// The last picture, which waits for the next to know how long it is shown.
    waiting: Option<(Image, u64)>,
    fragment_start: u64,
    /// Whether there is a track of sound, and its end so far in samples.
    sound: Option<u64>,
}

/// Packets that come this much later than the one before ended are after a gap; less is a clock that is not exact. In samples.
const GAP: u64 = OPUS_RATE as u64 / 20;

impl Recorder {
    /// Makes the file, which must not be there yet. `quality` is `1..=100`.
    pub fn create(path: &Path, quality: u8) -> Result<Self> {
        let file = File::create_new(path).map_err(|e| Error::write(path, e))?;
        let name = crate::error::name_of(path);
        Ok(Self {
            file: Some(file),
            name,
            quality,
            sink: None,
            size: (0, 0),
            waiting: None,
            fragment_start: 0,
            sound: None,
        })
    }

    /// With a track of Opus (one channel) beside the pictures; before anything is written. It may stay empty.
    pub fn with_sound(self) -> Self {
        Self { sound: Some(0), ..self }
    }

    /// A packet of Opus that is heard from `seconds` on, on the pictures' clock. Those that come before the first picture, or overlap what is there by
    /// more than a clock's inexactness, are left out.
    pub fn write_sound(&mut self, packet: &[u8], seconds: f64) {
        let (Some(end), Some(sink), Some(samples)) = (self.sound, &mut self.sink, opus::samples(packet))
        else {
            return;
        };
        let wanted = (seconds * f64::from(OPUS_RATE)).round();
        if wanted < 0.0 || wanted + GAP as f64 <= end as f64 {
            return;
        }
        let start = if end > 0 && wanted as u64 <= end + GAP { end } else { wanted as u64 };
        sink.write_sound(packet, start, samples);
        self.sound = Some(start + u64::from(samples));
    }

    /// The picture that is shown from `seconds` on. The first sets the film's size; others are brought to it.
    pub fn write(&mut self, image: &Image, seconds: f64) -> Result<()> {
        let start = (seconds.max(0.0) * f64::from(TIMESCALE)).round() as u64;
        if let Some((waiting, before)) = self.waiting.take() {
            let start = start.max(before + 1);
            self.put(waiting, before, start - before)?;
            self.waiting = Some((image.clone(), start));
        } else {
            self.waiting = Some((image.clone(), start));
        }
        Ok(())
    }

    /// Writes what is left.
    pub fn finish(mut self) -> Result<()> {
        if let Some((waiting, start)) = self.waiting.take() {
            self.put(waiting, start, LAST_TICKS)?;
        }
        match self.sink.take() {
            Some(sink) => sink.finish(),
            None => Ok(()),
        }
    }

    fn put(&mut self, image: Image, start: u64, duration: u64) -> Result<()> {
        let sink = self.sink(&image)?;
        let layout = sink.layout();
        let image = match (image.width(), image.height()) == self.size {
            true => image,
            false => crate::resize::resize(&image, self.size.0, self.size.1),
        };
        let pixels = convert::pixels_for(layout, image);
        let sink = self.sink.as_mut().expect("it was just made");
        sink.write(&Frame { pixels, start, duration })?;
        if start + duration >= self.fragment_start + FRAGMENT_TICKS {
            sink.checkpoint()?;
            self.fragment_start = start + duration;
        }
        Ok(())
    }

    fn sink(&mut self, image: &Image) -> Result<&Mp4Sink> {
        if self.sink.is_none() {
            self.size = (image.width(), image.height());
            let info = Info {
                timescale: TIMESCALE,
                frame_ticks: LAST_TICKS,
                ..Info::of(self.name.clone(), "recording", image.width(), image.height())
            };
            if !fits_builtin(info.width, info.height) {
                let why =
                    format!("the recorder takes 16 to 3840 x 2160 px, not {}x{}", info.width, info.height);
                return Err(VideoError::Unfit { name: self.name.clone(), why }.into());
            }
            let file = Box::new(self.file.take().expect("the sink takes the file once"));
            let coding = Coding::builtin(self.quality);
            let sink = Mp4Sink::new(file, self.name.clone(), &info, &coding, Standing::NEW);
            self.sink = Some(Box::new(if self.sound.is_some() { sink.with_sound() } else { sink }));
        }
        Ok(self.sink.as_ref().expect("it was just made"))
    }
}
