//! One idea a file: the text of a kernel in WGSL, and beside it the Rust that launches it.

pub(crate) mod conv;
pub(crate) mod direct;
pub(crate) mod elementwise;
pub(crate) mod ends;
pub(crate) mod launch;
pub(crate) mod source;
pub(crate) mod statistics;
pub(crate) mod value;
pub(crate) mod winograd;
