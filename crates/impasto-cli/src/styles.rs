//! Which style is meant: a built-in name, a `.style` file, or a picture.

use crate::args::StyleWord;
use crate::failure::wrong_use;
use crate::size;
use anyhow::{Context, Result, anyhow, bail};
use impasto::{Provenance, Style, Stylizer, builtin};
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
        if let Some(style) = builtin::style(what).filter(|style| style.check(model).is_ok()) {
            return Ok(style);
        }
        let path = Path::new(what);
        if !path.exists() {
            return Err(unknown(what, model));
        }
        if is_style_file(path) {
            let style = read_file(path)?;
            style.check(model).with_context(|| what.to_string())?;
            return Ok(style);
        }
        self.encode(path)
    }

    /// The style of the painting at `path`.
    fn encode(&self, path: &Path) -> Result<Style> {
        let painting = still::read(path)?.image;
        let shown = || format!("cannot take a style from {}", path.display());
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

fn unknown(what: &str, model: &impasto::Model) -> anyhow::Error {
    let built_in = builtin::styles();
    let fitting: Vec<_> = built_in.iter().filter(|s| s.check(model).is_ok()).collect();
    let names: Vec<_> = fitting.iter().map(|s| s.provenance.name.as_str()).collect();
    let known = match names.is_empty() {
        true => format!("the {} model has no built-in styles; name a picture or a .style file", model.name),
        false => format!("built-in styles are: {}", names.join(", ")),
    };
    anyhow!("there is no style `{what}`: no file has that name, and {known}")
}
