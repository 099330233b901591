//! Our kernels: the texts in WGSL, and the Rust that launches each.

mod losses;
mod noise;
mod points;
mod products;
mod sites;

pub(super) use losses::{TELLERS, WEIGHTS, Weight};
pub(super) use noise::Noise;
pub(super) use points::Point;
pub(super) use products::{Packed, Window};
pub(super) use sites::Enter;

use super::Fault;
use super::room::Room;
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Gpu, Launch, Params, Source, Usage};

/// Threads of a workgroup that goes over values.
const THREADS: usize = 256;
/// Values of one thread there, and workgroups at most.
const VALUES: usize = 4;
const MOST_GROUPS: usize = 16_384;
/// Threads of a workgroup that goes over channels or weights.
const FEW_THREADS: usize = 64;
/// Operations on a result before it is stored: it becomes 0 where this is not positive, and is added to what stands there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Finish<'a> {
    pub gate: Option<&'a Room>,
    pub keep: bool,
}

/// Makes launches on a device.
#[derive(Clone, Copy)]
pub(super) struct Kit<'a> {
    pub gpu: &'a Gpu,
}

/// Takes a list of `(name, value)`.
fn with(mut source: Source, constants: &[(&'static str, u32)]) -> Source {
    for &(name, value) in constants {
        source = source.with(name, value);
    }
    source
}

fn flag(is: bool) -> u32 {
    u32::from(is)
}

/// Workgroups that go over so many values.
fn over(values: usize) -> [usize; 3] {
    [values.div_ceil(THREADS * VALUES).clamp(1, MOST_GROUPS), 1, 1]
}

/// One thread each.
fn each(count: usize) -> [usize; 3] {
    [count.div_ceil(FEW_THREADS), 1, 1]
}

impl<'a> Kit<'a> {
    fn launch(
        &self,
        source: &Source,
        params: &Params,
        read: &[&Buffer],
        written: &[&Buffer],
        groups: [usize; 3],
    ) -> Result<Launch, Fault> {
        let read = read.iter().map(|&buffer| (Usage::Read, buffer));
        let buffers: Vec<_> = read.chain(written.iter().map(|&buffer| (Usage::Write, buffer))).collect();
        Ok(Launch::new(self.gpu, source, params, &buffers, groups)?)
    }

    fn unused(&self) -> &'a Buffer {
        &self.gpu.unused
    }

    fn reducing(name: &'static str, text: &str) -> Source {
        Source::new(name, text, false).after(include_str!("kernel/reduce.wgsl"))
    }
}

#[cfg(test)]
mod tests;
