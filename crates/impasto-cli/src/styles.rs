//! Which style is meant: a built-in name, a `.style` file, or a picture.
//!
//! A word is found first ([`find`]), which needs no model and ends a slip of the pen at once, and read later.

use crate::args::StyleWord;
use crate::failure::wrong_use;
use crate::size;
use anyhow::{Context, Result, anyhow, bail};
use impasto::{Image, Provenance, Style, Stylizer, builtin, names};
use impasto_media::still::Limits;
use impasto_media::{resize, still};
use std::fs;
use std::path::Path;

/// A `.style` file may not be larger than this many bytes; ours have a few thousand.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Finds styles for one stylizer.
pub struct Styles<'a> {
    /// Encodes paintings.
    pub stylizer: &'a Stylizer,
    /// Shorter side in px at which a painting is looked at; 0 keeps it.
    pub style_px: usize,
}

impl Styles<'_> {
    /// The style that `what` stands for.
    pub fn read(&self, what: &str) -> Result<Style> {
        let model = self.stylizer.model();
        let path = match find(what, builtin::style(what).is_some_and(|style| style.check(model).is_ok()))? {
            Found::BuiltIn(name) => {
                let style = builtin::style(name).expect("it was found");
                style.check(model).with_context(|| {
                    format!(
                        "`{name}` is a style of another model; name a picture, or paint with --model light"
                    )
                })?;
                return Ok(style);
            }
            Found::File(path) => path,
        };
        if is_style_file(path) {
            let style = read_file(path)?;
            style.check(model).with_context(|| what.to_string())?;
            return Ok(style);
        }
        self.encode(path)
    }

    /// The painting that `what` names, at the size at which it is looked at; `None` for a built-in style and a `.style` file.
    pub fn painting(&self, what: &str) -> Result<Option<Image>> {
        let model = self.stylizer.model();
        match find(what, builtin::style(what).is_some_and(|style| style.check(model).is_ok()))? {
            Found::File(path) if !is_style_file(path) => {
                Ok(Some(resize::resize_shorter_side(&painting(path)?, self.style_px)))
            }
            Found::File(_) | Found::BuiltIn(_) => Ok(None),
        }
    }

    /// The style of the painting at `path`.
    fn encode(&self, path: &Path) -> Result<Style> {
        let shown = || format!("cannot take a style from {}", path.display());
        if is_film(path) {
            bail!(
                "{} is a film; `impasto video` alone takes the styles of its frames, one after another, so save one \
                 frame as a picture",
                path.display()
            );
        }
        let painting = painting(path)?;
        size::check(&painting, self.style_px, "--style-size").with_context(shown)?;
        let painting = resize::resize_shorter_side(&painting, self.style_px);
        let source = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let provenance = Provenance { name: name_of(&path.display().to_string()), source };
        self.stylizer.encode(&painting, provenance).with_context(shown)
    }

    /// The mix of several words by their weights (1 where none is given).
    pub fn mix(&self, words: &[StyleWord]) -> Result<Style> {
        check_weights(words)?;
        let read = |word: &StyleWord| Ok((self.read(&word.what)?, word.weight.unwrap_or(1.0)));
        let mut styles = words.iter().map(read).collect::<Result<Vec<_>>>()?;
        if styles.len() == 1 {
            return Ok(styles.remove(0).0);
        }
        let weighted: Vec<_> = styles.iter().map(|(style, weight)| (style, *weight)).collect();
        Ok(Style::mix(&weighted)?)
    }
}

/// What a word stands for.
#[derive(Debug, PartialEq)]
pub enum Found<'a> {
    /// The built-in style of that name.
    BuiltIn(&'static str),
    /// A picture or a `.style` file.
    File(&'a Path),
}

/// What `what` stands for: a built-in name as it is written, else a file, else a name that is nearly that.
/// Where `built_in_first` is not set, a file goes before a name.
pub fn find(what: &str, built_in_first: bool) -> Result<Found<'_>> {
    let (name, path) = (names::built_in(what), Path::new(what));
    match name {
        Some(name) if name == what && built_in_first => Ok(Found::BuiltIn(name)),
        _ if path.is_dir() => {
            bail!("{what} is a folder; a style is a built-in name, a picture or a .style file")
        }
        _ if path.exists() => Ok(Found::File(path)),
        Some(name) => Ok(Found::BuiltIn(name)),
        None => Err(unknown(what)),
    }
}

/// The words with built-in names written as they are called; an error for one that stands for nothing.
pub fn resolved(words: &[StyleWord]) -> Result<Vec<StyleWord>> {
    check_weights(words)?;
    let resolve = |word: &StyleWord| Ok(StyleWord { what: resolved_name(&word.what)?, weight: word.weight });
    words.iter().map(resolve).collect()
}

/// The same for one word without a weight.
pub fn resolved_name(what: &str) -> Result<String> {
    match find(what, true)? {
        Found::BuiltIn(name) => Ok(name.into()),
        Found::File(_) => Ok(what.into()),
    }
}

/// The painting at `path`, or of a cut-out the part that is seen.
pub fn painting(path: &Path) -> Result<Image> {
    let still = still::read_within(path, Limits::painting())?;
    let shown = path.display();
    still.into_painting().with_context(|| format!("cannot take a style from {shown}"))
}

/// Refuses a mix in which nothing has a weight.
pub fn check_weights(words: &[StyleWord]) -> Result<()> {
    if !words.is_empty() && words.iter().all(|word| word.weight == Some(0.0)) {
        return Err(wrong_use("all styles have weight 0; give at least one style a weight above 0"));
    }
    Ok(())
}

/// Whether the name says that it is a file of a style.
pub fn is_style_file(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("style"))
}

/// Endings of films; a GIF or WebP that moves is a painting, its first frame.
const FILM_ENDINGS: [&str; 12] =
    ["mp4", "m4v", "mov", "mkv", "webm", "avi", "y4m", "ts", "mpg", "mpeg", "wmv", "vob"];

/// Whether the name is that of a film.
pub fn is_film(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default();
    path.is_file() && FILM_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Reads a `.style` file, of whatever model.
pub fn read_file(path: &Path) -> Result<Style> {
    let shown = path.display();
    let bytes = fs::metadata(path).with_context(|| format!("cannot read {shown}"))?.len();
    if bytes > MAX_FILE_BYTES {
        bail!("{shown} has {bytes} bytes and cannot be a style; styles have at most {MAX_FILE_BYTES}");
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
    Style::from_bytes(&bytes).with_context(|| shown.to_string())
}

/// A short name for a style, fit for a file name: the built-in name, or the file's name without its ending.
pub fn name_of(what: &str) -> String {
    Path::new(what).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn unknown(what: &str) -> anyhow::Error {
    let near = names::nearest(what).iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
    let near = match near.as_slice() {
        [] => String::new(),
        [all @ .., last] => format!("the nearest built-in names are {} and {last}; ", all.join(", ")),
    };
    anyhow!(
        "there is no style `{what}`: no file has that name, and no built-in style; {near}`impasto styles list` names \
         all {}",
        builtin::names().len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_before_anything_is_loaded() {
        assert_eq!(find("Starry Night", true).unwrap(), Found::BuiltIn("starry-night"));
        assert_eq!(resolved_name("starry").unwrap(), "starry-night");
        let error = find("mosiac", true).unwrap_err().to_string();
        assert!(error.contains("`mosiac`") && error.contains("names are `mosaic`,"), "{error}");
        assert!(find(".", true).unwrap_err().to_string().contains("folder"));
    }
}
