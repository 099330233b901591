//! The device that trains.

use impasto_gpu::GpuError;
use impasto_gpu::compute::{Gpu, choose};
use std::sync::{Arc, Mutex};

/// An open device.
#[derive(Clone)]
pub struct GpuDevice {
    gpu: Arc<Gpu>,
}

/// For whom it has too little room.
const ADVICE: &str = "set `groups` or `sampling.photo_px` lower, or use --engine cpu";

/// Devices are opened once in a process.
static OPENED: Mutex<Vec<GpuDevice>> = Mutex::new(Vec::new());

impl GpuDevice {
    /// Opens the likely fastest adapter, or the first whose name contains `name`, whatever the case.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub fn open(name: Option<&str>) -> Result<Self, GpuError> {
        let adapter = choose(name)?;
        let mut opened = OPENED.lock().expect("nobody panics while holding it");
        if let Some(device) = opened.iter().find(|device| device.name() == adapter.get_info().name) {
            return Ok(device.clone());
        }
        let gpu = Gpu::open(&adapter)?.advising(ADVICE);
        let device = Self { gpu: Arc::new(gpu) };
        opened.push(device.clone());
        Ok(device)
    }

    /// The adapter's name.
    pub fn name(&self) -> &str {
        &self.gpu.info.name
    }

    /// Gives the device back, as if it were lost: every step then fails. For tests of what happens next.
    pub fn lose(&self) {
        self.gpu.device.destroy();
    }

    pub(super) fn gpu(&self) -> &Gpu {
        &self.gpu
    }
}
