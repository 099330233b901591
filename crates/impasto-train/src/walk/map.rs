//! Feature maps as the trainer keeps them.

use half::bf16;
use impasto_core::{Padding, Shape, Tensor};

/// Channels are padded to a multiple of this with zeros.
pub const LANES: usize = 32;

/// Pixels behind the map that kernels may read.
const SLACK_PX: usize = 40;

/// A number that maps are made of.
pub trait Element: Copy + Send + Sync + Default + std::fmt::Debug + 'static {
    /// As `f32`.
    fn wide(self) -> f32;
    /// From `f32`, rounded to nearest even.
    fn narrow(value: f32) -> Self;
}

impl Element for f32 {
    #[inline(always)]
    fn wide(self) -> f32 {
        self
    }

    #[inline(always)]
    fn narrow(value: f32) -> Self {
        value
    }
}

impl Element for bf16 {
    #[inline(always)]
    fn wide(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }

    /// Without a branch, so that loops vectorise; infinities stay, and the usual NaN stays NaN.
    #[inline(always)]
    fn narrow(value: f32) -> Self {
        let bits = value.to_bits();
        bf16::from_bits((bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) >> 16) as u16)
    }
}

/// Features `[height + 2][width + 2][lanes]`: pixels row by row with a rim of one on each side, channels last and padded with zeros to
/// `lanes`. A gradient's rim is always zero; a value's rim is filled before a convolution reads it.
#[derive(Clone, Debug)]
pub struct Map<E> {
    shape: Shape,
    lanes: usize,
    data: Vec<E>,
}

impl<E: Element> Map<E> {
    /// All zeros.
    pub fn zeros(shape: Shape) -> Self {
        let lanes = shape.channels.next_multiple_of(LANES);
        let length = ((shape.height + 2) * (shape.width + 2) + SLACK_PX) * lanes;
        Self { shape, lanes, data: vec![E::default(); length] }
    }

    /// The same values; the rim stays zero.
    pub fn from_tensor(tensor: &Tensor) -> Self {
        let mut map = Self::zeros(tensor.shape());
        map.read_tensor(tensor);
        map
    }

    /// Takes the values of `tensor`.
    ///
    /// # Panics
    /// If the shapes differ.
    pub fn read_tensor(&mut self, tensor: &Tensor) {
        assert_eq!(self.shape, tensor.shape());
        let lanes = self.lanes;
        for y in 0..self.shape.height {
            let row = self.row_mut(y);
            for c in 0..tensor.shape().channels {
                let to = row.iter_mut().skip(c).step_by(lanes);
                to.zip(tensor.row(c, y)).for_each(|(to, &from)| *to = E::narrow(from));
            }
        }
    }

    /// The same values as `CHW`.
    pub fn to_tensor(&self) -> Tensor {
        Tensor::from_fn(self.shape, |c, y, x| self.row(y)[x * self.lanes + c].wide())
    }

    /// Channels, height and width without rim and padding.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Padded channels.
    pub fn lanes(&self) -> usize {
        self.lanes
    }

    /// Everything, with rim and slack.
    pub fn data(&self) -> &[E] {
        &self.data
    }

    /// Everything, with rim and slack, to write.
    pub fn data_mut(&mut self) -> &mut [E] {
        &mut self.data
    }

    fn start(&self, y: usize) -> usize {
        ((y + 1) * (self.shape.width + 2) + 1) * self.lanes
    }

    /// Row `y` without its rim: `[width][lanes]`.
    pub fn row(&self, y: usize) -> &[E] {
        &self.data[self.start(y)..][..self.shape.width * self.lanes]
    }

    /// Row `y` without its rim, to write.
    pub fn row_mut(&mut self, y: usize) -> &mut [E] {
        let (start, length) = (self.start(y), self.shape.width * self.lanes);
        &mut self.data[start..start + length]
    }

    /// Takes everything of `other`, which has the same shape.
    pub fn copy_from(&mut self, other: &Self) {
        self.data.copy_from_slice(&other.data);
    }

    /// Fills the rim from the inside, or with zeros.
    pub fn fill_rim(&mut self, padding: Padding) {
        let (h, w, lanes) = (self.shape.height, self.shape.width, self.lanes);
        let line = (w + 2) * lanes;
        for y in 0..h {
            for (at, x) in [(0, -1), (w + 1, w as isize)] {
                let to = (y + 1) * line + at * lanes;
                match padding.source(x, w) {
                    Some(x) => {
                        let from = self.start(y) + x * lanes;
                        self.data.copy_within(from..from + lanes, to);
                    }
                    None => self.data[to..to + lanes].fill(E::default()),
                }
            }
        }
        for (at, y) in [(0, -1), (h + 1, h as isize)] {
            match padding.source(y, h) {
                Some(y) => self.data.copy_within((y + 1) * line..(y + 2) * line, at * line),
                None => self.data[at * line..(at + 1) * line].fill(E::default()),
            }
        }
    }
}
