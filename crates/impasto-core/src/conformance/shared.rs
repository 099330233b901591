//! Test data that is not in the repository.

use std::path::{Path, PathBuf};

/// The folder of data beside the repository (`../shared`, or what `IMPASTO_SHARED` names). Where it is
/// absent, prints one line that `test` was skipped, and gives `None`.
pub fn shared_data(test: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("IMPASTO_SHARED").map_or(beside, PathBuf::from);
    let data = shared.join("data");
    if data.is_dir() {
        return Some(data);
    }
    eprintln!("skipped: {test}: it needs the folder of data beside the repository (../shared)");
    None
}
