//! The engines that tests run on.

use impasto_gpu::{GpuEngine, adapters};

/// An engine for each adapter of this machine. Where there is none, prints that `test` was skipped.
pub fn engines(test: &str) -> Vec<GpuEngine> {
    let found = adapters();
    if found.is_empty() {
        eprintln!("skipped: {test}: this machine has no GPU adapter, not even Mesa's lavapipe in software");
    }
    found.iter().map(|adapter| GpuEngine::new(Some(&adapter.name)).expect("its adapter is there")).collect()
}
