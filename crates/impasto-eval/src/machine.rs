//! The machine in words, to stand beside measured numbers.

/// Processor and number of threads, as far as the system tells.
pub fn describe() -> String {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let unit = if threads == 1 { "thread" } else { "threads" };
    match processor() {
        Some(name) => format!("{name}, {threads} {unit}"),
        None => format!("{} {}, {threads} {unit}", std::env::consts::OS, std::env::consts::ARCH),
    }
}

fn processor() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|l| l.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_string())
}
