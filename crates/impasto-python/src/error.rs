//! Errors as exceptions, in the library's own words.

use pyo3::PyErr;
use pyo3::exceptions::PyValueError;
use std::error::Error as StdError;

pyo3::create_exception!(
    impasto,
    Error,
    PyValueError,
    "Something that Impasto cannot do: it says what is wrong, and what to do."
);

/// An exception with the words of an error and of its causes, each said once.
pub fn refused<E: StdError>(error: E) -> PyErr {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        cause = error.source();
    }
    Error::new_err(words)
}
