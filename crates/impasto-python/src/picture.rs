//! Pictures between numpy and Impasto, by way of numpy's own methods: bytes are copied three times, which is some hundredths of a frame.

use crate::error::refused;
use impasto::{Image, files};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes};
use std::path::PathBuf;

/// The path that a `str` or `os.PathLike` names; `None` for other objects.
pub fn path(value: &Bound<'_, PyAny>) -> Option<PathBuf> {
    value.extract().ok()
}

/// A photo or frame: a `uint8` array `[height, width, 3]` of any strides, anything that `numpy.asarray` makes one of, or the path of a file.
/// `name` is the argument's.
pub fn picture(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Image> {
    match path(value) {
        Some(path) => value.py().detach(|| files::picture(&path)).map_err(refused),
        None => from_array(value, name),
    }
}

/// A picture from an array, or from anything that `numpy.asarray` makes one of.
pub fn from_array(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Image> {
    let array = asarray(value)?;
    check_dtype(value, &array, name, &["uint8"])?;
    match shape(&array)?[..] {
        [height, width, 3] => Image::new(width, height, bytes(&array)?).map_err(refused),
        ref other => Err(PyValueError::new_err(format!("{name} has shape {other:?}; {}", remedy(other)))),
    }
}

/// Width, height and coverages of a `uint8` (0 to 255) or `bool` array `[height, width]`.
pub fn mask(value: &Bound<'_, PyAny>) -> PyResult<(usize, usize, Vec<u8>)> {
    let array = asarray(value)?;
    let flags = check_dtype(value, &array, "mask", &["uint8", "bool"])? == "bool";
    let [height, width] = shape(&array)?[..] else {
        let shape = shape(&array)?;
        return Err(PyValueError::new_err(format!("mask has shape {shape:?}; pass one of [height, width]")));
    };
    let mut coverage = bytes(&array)?;
    if flags {
        coverage.iter_mut().for_each(|byte| *byte *= 255);
    }
    Ok((width, height, coverage))
}

/// The picture as a new, writeable array `[height, width, 3]`.
pub fn to_array(py: Python<'_>, image: Image) -> PyResult<Bound<'_, PyAny>> {
    let bytes = PyByteArray::new(py, image.rgb());
    let array = py.import("numpy")?.call_method1("frombuffer", (bytes, "uint8"))?;
    array.call_method1("reshape", ((image.height(), image.width(), 3),))
}

/// A new array of `float32`.
pub fn floats<'py>(py: Python<'py>, values: &[f32]) -> PyResult<Bound<'py, PyAny>> {
    py.import("numpy")?.call_method1("array", (values.to_vec(), "float32"))
}

fn asarray<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    value.py().import("numpy")?.call_method1("asarray", (value,))
}

fn shape(array: &Bound<'_, PyAny>) -> PyResult<Vec<usize>> {
    array.getattr("shape")?.extract()
}

/// The values in rows without gaps, whatever the strides.
fn bytes(array: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    Ok(array.call_method0("tobytes")?.cast::<PyBytes>()?.as_bytes().to_vec())
}

/// The array's dtype, which must be one of `allowed`.
fn check_dtype(
    given: &Bound<'_, PyAny>,
    array: &Bound<'_, PyAny>,
    name: &str,
    allowed: &[&str],
) -> PyResult<String> {
    let dtype = array.getattr("dtype")?.str()?.to_string();
    if allowed.contains(&dtype.as_str()) {
        return Ok(dtype);
    }
    let kind = given.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "{name} is a {kind} of dtype {dtype}; pass {} values (from floats in 0..1: (x * 255).round().astype('uint8')), \
         a picture of PIL, or a path",
        allowed.join(" or ")
    )))
}

/// Advice for a shape that is no RGB picture's.
fn remedy(shape: &[usize]) -> &'static str {
    match shape {
        [_, _, 4] => "pass [height, width, 3] in RGB: leave the alpha out with x[..., :3]",
        [_, _] | [_, _, 1] => {
            "pass [height, width, 3] in RGB: a grey picture is repeated with numpy.dstack([x] * 3)"
        }
        [3, _, _] => "pass [height, width, 3] in RGB: channels are moved last with x.transpose(1, 2, 0)",
        [_, _, _, 3] => "pass one picture of [height, width, 3] at a time",
        _ => "pass [height, width, 3] in RGB",
    }
}
