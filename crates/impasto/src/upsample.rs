//! From the size that was painted to the size that is shown, with the camera picture's edges kept.
//!
//! Joint upsampling by detail: the painting is upsampled bilinearly, and the fine detail of the photo's luma that was
//! lost at the small size is added back, scaled by the local slope of painting against photo (the coefficient `a` of the guided
//! filter, He, Sun and Tang 2010, over 3x3 windows of the small pictures, kept to `0..1`). Where the
//! painting follows the photo its edges come out sharp; where it does not, it stays as painted.

use impasto_core::Image;
use impasto_core::image::byte_from_unit;

/// Added to the photo's variance (luma in `0..1`): contrasts under about 3 of 255 count as flat.
const EPS: f32 = 1e-4;

/// Upsamples `painted` to the size of `photo`. `small` is the photo as it was painted, of `painted`'s size.
///
/// # Panics
/// If `small` and `painted` differ in size.
pub fn with_detail(painted: &Image, small: &Image, photo: &Image) -> Image {
    let mut out = Image::black(photo.width(), photo.height());
    with_detail_into(painted, small, photo, &mut out);
    out
}

/// As [`with_detail`], into a picture of the photo's size.
///
/// # Panics
/// If sizes do not fit.
pub fn with_detail_into(painted: &Image, small: &Image, photo: &Image, out: &mut Image) {
    let size = |image: &Image| (image.width(), image.height());
    assert_eq!(size(painted), size(small), "the painting and the photo that was painted");
    assert_eq!(size(out), size(photo), "the output and the photo");
    if size(painted) == size(photo) {
        out.rgb_mut().copy_from_slice(painted.rgb());
        return;
    }
    let planes = Planes::new(painted, small);
    let across = taps(photo.width(), painted.width());
    let down = taps(photo.height(), painted.height());
    let (width, mut rows) = (photo.width(), RowCache::new(photo.width()));
    for (y, tap) in down.iter().enumerate() {
        let row = rows.between(&planes, &across, tap);
        let line = 3 * y * width..3 * (y + 1) * width;
        finish_row(row, &photo.rgb()[line.clone()], &mut out.rgb_mut()[line]);
    }
}

/// Two neighbours and the weight of the second, by half-pixel centres.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Tap {
    first: usize,
    second: usize,
    weight: f32,
}

fn taps(large: usize, small: usize) -> Vec<Tap> {
    let one = |i: usize| {
        let at = ((i as f32 + 0.5) * small as f32 / large as f32 - 0.5).clamp(0.0, (small - 1) as f32);
        let first = at as usize;
        Tap { first, second: (first + 1).min(small - 1), weight: at - first as f32 }
    };
    (0..large).map(one).collect()
}

/// Red, green, blue of the painting, luma of the photo, and the slope; each in `0..1`, interleaved by five.
struct Planes {
    width: usize,
    values: Vec<[f32; 5]>,
}

impl Planes {
    fn new(painted: &Image, small: &Image) -> Self {
        let (width, height) = (painted.width(), painted.height());
        let slope = slopes(&luma(painted), &luma(small), width, height);
        let unit = |byte: u8| f32::from(byte) / 255.0;
        let pixels = painted.rgb().chunks_exact(3).zip(small.rgb().chunks_exact(3)).zip(slope);
        let values = pixels.map(|((p, s), a)| [unit(p[0]), unit(p[1]), unit(p[2]), luma_of(s), a]);
        Self { width, values: values.collect() }
    }
}

fn luma_of(rgb: &[u8]) -> f32 {
    (0.299 * f32::from(rgb[0]) + 0.587 * f32::from(rgb[1]) + 0.114 * f32::from(rgb[2])) / 255.0
}

fn luma(image: &Image) -> Vec<f32> {
    image.rgb().chunks_exact(3).map(luma_of).collect()
}

/// `cov(photo, painting) / (var(photo) + EPS)` over 3x3 windows, clamped to `0..1`.
fn slopes(painted: &[f32], small: &[f32], width: usize, height: usize) -> Vec<f32> {
    let mut slopes = vec![0.0; width * height];
    for y in 0..height {
        let rows = [y.saturating_sub(1), y, (y + 1).min(height - 1)];
        for x in 0..width {
            let columns = [x.saturating_sub(1), x, (x + 1).min(width - 1)];
            let (mut p, mut s, mut ps, mut ss) = (0.0, 0.0, 0.0, 0.0);
            for row in rows {
                for column in columns {
                    let (a, b) = (painted[row * width + column], small[row * width + column]);
                    p += a;
                    s += b;
                    ps += a * b;
                    ss += b * b;
                }
            }
            let (covariance, variance) = (ps / 9.0 - p * s / 81.0, ss / 9.0 - s * s / 81.0);
            slopes[y * width + x] = (covariance / (variance + EPS)).clamp(0.0, 1.0);
        }
    }
    slopes
}

/// The two rows of the small planes around an output row, stretched to the output's width.
struct RowCache {
    rows: [Option<usize>; 2],
    stretched: [Vec<[f32; 5]>; 2],
    mixed: Vec<[f32; 5]>,
}

impl RowCache {
    fn new(width: usize) -> Self {
        let row = || vec![[0.0; 5]; width];
        Self { rows: [None; 2], stretched: [row(), row()], mixed: row() }
    }

    fn between(&mut self, planes: &Planes, across: &[Tap], tap: &Tap) -> &[[f32; 5]] {
        for row in [tap.first, tap.second] {
            // Rows come in order, so a row and its successor never share a slot.
            let slot = row % 2;
            if self.rows[slot] != Some(row) {
                let source = &planes.values[row * planes.width..(row + 1) * planes.width];
                self.stretched[slot].iter_mut().zip(across).for_each(|(out, tap)| *out = mix(source, tap));
                self.rows[slot] = Some(row);
            }
        }
        let (first, second) = (&self.stretched[tap.first % 2], &self.stretched[tap.second % 2]);
        for ((out, a), b) in self.mixed.iter_mut().zip(first).zip(second) {
            *out = std::array::from_fn(|i| a[i] + tap.weight * (b[i] - a[i]));
        }
        &self.mixed
    }
}

fn mix(source: &[[f32; 5]], tap: &Tap) -> [f32; 5] {
    let (a, b) = (source[tap.first], source[tap.second]);
    std::array::from_fn(|i| a[i] + tap.weight * (b[i] - a[i]))
}

fn finish_row(row: &[[f32; 5]], photo: &[u8], out: &mut [u8]) {
    for (([r, g, b, low, slope], photo), out) in
        row.iter().zip(photo.chunks_exact(3)).zip(out.chunks_exact_mut(3))
    {
        let detail = slope * (luma_of(photo) - low);
        out.copy_from_slice(&[r + detail, g + detail, b + detail].map(byte_from_unit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::image::psnr_db;

    /// Halves a picture by averaging 2x2 pixels.
    fn halved(image: &Image) -> Image {
        Image::from_fn(image.width() / 2, image.height() / 2, |x, y| {
            let sum = |c: usize| {
                [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| u16::from(image.pixel(2 * x + i, 2 * y + j)[c]))
            };
            std::array::from_fn(|c| ((sum(c).iter().sum::<u16>() + 2) / 4) as u8)
        })
    }

    #[test]
    fn a_painting_that_follows_the_photo_gets_its_edges_back() {
        let photo = crate::scene::draw(128, 72, 0.0);
        let small = halved(&photo);
        let with = with_detail(&small, &small, &photo);
        let blank = Image::from_fn(128, 72, |_, _| [128; 3]);
        let without = with_detail(&small, &halved(&blank), &blank);
        assert!(psnr_db(&photo, &with) > psnr_db(&photo, &without) + 3.0);
    }

    #[test]
    fn a_painting_that_ignores_the_photo_is_left_alone() {
        let photo = crate::scene::draw(128, 72, 0.0);
        let flat = Image::from_fn(64, 36, |_, _| [40, 90, 200]);
        let out = with_detail(&flat, &halved(&photo), &photo);
        assert!(out.rgb().chunks_exact(3).all(|p| p == [40, 90, 200]));
    }

    #[test]
    fn any_sizes_go() {
        for (from, to) in [((1, 1), (5, 3)), ((7, 5), (16, 9)), ((8, 8), (8, 8))] {
            let (painted, photo) =
                (crate::scene::draw(from.0, from.1, 0.0), crate::scene::draw(to.0, to.1, 0.0));
            let out = with_detail(&painted, &painted, &photo);
            assert_eq!((out.width(), out.height()), to);
        }
        let same = crate::scene::draw(9, 9, 0.0);
        assert_eq!(with_detail(&same, &same, &same), same);
    }
}
