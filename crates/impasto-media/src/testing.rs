//! Helpers for this crate's tests.

use std::fs;
use std::path::{Path, PathBuf};

/// A fresh folder that goes away with its test.
pub struct Folder(PathBuf);

impl Folder {
    /// Makes an empty folder for the test called `name`.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("impasto-media-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A path inside.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
