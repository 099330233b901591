//! Convolutions, their gradients to inputs and to weights: products of matrices, see `conv.wgsl` and `weights.wgsl`.

use super::{Finish, Kit, THREADS, each, flag, with};
use crate::learner::gpu::Fault;
use crate::learner::gpu::room::{Room, floats};
use crate::walk::Layer;
use impasto_core::Padding;
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Gpu, Launch, Params, Source};

/// The function that finds what stands beside the picture.
const NEARBY: &str = include_str!("nearby.wgsl");
/// Columns of a workgroup in the product of a gradient to weights.
const BLOCK_COLUMNS: usize = 128;
/// Workgroups in one direction.
const MOST_ACROSS: usize = 32_768;
/// Workgroups that keep a large device busy.
const BUSY: usize = 512;

/// A convolution's numbers.
#[derive(Clone, Copy, Debug)]
pub(in crate::learner::gpu) struct Window {
    pub kernel: usize,
    pub stride: usize,
    pub padding: Padding,
}

/// A layer's weights in the order of the kernels.
pub(in crate::learner::gpu) struct Packed {
    forward: Buffer,
    back: Buffer,
    bias: Buffer,
}

impl Packed {
    pub fn new(gpu: &Gpu, layer: &Layer) -> Result<Self, Fault> {
        let taps = layer.kernel * layer.kernel;
        let quads = |channels: usize| 4 * channels.div_ceil(4);
        Ok(Self {
            forward: floats(gpu, taps * layer.inputs * quads(layer.outputs))?,
            back: floats(gpu, taps * layer.outputs * quads(layer.inputs))?,
            bias: floats(gpu, layer.outputs)?,
        })
    }
}

fn padding(padding: Padding) -> [(&'static str, u32); 3] {
    let is = |other: Padding| flag(padding == other);
    [("ZERO", is(Padding::Zero)), ("REFLECT", is(Padding::Reflect)), ("REPLICATE", is(Padding::Replicate))]
}

impl Kit<'_> {
    /// `packed`, from the flat vector of all weights of the table.
    pub fn pack(&self, layer: &Layer, flat: &Buffer, packed: &Packed) -> Result<Launch, Fault> {
        let source = Source::new("pack", include_str!("pack.wgsl"), false);
        let taps = layer.kernel * layer.kernel;
        let params = Params::new([layer.outputs, layer.inputs, taps, layer.start, layer.bias().start]);
        let count = (taps * layer.inputs * layer.outputs.div_ceil(4))
            .max(taps * layer.outputs * layer.inputs.div_ceil(4));
        let Packed { forward, back, bias } = packed;
        self.launch(&source, &params, &[flat], &[forward, back, bias], each(count.max(layer.outputs)))
    }

    /// `y = conv(x)`, with the ReLU if that is asked for.
    pub fn conv(
        &self,
        window: Window,
        packed: &Packed,
        x: &Room,
        relu: bool,
        y: &Room,
    ) -> Result<Launch, Fault> {
        let constants =
            [("FORWARD", 1), ("BACK", 0), ("BIAS", 1), ("RELU", flag(relu)), ("GATE", 0), ("KEEP", 0)];
        let weights = [&packed.forward, &packed.bias];
        self.product(window, weights, (x, y), self.unused(), &constants)
    }

    /// `dx = the gradient to the input` of a convolution.
    pub fn conv_back(
        &self,
        window: Window,
        packed: &Packed,
        dy: &Room,
        finish: Finish,
        dx: &Room,
    ) -> Result<Launch, Fault> {
        let constants = [
            ("FORWARD", 0),
            ("BACK", 1),
            ("BIAS", 0),
            ("RELU", 0),
            ("GATE", flag(finish.gate.is_some())),
            ("KEEP", flag(finish.keep)),
        ];
        let gate = finish.gate.map_or(self.unused(), |gate| &gate.buffer);
        self.product(window, [&packed.back, self.unused()], (dy, dx), gate, &constants)
    }

    fn product(
        &self,
        window: Window,
        [weight, bias]: [&Buffer; 2],
        (x, y): (&Room, &Room),
        gate: &Buffer,
        constants: &[(&'static str, u32)],
    ) -> Result<Launch, Fault> {
        let (inner, rows) = (x.shape.channels, y.shape.channels);
        let cut = Cut::of(rows);
        let whole = inner.is_multiple_of(8);
        let source = Source::new("conv", &multiplying(include_str!("conv.wgsl")), false).after(NEARBY);
        let source = with(with(cut.constants(source, window), &padding(window.padding)), constants)
            .with("WHOLE", whole)
            .with("BROKEN", !whole)
            .with("BORDER", window.kernel > 1 && window.padding != Padding::Zero);
        let params = Params::new([
            rows,
            inner,
            y.samples,
            y.shape.height,
            y.shape.width,
            x.shape.height,
            x.shape.width,
        ]);
        let columns = (y.samples * y.shape.area()).div_ceil(cut.columns());
        // A large batch has more blocks of columns than there may be workgroups in one direction.
        let wide = columns.min(MOST_ACROSS);
        let groups = [wide, rows.div_ceil(cut.rows()), columns.div_ceil(wide)];
        self.launch(&source, &params, &[weight, bias, &x.buffer, gate], &[&y.buffer], groups)
    }

    /// Adds the gradient to a layer's weights to the flat vector of all gradients; `parts` has [`Self::parts`] values.
    pub fn weights(
        &self,
        window: Window,
        layer: &Layer,
        (dy, x): (&Room, &Room),
        parts: &Buffer,
        flat: &Buffer,
    ) -> Result<[Launch; 2], Fault> {
        let (count, chunk, row_quads) = cut_positions(layer, dy);
        let source = Source::new("weights", &multiplying(include_str!("weights.wgsl")), false).after(NEARBY);
        let constants = Cut { row_threads: 16, row_quads, depth: 8 };
        let source = with(constants.constants(source, window), &padding(window.padding));
        let params = Params::new([
            layer.outputs,
            layer.inputs,
            dy.samples,
            dy.shape.height,
            dy.shape.width,
            x.shape.height,
            x.shape.width,
            chunk,
        ]);
        let columns = layer.kernel * layer.kernel * layer.inputs + 1;
        let groups =
            [columns.div_ceil(BLOCK_COLUMNS), layer.outputs.div_ceil(64 * row_quads as usize), count];
        let product = self.launch(&source, &params, &[&dy.buffer, &x.buffer], &[parts], groups)?;
        let source = Source::new("weights_sum", include_str!("weights_sum.wgsl"), false);
        let params = Params::new([layer.outputs, columns, count, layer.start]);
        let sum = self.launch(&source, &params, &[parts], &[flat], each(layer.outputs * columns))?;
        Ok([product, sum])
    }

    /// Values that the parts of a layer's gradient take.
    pub fn parts(layer: &Layer, dy: &Room) -> usize {
        cut_positions(layer, dy).0 * layer.outputs * (layer.kernel * layer.kernel * layer.inputs + 1)
    }
}

/// A kernel's text with the products of its tiles.
fn multiplying(text: &str) -> String {
    text.replace("#multiply\n", include_str!("multiply.wgsl"))
}

/// Quads of rows that a thread of a product makes.
fn row_quads(rows: usize) -> u32 {
    if rows > 64 { 2 } else { 1 }
}

/// Cut of a product into workgroups: `row_threads` of 256 threads below each other, each makes `row_quads` quads of rows and two of columns, and so many
/// sums at once go to workgroup memory. Without row threads, each thread makes a column by itself.
#[derive(Clone, Copy)]
struct Cut {
    row_threads: usize,
    row_quads: u32,
    depth: u32,
}

impl Cut {
    /// A cut that suits so many rows, within 16 KB of workgroup memory.
    fn of(rows: usize) -> Self {
        match rows {
            0..=4 => Self { row_threads: 0, row_quads: 1, depth: 8 },
            5..=16 => Self { row_threads: 4, row_quads: 1, depth: 4 },
            17..=32 => Self { row_threads: 8, row_quads: 1, depth: 8 },
            33..=96 => Self { row_threads: 16, row_quads: 1, depth: 8 },
            _ => Self { row_threads: 16, row_quads: 2, depth: 8 },
        }
    }

    fn column_threads(self) -> usize {
        THREADS / self.row_threads.max(1)
    }

    /// Columns of a workgroup.
    fn columns(self) -> usize {
        if self.row_threads == 0 { THREADS } else { 8 * self.column_threads() }
    }

    /// Rows of a workgroup.
    fn rows(self) -> usize {
        4 * self.row_quads as usize * self.row_threads.max(1)
    }

    fn constants(self, source: Source, window: Window) -> Source {
        let tiled = self.row_threads > 0;
        source
            .with("KERNEL", window.kernel as u32)
            .with("STRIDE", window.stride as u32)
            .with("TILED", tiled)
            .with("NARROW", !tiled)
            .with("ROW_THREADS", self.row_threads as u32)
            .with("COLUMN_THREADS", self.column_threads() as u32)
            .with("ROW_QUADS", self.row_quads)
            .with("ROWS", 4 * self.row_quads)
            .with("DEPTH", self.depth)
            .with("LOADS", self.depth * 2 * self.column_threads() as u32 / THREADS as u32)
            .with("TWO", 2u32)
            .with("FOUR", 4u32)
    }
}

/// Into how many parts the sum over positions is cut, how many positions each has, and the rows of a thread.
fn cut_positions(layer: &Layer, dy: &Room) -> (usize, usize, u32) {
    let row_quads = row_quads(layer.outputs);
    let columns = layer.kernel * layer.kernel * layer.inputs + 1;
    let blocks = columns.div_ceil(BLOCK_COLUMNS) * layer.outputs.div_ceil(64 * row_quads as usize);
    let positions = dy.samples * dy.shape.area();
    let chunk = positions.div_ceil((BUSY / blocks).max(1)).next_multiple_of(8).max(64);
    (positions.div_ceil(chunk), chunk, row_quads)
}
