//! The `impasto` program.
fn main() {}
