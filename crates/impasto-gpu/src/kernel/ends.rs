//! The two ends of a plan: a picture or tensor comes in, one goes out.

use super::launch::{Launch, Maps, Params, groups_for};
use crate::gpu::Usage;
use impasto_core::lower::{BufferId, Value};
use impasto_core::{EngineError, Shape};
use wgpu::BufferUsages;

const THREADS: [usize; 2] = [16, 4];

/// Format of a frame at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Interleaved RGB8.
    Bytes,
    /// Planar `f32`.
    Planar,
}

/// Kernels and buffers for one form.
pub(crate) struct Ends {
    pub upload: wgpu::Buffer,
    pub import: Launch,
    pub export: Launch,
    /// Destination of [`Ends::export`].
    pub result: wgpu::Buffer,
    /// The same where the processor can read it, for each of the frames on their way.
    pub downloads: [wgpu::Buffer; AHEAD],
}

/// Frames that may be on their way at once.
pub(crate) const AHEAD: usize = 2;

/// The table's first activation and last value, and the shapes outside.
#[derive(Clone, Copy)]
pub(crate) struct Plugs {
    pub first: BufferId,
    pub last: Value,
    pub input: Shape,
    pub output: Shape,
}

impl Ends {
    pub fn new(maps: &Maps<'_>, form: Form, plugs: Plugs) -> Result<Ends, EngineError> {
        let gpu = maps.gpu;
        let bytes = |shape: Shape| match form {
            // Four pixels are three words.
            Form::Bytes => (shape.area().div_ceil(4) * 12) as u64,
            Form::Planar => (shape.len() * 4) as u64,
        };
        let (read, write) = (BufferUsages::STORAGE | BufferUsages::COPY_DST, BufferUsages::COPY_SRC);
        let upload = gpu.buffer("the picture", bytes(plugs.input), read)?;
        let size = bytes(plugs.output);
        let result = gpu.buffer("the painted picture", size, BufferUsages::STORAGE | write)?;
        let download =
            || gpu.buffer("the painted picture", size, BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        let downloads = [download()?, download()?];
        let import = import(maps, form, plugs, &upload)?;
        let export = export(maps, form, plugs, &result)?;
        Ok(Ends { upload, import, export, result, downloads })
    }
}

fn import(maps: &Maps<'_>, form: Form, plugs: Plugs, upload: &wgpu::Buffer) -> Result<Launch, EngineError> {
    let shape = maps.shapes[plugs.first];
    let source = match form {
        Form::Bytes => maps.source("import_bytes", include_str!("import_bytes.wgsl")),
        Form::Planar => maps.source("import_planar", include_str!("import_planar.wgsl")),
    };
    let picture = plugs.input;
    let params = Params::new([picture.width, picture.height, shape.width, shape.height, picture.channels]);
    let buffers = [(Usage::Read, upload), (Usage::Write, maps.buffer(plugs.first))];
    Launch::new(maps.gpu, &source, &params, &buffers, groups_for(shape, THREADS))
}

fn export(maps: &Maps<'_>, form: Form, plugs: Plugs, result: &wgpu::Buffer) -> Result<Launch, EngineError> {
    let source = match form {
        Form::Bytes => maps.source("export_bytes", include_str!("export_bytes.wgsl")),
        Form::Planar => maps.source("export_planar", include_str!("export_planar.wgsl")),
    };
    let picture = plugs.output;
    let params =
        Params::new([picture.width, picture.height]).and(maps.size(Some(plugs.last))).and([picture.channels]);
    let mut buffers = maps.value(plugs.last).to_vec();
    buffers.push((Usage::Write, result));
    let groups = match form {
        // A row of groups is a thousand wide: 64 threads of four pixels each.
        Form::Bytes => {
            let groups = picture.area().div_ceil(4 * 64);
            [groups.min(1024), groups.div_ceil(1024), 1]
        }
        Form::Planar => groups_for(picture, THREADS),
    };
    Launch::new(maps.gpu, &source.reading("x", 1, plugs.last), &params, &buffers, groups)
}
