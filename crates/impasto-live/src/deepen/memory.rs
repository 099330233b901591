//! Whether there is memory for a run.

use crate::LiveError;

/// Left free for everything else.
const SPARE_BYTES: u64 = 128 << 20;

/// Refuses a run that this machine has no memory for, as far as the system tells.
pub(super) fn check(needs: u64) -> Result<(), LiveError> {
    let Some(free) = available_bytes().filter(|free| *free < needs.saturating_add(SPARE_BYTES)) else {
        return Ok(());
    };
    let mib = |bytes: u64| bytes >> 20;
    Err(LiveError::NoRoom(format!(
        "deepening takes {} MiB of memory, and {} MiB are free; close other programs, or tune the painting later with \
         `impasto tune`",
        mib(needs),
        mib(free)
    )))
}

/// Memory that can be had without swapping, within the limit of the process's group; `None` where the system does not tell.
fn available_bytes() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let machine = read("/proc/meminfo").and_then(|text| field(&text, "MemAvailable:"));
    let number = |path: &str| read(path).and_then(|text| text.trim().parse::<u64>().ok());
    let group = number("/sys/fs/cgroup/memory.max")
        .zip(number("/sys/fs/cgroup/memory.current"))
        .map(|(most, used)| most.saturating_sub(used));
    machine.into_iter().chain(group).min()
}

/// Bytes of a line such as `MemAvailable:   123 kB`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    Some(1024 * line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_too_large_is_refused_in_numbers() {
        assert!(check(1 << 20).is_ok() || available_bytes().unwrap() < 129 << 20);
        if available_bytes().is_some() {
            let why = check(1 << 60).unwrap_err().to_string();
            assert!(why.contains("1099511627776 MiB") && why.contains("impasto tune"), "{why}");
        }
        let text = "MemTotal:  9 kB\nMemAvailable:     123 kB\n";
        assert_eq!(field(text, "MemAvailable:"), Some(123 << 10));
        assert_eq!(field("MemFree: 1 kB", "MemAvailable:"), None);
    }
}
