//! An open device: its queue, its compiled kernels, and what went wrong on it.

use crate::adapter::{AdapterInfo, GpuError, describe};
use crate::kernel::source::Source;
use impasto_core::EngineError;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

/// A device and what all plans on it share.
pub struct Gpu {
    /// The device.
    pub device: wgpu::Device,
    /// Queue for submitted work.
    pub queue: wgpu::Queue,
    /// The adapter that was opened.
    pub info: AdapterInfo,
    /// Whether kernels may add up a subgroup at once.
    pub subgroups: bool,
    /// Bound where a kernel declares a buffer that it does not use.
    pub unused: wgpu::Buffer,
    /// Advice where it has too little memory, as the end of a sentence.
    pub(crate) advice: &'static str,
    limits: wgpu::Limits,
    fault: Arc<Mutex<Option<String>>>,
    kernels: Mutex<HashMap<String, Arc<wgpu::ComputePipeline>>>,
}

/// Usage of a binding by a kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Usage {
    /// Numbers that all threads share.
    Uniform,
    /// Only read.
    Read,
    /// Written, and perhaps read.
    Write,
}

/// Features and limits that our kernels need; all else is asked for as far as it is there.
const WORKGROUP_BYTES: u32 = 16 << 10;
const STORAGE_BUFFERS: u32 = 8;

/// No work takes longer on a device that is well.
const PATIENCE: Duration = Duration::from_secs(120);

impl Gpu {
    /// Opens an adapter.
    ///
    /// # Errors
    /// When it lacks something, or the driver refuses.
    pub fn open(adapter: &wgpu::Adapter) -> Result<Gpu, GpuError> {
        let info = describe(adapter);
        let lacks = |lacks: String| GpuError::Lacks { adapter: info.name.clone(), lacks };
        let limits = adapter.limits();
        if let Some(what) = lacking(&limits) {
            return Err(lacks(what));
        }
        let wanted = wgpu::Features::SHADER_F16 | wgpu::Features::SUBGROUP | wgpu::Features::TIMESTAMP_QUERY;
        // Drivers may not stand being asked by two threads at once, see `adapter::instance`.
        static OPENING: Mutex<()> = Mutex::new(());
        let opening = lock(&OPENING);
        let request = adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("impasto"),
            required_features: adapter.features() & wanted,
            required_limits: limits.clone(),
            ..Default::default()
        });
        let (device, queue) =
            pollster::block_on(request).map_err(|error| lacks(format!("could not be opened ({error})")))?;
        drop(opening);
        let fault = Arc::new(Mutex::new(None));
        watch(&device, &fault);
        let unused = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("unused"),
            size: 64,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::UNIFORM,
            mapped_at_creation: false,
        });
        let subgroups = device.features().contains(wgpu::Features::SUBGROUP);
        let (kernels, advice) = (Mutex::new(HashMap::new()), "paint smaller pictures, or use --engine cpu");
        Ok(Gpu { device, queue, info, subgroups, unused, advice, limits, fault, kernels })
    }

    /// The same with other advice for those who ask too much of it, as the end of a sentence.
    pub fn advising(self, advice: &'static str) -> Gpu {
        Gpu { advice, ..self }
    }

    /// The compiled kernel.
    ///
    /// # Errors
    /// When the driver refuses it.
    pub fn kernel(
        &self,
        source: &Source,
        usages: &[Usage],
    ) -> Result<Arc<wgpu::ComputePipeline>, EngineError> {
        let text = source.text();
        if let Some(kernel) = lock(&self.kernels).get(&text) {
            return Ok(Arc::clone(kernel));
        }
        let kernel = Arc::new(self.compiled(source.name(), &text, usages)?);
        lock(&self.kernels).insert(text, Arc::clone(&kernel));
        Ok(kernel)
    }

    fn compiled(
        &self,
        name: &str,
        text: &str,
        usages: &[Usage],
    ) -> Result<wgpu::ComputePipeline, EngineError> {
        let (device, label) = (&self.device, Some(name));
        let compile = || {
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label,
                source: wgpu::ShaderSource::Wgsl(text.into()),
            });
            let entries: Vec<_> =
                usages.iter().zip(0..).map(|(&usage, at)| layout_entry(at, usage)).collect();
            let descriptor = wgpu::BindGroupLayoutDescriptor { label, entries: &entries };
            let bindings = device.create_bind_group_layout(&descriptor);
            let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label,
                bind_group_layouts: &[Some(&bindings)],
                immediate_size: 0,
            });
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label,
                layout: Some(&layout),
                module: &module,
                entry_point: Some("main"),
                // Our kernels write workgroup memory before they read it.
                compilation_options: wgpu::PipelineCompilationOptions {
                    zero_initialize_workgroup_memory: false,
                    ..Default::default()
                },
                cache: None,
            })
        };
        self.watched(compile).map_err(|error| {
            let advice = "update the GPU's driver, choose another with --adapter, or use --engine cpu";
            EngineError::Device(format!(
                "{} cannot compile the kernel `{name}`: {error}; {advice}",
                self.info.name
            ))
        })
    }

    /// A buffer on the device, filled with zeros.
    ///
    /// # Errors
    /// When it is larger than the adapter allows, or the memory is full. `what` says what it is for.
    pub fn buffer(
        &self,
        what: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, EngineError> {
        let most = self.info.max_binding_bytes;
        if bytes > most {
            return Err(EngineError::Device(format!(
                "{what} needs a buffer of {} MB on {}, whose limit (max_storage_buffer_binding_size) is {} MB; {}",
                bytes.div_ceil(1 << 20),
                self.info.name,
                most >> 20,
                self.advice
            )));
        }
        let size = bytes.max(16).next_multiple_of(4);
        let descriptor = wgpu::BufferDescriptor { label: Some(what), size, usage, mapped_at_creation: false };
        self.watched(|| self.device.create_buffer(&descriptor)).map_err(|error| {
            EngineError::Device(format!(
                "{} has no room for {what}, {} MB ({error}); {}",
                self.info.name,
                bytes.div_ceil(1 << 20),
                self.advice
            ))
        })
    }

    /// A buffer that holds `bytes` and is read by kernels.
    ///
    /// # Errors
    /// As [`Gpu::buffer`].
    pub fn filled(
        &self,
        what: &str,
        bytes: &[u8],
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, EngineError> {
        let buffer = self.buffer(what, bytes.len() as u64, usage | wgpu::BufferUsages::COPY_DST)?;
        self.write(&buffer, bytes);
        Ok(buffer)
    }

    /// Writes to the start of a buffer before the next submitted work.
    pub fn write(&self, buffer: &wgpu::Buffer, bytes: &[u8]) {
        let whole = bytes.len() / 4 * 4;
        if whole > 0 {
            self.queue.write_buffer(buffer, 0, &bytes[..whole]);
        }
        if whole < bytes.len() {
            let mut last = [0; 4];
            last[..bytes.len() - whole].copy_from_slice(&bytes[whole..]);
            self.queue.write_buffer(buffer, whole as u64, &last);
        }
    }

    /// Waits until the submitted work is done.
    ///
    /// # Errors
    /// When the device fails, or does not answer.
    pub fn wait(&self, submitted: wgpu::SubmissionIndex) -> Result<(), EngineError> {
        let wait = wgpu::PollType::Wait { submission_index: Some(submitted), timeout: Some(PATIENCE) };
        let waited = self.device.poll(wait);
        self.check()?;
        let failed = |error| EngineError::Device(format!("the GPU {} failed: {error}", self.info.name));
        waited.map(drop).map_err(failed)
    }

    /// Waits for `submitted`, which is the last to write `buffer`, and shows what it wrote.
    ///
    /// # Errors
    /// As [`Gpu::wait`].
    pub fn read(
        &self,
        buffer: &wgpu::Buffer,
        submitted: wgpu::SubmissionIndex,
        show: &mut dyn FnMut(&[u8]),
    ) -> Result<(), EngineError> {
        self.arrived(buffer, submitted, &mapped(buffer), show)
    }

    /// The same for a buffer that is being mapped.
    ///
    /// # Errors
    /// As [`Gpu::wait`].
    pub fn arrived(
        &self,
        buffer: &wgpu::Buffer,
        submitted: wgpu::SubmissionIndex,
        arrival: &Arrival,
        show: &mut dyn FnMut(&[u8]),
    ) -> Result<(), EngineError> {
        let failed = |what: String| EngineError::Device(format!("the GPU {} failed: {what}", self.info.name));
        self.wait(submitted)?;
        // Another thread that waits for the same device may be the one to tell.
        let outcome = arrival.recv_timeout(PATIENCE).map_err(|_| failed("it gave no answer".into()))?;
        outcome.map_err(|error| failed(error.to_string()))?;
        show(&buffer.get_mapped_range(..).map_err(|error| failed(error.to_string()))?);
        buffer.unmap();
        Ok(())
    }

    /// The adapter's limit for workgroups in one direction.
    pub fn most_groups(&self) -> u32 {
        self.limits.max_compute_workgroups_per_dimension
    }

    /// The first thing that went wrong while nobody watched, such as a lost device. It stays so.
    pub fn check(&self) -> Result<(), EngineError> {
        match &*lock(&self.fault) {
            Some(fault) => Err(EngineError::Device(format!("the GPU {} failed: {fault}", self.info.name))),
            None => Ok(()),
        }
    }

    /// Makes something, or tells why the device would not.
    fn watched<T>(&self, make: impl FnOnce() -> T) -> Result<T, String> {
        let filters =
            [wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::OutOfMemory, wgpu::ErrorFilter::Internal];
        let scopes = filters.map(|filter| self.device.push_error_scope(filter));
        let made = make();
        // The scope pushed last ends first.
        let errors = scopes.into_iter().rev().map(|scope| pollster::block_on(scope.pop()));
        match errors.collect::<Vec<_>>().into_iter().flatten().next() {
            Some(error) => Err(one_line(&error.to_string())),
            None => Ok(made),
        }
    }
}

/// Anything that an adapter of these limits lacks, as the rest of a sentence.
fn lacking(limits: &wgpu::Limits) -> Option<String> {
    let (buffers, bytes) =
        (limits.max_storage_buffers_per_shader_stage, limits.max_compute_workgroup_storage_size);
    if buffers < STORAGE_BUFFERS {
        return Some(format!("has {buffers} storage buffers for a kernel, Impasto needs {STORAGE_BUFFERS}"));
    }
    (bytes < WORKGROUP_BYTES)
        .then(|| format!("has {bytes} bytes of workgroup memory, Impasto needs {WORKGROUP_BYTES}"))
}

/// Tells when a buffer is mapped.
pub type Arrival = mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>;

/// Asks for a buffer to be mapped, once the work that was submitted before is done.
pub fn mapped(buffer: &wgpu::Buffer) -> Arrival {
    let (send, arrived) = mpsc::channel();
    buffer.map_async(wgpu::MapMode::Read, .., move |outcome| drop(send.send(outcome)));
    arrived
}

/// Notes the first error that no scope takes, and the loss of the device.
fn watch(device: &wgpu::Device, fault: &Arc<Mutex<Option<String>>>) {
    let note = Arc::clone(fault);
    device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
        lock(&note).get_or_insert_with(|| one_line(&error.to_string()));
    }));
    let note = Arc::clone(fault);
    device.set_device_lost_callback(move |reason, message| {
        // A device that we gave back ourselves is no fault of it.
        if reason != wgpu::DeviceLostReason::Destroyed || !message.contains("dropped") {
            lock(&note).get_or_insert_with(|| format!("the device was lost ({reason:?}: {message})"));
        }
    });
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn layout_entry(binding: u32, usage: Usage) -> wgpu::BindGroupLayoutEntry {
    let ty = match usage {
        Usage::Uniform => wgpu::BufferBindingType::Uniform,
        Usage::Read => wgpu::BufferBindingType::Storage { read_only: true },
        Usage::Write => wgpu::BufferBindingType::Storage { read_only: false },
    };
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::choose;

    #[test]
    fn an_adapter_without_storage_buffers_is_refused_in_words() {
        let usual = wgpu::Limits::default();
        assert_eq!(lacking(&usual), None);
        let none = wgpu::Limits { max_storage_buffers_per_shader_stage: 0, ..usual.clone() };
        assert!(lacking(&none).is_some_and(|words| words.contains("0 storage buffers")));
        let small = wgpu::Limits { max_compute_workgroup_storage_size: 1024, ..usual };
        assert!(lacking(&small).is_some_and(|words| words.contains("1024 bytes of workgroup memory")));
    }

    #[test]
    fn a_kernel_that_does_not_compile_is_told_with_the_adapter() {
        let Ok(adapter) = choose(None) else {
            eprintln!("skipped: a_kernel_that_does_not_compile_is_told_with_the_adapter: no GPU adapter");
            return;
        };
        let gpu = Gpu::open(&adapter).unwrap();
        let broken = Source::new("broken", "@compute @workgroup_size(1) fn main() { no sense }", false);
        let words = gpu.kernel(&broken, &[]).unwrap_err().to_string();
        assert!(words.contains(&gpu.info.name) && words.contains("`broken`"), "{words}");
        gpu.check().unwrap();
    }
}
