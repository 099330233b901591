//! Impasto for C: the crate `impasto` behind a few functions, see `include/impasto.h`.
//!
//! Nothing is decided here: these are conversions (`picture`), codes (`error`) and pointers. A panic ends at this border as a code.

mod error;
mod picture;
mod session;
mod style;
mod stylizer;

pub use error::{ImpastoCode, impasto_error};
pub use picture::{ImpastoFormat, ImpastoPicture};
pub use session::{
    ImpastoSession, impasto_session_free, impasto_session_new, impasto_session_paint, impasto_session_reset,
};
pub use style::{
    ImpastoStyle, impasto_builtin_count, impasto_builtin_name, impasto_style_encode, impasto_style_free,
    impasto_style_mix, impasto_style_read,
};
pub use stylizer::{
    ImpastoDials, ImpastoStylizer, impasto_dials, impasto_paint, impasto_stylizer_engine,
    impasto_stylizer_free, impasto_stylizer_new,
};

use std::ffi::{CStr, c_char};

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => panic!("a version holds no zero"),
};

/// The version, such as "0.1.0". It lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn impasto_version() -> *const c_char {
    VERSION.as_ptr()
}
