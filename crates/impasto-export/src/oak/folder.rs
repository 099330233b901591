//! A folder that appears whole or not at all.

use crate::error::ExportError;
use impasto_core::atomic;
use std::path::{Path, PathBuf};

/// A folder being filled under another name, beside the place where it will be.
pub(crate) struct NewFolder {
    root: PathBuf,
    target: PathBuf,
    files: Vec<PathBuf>,
    finished: bool,
}

impl NewFolder {
    /// Starts one for `target`, which must not exist.
    pub fn beside(target: &Path) -> Result<Self, ExportError> {
        if target.symlink_metadata().is_ok() {
            return Err(ExportError::Exists(target.into()));
        }
        let mut root = target.as_os_str().to_owned();
        root.push(format!(".part-{}", std::process::id()));
        let root = PathBuf::from(root);
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir(&root).map_err(ExportError::io(&root))?;
        Ok(Self { root, target: target.into(), files: Vec::new(), finished: false })
    }

    /// Its path for now.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Path of one of its files for now.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file; `name` is relative, with `/`.
    pub fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.path(name);
        let parent = path.parent().expect("a file in the folder");
        std::fs::create_dir_all(parent).map_err(ExportError::io(parent))?;
        atomic::write(&path, bytes).map_err(ExportError::io(&path))?;
        self.files.push(name.into());
        Ok(())
    }

    /// Gives the folder its name; the files in it, in the order of writing.
    pub fn finish(mut self) -> Result<Vec<PathBuf>, ExportError> {
        // Renaming onto an empty folder would succeed, so look once more.
        if self.target.symlink_metadata().is_ok() {
            return Err(ExportError::Exists(self.target.clone()));
        }
        std::fs::rename(&self.root, &self.target).map_err(ExportError::io(&self.target))?;
        self.finished = true;
        atomic::sync_parent(&self.target).map_err(ExportError::io(&self.target))?;
        Ok(std::mem::take(&mut self.files))
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.finished {
            let _ = std::fs::remove_dir_all(&self.root);
        }
    }
}
