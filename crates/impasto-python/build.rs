//! On macOS, the linker must leave Python's symbols to the interpreter that loads the library.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
