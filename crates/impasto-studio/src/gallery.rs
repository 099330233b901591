//! The styles to choose from.

use crate::settings::Chosen;
use crate::{StudioError, codec};
use impasto::{Dials, Provenance, Style, Stylizer, scene};
use impasto_core::Image;
use impasto_pixel::resize;
use serde::Serialize;

/// Shorter side in px at which dropped paintings are looked at.
const STYLE_PX: usize = 512;
/// Styles beyond that many push out the oldest dropped one.
const MAX_STYLES: usize = 256;
const THUMB_PX: (usize, usize) = (192, 108);

/// One style with what a page shows of it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Name in the API.
    pub id: String,
    /// For people.
    pub name: String,
    /// Painter, title, rights, or the dropped file's name.
    pub source: String,
    /// Whether it is part of the program or was given at its start; such a one is never removed.
    pub builtin: bool,
    /// The painting that it was made from, small, JPEG, where it was dropped; as JSON whether there is one.
    #[serde(serialize_with = "whether")]
    painting: Option<Vec<u8>>,
    #[serde(skip)]
    style: Style,
    #[serde(skip)]
    thumb: Vec<u8>,
}

fn whether<S: serde::Serializer>(painting: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(painting.is_some())
}

/// All styles that can be chosen.
#[derive(Default)]
pub struct Gallery {
    entries: Vec<Entry>,
    dropped: usize,
}

impl Gallery {
    /// Adds a style that stays; gives its id.
    pub fn add(&mut self, stylizer: &Stylizer, style: Style) -> Result<String, StudioError> {
        let id = style.provenance.name.clone();
        self.push(entry(stylizer, style, id, true, None)?)
    }

    /// Adds a style that stays, without a small painting: for those who paint them later ([`small_painting`]). Gives its id.
    pub fn add_unpainted(&mut self, style: Style) -> Result<String, StudioError> {
        let id = style.provenance.name.clone();
        let Provenance { name, source } = style.provenance.clone();
        self.push(Entry { id, name, source, builtin: true, painting: None, style, thumb: vec![] })
    }

    fn push(&mut self, mut entry: Entry) -> Result<String, StudioError> {
        while self.entries.iter().any(|e| e.id == entry.id) {
            self.dropped += 1;
            entry.id = format!("{}-{}", entry.id, self.dropped);
        }
        if self.entries.len() >= MAX_STYLES
            && let Some(oldest) = self.entries.iter().position(|e| !e.builtin)
        {
            self.entries.remove(oldest);
        }
        self.entries.push(entry.clone());
        Ok(entry.id)
    }

    /// Adds a style made from a dropped file; gives its id.
    pub fn add_dropped(&mut self, entry: Entry) -> Result<String, StudioError> {
        self.push(entry)
    }

    /// Takes a dropped style away.
    pub fn remove(&mut self, id: &str) -> Result<(), StudioError> {
        let index =
            self.entries.iter().position(|e| e.id == id).ok_or_else(|| StudioError::Style(id.into()))?;
        if self.entries[index].builtin {
            return Err(StudioError::BuiltIn(id.into()));
        }
        self.entries.remove(index);
        Ok(())
    }

    /// What is there, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// A small painting in that style, JPEG; empty for a style that was added unpainted.
    pub fn thumb(&self, id: &str) -> Option<&[u8]> {
        self.entries.iter().find(|e| e.id == id).map(|e| e.thumb.as_slice())
    }

    /// The painting that a dropped style was made from, small, JPEG.
    pub fn painting(&self, id: &str) -> Option<&[u8]> {
        self.entries.iter().find(|e| e.id == id).and_then(|e| e.painting.as_deref())
    }

    /// The mix of the chosen styles; `None` if nothing is chosen.
    pub fn mix(&self, chosen: &[Chosen]) -> Result<Option<Style>, StudioError> {
        let find = |c: &Chosen| {
            let entry =
                self.entries.iter().find(|e| e.id == c.id).ok_or_else(|| StudioError::Style(c.id.clone()))?;
            Ok((&entry.style, c.weight))
        };
        let styles = chosen.iter().map(find).collect::<Result<Vec<_>, StudioError>>()?;
        if styles.is_empty() { Ok(None) } else { Ok(Some(Style::mix(&styles)?)) }
    }
}

fn entry(
    stylizer: &Stylizer,
    style: Style,
    id: String,
    builtin: bool,
    painting: Option<&Image>,
) -> Result<Entry, StudioError> {
    let thumb = small_painting(stylizer, &style, None, &Dials::default())?;
    let painting = painting.map(|painting| codec::jpeg(&thumb_size(painting), 85));
    let Provenance { name, source } = style.provenance.clone();
    Ok(Entry { id, name, source, builtin, painting, style, thumb })
}

/// The picture in its own shape, as large as a small painting.
pub fn thumb_size(image: &Image) -> Image {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let scale = (THUMB_PX.0 as f32 / width).min(THUMB_PX.1 as f32 / height).min(1.0);
    let side = |px: f32| ((px * scale).round() as usize).max(1);
    resize::resize(image, side(width), side(height))
}

/// A small painting in that style, JPEG: of `picture`, or of the demo scene where there is none. Takes some milliseconds.
pub fn small_painting(
    stylizer: &Stylizer,
    style: &Style,
    picture: Option<&Image>,
    dials: &Dials,
) -> Result<Vec<u8>, StudioError> {
    let small = picture.map_or_else(|| scene::draw(THUMB_PX.0, THUMB_PX.1, 3.0), thumb_size);
    Ok(codec::jpeg(&stylizer.paint(&small, style, dials)?, 80))
}

/// A style from a dropped `.style` file.
pub fn entry_from_file(stylizer: &Stylizer, bytes: &[u8]) -> Result<Entry, StudioError> {
    let style = Style::from_bytes(bytes)?;
    style.check(stylizer.model())?;
    let id = id_from(&style.provenance.name);
    entry(stylizer, style, id, false, None)
}

/// A style from a dropped painting; `file` is the file's name. Takes up to a second; the gallery is not needed meanwhile.
pub fn entry_from_painting(stylizer: &Stylizer, painting: Image, file: &str) -> Result<Entry, StudioError> {
    let painting = sized(painting);
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let style = stylizer.encode(&painting, Provenance { name: stem.into(), source: file.into() })?;
    let id = id_from(&style.provenance.name);
    entry(stylizer, style, id, false, Some(&painting))
}

fn sized(painting: Image) -> Image {
    if painting.width().min(painting.height()) > STYLE_PX {
        resize::resize_shorter_side(&painting, STYLE_PX)
    } else {
        painting
    }
}

/// Letters, digits and dashes; not empty.
fn id_from(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let id: String = name.chars().map(keep).take(40).collect();
    let id = id.trim_matches('-');
    if id.is_empty() { "dropped".into() } else { id.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_safe_in_an_address() {
        assert_eq!(id_from("The Great Wave!"), "the-great-wave");
        assert_eq!(id_from("../../etc/passwd"), "etc-passwd");
        assert_eq!(id_from("星月夜"), "dropped");
    }
}
