//! A folder of pictures as a film, in the order of their names with numbers in order.

use super::frame::{Frame, Info, Layout, Pixels, Sink, Source};
use super::{Rate, VideoError};
use crate::error::{Result, name_of};
use crate::folder::{self, Skipped};
use crate::still::{self, Still, WriteOptions};
use std::path::{Path, PathBuf};

/// The pictures that lie in a folder, not in folders in it. One that cannot be read is passed over: the one before it is shown in its
/// place, and the film's end says which.
pub struct PictureSource {
    info: Info,
    pictures: std::vec::IntoIter<PathBuf>,
    frames: u64,
    last: Option<Pixels>,
    /// The first that was passed over and why, and how many there were.
    broken: Option<(String, u64)>,
}

impl PictureSource {
    /// Lists the folder and looks at its first picture, whose size the film has.
    pub fn open(folder: &Path, rate: Rate) -> Result<Self> {
        let name = name_of(folder);
        let listing = folder::list(folder)?;
        let notes = passed_over(&listing.skipped, folder).into_iter().collect();
        let listed = listing.pictures.into_iter().filter(|l| l.relative.components().count() == 1);
        let pictures: Vec<_> = listed.map(|listed| listed.path).collect();
        let Some(first) = pictures.first() else {
            return Err(
                VideoError::NoVideo { name, found: "there is no picture in the folder".into() }.into()
            );
        };
        let first = still::read(first)?;
        let info = Info {
            timescale: rate.frames,
            frame_ticks: u64::from(rate.seconds),
            frames: Some(pictures.len() as u64),
            alpha: first.alpha.is_some(),
            notes,
            ..Info::of(name, "pictures", first.image.width(), first.image.height())
        };
        Ok(Self { info, pictures: pictures.into_iter(), frames: 0, last: None, broken: None })
    }

    /// The next picture, or the one before it where it cannot be read.
    fn picture(&mut self, path: &Path) -> Result<Pixels> {
        let error = match still::read(path) {
            Ok(Still { image, alpha: Some(alpha), .. }) => return Ok(Pixels::Rgba(image, alpha)),
            Ok(still) => return Ok(Pixels::Rgb(still.image)),
            Err(error) => error,
        };
        let Some(last) = self.last.clone() else { return Err(error) };
        match &mut self.broken {
            Some((_, count)) => *count += 1,
            None => self.broken = Some((error.to_string(), 1)),
        }
        Ok(last)
    }
}

/// Names that a note lists; of more, the count is told.
const LISTED: usize = 8;

/// Entries of the folder itself that are no pictures, with reasons.
fn passed_over(skipped: &[Skipped], folder: &Path) -> Option<String> {
    let here = skipped.iter().filter(|skipped| skipped.path.parent() == Some(folder));
    let names: Vec<_> = here.map(|s| format!("{} ({})", name_of(&s.path), s.why)).collect();
    let more = names.len().saturating_sub(LISTED);
    let and = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!names.is_empty()).then(|| format!("Passed over: {}{and}.", names[..names.len() - more].join(", ")))
}

impl Source for PictureSource {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let Some(path) = self.pictures.next() else {
            let Some((first, count)) = self.broken.take() else { return Ok(None) };
            return Err(VideoError::PassedOver { name: self.info.name.clone(), count, first }.into());
        };
        let pixels = self.picture(&path)?;
        self.last = Some(pixels.clone());
        let duration = self.info.frame_ticks;
        let start = self.frames * duration;
        self.frames += 1;
        Ok(Some(Frame { pixels, start, duration }))
    }
}

/// Writes frames as `000001.png`, `000002.png` and so on into a folder.
pub struct PictureSink {
    folder: PathBuf,
    frames: u64,
    /// Whether pictures have an opacity.
    alpha: bool,
    options: WriteOptions,
}

impl PictureSink {
    /// Into a folder that exists and has `frames` pictures already.
    pub fn new(folder: PathBuf, frames: u64, alpha: bool) -> Self {
        Self { folder, frames, alpha, options: WriteOptions::default() }
    }
}

impl Sink for PictureSink {
    fn layout(&self) -> Layout {
        if self.alpha { Layout::Rgba } else { Layout::Rgb }
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let still = match &frame.pixels {
            Pixels::Rgb(image) => Still::from_image(image.clone()),
            Pixels::Rgba(image, alpha) => {
                Still { alpha: Some(alpha.clone()), ..Still::from_image(image.clone()) }
            }
            Pixels::Yuv(_) => unreachable!("the layout is RGB"),
        };
        let path = self.folder.join(format!("{:06}.png", self.frames + 1));
        still::write(&path, &still, self.options)?;
        self.frames += 1;
        Ok(())
    }

    fn checkpoint(&mut self) -> Result<u64> {
        Ok(self.frames)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
