//! The styles to choose from.

use crate::settings::Chosen;
use crate::{StudioError, codec};
use impasto::{Dials, Provenance, Style, Stylizer, scene};
use impasto_core::Image;
use impasto_pixel::resize;
use serde::Serialize;
use std::sync::Arc;

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
    /// The painting large enough to learn from; as JSON whether there is one.
    #[serde(serialize_with = "whether_canvas", rename = "deepens")]
    canvas: Option<Canvas>,
    /// As JSON whether it is a tuned one, with weights of its own.
    #[serde(serialize_with = "whether_tuned", rename = "tuned")]
    style: Style,
    /// The style before it was deepened; as JSON whether it is.
    #[serde(serialize_with = "whether_style", rename = "deepened")]
    quick: Option<Box<(Style, Vec<u8>)>>,
    #[serde(skip)]
    thumb: Vec<u8>,
}

/// A painting to learn from: JPEG, so that 256 of them take some 50 MB.
#[derive(Clone, Debug)]
pub struct Canvas(Arc<[u8]>);

impl Canvas {
    /// Quality of 95: losses are far below what strokes show.
    fn of(painting: &Image) -> Self {
        Self(codec::jpeg(painting, 95).into())
    }

    /// The JPEG.
    pub fn file(&self) -> &[u8] {
        &self.0
    }
}

fn whether_canvas<S: serde::Serializer>(canvas: &Option<Canvas>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(canvas.is_some())
}

fn whether_tuned<S: serde::Serializer>(style: &Style, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(style.update().is_some())
}

fn whether_style<S: serde::Serializer>(
    quick: &Option<Box<(Style, Vec<u8>)>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.serialize_bool(quick.is_some())
}

fn whether<S: serde::Serializer>(painting: &Option<Vec<u8>>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(painting.is_some())
}

/// All styles that can be chosen.
#[derive(Default)]
pub struct Gallery {
    entries: Vec<Entry>,
    dropped: usize,
    /// Counts changes.
    version: u64,
}

impl Gallery {
    /// Adds a style that stays; gives its id.
    pub fn add(&mut self, stylizer: &Stylizer, style: Style) -> Result<String, StudioError> {
        let id = style.provenance.name.clone();
        self.push(entry(stylizer, style, id, true, None)?)
    }

    /// Adds a style that stays, with its painting, so that it can be deepened; gives its id.
    pub fn add_painted(
        &mut self,
        stylizer: &Stylizer,
        style: Style,
        painting: &Image,
    ) -> Result<String, StudioError> {
        let id = style.provenance.name.clone();
        self.push(entry(stylizer, style, id, true, Some(painting))?)
    }

    /// Adds a style that stays, without a small painting: for those who paint them later ([`small_painting`]). Gives its id.
    pub fn add_unpainted(&mut self, style: Style) -> Result<String, StudioError> {
        let Provenance { name, source } = style.provenance.clone();
        let (painting, canvas, quick) = (None, None, None);
        self.push(Entry {
            id: name.clone(),
            name,
            source,
            builtin: true,
            painting,
            canvas,
            style,
            quick,
            thumb: vec![],
        })
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
        self.version += 1;
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
        self.version += 1;
        Ok(())
    }

    /// Another number after each change.
    pub fn version(&self) -> u64 {
        self.version
    }

    fn entry(&self, id: &str) -> Result<&Entry, StudioError> {
        self.entries.iter().find(|e| e.id == id).ok_or_else(|| StudioError::Style(id.into()))
    }

    fn entry_mut(&mut self, id: &str) -> Result<&mut Entry, StudioError> {
        self.version += 1;
        self.entries.iter_mut().find(|e| e.id == id).ok_or_else(|| StudioError::Style(id.into()))
    }

    /// The style as it is painted now.
    pub fn style(&self, id: &str) -> Result<Style, StudioError> {
        Ok(self.entry(id)?.style.clone())
    }

    /// The style before it was deepened.
    pub fn quick(&self, id: &str) -> Result<Style, StudioError> {
        let entry = self.entry(id)?;
        Ok(entry.quick.as_ref().map_or(&entry.style, |quick| &quick.0).clone())
    }

    /// The painting to learn from, where there is one.
    pub fn canvas(&self, id: &str) -> Result<Option<Canvas>, StudioError> {
        Ok(self.entry(id)?.canvas.clone())
    }

    /// Whether a style can be deepened, and whether it is.
    pub fn deepens(&self, id: &str) -> Result<(bool, bool), StudioError> {
        let entry = self.entry(id)?;
        Ok((entry.canvas.is_some(), entry.quick.is_some()))
    }

    /// Puts a deepened style in the quick one's place.
    pub fn deepen(&mut self, id: &str, style: Style, thumb: Option<Vec<u8>>) -> Result<(), StudioError> {
        let entry = self.entry_mut(id)?;
        let before = std::mem::replace(&mut entry.style, style);
        if entry.quick.is_none() {
            entry.quick = Some(Box::new((before, entry.thumb.clone())));
        }
        entry.thumb = thumb.unwrap_or_else(|| std::mem::take(&mut entry.thumb));
        Ok(())
    }

    /// Puts the quick style back in its place.
    pub fn undo_deepening(&mut self, id: &str) -> Result<(), StudioError> {
        let entry = self.entry_mut(id)?;
        if let Some(quick) = entry.quick.take() {
            (entry.style, entry.thumb) = *quick;
        }
        Ok(())
    }

    /// All entries, in order.
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
    let thumb = thumb_of(stylizer, &style)?;
    let canvas = painting.map(Canvas::of);
    let painting = painting.map(|painting| codec::jpeg(&thumb_size(painting), 85));
    let Provenance { name, source } = style.provenance.clone();
    Ok(Entry { id, name, source, builtin, painting, canvas, style, quick: None, thumb })
}

/// The drawn scene in that style, small, JPEG.
pub fn thumb_of(stylizer: &Stylizer, style: &Style) -> Result<Vec<u8>, StudioError> {
    small_painting(stylizer, style, None, &Dials::default())
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

/// The picture in its own shape, as large as a small painting.
pub fn thumb_size(image: &Image) -> Image {
    let (width, height) = (image.width() as f32, image.height() as f32);
    let scale = (THUMB_PX.0 as f32 / width).min(THUMB_PX.1 as f32 / height).min(1.0);
    let side = |px: f32| ((px * scale).round() as usize).max(1);
    resize::resize(image, side(width), side(height))
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
