//! A folder of pictures as a film, in the order of their names with numbers in order.

use super::frame::{Color, Frame, Info, Layout, Pixels, Rotation, Sink, Source};
use super::{Rate, VideoError};
use crate::error::{Result, name_of};
use crate::folder::list_pictures;
use crate::still::{self, Still, WriteOptions};
use std::path::{Path, PathBuf};

/// The pictures that lie in a folder, not in folders in it.
pub struct PictureSource {
    info: Info,
    pictures: std::vec::IntoIter<PathBuf>,
    frames: u64,
}

impl PictureSource {
    /// Lists the folder and looks at its first picture, whose size the film has.
    pub fn open(folder: &Path, rate: Rate) -> Result<Self> {
        let name = name_of(folder);
        let listed = list_pictures(folder)?.into_iter().filter(|l| l.relative.components().count() == 1);
        let pictures: Vec<_> = listed.map(|listed| listed.path).collect();
        let Some(first) = pictures.first() else {
            return Err(
                VideoError::NoVideo { name, found: "there is no picture in the folder".into() }.into()
            );
        };
        let first = still::read(first)?.image;
        let info = Info {
            name,
            format: "pictures".into(),
            width: first.width(),
            height: first.height(),
            rotation: Rotation::None,
            pixel_aspect: (1, 1),
            timescale: rate.frames,
            frame_ticks: u64::from(rate.seconds),
            frames: Some(pictures.len() as u64),
            color: Color::usual(first.width(), first.height()),
            notes: Vec::new(),
        };
        Ok(Self { info, pictures: pictures.into_iter(), frames: 0 })
    }
}

impl Source for PictureSource {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let Some(path) = self.pictures.next() else { return Ok(None) };
        let image = still::read(&path)?.image;
        let duration = self.info.frame_ticks;
        let start = self.frames * duration;
        self.frames += 1;
        Ok(Some(Frame { pixels: Pixels::Rgb(image), start, duration }))
    }
}

/// Writes frames as `000001.png`, `000002.png` and so on into a folder.
pub struct PictureSink {
    folder: PathBuf,
    frames: u64,
    options: WriteOptions,
}

impl PictureSink {
    /// Into a folder that exists and has `frames` pictures already.
    pub fn new(folder: PathBuf, frames: u64) -> Self {
        Self { folder, frames, options: WriteOptions::default() }
    }
}

impl Sink for PictureSink {
    fn layout(&self) -> Layout {
        Layout::Rgb
    }

    fn write(&mut self, frame: &Frame) -> Result<()> {
        let Pixels::Rgb(image) = &frame.pixels else { unreachable!("the layout is RGB") };
        let path = self.folder.join(format!("{:06}.png", self.frames + 1));
        still::write(&path, &Still::from_image(image.clone()), self.options)?;
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
