//! Folders of the user's own: where Impasto looks for models and styles, and where it keeps what it found out.

use etcetera::{BaseStrategy, choose_base_strategy};
use std::path::PathBuf;

/// `~/.config/impasto` on Linux and macOS (or where `XDG_CONFIG_HOME` says), the roaming application folder on Windows.
pub fn config() -> Option<PathBuf> {
    choose_base_strategy().ok().map(|base| base.config_dir().join("impasto"))
}

/// `~/.cache/impasto` on Linux and macOS (or where `XDG_CACHE_HOME` says), the local application folder on Windows.
pub fn cache() -> Option<PathBuf> {
    choose_base_strategy().ok().map(|base| base.cache_dir().join("impasto"))
}
