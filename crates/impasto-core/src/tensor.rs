//! A planar tensor of `f32`.

use serde::{Deserialize, Serialize};

/// Channels, height and width of one picture's features. A vector is `[channels, 1, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Number of channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Channels, height, width.
    pub const fn new(channels: usize, height: usize, width: usize) -> Self {
        Self { channels, height, width }
    }

    /// Positions in one channel.
    pub const fn area(&self) -> usize {
        self.height * self.width
    }

    /// Values in all channels.
    pub const fn len(&self) -> usize {
        self.channels * self.area()
    }

    /// Whether there is no value at all.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[{}, {}, {}]", self.channels, self.height, self.width)
    }
}

/// Values of a [`Shape`] in `CHW` order: channel after channel, each row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Shape,
    data: Vec<f32>,
}

impl Tensor {
    /// All zeros.
    pub fn zeros(shape: Shape) -> Self {
        Self { shape, data: vec![0.0; shape.len()] }
    }

    /// Wraps values in `CHW` order.
    ///
    /// # Panics
    /// If `data.len()` is not `shape.len()`.
    pub fn new(shape: Shape, data: Vec<f32>) -> Self {
        assert_eq!(data.len(), shape.len(), "values do not fill {shape}");
        Self { shape, data }
    }

    /// The value at channel `c`, row `y`, column `x` is `value(c, y, x)`.
    pub fn from_fn(shape: Shape, mut value: impl FnMut(usize, usize, usize) -> f32) -> Self {
        let mut data = Vec::with_capacity(shape.len());
        for c in 0..shape.channels {
            for y in 0..shape.height {
                data.extend((0..shape.width).map(|x| value(c, y, x)));
            }
        }
        Self { shape, data }
    }

    /// Channels, height, width.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// All values, `CHW`.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// All values, `CHW`, to write.
    pub fn data_mut(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// Gives the values back.
    pub fn into_data(self) -> Vec<f32> {
        self.data
    }

    /// One channel, row by row.
    pub fn channel(&self, c: usize) -> &[f32] {
        let area = self.shape.area();
        &self.data[c * area..(c + 1) * area]
    }

    /// One channel, to write.
    pub fn channel_mut(&mut self, c: usize) -> &mut [f32] {
        let area = self.shape.area();
        &mut self.data[c * area..(c + 1) * area]
    }

    /// One row of one channel.
    pub fn row(&self, c: usize, y: usize) -> &[f32] {
        let at = (c * self.shape.height + y) * self.shape.width;
        &self.data[at..at + self.shape.width]
    }

    /// The top left `height` x `width` positions of every channel.
    ///
    /// # Panics
    /// If that is larger than the tensor.
    pub fn cropped(&self, height: usize, width: usize) -> Self {
        assert!(height <= self.shape.height && width <= self.shape.width, "crop larger than {}", self.shape);
        Self::from_fn(Shape::new(self.shape.channels, height, width), |c, y, x| self.row(c, y)[x])
    }

    /// Grown to `height` x `width` at the bottom and right by repeating the last row and column.
    ///
    /// # Panics
    /// If that is smaller than the tensor, or the tensor is empty.
    pub fn extended(&self, height: usize, width: usize) -> Self {
        let Shape { channels, height: h, width: w } = self.shape;
        assert!(
            height >= h && width >= w && h > 0 && w > 0,
            "cannot extend {} to {height}x{width}",
            self.shape
        );
        Self::from_fn(Shape::new(channels, height, width), |c, y, x| self.row(c, y.min(h - 1))[x.min(w - 1)])
    }
}
