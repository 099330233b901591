//! A model and an engine.

use crate::error::refused;
use crate::session::Session;
use crate::{picture, style};
use impasto::{Dials, EngineChoice, Mask, PaintError, files, precision_from_word};
use pyo3::exceptions::PyRuntimeWarning;
use pyo3::prelude::*;
use std::ffi::CString;
use std::sync::OnceLock;

/// A model and an engine: it takes styles from paintings, and paints.
///
/// `model` is "light", which is inside, or the path of a model file. `engine` is "auto", "cpu", "gpu" or "reference"; `threads` of the CPU
/// engine, 0 for one a core; `precision` "f32", "bf16" or "int8"; `adapter` a part of a GPU's name. Photos with a longer side than
/// `tile_px` px are painted in tiles.
///
/// Threads may share one: they paint at once, and other threads of Python go on meanwhile.
#[pyclass(frozen, module = "impasto")]
pub struct Stylizer {
    /// The stylizer itself.
    pub inner: impasto::Stylizer,
}

/// The stylizer of those who name none.
pub fn usual(py: Python<'_>) -> PyResult<&'static impasto::Stylizer> {
    static USUAL: OnceLock<impasto::Stylizer> = OnceLock::new();
    if let Some(usual) = USUAL.get() {
        return Ok(usual);
    }
    let model = files::model("light").map_err(refused)?;
    let made = py.detach(|| impasto::Stylizer::builder(model).on_notice(warn).build()).map_err(refused)?;
    Ok(USUAL.get_or_init(|| made))
}

/// Shows a notice of the engine as a Python warning. A warning that was made an error is lost: there is no call to fail.
fn warn(line: &str) {
    let Ok(line) = CString::new(line) else { return };
    Python::attach(|py| {
        let _ = PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &line, 1);
    });
}

#[pymethods]
impl Stylizer {
    #[new]
    #[pyo3(signature = (model="light".into(), *, engine="auto", threads=0, precision="f32", adapter=None, tile_px=2048))]
    fn new(
        py: Python<'_>,
        model: std::path::PathBuf,
        engine: &str,
        threads: usize,
        precision: &str,
        adapter: Option<String>,
        tile_px: usize,
    ) -> PyResult<Self> {
        let engine = EngineChoice::from_word(engine).map_err(refused)?;
        let precision = precision_from_word(precision).map_err(refused)?;
        let model = py.detach(|| files::model(&model.to_string_lossy())).map_err(refused)?;
        let builder = impasto::Stylizer::builder(model)
            .engine(engine)
            .threads(threads)
            .precision(precision)
            .adapter(adapter)
            .tile_px(tile_px)
            .on_notice(warn);
        Ok(Self { inner: py.detach(|| builder.build()).map_err(refused)? })
    }

    /// Paints a photo in a style; a new `uint8` array of the photo's size.
    ///
    /// `photo` is a `uint8` array [height, width, 3] in RGB of any strides, a picture of PIL, or a path. `style` is a `Style`, a
    /// built-in name, a path, or an array; all but a `Style` are read anew each time. `strength` 0..1: how much of the style.
    /// `keep_color` 0..1: how much of the photo's colours. `strokes` 0..2: how strong the strokes on flat ground. `seed`: where they lie.
    #[pyo3(signature = (photo, style, *, strength=1.0, keep_color=0.0, strokes=1.0, seed=0, style_px=files::STYLE_PX))]
    #[expect(clippy::too_many_arguments, reason = "keywords of Python")]
    fn paint<'py>(
        &self,
        py: Python<'py>,
        photo: &Bound<'py, PyAny>,
        style: &Bound<'py, PyAny>,
        strength: f32,
        keep_color: f32,
        strokes: f32,
        seed: u32,
        style_px: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dials = Dials { strength, keep_color, steady: 0.0, strokes, seed };
        dials.check().map_err(refused)?;
        let style = style::read(&self.inner, style, None, style_px)?;
        let photo = picture::picture(photo, "photo")?;
        let painted = py.detach(|| self.inner.paint(&photo, &style, &dials)).map_err(refused)?;
        picture::to_array(py, painted)
    }

    /// Paints parts of a photo, each in a style of its own; the rest stays as it is.
    ///
    /// `regions` is a list of (mask, style). A mask is a `uint8` or `bool` array [height, width] of the photo's size: 255 or True
    /// covers. The dials are those of `paint`.
    #[pyo3(signature = (photo, regions, *, strength=1.0, keep_color=0.0, strokes=1.0, seed=0))]
    #[expect(clippy::too_many_arguments, reason = "keywords of Python")]
    fn paint_regions<'py>(
        &self,
        py: Python<'py>,
        photo: &Bound<'py, PyAny>,
        regions: Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
        strength: f32,
        keep_color: f32,
        strokes: f32,
        seed: u32,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dials = Dials { strength, keep_color, steady: 0.0, strokes, seed };
        let photo = picture::picture(photo, "photo")?;
        let region = |(mask, style): &(Bound<'py, PyAny>, Bound<'py, PyAny>)| {
            let (width, height, coverage) = picture::mask(mask)?;
            Ok((Mask::new(width, height, coverage), style::read(&self.inner, style, None, files::STYLE_PX)?))
        };
        let regions = regions.iter().map(region).collect::<PyResult<Vec<_>>>()?;
        let painted = py
            .detach(|| self.inner.paint_regions(&photo, &regions, &dials))
            .map_err(refused::<PaintError>)?;
        picture::to_array(py, painted)
    }

    /// The style that `what` means: a built-in name, a path, an array, or a `Style`. See `Style`.
    #[pyo3(signature = (what, *, name=None, style_px=files::STYLE_PX))]
    fn style(
        &self,
        what: &Bound<'_, PyAny>,
        name: Option<String>,
        style_px: usize,
    ) -> PyResult<style::Style> {
        Ok(style::read(&self.inner, what, name, style_px)?.into())
    }

    /// Begins a film or a camera: a `Session`. `steady` 0..1: how calm the painting is kept from frame to frame. The other dials are
    /// those of `paint`.
    #[pyo3(signature = (style, *, strength=1.0, keep_color=0.0, steady=impasto::steady::DEFAULT, strokes=1.0, seed=0, style_px=files::STYLE_PX))]
    #[expect(clippy::too_many_arguments, reason = "keywords of Python")]
    fn session(
        &self,
        style: &Bound<'_, PyAny>,
        strength: f32,
        keep_color: f32,
        steady: f32,
        strokes: f32,
        seed: u32,
        style_px: usize,
    ) -> PyResult<Session> {
        let dials = Dials { strength, keep_color, steady, strokes, seed };
        dials.check().map_err(refused)?;
        let style = style::read(&self.inner, style, None, style_px)?;
        Ok(Session::start(&self.inner, style, dials))
    }

    /// The name of the model.
    #[getter]
    fn model(&self) -> &str {
        &self.inner.model().name
    }

    /// The name of the engine, with its instruction set or adapter.
    #[getter]
    fn engine(&self) -> String {
        self.inner.engine_name()
    }

    fn __repr__(&self) -> String {
        format!("<impasto.Stylizer {} on {}>", self.model(), self.engine())
    }
}
