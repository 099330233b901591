//! The device that trains.

use burn::tensor::wgpu::wgpu;
use burn::tensor::{Device, DeviceKind};
use impasto_gpu::{AdapterInfo, AdapterKind, GpuError, adapters};
use std::sync::Mutex;

/// Why no device can be trained on.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// None, or none of that name.
    #[error(transparent)]
    Choice(#[from] GpuError),
    /// It cannot be used.
    #[error(
        "cannot train on {adapter}: {cause}; update its driver, choose another with --adapter, or use --engine cpu"
    )]
    Open {
        /// The adapter's name.
        adapter: String,
        /// What is wrong.
        cause: String,
    },
}

/// An open device.
#[derive(Clone, Debug)]
pub struct GpuDevice {
    device: Device,
    handle: wgpu::Device,
    name: String,
}

/// Devices are opened once in a process.
static OPENED: Mutex<Vec<GpuDevice>> = Mutex::new(Vec::new());

impl GpuDevice {
    /// Opens the likely fastest adapter, or the first whose name contains `name`, whatever the case.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub fn open(name: Option<&str>) -> Result<Self, OpenError> {
        let known = adapters();
        let at = position(&known, name)?;
        let mut opened = OPENED.lock().expect("nobody panics while holding it");
        if let Some(device) = opened.iter().find(|device| device.name == known[at].name) {
            return Ok(device.clone());
        }
        let device = opened_now(&known, at)?;
        opened.push(device.clone());
        Ok(device)
    }

    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Gives the device back, as if it were lost: every step then fails. For tests of what happens next.
    pub fn lose(&self) {
        self.handle.destroy();
    }

    pub(super) fn inner(&self) -> &Device {
        &self.device
    }
}

fn position(known: &[AdapterInfo], name: Option<&str>) -> Result<usize, GpuError> {
    if known.is_empty() {
        return Err(GpuError::NoAdapter);
    }
    let Some(name) = name else { return Ok(0) };
    let wanted = name.to_lowercase();
    let found = || known.iter().map(|adapter| adapter.name.as_str()).collect::<Vec<_>>().join(", ");
    known
        .iter()
        .position(|adapter| adapter.name.to_lowercase().contains(&wanted))
        .ok_or_else(|| GpuError::Name { wanted: name.into(), found: found() })
}

/// burn knows adapters by their number among those of their kind, on one interface.
fn opened_now(known: &[AdapterInfo], at: usize) -> Result<GpuDevice, OpenError> {
    let AdapterInfo { name, kind, backend, .. } = &known[at];
    let number = known[..at].iter().filter(|a| a.kind == *kind && a.backend == *backend).count();
    let kind = match kind {
        AdapterKind::Discrete => DeviceKind::DiscreteGpu(number),
        AdapterKind::Integrated => DeviceKind::IntegratedGpu(number),
        AdapterKind::Other => DeviceKind::VirtualGpu(number),
        AdapterKind::Software => DeviceKind::Cpu,
    };
    let cannot = |cause: String| OpenError::Open { adapter: name.clone(), cause };
    let opened = Device::wgpu_options().device_kind(kind).init_with_setup();
    let (device, setup) = opened.map_err(|e| cannot(e.to_string()))?;
    let found = setup.adapter.get_info().name;
    if found != *name {
        return Err(cannot(format!("{found} answered in its place")));
    }
    Ok(GpuDevice { device: device.autodiff(), handle: setup.device, name: found })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str) -> AdapterInfo {
        AdapterInfo {
            name: name.into(),
            kind: AdapterKind::Discrete,
            backend: "vulkan".into(),
            driver: String::new(),
            half: false,
            max_binding_bytes: 1 << 30,
        }
    }

    #[test]
    fn adapters_are_chosen_by_a_part_of_the_name() {
        let known = ["NVIDIA GeForce", "Intel Arc"].map(adapter);
        assert_eq!(position(&known, None), Ok(0));
        assert_eq!(position(&known, Some("ARC")), Ok(1));
        assert_eq!(position(&[], None), Err(GpuError::NoAdapter));
        let error = position(&known, Some("voodoo")).unwrap_err().to_string();
        assert!(error.contains("voodoo") && error.contains("NVIDIA GeForce, Intel Arc"), "{error}");
    }
}
