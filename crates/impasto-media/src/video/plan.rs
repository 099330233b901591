//! Who codes the pictures and who copies the sound of a result, settled before the first frame is painted.

use super::VideoError;
use super::address::is_address;
use super::ffmpeg::{self, Container, SoundPlan, Tools, USUAL_ENCODER};
use super::frame::Info;
use super::input::{Backend, Input};
use super::kind::Kind;
use super::mp4::{Coding, Sound, fits_builtin};
use super::output::OutputOptions;
use super::room;
use crate::error::{Result, name_of};
use std::path::{Path, PathBuf};

/// What stands beside the pictures, and who puts it there.
pub(crate) enum Track {
    /// This program: sound, subtitles and tags of an MP4 or MOV file, or nothing.
    Builtin(Option<Sound>),
    /// ffmpeg.
    Ffmpeg {
        tools: Tools,
        sound: Option<SoundPlan>,
        /// A file whose title, date and the like are kept.
        tags: Option<PathBuf>,
    },
}

/// How a result is made.
pub(crate) struct Plan {
    pub track: Track,
    pub coding: Coding,
    /// What a person should know, each a full sentence.
    pub notes: Vec<String>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { track: Track::Builtin(None), coding: Coding::builtin(80), notes: Vec::new() }
    }
}

impl Plan {
    /// Settles everything for a result of that kind.
    pub fn new(
        kind: Kind,
        target: &Path,
        info: &Info,
        input: &Input,
        options: &OutputOptions,
    ) -> Result<Self> {
        let mut plan = Self { coding: Coding::builtin(options.quality), ..Self::default() };
        let words = Words { kind, target, options };
        if kind.has_sound() {
            plan.coding = words.coding(info)?;
        }
        if info.alpha && !kind.has_alpha() {
            plan.notes.push(
                "Transparent parts are painted on white: such a file holds none (.webp, .png, .gif and folders do)."
                    .into(),
            );
        }
        plan.notes.extend(odd_size(kind, info));
        plan.track = words.track(input, &mut plan.notes)?;
        room::check(target, kind, info, input, options)?;
        Ok(plan)
    }
}

impl Plan {
    /// The same for pictures that are coded already.
    pub fn beside(kind: Kind, target: &Path, input: &Input, options: &OutputOptions) -> Result<Self> {
        let mut plan = Self::default();
        plan.track = Words { kind, target, options }.track(input, &mut plan.notes)?;
        Ok(plan)
    }
}

/// The words about a size that H.264 in 4:2:0 does not store.
fn odd_size(kind: Kind, info: &Info) -> Option<String> {
    let (width, height) = (info.width, info.height);
    let stored = (width.next_multiple_of(2), height.next_multiple_of(2));
    if !kind.has_sound() || stored == (width, height) {
        return None;
    }
    let (w, h) = stored;
    let shown = match kind.has_clean_aperture() {
        true => format!(
            "of {w}x{h} px, {width}x{height} are shown (clean aperture); programs that do not know it show the last row or \
             column twice"
        ),
        false => format!(
            "the result has {w}x{h} px, its last row or column twice (.mp4 can say that {width}x{height} are shown)"
        ),
    };
    Some(format!("H.264 stores even sizes: {shown}."))
}

/// The request.
struct Words<'a> {
    kind: Kind,
    target: &'a Path,
    options: &'a OutputOptions,
}

impl Words<'_> {
    fn name(&self) -> String {
        name_of(self.target)
    }

    /// The encoder, tried on one picture where it is not the built-in one.
    fn coding(&self, info: &Info) -> Result<Coding> {
        let (width, height) = (info.width, info.height);
        let mut coding = Coding { quality: self.options.quality, encoder: self.options.encoder.clone() };
        let why = match &self.options.encoder {
            Some(encoder) => format!("the encoder {encoder}"),
            None if fits_builtin(width, height) => return Ok(coding),
            None => {
                coding.encoder = Some(USUAL_ENCODER.into());
                format!(
                    "H.264 of {width}x{height} px (the built-in encoder takes 16 to 3840 x 2160; --size makes it smaller, and y4m and folders of pictures take any size)"
                )
            }
        };
        let tools = self.need_ffmpeg(self.name(), why)?;
        let encoder = coding.encoder.as_deref().unwrap_or(USUAL_ENCODER);
        let unfit = |why: String| VideoError::Unfit { name: self.name(), why };
        if !tools.has_encoder(encoder) {
            let remedy = "`ffmpeg -encoders` lists those it has, such as libx264, h264_vaapi, h264_nvenc";
            return Err(unfit(format!("this ffmpeg has no encoder {encoder}; {remedy}")).into());
        }
        coding.try_on(info).map_err(|said| {
            unfit(format!(
                "the encoder {encoder} cannot code {width}x{height} px: {said}; try --size, or write y4m or a folder of pictures"
            ))
        })?;
        Ok(coding)
    }

    fn need_ffmpeg(&self, name: String, why: String) -> Result<Tools> {
        if self.options.backend == Backend::Builtin {
            return Err(VideoError::NotBuiltIn { name, why }.into());
        }
        Ok(Tools::find().ok_or(VideoError::NeedsFfmpeg { name, why })?)
    }

    fn track(&self, input: &Input, notes: &mut Vec<String>) -> Result<Track> {
        let Some(path) = input.path.as_ref().filter(|path| path.is_file()) else {
            if self.options.sound && input.path.as_ref().is_some_and(|path| is_address(path)) {
                notes.push("The sound of an address is left out; download the film to keep it.".into());
            }
            return self.without_source();
        };
        if !self.kind.has_sound() {
            let heard = || match &input.ffmpeg {
                Some(tools) => tools.has_sound(path),
                None => input.mp4 && Sound::open(path, true).is_ok_and(|sound| sound.has_sound()),
            };
            if self.options.sound && heard() {
                notes.push("The sound is left out: such a file holds none.".into());
            }
            return Ok(Track::Builtin(None));
        }
        if input.mp4 && input.ffmpeg.is_none() && self.kind != Kind::Ffmpeg {
            return self.copied(path, notes);
        }
        match &input.ffmpeg {
            Some(tools) => self.through_ffmpeg(tools.clone(), path, notes),
            None if self.kind == Kind::Ffmpeg => {
                let tools = self.need_ffmpeg(self.name(), "that kind of file".into())?;
                match input.mp4 {
                    true => self.through_ffmpeg(tools, path, notes),
                    false => self.without_source(),
                }
            }
            None => Ok(Track::Builtin(None)),
        }
    }

    /// A film that has nothing but pictures.
    fn without_source(&self) -> Result<Track> {
        if self.kind != Kind::Ffmpeg {
            return Ok(Track::Builtin(None));
        }
        let tools = self.need_ffmpeg(self.name(), "that kind of file".into())?;
        self.try_webm(&tools)?;
        Ok(Track::Ffmpeg { tools, sound: None, tags: None })
    }

    /// From MP4 and MOV to either: this program copies what it can.
    fn copied(&self, path: &Path, notes: &mut Vec<String>) -> Result<Track> {
        let mut sound = Sound::open(path, self.kind == Kind::Mov)?;
        if !self.options.tags {
            sound = sound.untagged();
        }
        if !self.options.sound {
            sound = sound.silent();
        }
        if sound.obstacles.is_empty() {
            return Ok(Track::Builtin((!sound.is_empty()).then_some(sound)));
        }
        let tools = if self.options.backend == Backend::Builtin { None } else { Tools::find() };
        let container = Container::of(self.target);
        if let (Some(tools), Some(container)) = (tools, container) {
            let plan = SoundPlan::new(&tools, path, container)?;
            notes.extend(plan.notes.iter().cloned());
            if plan.copies_all() && plan.tracks() == sound.heard() {
                return Ok(Track::Builtin(Some(sound)));
            }
            let tags = self.options.tags.then(|| path.to_path_buf());
            return Ok(Track::Ffmpeg { tools, sound: Some(plan), tags });
        }
        let what = sound.obstacles.join(" and ");
        if sound.heard() > 0 {
            notes.push(format!("{what} is left out: ffmpeg is needed to keep it."));
            return Ok(Track::Builtin(Some(sound)));
        }
        let why = format!("{what} (--no-sound leaves it out, and another ending such as .mov may hold it)");
        self.need_ffmpeg(name_of(path), why)?;
        Ok(Track::Builtin(Some(sound)))
    }

    fn through_ffmpeg(&self, tools: Tools, path: &Path, notes: &mut Vec<String>) -> Result<Track> {
        self.try_webm(&tools)?;
        let mut sound = None;
        if let (true, Some(container)) = (self.options.sound, Container::of(self.target)) {
            let plan = SoundPlan::new(&tools, path, container)?;
            notes.extend(plan.notes.iter().cloned());
            sound = Some(plan).filter(|plan| !plan.is_empty());
        }
        let tags = (self.options.tags && tools.has_tags(path)).then(|| path.to_path_buf());
        if sound.is_none() && tags.is_none() && self.kind != Kind::Ffmpeg {
            return Ok(Track::Builtin(None));
        }
        Ok(Track::Ffmpeg { tools, sound, tags })
    }

    fn try_webm(&self, tools: &Tools) -> Result<()> {
        if Container::of(self.target) != Some(Container::Webm) {
            return Ok(());
        }
        ffmpeg::try_pictures(tools).map_err(|said| {
            let why = format!("this ffmpeg cannot write WebM ({said}); name the result .mkv or .mp4");
            VideoError::Unfit { name: self.name(), why }.into()
        })
    }
}
