//! Models, styles and pictures by the word that a person typed: a built-in name, or the path of a file.
//!
//! Every front (the program, Python, C) understands the same words, and says the same where one means nothing.

use crate::{Model, PaintError, Style, Stylizer, builtin, names};
use impasto_core::model::ModelError;
use impasto_core::style::Provenance;
use impasto_core::{Image, StyleError};
use impasto_media::still::{self, Limits};
use impasto_media::{atomic::AtomicFile, resize};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// A `.style` file may not be larger than this many bytes: ours have a few thousand, tuned ones some 300,000.
const MAX_STYLE_BYTES: u64 = 16 << 20;

/// Shorter side in px to which a painting is brought before its style is taken, unless another is asked for.
pub const STYLE_PX: usize = 512;

/// Why a word means nothing, or its file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// No file and no built-in style is called so.
    #[error(
        "there is no style `{word}`: no file has that name, and no built-in style; \
         {nearest}`impasto styles list` names all {count}"
    )]
    NoStyle {
        /// The word.
        word: String,
        /// The nearest built-in names, as the beginning of a sentence.
        nearest: String,
        /// Number of built-in styles.
        count: usize,
    },
    /// A folder where a style is wanted.
    #[error("{0} is a folder; a style is a built-in name, a picture or a .style file")]
    Folder(String),
    /// A `.style` file that cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// The system's words.
        source: io::Error,
    },
    /// A `.style` file that cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: String,
        /// The system's words.
        source: io::Error,
    },
    /// A file far too large for a style.
    #[error("{path} has {bytes} bytes and cannot be a style; styles have at most {MAX_STYLE_BYTES}")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        bytes: u64,
    },
    /// A style that is damaged, or of another model.
    #[error("{word}: {source}")]
    Style {
        /// The word.
        word: String,
        /// The fault.
        source: StyleError,
    },
    /// A painting would be brought to a size beyond the limit.
    #[error("a style size of {style_px} would make {name} {width}x{height} px; the limit is {limit} pixels")]
    StyleSize {
        /// The painting.
        name: String,
        /// The size that was asked for.
        style_px: usize,
        /// The width in px that it would have.
        width: usize,
        /// The height in px that it would have.
        height: usize,
        /// The most pixels.
        limit: u64,
    },
    /// A picture that cannot be read.
    #[error(transparent)]
    Picture(#[from] impasto_media::Error),
    /// A painting of which nothing can be used.
    #[error("cannot take a style from {path}: {source}")]
    Painting {
        /// The file.
        path: String,
        /// The fault.
        source: impasto_media::Error,
    },
    /// A painting whose style cannot be taken.
    #[error("cannot take a style from {name}: {source}")]
    Encode {
        /// The painting.
        name: String,
        /// The fault.
        source: PaintError,
    },
    /// A model file that cannot be used.
    #[error("cannot use the model {path}: {source}")]
    Model {
        /// The file.
        path: String,
        /// The fault.
        source: ModelError,
    },
}

/// Meanings of a word for a style.
#[derive(Debug, PartialEq)]
pub enum Found<'a> {
    /// The built-in style of that name.
    BuiltIn(&'static str),
    /// A picture or a `.style` file.
    File(&'a Path),
}

/// The meaning of a word: a built-in name as it is written, else a file, else a name that is nearly that.
/// Unless `built_in_first` is set, a file goes before a name.
///
/// # Errors
/// When it is a folder, or neither a file nor the name of a built-in style.
pub fn find(word: &str, built_in_first: bool) -> Result<Found<'_>, FileError> {
    let (name, path) = (names::built_in(word), Path::new(word));
    match name {
        Some(name) if name == word && built_in_first => Ok(Found::BuiltIn(name)),
        _ if path.is_dir() => Err(FileError::Folder(word.into())),
        _ if path.exists() => Ok(Found::File(path)),
        Some(name) => Ok(Found::BuiltIn(name)),
        None => Err(no_style(word)),
    }
}

fn no_style(word: &str) -> FileError {
    let near = names::nearest(word).iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
    let nearest = match near.as_slice() {
        [] => String::new(),
        [all @ .., last] => format!("the nearest built-in names are {} and {last}; ", all.join(", ")),
    };
    FileError::NoStyle { word: word.into(), nearest, count: builtin::names().len() }
}

/// Whether the name says that it is a file of a style.
pub fn is_style_file(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("style"))
}

/// A short name for a style: the built-in name, or the file's name without its ending.
pub fn name_of(word: &str) -> String {
    Path::new(word).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads a `.style` file, of whatever model.
///
/// # Errors
/// When it cannot be read, or is no style.
pub fn read_style(path: &Path) -> Result<Style, FileError> {
    let shown = || path.display().to_string();
    let read = |source| FileError::Read { path: shown(), source };
    let bytes = fs::metadata(path).map_err(read)?.len();
    if bytes > MAX_STYLE_BYTES {
        return Err(FileError::TooLarge { path: shown(), bytes });
    }
    let bytes = fs::read(path).map_err(read)?;
    Style::from_bytes(&bytes).map_err(|source| FileError::Style { word: shown(), source })
}

/// Writes a `.style` file, whole or not at all.
///
/// # Errors
/// When the system refuses it.
pub fn write_style(path: &Path, style: &Style) -> Result<(), FileError> {
    let written = AtomicFile::create(path).and_then(|mut file| {
        file.file().write_all(&style.to_bytes())?;
        file.commit()
    });
    written.map_err(|source| FileError::Write { path: path.display().to_string(), source })
}

/// The built-in style of that name, or that of a `.style` file; `None` for a picture, whose style only a [`Stylizer`] can take.
///
/// # Errors
/// When the word means nothing, or its file is no style.
pub fn made_style(word: &str) -> Result<Option<Style>, FileError> {
    match find(word, true)? {
        Found::BuiltIn(name) => Ok(builtin::style(name)),
        Found::File(path) if is_style_file(path) => read_style(path).map(Some),
        Found::File(_) => Ok(None),
    }
}

/// The painting at `path`, or of a cut-out the part that is seen.
///
/// # Errors
/// When it cannot be read, or nothing of it is seen.
pub fn painting(path: &Path) -> Result<Image, FileError> {
    let still = still::read_within(path, Limits::painting())?;
    still.into_painting().map_err(|source| FileError::Painting { path: path.display().to_string(), source })
}

/// The picture at `path`, upright, without its alpha.
///
/// # Errors
/// When it cannot be read.
pub fn picture(path: &Path) -> Result<Image, FileError> {
    Ok(still::read(path)?.image)
}

/// The built-in model of that name, or that of a file.
///
/// # Errors
/// When the file cannot be read, or is no model.
pub fn model(word: &str) -> Result<Arc<Model>, FileError> {
    if let Some(model) = builtin::model(word) {
        return Ok(model);
    }
    let model = Model::load(Path::new(word));
    model.map(Arc::new).map_err(|source| FileError::Model { path: word.into(), source })
}

impl Stylizer {
    /// The style that a word means: a built-in name, a `.style` file, or a painting, which is brought to `style_px` on its
    /// shorter side (0 keeps its size).
    ///
    /// # Errors
    /// When the word means nothing, its file cannot be used, or the style is one of another model.
    pub fn style(&self, word: &str, style_px: usize) -> Result<Style, FileError> {
        let Some(style) = made_style(word)? else { return self.encode_file(Path::new(word), style_px) };
        style.check(self.model()).map_err(|source| FileError::Style { word: word.into(), source })?;
        Ok(style)
    }

    /// The style of a painting, which is brought to `style_px` on its shorter side (0 keeps its size).
    ///
    /// # Errors
    /// When that would be too large, or the engine fails.
    pub fn style_of(
        &self,
        painting: &Image,
        provenance: Provenance,
        style_px: usize,
    ) -> Result<Style, FileError> {
        let name = || provenance.name.clone();
        let (width, height) = resize::size_for_shorter_side(painting.width(), painting.height(), style_px);
        let limit = Limits::default().pixels;
        if width as u64 * height as u64 > limit {
            return Err(FileError::StyleSize { name: name(), style_px, width, height, limit });
        }
        let painting = resize::resize(painting, width, height);
        self.encode(&painting, provenance.clone())
            .map_err(|source| FileError::Encode { name: name(), source })
    }

    fn encode_file(&self, path: &Path, style_px: usize) -> Result<Style, FileError> {
        let source = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = name_of(&path.display().to_string());
        self.style_of(&painting(path)?, Provenance { name, source }, style_px)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_before_anything_is_loaded() {
        assert_eq!(find("Starry Night", true).unwrap(), Found::BuiltIn("starry-night"));
        let error = find("mosiac", true).unwrap_err().to_string();
        assert!(error.contains("`mosiac`") && error.contains("names are `mosaic`,"), "{error}");
        assert!(find(".", true).unwrap_err().to_string().contains("folder"));
    }

    #[test]
    fn styles_and_models_come_by_name_and_from_files() {
        let folder = std::env::temp_dir().join(format!("impasto-files-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("mine.style");
        let waves = made_style("waves").unwrap().unwrap();
        write_style(&file, &waves).unwrap();
        assert_eq!(made_style(file.to_str().unwrap()).unwrap().unwrap(), waves);
        fs::write(&file, "no style").unwrap();
        let error = read_style(&file).unwrap_err().to_string();
        assert!(error.contains("mine.style: not a style file"), "{error}");
        assert!(write_style(&folder, &waves).is_err());
        assert!(model("light").is_ok());
        let error = model("none.safetensors").unwrap_err().to_string();
        assert!(error.starts_with("cannot use the model none.safetensors"), "{error}");
        fs::remove_dir_all(&folder).unwrap();
    }
}
