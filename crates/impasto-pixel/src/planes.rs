//! Planar YCbCr, and how it was made from RGB.

/// Matrix by which luma and colour differences were made from RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// ITU-R BT.601: standard definition.
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
    /// ITU-R BT.2020, not constant luminance.
    Bt2020,
}

/// Matrix and range of YCbCr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color {
    /// The matrix.
    pub matrix: Matrix,
    /// Luma of `0..=255` instead of `16..=235`.
    pub full: bool,
}

impl Color {
    /// The colour that players assume where a file says nothing: limited range, BT.601 below 720 lines, else BT.709.
    pub fn usual(width: usize, height: usize) -> Self {
        let matrix = if width >= 1280 || height >= 720 { Matrix::Bt709 } else { Matrix::Bt601 };
        Self { matrix, full: false }
    }
}

/// Subsampling of colour differences.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroma {
    /// Once for 2x2 pixels.
    C420,
    /// Once for two pixels of a row.
    C422,
    /// For every pixel.
    C444,
    /// Never: grey.
    Mono,
}

impl Chroma {
    /// Size of a plane of colour differences; sides are rounded up.
    pub fn plane(self, width: usize, height: usize) -> (usize, usize) {
        match self {
            Chroma::C420 => (width.div_ceil(2), height.div_ceil(2)),
            Chroma::C422 => (width.div_ceil(2), height),
            Chroma::C444 => (width, height),
            Chroma::Mono => (0, 0),
        }
    }
}

/// Planar 8-bit YCbCr, rows from the top, no padding between rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planes {
    /// Width of the luma plane in px.
    pub width: usize,
    /// Height of the luma plane in px.
    pub height: usize,
    /// Size of the other planes.
    pub chroma: Chroma,
    /// Matrix and range.
    pub color: Color,
    /// Luma.
    pub y: Vec<u8>,
    /// Cb.
    pub u: Vec<u8>,
    /// Cr.
    pub v: Vec<u8>,
}
