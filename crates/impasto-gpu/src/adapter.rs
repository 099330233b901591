//! The GPUs of this machine, and the choice among them.

use std::fmt;
use std::sync::OnceLock;

/// Kind of an adapter's device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdapterKind {
    /// A card of its own.
    Discrete,
    /// Part of the processor.
    Integrated,
    /// Given to a virtual machine, or unknown.
    Other,
    /// Software: a GPU played by the processor.
    Software,
}

/// One adapter.
#[derive(Clone, Debug, PartialEq)]
pub struct AdapterInfo {
    /// Name, by which it can be chosen.
    pub name: String,
    /// Its kind.
    pub kind: AdapterKind,
    /// The interface it is reached by, such as `vulkan`.
    pub backend: String,
    /// Its driver and the driver's version.
    pub driver: String,
    /// Whether activations can be kept in 16 bits.
    pub half: bool,
    /// Largest activation that a kernel can reach, in bytes.
    pub max_binding_bytes: u64,
}

impl fmt::Display for AdapterInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            AdapterKind::Discrete => "discrete",
            AdapterKind::Integrated => "integrated",
            AdapterKind::Other => "other",
            AdapterKind::Software => "software",
        };
        let half = if self.half { ", 16-bit floats" } else { "" };
        let megabytes = self.max_binding_bytes >> 20;
        write!(f, "{} ({kind}, {}{half}, {megabytes} MB a buffer)", self.name, self.backend)
    }
}

/// Why there is no GPU to work with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GpuError {
    /// None at all.
    #[error(
        "no GPU adapter was found (Vulkan, Metal or Direct3D 12); install the GPU's driver, or use --engine cpu"
    )]
    NoAdapter,
    /// None of that name.
    #[error("no GPU adapter is called `{wanted}`; this machine has: {found}")]
    Name {
        /// The name asked for.
        wanted: String,
        /// The names of those that there are.
        found: String,
    },
    /// It lacks something.
    #[error(
        "the adapter {adapter} {lacks}; update its driver, choose another with --adapter, or use --engine cpu"
    )]
    Lacks {
        /// The adapter's name.
        adapter: String,
        /// Its shortcoming, as the rest of a sentence.
        lacks: String,
    },
}

/// The adapters of this machine, the likely fastest first.
pub fn adapters() -> Vec<AdapterInfo> {
    enumerate().iter().map(describe).collect()
}

pub(crate) fn describe(adapter: &wgpu::Adapter) -> AdapterInfo {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    AdapterInfo {
        kind: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
            wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
            wgpu::DeviceType::Cpu => AdapterKind::Software,
            _ => AdapterKind::Other,
        },
        backend: info.backend.to_string(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        half: adapter.features().contains(wgpu::Features::SHADER_F16),
        max_binding_bytes: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
        name: info.name,
    }
}

/// The first adapter, or the first whose name contains `name`, whatever the case.
///
/// # Errors
/// When there is none, or none of that name.
pub fn choose(name: Option<&str>) -> Result<wgpu::Adapter, GpuError> {
    let mut adapters = enumerate();
    if adapters.is_empty() {
        return Err(GpuError::NoAdapter);
    }
    let names: Vec<String> = adapters.iter().map(|adapter| adapter.get_info().name).collect();
    Ok(adapters.swap_remove(position(&names, name)?))
}

fn position(names: &[String], name: Option<&str>) -> Result<usize, GpuError> {
    let Some(name) = name else { return Ok(0) };
    let wanted = name.to_lowercase();
    names
        .iter()
        .position(|known| known.to_lowercase().contains(&wanted))
        .ok_or_else(|| GpuError::Name { wanted: name.into(), found: names.join(", ") })
}

fn enumerate() -> Vec<wgpu::Adapter> {
    let mut adapters = pollster::block_on(instance().enumerate_adapters(wgpu::Backends::PRIMARY));
    adapters.sort_by_key(|adapter| describe(adapter).kind);
    adapters
}

/// The one way to the drivers that the process opens, and never closes: NVIDIA's for Linux may end the process where two
/// threads open or close one at a time (wgpu's issue 5930).
fn instance() -> &'static wgpu::Instance {
    static INSTANCE: OnceLock<wgpu::Instance> = OnceLock::new();
    INSTANCE.get_or_init(|| {
        wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::PRIMARY,
            flags: wgpu::InstanceFlags::empty(),
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adapters_are_chosen_by_a_part_of_the_name() {
        let names = ["NVIDIA GeForce".to_owned(), "Intel Arc".into(), "llvmpipe".into()];
        assert_eq!(position(&names, None), Ok(0));
        assert_eq!(position(&names, Some("arc")), Ok(1));
        assert_eq!(position(&names, Some("LLVM")), Ok(2));
        let error = position(&names, Some("voodoo")).unwrap_err().to_string();
        assert!(error.contains("voodoo") && error.contains("Intel Arc, llvmpipe"), "{error}");
    }
}
