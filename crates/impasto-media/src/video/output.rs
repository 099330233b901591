//! Where a painted film goes. It is written beside its place, as `NAME.part` with a journal, and takes its name when it is whole.
//!
//! All that could fail at the end is settled in [`Output::begin`], before the first frame is painted.

use super::VideoError;
use super::apng::ApngSink;
use super::disk::{Disk, RealDisk};
use super::ffmpeg;
use super::frame::{Info, Sink};
use super::gif::GifSink;
use super::input::{Backend, Input};
use super::kind::Kind;
use super::mp4::{self, Mp4Sink};
use super::part::{Journal, Mark, Standing};
use super::pictures::PictureSink;
use super::place::{self, Lock, beside};
use super::plan::{Plan, Track};
use super::section::{self, Parts, Section, SectionSink};
use super::webp::WebpSink;
use super::y4m::Y4mSink;
use crate::atomic::sync_parent;
use crate::error::{Error, Result, name_of};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How a film is written.
#[derive(Clone, Debug)]
pub struct OutputOptions {
    /// Of H.264 and WebP, `1..=100`.
    pub quality: u8,
    /// Keep the sound.
    pub sound: bool,
    /// Keep title, date, place, chapters and the like.
    pub tags: bool,
    /// Go on with what was begun, if anything was.
    pub resume: bool,
    /// One line that tells apart what was asked for.
    pub fingerprint: String,
    /// Who may write.
    pub backend: Backend,
    /// An H.264 encoder of ffmpeg's instead of the built-in one.
    pub encoder: Option<String>,
    /// Only this part of the film.
    pub section: Option<Section>,
    /// A packet that says how the film was made (see [`crate::still::mark`]); kinds that have no place for it go without.
    pub xmp: Option<String>,
}

/// An output under way.
pub struct Output {
    target: PathBuf,
    kind: Kind,
    part: PathBuf,
    disk: Box<dyn Disk>,
    journal: Option<Journal>,
    mark: Mark,
    plan: Plan,
    section: Option<Section>,
    /// Frames of a section that are written.
    written: Arc<AtomicU64>,
    fingerprint: String,
    xmp: Option<String>,
    /// Whether an earlier run left something to go on from.
    resumed: bool,
    _lock: Option<Lock>,
}

impl Output {
    /// Begins to write `target`, or goes on with it. `info` is that of the painted film.
    ///
    /// # Errors
    /// When the place cannot be written or another run writes it, when the kind cannot hold the film or its sound, when there is no room, or
    /// when what was begun there is something else. Nothing is left behind then.
    pub fn begin(
        target: &Path,
        info: &Info,
        input: &Input,
        options: &OutputOptions,
    ) -> Result<(Self, Box<dyn Sink>)> {
        Self::begin_on(Box::new(RealDisk), target, info, input, options)
    }

    pub(crate) fn begin_on(
        disk: Box<dyn Disk>,
        target: &Path,
        info: &Info,
        input: &Input,
        options: &OutputOptions,
    ) -> Result<(Self, Box<dyn Sink>)> {
        let kind = Kind::of(target)?;
        if target == Path::new("-") {
            let output = Self::new(disk, target, kind, Plan::default(), options);
            let sink = Y4mSink::new(Box::new(io::stdout()), "standard output".into(), info, Standing::NEW);
            return Ok((output, Box::new(sink)));
        }
        place::check(target)?;
        if options.section.is_some() {
            section::check(kind, target)?;
        }
        let plan = Plan::new(kind, target, info, input, options)?;
        let mut output = Self::new(disk, target, kind, plan, options);
        if kind == Kind::Pictures {
            fs::create_dir_all(target).map_err(|e| Error::write(target, e))?;
        }
        let is_new = !output.part.exists();
        output
            .take_place(info, options)
            .inspect_err(|_| {
                if is_new && kind != Kind::Pictures {
                    let _ = fs::remove_file(beside_part(target, kind));
                }
            })
            .map(|sink| (output, sink))
    }

    fn new(disk: Box<dyn Disk>, target: &Path, kind: Kind, plan: Plan, options: &OutputOptions) -> Self {
        let piped = target == Path::new("-");
        let mut words = options.fingerprint.clone();
        if let Some(Section { number, count, first, .. }) = &options.section {
            words += &format!(" part {number}/{count} from {first}");
        }
        let journal = (!piped).then(|| Journal::new(beside(target, "", ".part-journal"), &words));
        Self {
            target: target.into(),
            kind,
            part: beside_part(target, kind),
            disk,
            journal,
            mark: Mark::default(),
            plan,
            section: options.section.clone(),
            written: Arc::default(),
            fingerprint: options.fingerprint.clone(),
            xmp: options.xmp.clone(),
            resumed: false,
            _lock: None,
        }
    }

    /// Locks the place, finds where to go on from, and opens the file.
    fn take_place(&mut self, info: &Info, options: &OutputOptions) -> Result<Box<dyn Sink>> {
        self._lock = Some(Lock::take(&self.part, &self.target)?);
        if options.resume
            && let Some(mark) = self.last_mark()?
        {
            (self.mark, self.resumed) = (mark, true);
        }
        let first = self.section.as_ref().map_or(0, |section| section.first);
        if !self.resumed {
            self.mark.frames = first;
            if let Some(journal) = &self.journal {
                journal.remove();
            }
        }
        let head = self.mark.bytes == 0 && first == 0;
        let from = Standing { bytes: self.mark.bytes, frames: self.mark.frames, head };
        let sink = self.sink(info, from)?;
        if self.section.is_none() {
            return Ok(sink);
        }
        self.written.store(self.mark.frames - first, Ordering::SeqCst);
        Ok(Box::new(SectionSink { sink, written: self.written.clone() }))
    }

    /// The film that parts make, all but its name: [`Output::complete`] gives it that.
    ///
    /// # Errors
    /// As [`Output::begin`], and when the parts are of another kind.
    pub fn of_parts(
        parts: &Parts,
        target: &Path,
        info: &Info,
        input: &Input,
        options: &OutputOptions,
    ) -> Result<Self> {
        let kind = Kind::of(target)?;
        place::check(target)?;
        parts.check_kind(kind, target)?;
        let plan = Plan::beside(kind, target, input, options)?;
        let mut output = Self::new(Box::new(RealDisk), target, kind, plan, options);
        let from = Standing { bytes: parts.bytes(), frames: parts.frames(), head: false };
        output._lock = Some(Lock::take(&output.part, target)?);
        let gathered = parts.gather(&output.part).and_then(|file| end_of(kind, file, info, from));
        match gathered {
            Ok(()) => Ok(output),
            Err(error) => {
                output.discard();
                Err(error)
            }
        }
    }

    /// Where work goes on from; all zero at a fresh start.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Whether an earlier run is taken up.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// What a person should know.
    pub fn notes(&self) -> &[String] {
        &self.plan.notes
    }

    /// The result.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The unfinished file.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Whether work can go on later.
    pub fn can_resume(&self) -> bool {
        self.journal.is_some()
    }

    /// Notes how far the file has come, once all of that has reached the disk.
    pub fn save(&self, mark: &Mark) -> Result<()> {
        let Some(journal) = &self.journal else { return Ok(()) };
        self.disk.sync(&self.part).map_err(|e| Error::write(&self.part, e))?;
        journal.write(self.disk.as_ref(), mark)
    }

    /// Gives the whole film its name.
    ///
    /// # Errors
    /// When that fails; the painted pictures are kept then, and [`OutputOptions::resume`] tries the end again.
    pub fn complete(self) -> Result<()> {
        let Some(journal) = &self.journal else { return Ok(()) };
        if let Some(section) = &self.section {
            self.place_section(section)?;
            journal.remove();
            return Ok(());
        }
        self.place()?;
        journal.remove();
        Ok(())
    }

    fn place(&self) -> Result<()> {
        match self.kind {
            Kind::Pictures => self.disk.sync(&self.target).map_err(|e| Error::write(&self.target, e)),
            Kind::Mp4 | Kind::Mov | Kind::Ffmpeg => self.place_film(),
            Kind::Y4m | Kind::Gif | Kind::Webp | Kind::Apng => self.rename(),
        }
    }

    fn place_film(&self) -> Result<()> {
        match &self.plan.track {
            Track::Builtin(beside) => {
                self.assemble(beside.as_ref())?;
            }
            Track::Ffmpeg { tools, sound, tags } => {
                let xmp = self.xmp.as_deref();
                let joined = ffmpeg::Joined { sound: sound.as_ref(), tags: tags.as_deref(), xmp };
                match self.kind.has_clean_aperture() && mp4::has_clean_aperture(&self.part)? {
                    true => self.join_cut(tools, &joined)?,
                    false => ffmpeg::join(tools, &self.part, &joined, &self.target)?,
                }
            }
        }
        // The film has its name; what stays is only in the way.
        let _ = sync_parent(&self.target);
        let _ = fs::remove_file(&self.part);
        Ok(())
    }

    fn assemble(&self, sound: Option<&mp4::Sound>) -> Result<()> {
        let kind = mp4::Whole { quicktime: self.kind == Kind::Mov, xmp: self.xmp.as_deref() };
        mp4::assemble(&self.part, sound, &self.target, kind)
    }

    /// ffmpeg makes no clean aperture: it puts sound and tags into a file of their own, and this program joins.
    fn join_cut(&self, tools: &ffmpeg::Tools, joined: &ffmpeg::Joined) -> Result<()> {
        let quicktime = self.kind == Kind::Mov;
        let between = beside(&self.target, ".sound.", if quicktime { ".mov" } else { ".mp4" });
        let join = || {
            ffmpeg::join(tools, &self.part, joined, &between)?;
            self.assemble(Some(&mp4::Sound::open(&between, quicktime)?))
        };
        let outcome = join();
        let _ = fs::remove_file(&between);
        outcome
    }

    fn rename(&self) -> Result<()> {
        let place = || {
            self.disk.sync(&self.part)?;
            fs::rename(&self.part, &self.target)?;
            sync_parent(&self.target)
        };
        place().map_err(|e| Error::write(&self.target, e))
    }

    fn place_section(&self, section: &Section) -> Result<()> {
        let frames = self.written.load(Ordering::SeqCst);
        section.close(&self.part, frames, &self.fingerprint).map_err(|e| Error::write(&self.part, e))?;
        self.rename()
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

    /// Ends before the film is whole. What a journal vouches for stays, and the name of that file is given; else nothing stays.
    pub fn leave(self) -> Option<PathBuf> {
        let begun = self.journal.as_ref().is_some_and(|journal| journal.path().exists());
        if begun {
            return Some(self.part);
        }
        if self.kind == Kind::Pictures {
            // Pictures are whole each by itself, and a folder of them is what a person sees.
            let _ = fs::remove_dir(&self.target);
            return None;
        }
        self.discard();
        None
    }

    /// The last mark; none where nothing was begun.
    fn last_mark(&self) -> Result<Option<Mark>> {
        let name = name_of(&self.target);
        let Some(mark) = self.journal.as_ref().map_or(Ok(None), |journal| journal.read(&name))? else {
            return Ok(None);
        };
        let have = match self.kind {
            Kind::Pictures => Ok(mark.bytes),
            _ => fs::metadata(&self.part).map(|m| m.len()),
        };
        match have {
            Ok(bytes) if bytes >= mark.bytes => Ok(Some(mark)),
            _ => {
                let why = format!(
                    "{} is missing or too short; leave --resume away to begin anew",
                    self.part.display()
                );
                Err(VideoError::Resume { name, why }.into())
            }
        }
    }

    fn sink(&self, info: &Info, from: Standing) -> Result<Box<dyn Sink>> {
        let name = name_of(&self.target);
        if self.kind == Kind::Pictures {
            return self.picture_sink(info);
        }
        let file = self.disk.open(&self.part, from.bytes).map_err(|e| Error::write(&self.part, e))?;
        let quality = self.plan.coding.quality;
        Ok(match self.kind {
            Kind::Y4m => Box::new(Y4mSink::new(Box::new(file), name, info, from)),
            Kind::Gif => Box::new(GifSink::new(file, name, info, from)?),
            Kind::Webp => Box::new(WebpSink::new(file, name, info, quality, from)?),
            Kind::Apng => Box::new(ApngSink::new(file, name, info, from)),
            Kind::Mp4 | Kind::Mov | Kind::Ffmpeg => {
                Box::new(Mp4Sink::new(file, name, info, &self.plan.coding, from))
            }
            Kind::Pictures => unreachable!("pictures lie in a folder"),
        })
    }

    fn picture_sink(&self, info: &Info) -> Result<Box<dyn Sink>> {
        let fail = |e| Error::write(&self.target, e);
        if !self.resumed && fs::read_dir(&self.target).map_err(fail)?.next().is_some() {
            let why = "the folder is not empty; name a new one, or empty it".into();
            return Err(VideoError::Unfit { name: name_of(&self.target), why }.into());
        }
        Ok(Box::new(PictureSink::new(self.target.clone(), self.mark.frames, info.alpha)))
    }
}

/// The unfinished file, or the folder itself.
fn beside_part(target: &Path, kind: Kind) -> PathBuf {
    if kind == Kind::Pictures { target.into() } else { beside(target, "", ".part") }
}

/// Reads nothing, writes what ends a file whose frames are all there: for joining.
pub(crate) fn end_of(
    kind: Kind,
    file: Box<dyn super::disk::PartFile>,
    info: &Info,
    from: Standing,
) -> Result<()> {
    let name = info.name.clone();
    match kind {
        Kind::Gif => Box::new(GifSink::new(file, name, info, from)?).finish(),
        Kind::Webp => Box::new(WebpSink::new(file, name, info, 80, from)?).finish(),
        Kind::Apng => Box::new(ApngSink::new(file, name, info, from)).finish(),
        // Nothing stands behind their frames.
        Kind::Mp4 | Kind::Mov | Kind::Y4m | Kind::Pictures | Kind::Ffmpeg => Ok(()),
    }
}
