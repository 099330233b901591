//! What this machine is.

use impasto_cpu::Isa;
use serde::Serialize;
use std::fs;
use std::process::Command;

/// The machine that figures belong to.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Version of Impasto.
    pub impasto: &'static str,
    /// Operating system.
    pub os: &'static str,
    /// Architecture.
    pub arch: &'static str,
    /// The processor's name, if the system tells.
    pub cpu: Option<String>,
    /// Processors that this process may use.
    pub cores: usize,
    /// Instruction sets of ours that it can run, fastest first.
    pub isa: Vec<String>,
}

impl Machine {
    /// Looks.
    pub fn this() -> Self {
        Self {
            impasto: env!("CARGO_PKG_VERSION"),
            os: std::env::consts::OS,
            arch: std::env::consts::ARCH,
            cpu: cpu_name(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            isa: instruction_sets().map(|isa| isa.to_string()).collect(),
        }
    }
}

/// The instruction sets that this machine can run, fastest first.
pub fn instruction_sets() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().rev().filter(|isa| isa.is_available())
}

fn cpu_name() -> Option<String> {
    if cfg!(target_os = "macos") {
        let told = Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output().ok()?;
        return String::from_utf8(told.stdout)
            .ok()
            .map(|name| name.trim().to_string())
            .filter(|n| !n.is_empty());
    }
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_string())
}

/// The most memory that this process has held, in bytes; known on Linux.
pub fn peak_rss_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_peak_stays_when_memory_goes() {
        let before = peak_rss_bytes().unwrap();
        drop(std::hint::black_box(vec![1u8; 64 << 20]));
        assert!(peak_rss_bytes().unwrap() >= before.max(64 << 20));
    }

    #[test]
    fn every_machine_can_run_something() {
        assert!(instruction_sets().any(|isa| isa == Isa::Portable));
        assert!(Machine::this().cores >= 1);
    }
}
