//! Where a painted film goes. It is written beside its place, as `NAME.part` with a journal, and takes its name when it is whole.

use super::VideoError;
use super::ffmpeg::{self, Tools};
use super::frame::{Info, Sink};
use super::gif::GifSink;
use super::input::{Backend, Input};
use super::mp4::{self, Mp4Sink, Sound};
use super::part::{Journal, Mark};
use super::pictures::PictureSink;
use super::webp::WebpSink;
use super::y4m::Y4mSink;
use crate::error::{Error, Result, name_of};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// MP4 with H.264.
    Mp4,
    /// MOV with H.264.
    Mov,
    /// A y4m stream.
    Y4m,
    /// A GIF.
    Gif,
    /// An animated WebP.
    Webp,
    /// Numbered PNGs in a folder.
    Pictures,
    /// What ffmpeg makes of H.264, by the name's ending.
    Ffmpeg,
}

/// The endings that are known, for messages.
const ENDINGS: &str = ".mp4, .m4v, .mov, .y4m, .gif, .webp, a folder (with a / at its end), and with ffmpeg .mkv, .webm, .avi, .ts";

impl Kind {
    /// By the name's ending; `-` is y4m on standard output, no ending or a folder is a folder of pictures.
    pub fn of(target: &Path) -> Result<Self> {
        let slash = target.to_string_lossy().ends_with(std::path::is_separator);
        if slash || target.is_dir() {
            return Ok(Kind::Pictures);
        }
        let ending = target.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            None if target == Path::new("-") => Ok(Kind::Y4m),
            None => Ok(Kind::Pictures),
            Some("mp4" | "m4v") => Ok(Kind::Mp4),
            Some("mov" | "qt") => Ok(Kind::Mov),
            Some("y4m") => Ok(Kind::Y4m),
            Some("gif") => Ok(Kind::Gif),
            Some("webp") => Ok(Kind::Webp),
            Some("mkv" | "webm" | "avi" | "ts") => Ok(Kind::Ffmpeg),
            Some(_) => Err(Error::UnknownExtension { name: name_of(target), known: ENDINGS }),
        }
    }

    /// Whether it can have sound.
    pub fn has_sound(self) -> bool {
        matches!(self, Kind::Mp4 | Kind::Mov | Kind::Ffmpeg)
    }
}

/// How a film is written.
#[derive(Clone, Debug)]
pub struct OutputOptions {
    /// Of H.264 and WebP, `1..=100`.
    pub quality: u8,
    /// Copy the sound.
    pub sound: bool,
    /// Go on with what was begun.
    pub resume: bool,
    /// One line that tells apart what was asked for.
    pub fingerprint: String,
    /// Who may write.
    pub backend: Backend,
}

/// Where the sound comes from.
enum Track {
    None,
    /// Copied by us.
    Copy(Sound),
    /// Copied by ffmpeg from this file.
    Ffmpeg(PathBuf),
}

/// An output under way.
pub struct Output {
    target: PathBuf,
    kind: Kind,
    part: PathBuf,
    journal: Option<Journal>,
    mark: Mark,
    sound: Track,
    tools: Option<Tools>,
    notes: Vec<String>,
}

impl Output {
    /// Begins to write `target`, or goes on with it. `info` is that of the painted film.
    ///
    /// # Errors
    /// When the place cannot be written, the kind cannot hold the film, or there is nothing to go on from.
    pub fn begin(
        target: &Path,
        info: &Info,
        input: &Input,
        options: &OutputOptions,
    ) -> Result<(Self, Box<dyn Sink>)> {
        let kind = Kind::of(target)?;
        let beside = |ending: &str| {
            let mut name = target.file_name().unwrap_or_default().to_os_string();
            name.push(ending);
            target.with_file_name(name)
        };
        let stdout = target == Path::new("-");
        let journal = (!stdout).then(|| Journal::new(beside(".part-journal"), &options.fingerprint));
        let mut output = Self {
            target: target.into(),
            kind,
            part: if kind == Kind::Pictures { target.into() } else { beside(".part") },
            journal,
            mark: Mark::default(),
            sound: Track::None,
            tools: None,
            notes: Vec::new(),
        };
        output.plan_sound(input, options)?;
        if options.resume {
            output.mark = output.last_mark()?;
        }
        let sink = if stdout { stdout_sink(info) } else { output.sink(info, options)? };
        Ok((output, sink))
    }

    /// Where work goes on from; all zero at a fresh start.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// What a person should know.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The unfinished file.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Whether work can go on later.
    pub fn can_resume(&self) -> bool {
        self.journal.is_some()
    }

    /// Notes how far the file has come.
    pub fn save(&self, mark: &Mark) -> Result<()> {
        self.journal.as_ref().map_or(Ok(()), |journal| journal.write(mark))
    }

    /// Gives the whole film its name.
    pub fn complete(self) -> Result<()> {
        let Some(journal) = &self.journal else { return Ok(()) };
        match (self.kind, &self.sound) {
            (Kind::Pictures, _) => {}
            (Kind::Mp4 | Kind::Mov, Track::None) => self.assemble(None)?,
            (Kind::Mp4 | Kind::Mov, Track::Copy(sound)) => self.assemble(Some(sound))?,
            (Kind::Mp4 | Kind::Mov | Kind::Ffmpeg, sound) => {
                let tools = self.tools.as_ref().expect("ffmpeg was found at the beginning");
                let from = match sound {
                    Track::None => None,
                    Track::Copy(sound) => Some(sound.path.as_path()),
                    Track::Ffmpeg(path) => Some(path.as_path()),
                };
                ffmpeg::join(tools, &self.part, from, &self.target)?;
                let _ = fs::remove_file(&self.part);
            }
            _ => fs::rename(&self.part, &self.target).map_err(|e| Error::write(&self.target, e))?,
        }
        journal.remove();
        Ok(())
    }

    /// Takes away what was written so far.
    pub fn discard(self) {
        if self.kind != Kind::Pictures && self.journal.is_some() {
            let _ = fs::remove_file(&self.part);
        }
        if let Some(journal) = &self.journal {
            journal.remove();
        }
    }

    fn assemble(&self, sound: Option<&Sound>) -> Result<()> {
        mp4::assemble(&self.part, sound, &self.target, self.kind == Kind::Mov)?;
        let _ = fs::remove_file(&self.part);
        Ok(())
    }

    /// Finds out who copies the sound; refuses at once what could not be done in the end.
    fn plan_sound(&mut self, input: &Input, options: &OutputOptions) -> Result<()> {
        let name = name_of(&self.target);
        if self.kind == Kind::Ffmpeg {
            self.need_ffmpeg(options, name.clone(), "that kind of file".into())?;
        }
        let Some(path) = input.path.as_ref().filter(|path| path.is_file()) else { return Ok(()) };
        if !self.kind.has_sound() {
            if options.sound && input.mp4 && Sound::open(path, true).is_ok_and(|sound| sound.has_sound()) {
                self.notes.push("The sound is left out: such a file holds none.".into());
            }
            return Ok(());
        }
        if input.ffmpeg.is_none() && input.mp4 && self.kind != Kind::Ffmpeg {
            let sound = Sound::open(path, self.kind != Kind::Mp4)?;
            let sound = if options.sound { sound } else { sound.silent() };
            match (&sound.obstacle, sound.is_empty()) {
                (_, true) => {}
                (None, _) => self.sound = Track::Copy(sound),
                (Some(why), _) => {
                    self.need_ffmpeg(options, name_of(path), format!("{why} (or --no-sound)"))?;
                    self.sound = Track::Ffmpeg(path.clone());
                }
            }
        } else if !options.sound {
            return Ok(());
        } else if self.kind == Kind::Ffmpeg && input.mp4 && input.ffmpeg.is_none() {
            if Sound::open(path, true)?.has_sound() {
                self.sound = Track::Ffmpeg(path.clone());
            }
        } else if let Some(tools) = &input.ffmpeg
            && tools.has_sound(path)
        {
            self.tools = Some(tools.clone());
            self.sound = Track::Ffmpeg(path.clone());
        }
        Ok(())
    }

    fn need_ffmpeg(&mut self, options: &OutputOptions, name: String, why: String) -> Result<()> {
        if options.backend == Backend::Builtin {
            return Err(VideoError::NotBuiltIn { name, why }.into());
        }
        self.tools = Some(Tools::find().ok_or(VideoError::NeedsFfmpeg { name, why })?);
        Ok(())
    }

    fn last_mark(&self) -> Result<Mark> {
        let name = name_of(&self.target);
        let Some(journal) = &self.journal else {
            let why = "standard output cannot be taken up again; name a file".into();
            return Err(VideoError::Resume { name, why }.into());
        };
        let mark = journal.read(&name)?;
        let have = if self.kind == Kind::Pictures {
            Ok(mark.bytes)
        } else {
            fs::metadata(&self.part).map(|m| m.len())
        };
        match have {
            Ok(bytes) if bytes >= mark.bytes => Ok(mark),
            _ => {
                let why = format!(
                    "{} is missing or too short; leave --resume away to begin anew",
                    self.part.display()
                );
                Err(VideoError::Resume { name, why }.into())
            }
        }
    }

    fn sink(&self, info: &Info, options: &OutputOptions) -> Result<Box<dyn Sink>> {
        let (name, bytes) = (name_of(&self.target), self.mark.bytes);
        if self.kind == Kind::Pictures {
            return self.picture_sink(options.resume);
        }
        let file = self.open_part(bytes).map_err(|e| Error::write(&self.part, e))?;
        Ok(match self.kind {
            Kind::Y4m => Box::new(Y4mSink::new(Box::new(file), name, info, bytes)),
            Kind::Gif => Box::new(GifSink::new(file, name, info, bytes)?),
            Kind::Webp => Box::new(WebpSink::new(file, name, info, options.quality, bytes)?),
            _ => Box::new(Mp4Sink::new(file, name, info, options.quality, bytes)?),
        })
    }

    fn open_part(&self, bytes: u64) -> io::Result<File> {
        if bytes == 0 {
            if let Some(journal) = &self.journal {
                let _ = fs::remove_file(journal.path());
            }
            return File::create(&self.part);
        }
        let mut file = OpenOptions::new().read(true).write(true).open(&self.part)?;
        file.set_len(bytes)?;
        file.seek(SeekFrom::End(0))?;
        Ok(file)
    }

    fn picture_sink(&self, resume: bool) -> Result<Box<dyn Sink>> {
        let fail = |e| Error::write(&self.target, e);
        fs::create_dir_all(&self.target).map_err(fail)?;
        if !resume && fs::read_dir(&self.target).map_err(fail)?.next().is_some() {
            let why = "the folder is not empty; name a new one, or empty it".into();
            return Err(VideoError::Unfit { name: name_of(&self.target), why }.into());
        }
        Ok(Box::new(PictureSink::new(self.target.clone(), self.mark.frames)))
    }
}

fn stdout_sink(info: &Info) -> Box<dyn Sink> {
    Box::new(Y4mSink::new(Box::new(io::stdout()), "standard output".into(), info, 0))
}
