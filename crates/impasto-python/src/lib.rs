//! Impasto for Python: the crate `impasto` with numpy arrays in and out.
//!
//! Nothing is decided here: these are conversions ([`picture`]), exceptions ([`error`]) and threads. All work is done without
//! Python's lock, so that other threads of Python go on, and several can paint at once.
#![forbid(unsafe_code)]

mod error;
mod picture;
mod session;
mod style;
mod stylizer;

use pyo3::prelude::*;

/// The compiled part of the package `impasto`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::session::Session;
    #[pymodule_export]
    use crate::style::Style;
    #[pymodule_export]
    use crate::stylizer::Stylizer;
    use pyo3::prelude::*;

    /// The names of the built-in styles, in the order in which they are shown.
    #[pyfunction]
    fn styles() -> Vec<String> {
        impasto::builtin::names().into_iter().map(|style| style.name).collect()
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("Error", module.py().get_type::<crate::error::Error>())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
