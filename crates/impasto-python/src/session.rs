//! Films and cameras.

use crate::error::{Error, refused};
use crate::{picture, style};
use impasto::{Dials, Image, PaintError, files};
use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Paints the frames of one film or camera, in their order, and holds the painting still from frame to frame.
///
/// Made by `Stylizer.session`. Threads may share one: it paints their frames one after another.
///
///     with impasto.Stylizer().session("waves") as session:
///         for frame in frames:
///             show(session.paint(frame))
#[pyclass(frozen, module = "impasto")]
pub struct Session {
    stylizer: impasto::Stylizer,
    /// `None` once it is closed.
    open: Mutex<Option<Open>>,
}

struct Open {
    session: impasto::Session,
    style: impasto::Style,
    dials: Dials,
}

impl Session {
    pub fn start(stylizer: &impasto::Stylizer, style: impasto::Style, dials: Dials) -> Self {
        let open = Open { session: stylizer.session(), style, dials };
        Self { stylizer: stylizer.clone(), open: Mutex::new(Some(open)) }
    }

    /// Works with the open session, without Python's lock: a thread that waits here for another must not hold it.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&mut Open) -> Result<T, PaintError> + Send,
    ) -> PyResult<T> {
        let done = py.detach(|| {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.as_mut().map(work)
        });
        match done {
            Some(done) => done.map_err(refused),
            None => Err(Error::new_err("the session is closed; begin another with Stylizer.session")),
        }
    }
}

#[pymethods]
impl Session {
    /// Paints one frame; a new `uint8` array of the frame's size. `frame` is a `uint8` array [height, width, 3] in RGB of any
    /// strides, a picture of PIL, or a path. A frame of another size than the last starts afresh.
    fn paint<'py>(&self, py: Python<'py>, frame: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let frame = picture::picture(frame, "frame")?;
        let painted = self.with(py, |open| {
            let mut painted = Image::black(1, 1);
            open.session.paint(&frame, &open.style, &open.dials, &mut painted)?;
            Ok(painted)
        })?;
        picture::to_array(py, painted)
    }

    /// Takes a frame in; `finish` gives it painted. With a GPU, it is painted while Python does other things; `full` says when
    /// there is nothing to gain from beginning another.
    fn begin(&self, frame: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = frame.py();
        let frame = picture::picture(frame, "frame")?;
        self.with(py, |open| open.session.begin(frame, &open.style, &open.dials))
    }

    /// The oldest frame that was begun, painted; `None` where there is none.
    fn finish<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let painted = self.with(py, |open| open.session.finish())?;
        painted.map(|painted| picture::to_array(py, painted)).transpose()
    }

    /// Whether there is nothing to gain from beginning another frame before the oldest is finished.
    #[getter]
    fn full(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |open| Ok(open.session.is_full()))
    }

    /// Changes the style, or dials, from the next frame on; those that are not named stay.
    #[pyo3(signature = (style=None, *, strength=None, keep_color=None, steady=None, strokes=None, seed=None, style_px=files::STYLE_PX))]
    #[expect(clippy::too_many_arguments, reason = "keywords of Python")]
    fn set(
        &self,
        py: Python<'_>,
        style: Option<&Bound<'_, PyAny>>,
        strength: Option<f32>,
        keep_color: Option<f32>,
        steady: Option<f32>,
        strokes: Option<f32>,
        seed: Option<u32>,
        style_px: usize,
    ) -> PyResult<()> {
        let style = style.map(|style| style::read(&self.stylizer, style, None, style_px)).transpose()?;
        if let Some(style) = &style {
            style.check(self.stylizer.model()).map_err(refused)?;
        }
        self.with(py, |open| {
            let old = open.dials;
            let dials = Dials {
                strength: strength.unwrap_or(old.strength),
                keep_color: keep_color.unwrap_or(old.keep_color),
                steady: steady.unwrap_or(old.steady),
                strokes: strokes.unwrap_or(old.strokes),
                seed: seed.unwrap_or(old.seed),
            };
            dials.check()?;
            open.dials = dials;
            if let Some(style) = style {
                open.style = style;
            }
            Ok(())
        })
    }

    /// Forgets what was carried from earlier frames: for a cut that the session cannot see.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |open| {
            open.session.reset();
            Ok(())
        })
    }

    /// Frees its memory. A closed session paints no more; closing it again does nothing.
    fn close(&self, py: Python<'_>) {
        py.detach(|| *self.open.lock().unwrap_or_else(PoisonError::into_inner) = None);
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match self.with(py, |open| Ok(open.style.provenance.name.clone())) {
            Ok(name) => format!("<impasto.Session {name}>"),
            Err(_) => "<impasto.Session, closed>".into(),
        }
    }
}
