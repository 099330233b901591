//! Operations value by value: sums, ReLUs, maps of half the size, parts of channels and of pictures.

use super::{Finish, Kit, over};
use crate::learner::gpu::Fault;
use crate::learner::gpu::room::Room;
use impasto_core::Shape;
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Launch, Params, Source};

/// Formula of a value from others at its place, see `point.wgsl`.
#[derive(Clone, Copy, Debug)]
pub(in crate::learner::gpu) enum Point<'a> {
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
    /// The value that stands there.
    Own,
}

impl Kit<'_> {
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
        let mut source = Source::new("point", include_str!("point.wgsl"), false)
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

    /// Means of 2x2 windows; windows over the edge take the mean of what there is.
    pub fn mean_pool(&self, x: &Room, y: &Room) -> Result<Launch, Fault> {
        self.halves("MEAN", x, [None, None], false, false, y)
    }

    /// The gradient to what [`Self::mean_pool`] reads.
    pub fn mean_pool_back(&self, dy: &Room, keep: bool, dx: &Room) -> Result<Launch, Fault> {
        self.halves("UNMEAN", dy, [None, None], false, keep, dx)
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
        let mut source =
            Source::new("halves", include_str!("halves.wgsl"), false).with("GATE", gate).with("KEEP", keep);
        for name in ["POOL", "UNPOOL", "MEAN", "UNMEAN", "DOUBLE", "FOLD"] {
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
        let source = Source::new("channels", include_str!("channels.wgsl"), false)
            .with("KEEP", keep)
            .with("FRESH", !keep);
        let total = x.samples * count * area;
        let params = Params::new([total, count * area, from * area, x.shape.len(), to * area, y.shape.len()]);
        self.launch(&source, &params, &[&x.buffer], &[&y.buffer], over(total))
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
        let source =
            Source::new("window", include_str!("window.wgsl"), false).with("TAKE", take).with("BACK", !take);
        let params = Params::new([to.len(), part.width, whole.height, whole.width]);
        self.launch(&source, &params, &[&from.buffer, views], &[&to.buffer], over(to.len()))
    }
}
