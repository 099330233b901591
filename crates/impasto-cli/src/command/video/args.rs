//! The words of `impasto video`.

use crate::args::{BrushArgs, DialArgs, ModelArgs, StyleWord, ViewArgs, unit};
use crate::failure::wrong_use;
use crate::preset::PresetArgs;
use crate::styles::check_weights;
use anyhow::Result;
use clap::{ArgMatches, Command, FromArgMatches, Subcommand as _, ValueEnum};
use impasto_media::video::{Backend, Every, InputOptions, Kind, Rate, is_address};
use std::fs;
use std::path::{Path, PathBuf};

/// The words of `impasto video`: a film to paint, or parts to join. The derive knows no such pair of which one is required.
#[derive(Clone, Debug)]
pub enum Args {
    /// Paint a film.
    Paint(Box<PaintArgs>),
    /// Join parts.
    Join(JoinArgs),
}

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        Subcommand::augment_subcommands(PaintArgs::augment_args(command))
            .subcommand_required(false)
            .arg_required_else_help(false)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        match matches.subcommand_name() {
            Some(_) => {
                let Subcommand::Join(join) = Subcommand::from_arg_matches(matches)?;
                Ok(Self::Join(join))
            }
            None => Ok(Self::Paint(Box::new(PaintArgs::from_arg_matches(matches)?))),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

// Parts of films. No doc comment: clap would show it as the help of `video` itself.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Subcommand {
    /// Make one film of its parts, as --part painted them
    Join(JoinArgs),
}

/// The words of `impasto video join`.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Example:
  impasto video join part-1.mp4 part-2.mp4 part-3.mp4 -o painted.mp4

Parts are joined without coding again, in their order whatever the order of the words. MP4 parts make .mp4, .mov and, with
ffmpeg, .mkv, .webm, .avi and .ts; others make their own kind.")]
pub struct JoinArgs {
    /// All parts of one film.
    #[arg(value_name = "PART", required = true)]
    pub parts: Vec<PathBuf>,
    /// The film, its kind by the ending.
    #[arg(short, long, value_name = "OUT", required = true)]
    pub output: PathBuf,
    /// Where the film is that the parts were painted from, if it is somewhere else now: its sound and title are copied from it.
    #[arg(long, value_name = "IN")]
    pub film: Option<PathBuf>,
    /// Replace a film that is there.
    #[arg(long)]
    pub force: bool,
    /// Leave the sound out.
    #[arg(long)]
    pub no_sound: bool,
    /// Leave title, date, place, chapters and camera data out.
    #[arg(long)]
    pub strip: bool,
    /// Who reads and writes files.
    #[arg(long, value_enum, default_value_t = BackendName::Auto)]
    pub backend: BackendName,
}

/// Paint a video in the style of a painting
#[derive(clap::Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Examples:
  impasto video holiday.mp4 --style wave.jpg -o painted.mp4
      every frame painted, at its own time, with the film's sound
  impasto video clip.mov --style wave.jpg:0.7 --style mosaic.style:0.3 --size 360 -o clip.gif
      in a mix of two styles, smaller, as a GIF
  impasto video frames/ --fps 24 --style wave.jpg -o film.mp4
      a folder of pictures as a film; -o FOLDER/ writes one
  impasto video long.mp4 --style wave.jpg -o painted.mp4 --resume
      go on where an earlier run was broken off
  impasto video long.mp4 --style wave.jpg --part 2/8 -o part-2.mp4
      the second of eight parts, on one machine of many
  impasto video join part-*.mp4 -o painted.mp4
      one film of all parts, with its sound
  ffmpeg -i IN -f yuv4mpegpipe - | impasto video - --style wave.jpg -o - | ffplay -
      y4m through pipes

Read and written without any other program: MP4 and MOV with H.264, y4m, GIF, animated WebP and PNG, folders of pictures.
For everything else (MKV, WebM, HEVC, AV1, 10 bit, HDR, interlaced) an ffmpeg is used where one is installed.")]
pub struct PaintArgs {
    /// A video, a GIF, an animated WebP or PNG, a folder of pictures, `-` for y4m on standard input, or an address
    /// (rtsp://…, https://…) that an installed ffmpeg opens.
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// A built-in name, a picture, a .style file, or a film, whose frames are the styles of this one's, over and over;
    /// several make one mix, by their weights.
    #[arg(short, long = "style", value_name = "S[:WEIGHT]", required = true)]
    pub styles: Vec<StyleWord>,
    /// The painted film, its kind by the ending; FOLDER/ for pictures, `-` for y4m on standard output.
    #[arg(short, long, value_name = "OUT", required = true)]
    pub output: PathBuf,
    #[command(flatten)]
    pub preset: PresetArgs,
    #[command(flatten)]
    pub dials: DialArgs,
    /// From each frame by itself (0) to the calmest (1): noise is held back, and the painting changes with the scene only.
    #[arg(long, value_name = "0..1", default_value_t = impasto_live::Settings::default().steady, value_parser = unit, allow_negative_numbers = true)]
    pub steady: f32,
    /// At most so many frames a second, the others are left out; of a folder of pictures the rate (25 without it).
    #[arg(long, value_name = "N")]
    pub fps: Option<Rate>,
    /// Paint only every N-th frame, or only frames in which something has moved; the painting before them stays for as long.
    #[arg(long, value_name = "N|moved")]
    pub every: Option<Every>,
    #[command(flatten)]
    pub view: ViewArgs,
    /// Quality of H.264 and WebP.
    #[arg(long, value_name = "1..100", default_value_t = 80, value_parser = clap::value_parser!(u8).range(1..=100), allow_negative_numbers = true)]
    pub quality: u8,
    /// Leave the sound out.
    #[arg(long)]
    pub no_sound: bool,
    /// Leave title, date, place, chapters and camera data out.
    #[arg(long)]
    pub strip: bool,
    /// Leave out the mark that says that a program with a trained network made the film, with which model and style.
    #[arg(long)]
    pub no_mark: bool,
    /// An H.264 encoder of an installed ffmpeg instead of the built-in one, such as libx264, h264_vaapi or h264_nvenc.
    #[arg(long, value_name = "NAME", value_parser = encoder)]
    pub encoder: Option<String>,
    /// Only the K-th of N parts of the film, into a part that `impasto video join` takes.
    #[arg(long, value_name = "K/N", value_parser = part)]
    pub part: Option<PartWord>,
    /// Who reads and writes files: this program where it can and ffmpeg where it cannot, this program only, or ffmpeg.
    #[arg(long, value_enum, default_value_t = BackendName::Auto)]
    pub backend: BackendName,
    /// Replace a film or pictures that are there.
    #[arg(long)]
    pub force: bool,
    /// Say how it went as one JSON object on standard output, at the end.
    #[arg(long)]
    pub json: bool,
    /// Go on with what an earlier run with the same words began, if it did; the result is the same as of an unbroken run.
    #[arg(long)]
    pub resume: bool,
    #[command(flatten)]
    pub brush: BrushArgs,
    #[command(flatten)]
    pub model: ModelArgs,
}

/// Which part of how many, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartWord {
    /// Which.
    pub number: u64,
    /// Of so many.
    pub count: u64,
}

/// More parts than this are a mistake.
const MAX_PARTS: u64 = 10_000;

fn part(word: &str) -> Result<PartWord, String> {
    let pair = word.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    match pair {
        Some((number, count)) if (1..=count).contains(&number) && count <= MAX_PARTS => {
            Ok(PartWord { number, count })
        }
        _ => Err(format!("K/N is needed, such as 2/8: K from 1 to N, N up to {MAX_PARTS}")),
    }
}

/// The name of an encoder; it goes to ffmpeg as one word.
fn encoder(word: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !word.is_empty() && !word.starts_with('-') && word.chars().all(plain) {
        true => Ok(word.into()),
        false => Err("a name as `ffmpeg -encoders` lists it is needed, such as libx264".into()),
    }
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

impl PaintArgs {
    /// Reader of the film.
    pub fn input_options(&self) -> InputOptions {
        InputOptions {
            backend: self.backend.into(),
            rate: self.fps,
            every: self.every,
            view: self.view.view(),
        }
    }

    /// Refuses what cannot be meant, before anything is read.
    pub fn check(&self) -> Result<()> {
        check_weights(&self.styles)?;
        let kind = Kind::of(&self.output).map_err(|error| wrong_use(error.to_string()))?;
        if self.every == Some(Every::Moved) && matches!(kind, Kind::Y4m | Kind::Pictures) {
            return Err(wrong_use(
                "--every moved shows frames for different times, and y4m and folders of pictures have one for all; \
                 name a .mp4, .gif, .webp or .png",
            ));
        }
        if self.json && self.output == Path::new("-") {
            return Err(wrong_use("--json and -o - both write to standard output; name a file"));
        }
        let piped = [&self.input, &self.output].into_iter().any(|path| path == Path::new("-"));
        if self.resume && piped {
            return Err(wrong_use("--resume needs files: a pipe cannot be taken up again"));
        }
        if self.part.is_some() && piped {
            return Err(wrong_use("--part needs files: a pipe cannot be read from its middle on"));
        }
        if is_address(&self.input) && (self.part.is_some() || self.resume) {
            return Err(wrong_use("--part and --resume need files; download the film first"));
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
        match self.force || self.resume {
            true => Ok(()),
            false => check_absent(&self.output, kind),
        }
    }
}

impl JoinArgs {
    /// Refuses what cannot be meant, before anything is read.
    pub fn check(&self) -> Result<()> {
        let kind = Kind::of(&self.output).map_err(|error| wrong_use(error.to_string()))?;
        if self.force { Ok(()) } else { check_absent(&self.output, kind) }
    }
}

/// Refuses to replace a film, or the pictures of one; pipes and devices are written to.
fn check_absent(output: &Path, kind: Kind) -> Result<()> {
    let first = if kind == Kind::Pictures { output.join("000001.png") } else { output.into() };
    match first.is_file() {
        false => Ok(()),
        true => {
            let shown = first.display();
            Err(wrong_use(format!("{shown} is there already; --force replaces it, and -o names another")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_numbered_from_1() {
        assert_eq!(part("2/8"), Ok(PartWord { number: 2, count: 8 }));
        for bad in ["0/8", "9/8", "1", "a/b", "1/0", "-1/3", "1/99999"] {
            assert!(part(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_encoder_is_one_word() {
        assert!(encoder("h264_vaapi").is_ok());
        for bad in ["", "-i", "a b", "x;y"] {
            assert!(encoder(bad).is_err(), "{bad}");
        }
    }
}
