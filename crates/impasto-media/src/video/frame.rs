//! What flows from a file to the painter and back.

use super::tone::Tone;
use crate::error::Result;
use crate::view::View;
use impasto_core::Image;
pub use impasto_pixel::{Chroma, Color, Matrix, Planes, Rotation};

/// The pixels of a frame as its file has them.
#[derive(Clone, Debug)]
pub enum Pixels {
    /// sRGB.
    Rgb(Image),
    /// sRGB, not multiplied by the opacity that stands beside it, a byte a pixel.
    Rgba(Image, Vec<u8>),
    /// YCbCr.
    Yuv(Planes),
}

/// One picture of a film, shown from `start` on for `duration`, both in ticks of the film's time scale.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The picture.
    pub pixels: Pixels,
    /// Ticks from the beginning of the film.
    pub start: u64,
    /// Ticks until the next picture.
    pub duration: u64,
}

/// Number of times an animation is played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plays {
    /// Over and over.
    #[default]
    Forever,
    /// So many times, from 1.
    Times(u16),
}

/// What is known of a film before its first frame.
#[derive(Clone, Debug)]
pub struct Info {
    /// The file as the person typed it.
    pub name: String,
    /// Container and codec in words.
    pub format: String,
    /// Width as shown, upright, in px.
    pub width: usize,
    /// Height as shown, upright, in px.
    pub height: usize,
    /// How stored pictures come upright.
    pub rotation: Rotation,
    /// Turn, crop and mirror of upright pictures before they are painted; width and height are those after it.
    pub view: View,
    /// Shape of a pixel, width to height, upright.
    pub pixel_aspect: (u32, u32),
    /// Ticks a second.
    pub timescale: u32,
    /// Ticks of a usual frame.
    pub frame_ticks: u64,
    /// How many frames there are, where that is known.
    pub frames: Option<u64>,
    /// How the painted film is stored, where it is stored as YCbCr.
    pub color: Color,
    /// Whether pictures may have parts that are not there.
    pub alpha: bool,
    /// Number of times an animation is played.
    pub plays: Plays,
    /// Colours other than those of a screen, which pixels still have.
    pub tone: Option<Tone>,
    /// What a person should know, each a full sentence.
    pub notes: Vec<String>,
}

impl Info {
    /// An opaque film of 25 frames a second, with the usual colours of its size.
    pub fn of(name: String, format: impl Into<String>, width: usize, height: usize) -> Self {
        Self {
            name,
            format: format.into(),
            width,
            height,
            rotation: Rotation::None,
            view: View::default(),
            pixel_aspect: (1, 1),
            timescale: 25,
            frame_ticks: 1,
            frames: None,
            color: Color::usual(width, height),
            alpha: false,
            plays: Plays::Forever,
            tone: None,
            notes: Vec::new(),
        }
    }

    /// Usual frames a second.
    pub fn rate(&self) -> f64 {
        f64::from(self.timescale) / self.frame_ticks.max(1) as f64
    }
}

/// Gives the frames of a film in the order in which they are shown.
pub trait Source: Send {
    /// What is known of the film.
    fn info(&self) -> &Info;

    /// The next frame; `None` after the last. After an error, what came before is whole.
    fn read(&mut self) -> Result<Option<Frame>>;
}

impl Source for Box<dyn Source> {
    fn info(&self) -> &Info {
        (**self).info()
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        (**self).read()
    }
}

/// What a sink takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// sRGB.
    Rgb,
    /// sRGB, with the opacity where a frame has one.
    Rgba,
    /// Planar 4:2:0 of that colour.
    Yuv420(Color),
    /// The same, an odd side made even by repeating its last row or column.
    EvenYuv420(Color),
}

/// Takes the frames of a film.
pub trait Sink: Send {
    /// How it wants pixels.
    fn layout(&self) -> Layout;

    /// Writes the next frame.
    fn write(&mut self, frame: &Frame) -> Result<()>;

    /// Brings all frames so far into the file, so that writing can go on from here in another process. Gives the bytes of
    /// the file that count. What is written depends on where checkpoints are made, and on nothing else.
    fn checkpoint(&mut self) -> Result<u64>;

    /// Completes the file.
    fn finish(self: Box<Self>) -> Result<()>;
}
