//! In integers that compilers put into vectors: for WebAssembly, for which the crate `yuv` has none.

use crate::{Chroma, Color, Matrix, Planes};
use impasto_core::Image;

/// Binary digits behind the point.
const DIGITS: u32 = 13;
const ONE: f32 = (1 << DIGITS) as f32;
const HALF: i32 = 1 << (DIGITS - 1);

/// Shares of red and blue in luma.
fn shares(matrix: Matrix) -> (f32, f32) {
    match matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
        Matrix::Bt2020 => (0.2627, 0.0593),
    }
}

/// Least luma, and how much of 255 luma and colour differences span.
fn range(color: Color) -> (i32, f32, f32) {
    if color.full { (0, 255.0, 255.0) } else { (16, 219.0, 224.0) }
}

fn fixed(value: f32) -> i32 {
    (value * ONE).round() as i32
}

/// YCbCr to sRGB.
///
/// # Panics
/// If the planes do not have the length that their size asks for.
pub fn image_from_planes(planes: &Planes) -> Image {
    let (width, height) = (planes.width, planes.height);
    let (chroma_width, _) = planes.chroma.plane(width, height);
    let toward = ToRgb::new(planes.color);
    let (mut u, mut v) = (vec![128; width], vec![128; width]);
    let mut image = Image::black(width, height);
    for (row, rgb) in image.rgb_mut().chunks_exact_mut(3 * width).enumerate() {
        let y = &planes.y[row * width..(row + 1) * width];
        let at = |row: usize| row * chroma_width..(row + 1) * chroma_width;
        match planes.chroma {
            Chroma::C420 => doubled([&planes.u[at(row / 2)], &planes.v[at(row / 2)]], [&mut u, &mut v]),
            Chroma::C422 => doubled([&planes.u[at(row)], &planes.v[at(row)]], [&mut u, &mut v]),
            Chroma::C444 => {
                u.copy_from_slice(&planes.u[at(row)]);
                v.copy_from_slice(&planes.v[at(row)]);
            }
            Chroma::Mono => {}
        }
        toward.row(y, &u, &v, rgb);
    }
    image
}

fn doubled(from: [&[u8]; 2], to: [&mut [u8]; 2]) {
    for (from, to) in from.into_iter().zip(to) {
        to.chunks_mut(2).zip(from).for_each(|(pair, value)| pair.fill(*value));
    }
}

/// Factors of one matrix and range.
struct ToRgb {
    least: i32,
    luma: i32,
    red: i32,
    green: [i32; 2],
    blue: i32,
}

impl ToRgb {
    fn new(color: Color) -> Self {
        let ((r, b), (least, luma, chroma)) = (shares(color.matrix), range(color));
        let (g, gain) = (1.0 - r - b, 255.0 / chroma);
        let (red, blue) = (2.0 * (1.0 - r) * gain, 2.0 * (1.0 - b) * gain);
        Self {
            least,
            luma: fixed(255.0 / luma),
            red: fixed(red),
            green: [fixed(blue * b / g), fixed(red * r / g)],
            blue: fixed(blue),
        }
    }

    fn row(&self, y: &[u8], u: &[u8], v: &[u8], rgb: &mut [u8]) {
        for (((y, u), v), pixel) in y.iter().zip(u).zip(v).zip(rgb.chunks_exact_mut(3)) {
            let luma = (i32::from(*y) - self.least) * self.luma + HALF;
            let (u, v) = (i32::from(*u) - 128, i32::from(*v) - 128);
            let byte = |value: i32| (value >> DIGITS).clamp(0, 255) as u8;
            pixel[0] = byte(luma + self.red * v);
            pixel[1] = byte(luma - self.green[0] * u - self.green[1] * v);
            pixel[2] = byte(luma + self.blue * u);
        }
    }
}

/// sRGB to planar 4:2:0 of the same size; a chroma sample is the mean of its pixels.
pub fn planes_from_image(image: &Image, color: Color) -> Planes {
    let (width, height) = (image.width(), image.height());
    let (chroma_width, chroma_height) = Chroma::C420.plane(width, height);
    let from = FromRgb::new(color);
    let row_of = |row: usize| &image.rgb()[3 * row * width..3 * (row + 1) * width];
    let mut y = vec![0; width * height];
    for (row, y) in y.chunks_exact_mut(width).enumerate() {
        for (pixel, y) in row_of(row).chunks_exact(3).zip(y) {
            *y = from.luma([pixel[0], pixel[1], pixel[2]].map(i32::from));
        }
    }
    let [mut u, mut v] = [vec![0; chroma_width * chroma_height], vec![0; chroma_width * chroma_height]];
    for row in 0..chroma_height {
        let (above, below) = (row_of(2 * row), row_of((2 * row + 1).min(height - 1)));
        for column in 0..chroma_width {
            // The last column and row of an odd side stand twice.
            let (left, right) = (6 * column, (6 * column + 3).min(3 * width - 3));
            let sum = |c: usize| {
                let at = [above[left + c], above[right + c], below[left + c], below[right + c]];
                at.into_iter().map(i32::from).sum::<i32>()
            };
            let [cb, cr] = from.chroma([sum(0), sum(1), sum(2)]);
            (u[row * chroma_width + column], v[row * chroma_width + column]) = (cb, cr);
        }
    }
    Planes { width, height, chroma: Chroma::C420, color, y, u, v }
}

/// Factors of one matrix and range.
struct FromRgb {
    least: i32,
    luma: [i32; 3],
    chroma: [[i32; 3]; 2],
}

impl FromRgb {
    fn new(color: Color) -> Self {
        let ((r, b), (least, luma, chroma)) = (shares(color.matrix), range(color));
        let (g, y, c) = (1.0 - r - b, luma / 255.0, chroma / 255.0);
        let cb = [-r, -g, 1.0 - b].map(|share| fixed(share * c / (2.0 * (1.0 - b))));
        let cr = [1.0 - r, -g, -b].map(|share| fixed(share * c / (2.0 * (1.0 - r))));
        Self { least, luma: [r, g, b].map(|share| fixed(share * y)), chroma: [cb, cr] }
    }

    fn luma(&self, [r, g, b]: [i32; 3]) -> u8 {
        let sum = self.luma[0] * r + self.luma[1] * g + self.luma[2] * b;
        (self.least + ((sum + HALF) >> DIGITS)).clamp(0, 255) as u8
    }

    /// Of the sum of four pixels.
    fn chroma(&self, [r, g, b]: [i32; 3]) -> [u8; 2] {
        self.chroma.map(|[red, green, blue]| {
            let sum = red * r + green * g + blue * b;
            (128 + ((sum + 2 * ONE as i32) >> (DIGITS + 2))).clamp(0, 255) as u8
        })
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::convert::vectors;

    /// A picture with every kind of neighbour: `yuv` and plain integers may differ by their rounding alone.
    #[test]
    fn both_ways_tell_the_same() {
        let far = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max();
        for (width, height) in [(16, 8), (17, 9), (1, 1)] {
            let image = Image::from_fn(width, height, |x, y| {
                [(37 * x) as u8, (91 * y + 40) as u8, (13 * x * y) as u8]
            });
            for matrix in [Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020] {
                for full in [false, true] {
                    let color = Color { matrix, full };
                    let (one, other) =
                        (planes_from_image(&image, color), vectors::planes_from_image(&image, color));
                    for (one, other) in [(&one.y, &other.y), (&one.u, &other.u), (&one.v, &other.v)] {
                        assert_eq!(one.len(), other.len());
                        assert!(
                            far(one, other) <= Some(2),
                            "{color:?} {width}x{height}: {:?}",
                            far(one, other)
                        );
                    }
                    let (one, other) = (image_from_planes(&other), vectors::image_from_planes(&other));
                    assert!(
                        far(one.rgb(), other.rgb()) <= Some(2),
                        "{color:?}: {:?}",
                        far(one.rgb(), other.rgb())
                    );
                }
            }
        }
    }
}
