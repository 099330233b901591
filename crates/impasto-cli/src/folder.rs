//! The folder where Impasto looks for models and styles of the user's own.

use etcetera::{BaseStrategy, choose_base_strategy};
use std::path::PathBuf;

/// `~/.config/impasto` on Linux and macOS (or where `XDG_CONFIG_HOME` says), the roaming application folder on Windows.
pub fn config() -> Option<PathBuf> {
    choose_base_strategy().ok().map(|base| base.config_dir().join("impasto"))
}
