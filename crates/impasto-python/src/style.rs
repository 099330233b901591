//! Styles, and arithmetic on them.

use crate::error::{Error, refused};
use crate::picture;
use crate::stylizer::Stylizer;
use impasto::files::{self, FileError};
use impasto::{Provenance, StyleError};
use pyo3::prelude::*;
use std::path::PathBuf;

/// The style of a painting, or a mix of several.
///
/// `what` is a built-in name ("waves"; `impasto.styles()` lists all), the path of a `.style` file or of a picture, or a `uint8` array
/// [height, width, 3]. The style of a picture is taken once, here, by `stylizer` (without one, by the built-in model `light`): keep
/// the `Style` for all that is painted in it. A picture is brought to `style_px` on its shorter side first; fewer px give finer
/// strokes, 0 keeps its size.
///
/// Styles mix: `0.7 * Style("waves") + 0.3 * Style("mosaic")`. Weights are relative to each other, so a style alone is itself whatever its
/// weight; `strength` says how much of it is painted.
#[pyclass(frozen, module = "impasto")]
pub struct Style {
    /// Styles and their weights.
    terms: Vec<(impasto::Style, f32)>,
}

impl From<impasto::Style> for Style {
    fn from(style: impasto::Style) -> Self {
        Self { terms: vec![(style, 1.0)] }
    }
}

impl Style {
    /// The mix.
    pub fn mixed(&self) -> PyResult<impasto::Style> {
        match self.terms.as_slice() {
            [(style, weight)] if *weight > 0.0 => Ok(style.clone()),
            terms => {
                impasto::Style::mix(&terms.iter().map(|(style, weight)| (style, *weight)).collect::<Vec<_>>())
                    .map_err(refused)
            }
        }
    }

    fn weighted(&self, by: f32) -> PyResult<Style> {
        let weigh = |(style, weight): &(impasto::Style, f32)| {
            let weight = weight * by;
            match weight.is_finite() && weight >= 0.0 {
                true => Ok((style.clone(), weight)),
                false => {
                    Err(refused(StyleError::Weight { style: style.provenance.name.clone(), weight: by }))
                }
            }
        };
        Ok(Self { terms: self.terms.iter().map(weigh).collect::<PyResult<_>>()? })
    }
}

#[pymethods]
impl Style {
    #[new]
    #[pyo3(signature = (what, *, name=None, style_px=files::STYLE_PX, stylizer=None))]
    fn new(
        what: &Bound<'_, PyAny>,
        name: Option<String>,
        style_px: usize,
        stylizer: Option<&Stylizer>,
    ) -> PyResult<Self> {
        if let Ok(style) = what.cast::<Style>() {
            return Ok(Self { terms: style.get().terms.clone() });
        }
        if let (Some(path), None) = (picture::path(what), stylizer) {
            let made = files::made_style(&path.to_string_lossy()).map_err(refused)?;
            if let Some(style) = made {
                return Ok(style.into());
            }
        }
        match stylizer {
            Some(stylizer) => read(&stylizer.inner, what, name, style_px),
            None => read(crate::stylizer::usual(what.py())?, what, name, style_px),
        }
        .map(Self::from)
    }

    /// Its name; of a mix, the names of its parts.
    #[getter]
    fn name(&self) -> PyResult<String> {
        Ok(self.mixed()?.provenance.name)
    }

    /// Title, painter, year and rights, or the file that it was made from.
    #[getter]
    fn source(&self) -> PyResult<String> {
        Ok(self.mixed()?.provenance.source)
    }

    /// The name of the model that it belongs to.
    #[getter]
    fn model(&self) -> &str {
        self.terms[0].0.model().0
    }

    /// Whether it carries changes of the painter's weights (`impasto tune`).
    #[getter]
    fn tuned(&self) -> PyResult<bool> {
        Ok(self.mixed()?.update().is_some())
    }

    /// A copy of its vector, `float32`.
    #[getter]
    fn vector<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        picture::floats(py, self.mixed()?.vector())
    }

    /// The style on the way to `other`: at `t` 0 this one, at 1 the other. For fading.
    fn toward(&self, other: &Style, t: f32) -> PyResult<Style> {
        Ok(self.mixed()?.toward(&other.mixed()?, t).map_err(refused)?.into())
    }

    /// Writes a `.style` file, whole or not at all.
    fn save(&self, path: PathBuf) -> PyResult<()> {
        if !files::is_style_file(&path) {
            let path = path.display();
            return Err(Error::new_err(format!(
                "{path} does not end in .style; give a style file that ending"
            )));
        }
        files::write_style(&path, &self.mixed()?).map_err(refused)
    }

    fn __mul__(&self, weight: f32) -> PyResult<Style> {
        self.weighted(weight)
    }

    fn __rmul__(&self, weight: f32) -> PyResult<Style> {
        self.weighted(weight)
    }

    fn __add__(&self, other: &Style) -> PyResult<Style> {
        let sum = Style { terms: [self.terms.as_slice(), &other.terms].concat() };
        // Styles of two models do not add up: said here, not when something is painted.
        match sum.terms.iter().all(|(_, weight)| *weight == 0.0) {
            true => Ok(sum),
            false => sum.mixed().map(|_| sum),
        }
    }

    fn __eq__(&self, other: &Style) -> PyResult<bool> {
        Ok(self.mixed()? == other.mixed()?)
    }

    fn __repr__(&self) -> String {
        let term = |(style, weight): &(impasto::Style, f32)| match (weight, self.terms.len()) {
            (1.0, _) | (_, 1) => style.provenance.name.clone(),
            _ => format!("{weight} * {}", style.provenance.name),
        };
        format!("<impasto.Style {}>", self.terms.iter().map(term).collect::<Vec<_>>().join(" + "))
    }
}

/// The style that an argument means: a [`Style`], a built-in name, a path, or an array.
pub fn read(
    stylizer: &impasto::Stylizer,
    what: &Bound<'_, PyAny>,
    name: Option<String>,
    style_px: usize,
) -> PyResult<impasto::Style> {
    if let Ok(style) = what.cast::<Style>() {
        return style.get().mixed();
    }
    let py = what.py();
    let mut style = match picture::path(what) {
        Some(path) => py.detach(|| stylizer.style(&path.to_string_lossy(), style_px)),
        None => {
            let painting = picture::from_array(what, "style")?;
            let provenance = Provenance { name: "style".into(), source: "an array".into() };
            py.detach(|| stylizer.style_of(&painting, provenance, style_px))
        }
    }
    .map_err(refused::<FileError>)?;
    if let Some(name) = name {
        style.provenance.name = name;
    }
    Ok(style)
}
