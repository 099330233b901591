//! The words of `impasto stylize`.

use crate::args::{BrushArgs, DialArgs, ModelArgs, StyleWord};
use crate::preset::PresetArgs;
use clap::ValueEnum;
use std::path::PathBuf;
use std::str::FromStr;

/// Paint photos in the style of paintings
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  impasto stylize photo.jpg --style wave.jpg
      paints photo-wave.jpg, beside the photo
  impasto stylize photo.jpg --style wave.jpg:0.7 --style mosaic.style:0.3 \\
      -o mixed.png
      one picture in a mix of two styles
  impasto stylize holiday/ --each --style wave.jpg --style mosaic.style \\
      -o painted/
      all photos of a folder tree, each in both styles:
      painted/day1/beach-wave.jpg, …
  impasto stylize me.jpg --style wave.jpg --mask background.png=mosaic.style
      another style where the mask is white
  impasto stylize photo.jpg --style wave.jpg --size 1024 --style-size 256 \\
      --keep-color 1
      finer strokes, in the photo's own colours
  impasto stylize photo.jpg --style wave.jpg --size 1024 --finish
      for a print: the painted picture goes on toward the painting for a minute
      or two
  impasto stylize - --style waves -o - < photo.jpg > painted.jpg
      through pipes

`impasto styles list` names the built-in styles, and `impasto try PHOTO` shows
a photo in all of them. The result of PHOTO in STYLE is called PHOTO-STYLE,
with the photo's ending (.png where that cannot be written). A file that is
there is never replaced without --force. A photo that fails is reported at the
end, and the rest is painted. Pictures are marked as made by a program
(docs/stills.md says with which words; --no-mark leaves it out).")]
pub struct Args {
    /// Photos, folders of photos, or `-` for one on standard input.
    #[arg(required = true, value_name = "PHOTO")]
    pub photos: Vec<PathBuf>,
    /// A built-in name, a picture, or a .style file; several make one mix, by their weights.
    #[arg(short, long = "style", value_name = "S[:WEIGHT]")]
    pub styles: Vec<StyleWord>,
    /// Paint every style by itself instead of their mix.
    #[arg(long)]
    pub each: bool,
    /// A file, for one picture, a folder, or `-` for standard output; without it, results lie beside their photos.
    #[arg(short, long, value_name = "FILE|FOLDER")]
    pub output: Option<PathBuf>,
    /// Another style where this picture is white (grey blends). What no mask covers has --style, or stays a photo.
    #[arg(long = "mask", value_name = "FILE=S")]
    pub masks: Vec<MaskWord>,
    #[command(flatten)]
    pub preset: PresetArgs,
    #[command(flatten)]
    pub dials: DialArgs,
    /// Paint the painting again, so many times in all: the style grows stronger each time.
    #[arg(long, value_name = "1..8", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=8))]
    pub passes: u8,
    #[command(flatten)]
    pub brush: BrushArgs,
    /// After the network has painted, so many gradient steps on the picture itself toward the painting: slow, and nearer to it. For stills that
    /// are printed. Needs the painting's picture.
    #[arg(long, value_name = "STEPS", num_args = 0..=1, default_missing_value = "60", conflicts_with = "passes", value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub finish: Option<u16>,
    /// The painting to finish toward, where --style is a built-in name or a .style file, which hold none; several by one hand may be named.
    #[arg(long, value_name = "PICTURE", requires = "finish")]
    pub finish_like: Vec<PathBuf>,
    /// With --finish: begin with noise and leave the photo's drawing out; what comes is the painting's texture, in the photo's size.
    #[arg(long, requires = "finish")]
    pub texture: bool,
    #[command(flatten)]
    pub model: ModelArgs,
    /// Quality of JPEG and WebP.
    #[arg(long, value_name = "1..100", default_value_t = 92, value_parser = clap::value_parser!(u8).range(1..=100), allow_negative_numbers = true)]
    pub quality: u8,
    /// Keep the photo's metadata (camera, date, place); it is left out otherwise.
    #[arg(long)]
    pub keep_metadata: bool,
    /// Leave out the mark that says that a program with a trained network made the picture, with which model and style.
    #[arg(long)]
    pub no_mark: bool,
    /// Replace files that are there.
    #[arg(long)]
    pub force: bool,
    /// Paint only what is not there yet, as after a run that was broken off.
    #[arg(long, conflicts_with = "force")]
    pub resume: bool,
    /// Also show photo and painting in one: side by side, as RESULT-compare, or on a page with a border to draw.
    #[arg(long, value_enum, value_name = "side|slider.html")]
    pub compare: Option<Compare>,
    /// Say what was painted, passed over and failed as one JSON object on standard output, at the end.
    #[arg(long)]
    pub json: bool,
}

/// Before and after in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compare {
    /// One picture, in the result's format.
    Side,
    /// A page.
    #[value(name = "slider.html", alias = "slider")]
    Slider,
}

/// A mask and the style for what it covers.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskWord {
    /// The mask's picture.
    pub file: PathBuf,
    /// The style.
    pub style: String,
}

impl FromStr for MaskWord {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let parts = word.rsplit_once('=').filter(|(file, style)| !file.is_empty() && !style.is_empty());
        let (file, style) = parts.ok_or("FILE=S is needed, such as background.png=wave.jpg")?;
        let style: StyleWord = style.parse()?;
        if style.weight.is_some() {
            return Err("a mask's style has no weight; `impasto styles make` makes a mix".into());
        }
        Ok(Self { file: file.into(), style: style.what })
    }
}
