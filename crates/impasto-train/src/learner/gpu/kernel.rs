//! Our kernels, and the Rust that launches each.

use super::Fault;
use super::room::{Room, floats};
use crate::loss::ssim::{STEP_PX, WINDOW_PX};
use crate::walk::Layer;
use impasto_core::{Padding, Shape};
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Gpu, Launch, Params, Source, Usage};

/// Where each weight of the recipe stands in the buffer that kernels read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    Content,
    Style,
    Ssim,
    Identity,
    Noise,
    Range,
    GainLimit,
}

/// Numbers in that buffer.
pub(super) const WEIGHTS: usize = 8;

/// Threads of a workgroup that goes over values.
const THREADS: usize = 256;
/// Values of one thread there, and workgroups at most.
const VALUES: usize = 4;
const MOST_GROUPS: usize = 16_384;
/// Threads of a workgroup that goes over channels or weights.
const FEW_THREADS: usize = 64;
/// The function that finds what stands beside the picture.
const NEARBY: &str = include_str!("kernel/nearby.wgsl");
/// Columns of a workgroup in the product of a gradient to weights.
const BLOCK_COLUMNS: usize = 128;
/// Workgroups that keep a large device busy.
const BUSY: usize = 512;
/// Workgroups of a kernel that tells a loss, each of which has a place of its own to tell it.
pub(super) const TELLERS: usize = 256;

/// How a value is computed from others at its place, see `point.wgsl`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Point<'a> {
    /// `max(a, 0)`.
    Relu(&'a Room),
    /// `a + b`.
    Sum(&'a Room, &'a Room),
    /// `mul * a + add`.
    Scale(&'a Room, f32, f32),
    /// `k.x * a + k.z` with the channel's coefficients.
    Affine(&'a Room, &'a Buffer),
    /// `k.x * a + k.y * b + k.z`.
    Mixed(&'a Room, &'a Room, &'a Buffer),
    /// What stands there.
    Own,
}

/// What is done to a result before it is stored: it becomes 0 where this is not positive, and is added to what stands there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Finish<'a> {
    pub gate: Option<&'a Room>,
    pub keep: bool,
}

/// A convolution's numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub kernel: usize,
    pub stride: usize,
    pub padding: Padding,
}

/// A layer's weights in the order of the kernels.
pub(super) struct Packed {
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

fn padding(padding: Padding) -> [(&'static str, u32); 3] {
    let is = |other: Padding| flag(padding == other);
    [("ZERO", is(Padding::Zero)), ("REFLECT", is(Padding::Reflect)), ("REPLICATE", is(Padding::Replicate))]
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

    /// `packed`, from the flat vector of all weights of the table.
    pub fn pack(&self, layer: &Layer, flat: &Buffer, packed: &Packed) -> Result<Launch, Fault> {
        let source = Source::new("pack", include_str!("kernel/pack.wgsl"), false);
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
        let source = Source::new("conv", include_str!("kernel/conv.wgsl"), false).after(NEARBY);
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
        let groups = [columns, rows.div_ceil(cut.rows()), 1];
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
        let source = Source::new("weights", include_str!("kernel/weights.wgsl"), false).after(NEARBY);
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
        let source = Source::new("weights_sum", include_str!("kernel/weights_sum.wgsl"), false);
        let params = Params::new([layer.outputs, columns, count, layer.start]);
        let sum = self.launch(&source, &params, &[parts], &[flat], each(layer.outputs * columns))?;
        Ok([product, sum])
    }

    /// Values that the parts of a layer's gradient take.
    pub fn parts(layer: &Layer, dy: &Room) -> usize {
        cut_positions(layer, dy).0 * layer.outputs * (layer.kernel * layer.kernel * layer.inputs + 1)
    }

    /// `y = point`.
    pub fn point(&self, point: Point, finish: Finish, y: &Room) -> Result<Launch, Fault> {
        let (unused, names) = (self.unused(), ["RELU", "SUM", "SCALE", "AFFINE", "MIXED", "OWN"]);
        let (which, a, b, coefficients, [mul, add]) = match point {
            Point::Relu(a) => (0, Some(a), None, None, [0.0; 2]),
            Point::Sum(a, b) => (1, Some(a), Some(b), None, [0.0; 2]),
            Point::Scale(a, mul, add) => (2, Some(a), None, None, [mul, add]),
            Point::Affine(a, k) => (3, Some(a), None, Some(k), [0.0; 2]),
            Point::Mixed(a, b, k) => (4, Some(a), Some(b), Some(k), [0.0; 2]),
            Point::Own => (5, None, None, None, [0.0; 2]),
        };
        let mut source = Source::new("point", include_str!("kernel/point.wgsl"), false)
            .with("GATE", finish.gate.is_some())
            .with("KEEP", finish.keep);
        for (i, name) in names.into_iter().enumerate() {
            source = source.with(name, i == which);
        }
        let params = Params::new([y.len(), y.shape.area()]).float(mul).float(add);
        let of = |room: Option<&Room>| room.map_or_else(|| unused.clone(), |room| room.buffer.clone());
        let (a, b, gate) = (of(a), of(b), of(finish.gate));
        let read = [&a, &b, coefficients.unwrap_or(unused), &gate];
        self.launch(&source, &params, &read, &[&y.buffer], over(y.len()))
    }

    /// Maxima of 2x2.
    pub fn pool(&self, x: &Room, y: &Room) -> Result<Launch, Fault> {
        self.halves("POOL", x, [None, None], false, false, y)
    }

    /// The gradient to what [`Self::pool`] reads; with `gate` only to positive values.
    pub fn pool_back(
        &self,
        dy: &Room,
        (x, y): (&Room, &Room),
        gate: bool,
        keep: bool,
        dx: &Room,
    ) -> Result<Launch, Fault> {
        self.halves("UNPOOL", dy, [Some(y), Some(x)], gate, keep, dx)
    }

    /// Each value four times.
    pub fn double(&self, x: &Room, y: &Room) -> Result<Launch, Fault> {
        self.halves("DOUBLE", x, [None, None], false, false, y)
    }

    /// Sums of four: the gradient to what [`Self::double`] reads.
    pub fn double_back(&self, dy: &Room, keep: bool, dx: &Room) -> Result<Launch, Fault> {
        self.halves("FOLD", dy, [None, None], false, keep, dx)
    }

    fn halves(
        &self,
        what: &str,
        x: &Room,
        pooled: [Option<&Room>; 2],
        gate: bool,
        keep: bool,
        y: &Room,
    ) -> Result<Launch, Fault> {
        let mut source = Source::new("halves", include_str!("kernel/halves.wgsl"), false)
            .with("GATE", gate)
            .with("KEEP", keep);
        for name in ["POOL", "UNPOOL", "DOUBLE", "FOLD"] {
            source = source.with(name, name == what);
        }
        let params = Params::new([y.len(), y.shape.height, y.shape.width, x.shape.height, x.shape.width]);
        let [small, large] = pooled.map(|room| room.map_or(self.unused(), |room| &room.buffer).clone());
        self.launch(&source, &params, &[&x.buffer, &small, &large], &[&y.buffer], over(y.len()))
    }

    /// Copies `count` channels of each sample, from channel `from` of `x` to channel `to` of `y`.
    pub fn channels(
        &self,
        (x, from): (&Room, usize),
        (y, to): (&Room, usize),
        count: usize,
        keep: bool,
    ) -> Result<Launch, Fault> {
        let area = x.shape.area();
        let source = Source::new("channels", include_str!("kernel/channels.wgsl"), false)
            .with("KEEP", keep)
            .with("FRESH", !keep);
        let total = x.samples * count * area;
        let params = Params::new([total, count * area, from * area, x.shape.len(), to * area, y.shape.len()]);
        self.launch(&source, &params, &[&x.buffer], &[&y.buffer], over(total))
    }

    fn reducing(name: &'static str, text: &str) -> Source {
        Source::new(name, text, false).after(include_str!("kernel/reduce.wgsl"))
    }

    /// `moments[n][c] = (mean, deviation)`.
    pub fn moments(&self, x: &Room, (divisor, eps): (f32, f32), moments: &Buffer) -> Result<Launch, Fault> {
        let source = Self::reducing("moments", include_str!("kernel/moments.wgsl"));
        let params = Params::new([x.shape.area(), x.shape.channels]).float(divisor).float(eps);
        self.launch(&source, &params, &[&x.buffer], &[moments], [x.shape.channels, x.samples, 1])
    }

    /// Coefficients, or a vector, of the channels of `x` where a style enters or statistics leave.
    pub fn site(&self, what: Enter, x: &Room, coefficients: &Buffer) -> Result<Launch, Fault> {
        let unused = self.unused();
        let (name, moments, style, (len, start), divisor, vector) = match what {
            Enter::AdaIn { moments, style, place } => ("ADAIN", moments, style, place, 1.0, unused),
            Enter::Modulate { style, place } => ("MODULATE", unused, style, place, 1.0, unused),
            Enter::Leave { moments, vector } => {
                ("LEAVE", moments, unused, (2 * x.shape.channels, 0), 1.0, vector)
            }
            Enter::LeaveBack { moments, divisor, gradient } => {
                ("LEAVE_BACK", moments, gradient, (2 * x.shape.channels, 0), divisor, unused)
            }
        };
        let mut source = Source::new("site", include_str!("kernel/site.wgsl"), false);
        for known in ["ADAIN", "MODULATE", "LEAVE", "LEAVE_BACK"] {
            source = source.with(known, known == name);
        }
        let params = Params::new([x.samples, x.shape.channels, len, start, x.shape.area()]).float(divisor);
        // A vector has no coefficients, and what nobody writes must not be bound twice.
        let spare = floats(self.gpu, 4)?;
        let (coefficients, vector) = match what {
            Enter::Leave { .. } => (&spare, vector),
            _ => (coefficients, &spare),
        };
        let groups = each(x.channels());
        self.launch(&source, &params, &[moments, style], &[coefficients, vector], groups)
    }

    /// Adds the gradient to a site's part of the style; gives the coefficients of that to `x`. Without `moments` the site only modulates.
    #[allow(clippy::too_many_arguments)]
    pub fn site_back(
        &self,
        (dy, x): (&Room, &Room),
        moments: Option<(&Buffer, f32)>,
        style: &Buffer,
        (len, start): (usize, usize),
        to_style: &Buffer,
        coefficients: &Buffer,
    ) -> Result<Launch, Fault> {
        let source = Self::reducing("site_back", include_str!("kernel/site_back.wgsl"))
            .with("ADAIN", moments.is_some())
            .with("MODULATE", moments.is_none());
        let (moments, divisor) = moments.unwrap_or((self.unused(), 1.0));
        let params = Params::new([x.shape.channels, len, start, x.shape.area()]).float(divisor);
        let read = [&dy.buffer, &x.buffer, moments, style];
        self.launch(&source, &params, &read, &[to_style, coefficients], [x.shape.channels, x.samples, 1])
    }

    /// The style loss of features of which `own` are the moments, one told for each sample from `told` on; gives the coefficients of its gradient.
    pub fn style(
        &self,
        root: bool,
        y: &Room,
        [own, wanted, recipe]: [&Buffer; 3],
        coefficients: &Buffer,
        (told, at): (&Buffer, usize),
    ) -> Result<Launch, Fault> {
        let source = Self::reducing("style", include_str!("kernel/style.wgsl"))
            .with("ROOT", root)
            .with("STYLE", Weight::Style as u32);
        let params = Params::new([y.shape.channels, y.shape.area(), at]);
        self.launch(&source, &params, &[own, wanted, recipe], &[coefficients, told], [y.samples, 1, 1])
    }

    /// The content loss, one told for each channel of each sample from `told` on; its gradient is added to `dy`.
    pub fn content(
        &self,
        adain: bool,
        (y, photo): (&Room, &Room),
        [of_photo, wanted, recipe]: [&Buffer; 3],
        dy: &Room,
        (told, at): (&Buffer, usize),
    ) -> Result<Launch, Fault> {
        let source = Self::reducing("content", include_str!("kernel/content.wgsl"))
            .with("ADAIN", adain)
            .with("CONTENT", Weight::Content as u32)
            .with("GAIN_LIMIT", Weight::GainLimit as u32);
        let params = Params::new([y.shape.channels, y.shape.area(), at]);
        let read = [&y.buffer, &photo.buffer, of_photo, wanted, recipe];
        self.launch(&source, &params, &read, &[&dy.buffer, told], [y.shape.channels, y.samples, 1])
    }

    /// Coefficients of AdaIN with a limited gain.
    pub fn target(
        &self,
        channels: usize,
        [of_photo, wanted, recipe]: [&Buffer; 3],
        coefficients: &Buffer,
    ) -> Result<Launch, Fault> {
        let source = Source::new("target", include_str!("kernel/target.wgsl"), false)
            .with("GAIN_LIMIT", Weight::GainLimit as u32);
        let params = Params::new([channels]);
        self.launch(&source, &params, &[of_photo, wanted, recipe], &[coefficients], each(channels))
    }

    /// A square part of each sample of `x`.
    pub fn take(&self, x: &Room, views: &Buffer, y: &Room) -> Result<Launch, Fault> {
        self.window(true, x, views, y, (y.shape, x.shape))
    }

    /// The way back: adds to `dx`.
    pub fn take_back(&self, dy: &Room, views: &Buffer, dx: &Room) -> Result<Launch, Fault> {
        self.window(false, dy, views, dx, (dy.shape, dx.shape))
    }

    fn window(
        &self,
        take: bool,
        from: &Room,
        views: &Buffer,
        to: &Room,
        (part, whole): (Shape, Shape),
    ) -> Result<Launch, Fault> {
        let source = Source::new("window", include_str!("kernel/window.wgsl"), false)
            .with("TAKE", take)
            .with("BACK", !take);
        let params = Params::new([to.len(), part.width, whole.height, whole.width]);
        self.launch(&source, &params, &[&from.buffer, views], &[&to.buffer], over(to.len()))
    }

    /// `mean |a - b|` where both show the same, told by [`TELLERS`] if that is asked for; its gradient is added to the one to `a`. Without
    /// `first`, `a` is what the overlaps call `there`.
    #[allow(clippy::too_many_arguments)]
    pub fn l1(
        &self,
        weight: Weight,
        first: bool,
        [a, b]: [&Room; 2],
        [overlaps, recipe]: [&Buffer; 2],
        to_a: &Room,
        (told, at): (&Buffer, usize),
    ) -> Result<Launch, Fault> {
        let source = Self::reducing("l1", include_str!("kernel/l1.wgsl"))
            .with("FIRST", first)
            .with("SECOND", !first)
            .with("WEIGHT", weight as u32);
        let params = Params::new([a.len(), a.shape.width, at]);
        let read = [&a.buffer, &b.buffer, overlaps, recipe];
        self.launch(&source, &params, &read, &[&to_a.buffer, told], [TELLERS, 1, 1])
    }

    /// What leaves `0..1`, told by [`TELLERS`].
    pub fn range(
        &self,
        y: &Room,
        recipe: &Buffer,
        to_y: &Room,
        (told, at): (&Buffer, usize),
    ) -> Result<Launch, Fault> {
        let source =
            Self::reducing("range", include_str!("kernel/range.wgsl")).with("RANGE", Weight::Range as u32);
        let params = Params::new([y.len(), y.shape.len(), at]);
        self.launch(&source, &params, &[&y.buffer, recipe], &[&to_y.buffer, told], [TELLERS, 1, 1])
    }

    /// `1 - SSIM` of luma, told by [`TELLERS`].
    pub fn ssim(
        &self,
        [y, x]: [&Room; 2],
        recipe: &Buffer,
        to_y: &Room,
        (told, at): (&Buffer, usize),
    ) -> Result<[Launch; 2], Fault> {
        let Shape { height, width, .. } = y.shape;
        let [rows, columns] = [height, width].map(|side| (side - WINDOW_PX) / STEP_PX + 1);
        let windows = floats(self.gpu, 4 * y.samples * rows * columns)?;
        let params = Params::new([y.samples, height, width, rows, columns, at]);
        let launch = |of_windows: bool, groups| {
            let source = Self::reducing("ssim", include_str!("kernel/ssim.wgsl"))
                .with("WINDOWS", of_windows)
                .with("PIXELS", !of_windows)
                .with("SSIM", Weight::Ssim as u32)
                .with("WINDOW", WINDOW_PX as u32)
                .with("STEP", STEP_PX as u32);
            let read = [&y.buffer, &x.buffer, recipe];
            self.launch(&source, &params, &read, &[&windows, &to_y.buffer, told], groups)
        };
        Ok([launch(true, [TELLERS, 1, 1])?, launch(false, over(y.samples * height * width))?])
    }
}

/// What happens to the channels of a map, see `site.wgsl`. A place is the length of a style vector, and where the site's part begins.
#[derive(Clone, Copy)]
pub(super) enum Enter<'a> {
    AdaIn { moments: &'a Buffer, style: &'a Buffer, place: (usize, usize) },
    Modulate { style: &'a Buffer, place: (usize, usize) },
    Leave { moments: &'a Buffer, vector: &'a Buffer },
    LeaveBack { moments: &'a Buffer, divisor: f32, gradient: &'a Buffer },
}

/// Quads of rows that a thread of a product makes.
fn row_quads(rows: usize) -> u32 {
    if rows > 64 { 2 } else { 1 }
}

/// How a product is cut: `row_threads` of 256 threads below each other, each makes `row_quads` quads of rows and two of columns, and so many
/// sums at once go to workgroup memory. Without row threads, each thread makes a column by itself.
#[derive(Clone, Copy)]
struct Cut {
    row_threads: usize,
    row_quads: u32,
    depth: u32,
}

impl Cut {
    /// What suits so many rows, within 16 KB of workgroup memory.
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

#[cfg(test)]
mod tests;
