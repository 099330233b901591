//! Pictures in the caller's memory.

use crate::error::{Fault, ImpastoCode, null};
use impasto::Image;

/// The order of a pixel's bytes.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImpastoFormat {
    /// Red, green, blue: 3 bytes a pixel.
    Rgb8 = 0,
    /// Red, green, blue, alpha: 4 bytes a pixel.
    Rgba8 = 1,
    /// Blue, green, red, alpha: 4 bytes a pixel.
    Bgra8 = 2,
}

impl ImpastoFormat {
    /// The format of a number, which C may have made up.
    fn of(number: u32) -> Result<Self, Fault> {
        [Self::Rgb8, Self::Rgba8, Self::Bgra8].into_iter().find(|format| *format as u32 == number).ok_or_else(
            || {
                Fault::new(
                    ImpastoCode::Argument,
                    format!("there is no format {number}; use one of ImpastoFormat"),
                )
            },
        )
    }

    fn pixel_bytes(self) -> usize {
        match self {
            Self::Rgb8 => 3,
            Self::Rgba8 | Self::Bgra8 => 4,
        }
    }

    /// Places of red, green and blue in a pixel.
    fn places(self) -> [usize; 3] {
        match self {
            Self::Rgb8 | Self::Rgba8 => [0, 1, 2],
            Self::Bgra8 => [2, 1, 0],
        }
    }
}

/// A picture in the caller's memory, to read or to write. Alpha is not painted: the result has that of the picture that was painted,
/// or 255 where that has none.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ImpastoPicture {
    /// The leftmost pixel of the row at the top.
    pub pixels: *mut u8,
    /// Width in px, from 1 up.
    pub width: u32,
    /// Height in px, from 1 up.
    pub height: u32,
    /// Bytes from the start of one row to that of the row below: negative where the picture lies upside down in memory; 0 where
    /// rows follow each other without gaps.
    pub stride: isize,
    /// The order of a pixel's bytes, one of `ImpastoFormat`.
    pub format: u32,
}

/// Most pixels of a picture: 2^28, so that no product of sizes overflows anywhere.
const MOST_PIXELS: u64 = 1 << 28;

/// A picture whose sizes were checked.
pub struct Checked {
    pixels: *mut u8,
    pub width: usize,
    pub height: usize,
    stride: isize,
    format: ImpastoFormat,
}

impl ImpastoPicture {
    /// The picture, if its numbers can be meant.
    pub fn checked(&self, name: &str) -> Result<Checked, Fault> {
        let wrong = |words: String| Err(Fault::new(ImpastoCode::Argument, format!("`{name}`: {words}")));
        if self.pixels.is_null() {
            return Err(null(&format!("{name}.pixels")));
        }
        let format = ImpastoFormat::of(self.format)?;
        let (width, height) = (self.width as usize, self.height as usize);
        if width == 0 || height == 0 {
            return wrong(format!("a picture of {width}x{height} px has no pixels; pass one that has"));
        }
        if u64::from(self.width) * u64::from(self.height) > MOST_PIXELS {
            return wrong(format!("{width}x{height} px is too large; the limit is {MOST_PIXELS} pixels"));
        }
        let row = width * format.pixel_bytes();
        let stride = if self.stride == 0 { row as isize } else { self.stride };
        let span = stride.checked_mul(height as isize);
        if stride.unsigned_abs() < row || span.is_none() {
            return wrong(format!(
                "a stride of {stride} bytes does not fit rows of {row}; pass 0 or the true one"
            ));
        }
        Ok(Checked { pixels: self.pixels, width, height, stride, format })
    }
}

impl Checked {
    fn row_bytes(&self) -> usize {
        self.width * self.format.pixel_bytes()
    }

    /// The bytes of row `y`.
    ///
    /// # Safety
    /// The memory must be as large as the picture's numbers say, and nobody may write to it meanwhile.
    unsafe fn row(&self, y: usize) -> &[u8] {
        debug_assert!(y < self.height);
        // SAFETY: the product was checked, and the caller promises the memory.
        unsafe { std::slice::from_raw_parts(self.pixels.offset(self.stride * y as isize), self.row_bytes()) }
    }

    /// The bytes of row `y`, to write.
    ///
    /// # Safety
    /// As for [`Checked::row`], and nobody may read it meanwhile.
    #[expect(clippy::mut_from_ref, reason = "the memory is the caller's, not ours")]
    unsafe fn row_mut(&self, y: usize) -> &mut [u8] {
        debug_assert!(y < self.height);
        // SAFETY: the product was checked, and the caller promises the memory.
        unsafe {
            std::slice::from_raw_parts_mut(self.pixels.offset(self.stride * y as isize), self.row_bytes())
        }
    }

    /// A copy as an image.
    ///
    /// # Safety
    /// The memory must be as large as the picture's numbers say, and nobody may write to it meanwhile.
    pub unsafe fn to_image(&self) -> Image {
        let [r, g, b] = self.format.places();
        let mut rgb = Vec::with_capacity(3 * self.width * self.height);
        for y in 0..self.height {
            // SAFETY: the caller promises it.
            let row = unsafe { self.row(y) };
            match self.format {
                ImpastoFormat::Rgb8 => rgb.extend_from_slice(row),
                ImpastoFormat::Rgba8 | ImpastoFormat::Bgra8 => {
                    rgb.extend(row.chunks_exact(4).flat_map(|p| [p[r], p[g], p[b]]));
                }
            }
        }
        Image::new(self.width, self.height, rgb).expect("sizes were checked")
    }

    /// The alphas of row `y`, where the format has them.
    ///
    /// # Safety
    /// As for [`Checked::row`].
    unsafe fn alphas(&self, y: usize) -> Option<Vec<u8>> {
        match self.format {
            ImpastoFormat::Rgb8 => None,
            ImpastoFormat::Rgba8 | ImpastoFormat::Bgra8 => {
                // SAFETY: the caller promises it.
                Some(unsafe { self.row(y) }.chunks_exact(4).map(|p| p[3]).collect())
            }
        }
    }

    /// Writes the painting of `photo`, whose alpha it takes. Both may be the same memory.
    ///
    /// # Safety
    /// The memory of both must be as large as the numbers say, and nobody else may use that of `self` meanwhile.
    pub unsafe fn write(&self, painted: &Image, photo: &Checked) {
        let [r, g, b] = self.format.places();
        for (y, rgb) in painted.rgb().chunks_exact(3 * self.width).enumerate() {
            // SAFETY: the caller promises both; alphas are copied before the row is written.
            let (alphas, row) = unsafe { (photo.alphas(y), self.row_mut(y)) };
            match self.format {
                ImpastoFormat::Rgb8 => row.copy_from_slice(rgb),
                ImpastoFormat::Rgba8 | ImpastoFormat::Bgra8 => {
                    for (x, (to, from)) in row.chunks_exact_mut(4).zip(rgb.chunks_exact(3)).enumerate() {
                        (to[r], to[g], to[b]) = (from[0], from[1], from[2]);
                        to[3] = alphas.as_ref().map_or(255, |alphas| alphas[x]);
                    }
                }
            }
        }
    }
}

/// Both pictures of a call, which must be of one size.
pub fn pair(photo: &ImpastoPicture, painted: &ImpastoPicture) -> Result<(Checked, Checked), Fault> {
    let (photo, painted) = (photo.checked("photo")?, painted.checked("painted")?);
    if (photo.width, photo.height) != (painted.width, painted.height) {
        return Err(Fault::new(
            ImpastoCode::Argument,
            format!(
                "`painted` is {}x{} px and `photo` {}x{}; make them equal",
                painted.width, painted.height, photo.width, photo.height
            ),
        ));
    }
    Ok((photo, painted))
}
