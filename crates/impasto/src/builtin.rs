//! The networks and styles inside the program.

use impasto_core::{Model, Style};
use std::sync::Arc;

/// The network of that name, if this build has it.
pub fn model(name: &str) -> Option<Arc<Model>> {
    let _ = name;
    None
}

/// The styles of the built-in network, in the order in which they are shown.
pub fn styles() -> Vec<Style> {
    Vec::new()
}

/// The built-in style of that name.
pub fn style(name: &str) -> Option<Style> {
    styles().into_iter().find(|style| style.provenance.name == name)
}
