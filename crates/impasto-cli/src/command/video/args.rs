//! The words of `impasto video`.

use crate::args::{BrushArgs, DialArgs, ModelArgs, StyleWord, unit};
use crate::failure::wrong_use;
use crate::styles::check_weights;
use anyhow::Result;
use clap::ValueEnum;
use impasto_media::video::{Backend, Kind, Rate};
use std::fs;
use std::path::{Path, PathBuf};

/// Paint a video in the style of a painting
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  impasto video holiday.mp4 --style wave.jpg -o painted.mp4
      every frame painted, at its own time, with the film's sound
  impasto video clip.mov --style wave.jpg:0.7 --style mosaic.style:0.3 --size 360 -o clip.gif
      in a mix of two styles, smaller, as a GIF
  impasto video frames/ --fps 24 --style wave.jpg -o film.mp4
      a folder of pictures as a film; -o FOLDER/ writes one
  impasto video long.mp4 --style wave.jpg -o painted.mp4 --resume
      go on where an earlier run was broken off
  ffmpeg -i IN -f yuv4mpegpipe - | impasto video - --style wave.jpg -o - | ffplay -
      y4m through pipes

Read and written without any other program: MP4 and MOV with H.264, y4m, GIF, animated WebP, folders of pictures.
For everything else (MKV, WebM, HEVC, AV1, 10 bit, interlaced) an ffmpeg is used where one is installed.")]
pub struct Args {
    /// A video, a GIF, an animated WebP, a folder of pictures, or `-` for y4m on standard input.
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// A built-in name, a picture, or a .style file; several make one mix, by their weights.
    #[arg(short, long = "style", value_name = "S[:WEIGHT]", required = true)]
    pub styles: Vec<StyleWord>,
    /// The painted film, its kind by the ending; FOLDER/ for pictures, `-` for y4m on standard output.
    #[arg(short, long, value_name = "OUT", required = true)]
    pub output: PathBuf,
    #[command(flatten)]
    pub dials: DialArgs,
    /// From each frame by itself (0) to the calmest (1): noise is held back, and the painting changes with the scene only.
    #[arg(long, value_name = "0..1", default_value_t = impasto_live::Settings::default().steady, value_parser = unit, allow_negative_numbers = true)]
    pub steady: f32,
    /// At most so many frames a second, the others are left out; of a folder of pictures the rate (25 without it).
    #[arg(long, value_name = "N")]
    pub fps: Option<Rate>,
    /// Quality of H.264 and WebP.
    #[arg(long, value_name = "1..100", default_value_t = 80, value_parser = clap::value_parser!(u8).range(1..=100), allow_negative_numbers = true)]
    pub quality: u8,
    /// Leave the sound out.
    #[arg(long)]
    pub no_sound: bool,
    /// Who reads and writes files: this program where it can and ffmpeg where it cannot, this program only, or ffmpeg.
    #[arg(long, value_enum, default_value_t = BackendName::Auto)]
    pub backend: BackendName,
    /// Go on with what an earlier run with the same words began; the result is the same as of an unbroken run.
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub brush: BrushArgs,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Backends by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendName {
    /// This program where it can, ffmpeg where it cannot.
    Auto,
    /// This program only.
    Builtin,
    /// ffmpeg.
    Ffmpeg,
}

impl From<BackendName> for Backend {
    fn from(name: BackendName) -> Self {
        match name {
            BackendName::Auto => Backend::Auto,
            BackendName::Builtin => Backend::Builtin,
            BackendName::Ffmpeg => Backend::Ffmpeg,
        }
    }
}

impl Args {
    /// Refuses what cannot be meant, before anything is read.
    pub fn check(&self) -> Result<()> {
        check_weights(&self.styles)?;
        if let Err(error) = Kind::of(&self.output) {
            return Err(wrong_use(error.to_string()));
        }
        let piped = [&self.input, &self.output].into_iter().any(|path| path == Path::new("-"));
        if self.resume && piped {
            return Err(wrong_use("--resume needs files: a pipe cannot be taken up again"));
        }
        let real = |path: &Path| fs::canonicalize(path).ok();
        let styles = self.styles.iter().map(|word| PathBuf::from(&word.what));
        let read = styles.chain([self.input.clone()]).chain(self.model.model.iter().map(PathBuf::from));
        if let Some(output) = real(&self.output)
            && read.filter_map(|path| real(&path)).any(|path| path == output)
        {
            let shown = self.output.display();
            return Err(wrong_use(format!("{shown} is read and would be overwritten; name another with -o")));
        }
        Ok(())
    }
}
