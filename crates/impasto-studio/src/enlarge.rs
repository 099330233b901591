//! From the size that was painted to the size of the camera's picture, with the picture's edges kept.
//!
//! A guided upsampling in YCbCr. Around every pixel of the small pictures the painting's luma is a line over the photo's: slope `a` by
//! the guided filter (He, Sun and Tang 2010; 3x3 windows, kept to `0..1`), and `b` what is left. Both are enlarged bilinearly,
//! and the painting's luma is `a * photo + b` with the photo at full size: where the painting follows the photo its edges come out sharp, and
//! where it does not it stays as painted. Chroma is enlarged bilinearly, at the half size at which it is shown anyhow.
//!
//! Numbers are integers of 16 bits, which compilers put into vectors: `a` counts in 1/16384, `b` in 1/32.

use impasto_core::Image;
use impasto_pixel::convert::planes_from_image;
use impasto_pixel::{Chroma, Planes};

/// Added to the photo's variance (of 255 squared): contrasts under about 3 of 255 count as flat.
const EPS: f32 = 6.5;
/// Units of `a` and of `b` in one.
const A_ONE: f32 = 16384.0;
const B_ONE: f32 = 32.0;

/// The painting at the size and in the colour of `photo`. `small` is the photo as it was painted, of `painted`'s size.
///
/// # Panics
/// If `small` and `painted` differ in size, or `photo` is not 4:2:0.
pub fn with_detail(painted: &Image, small: &Image, photo: &Planes) -> Planes {
    let size = (painted.width(), painted.height());
    assert_eq!(size, (small.width(), small.height()), "the painting and the photo that was painted");
    assert_eq!(photo.chroma, Chroma::C420, "the photo");
    let [painted, small] = [painted, small].map(|image| planes_from_image(image, photo.color));
    let lines = lines(&painted.y, &small.y, size.0, size.1);
    let (width, height) = (photo.width, photo.height);
    let mut y = vec![0; photo.y.len()];
    let mut rows = Rows::new(size, (width, height));
    for (row, out) in y.chunks_exact_mut(width).enumerate() {
        let [a, b] = rows.at(row, [&lines.a, &lines.b]);
        apply(a, b, &photo.y[row * width..(row + 1) * width], out);
    }
    let from = Chroma::C420.plane(size.0, size.1);
    let [u, v] = enlarged([&painted.u, &painted.v], from, Chroma::C420.plane(width, height));
    Planes { width, height, chroma: Chroma::C420, color: photo.color, y, u, v }
}

/// `a` and `b` of every pixel.
struct Lines {
    a: Vec<i16>,
    b: Vec<i16>,
}

/// `a = cov(photo, painting) / (var(photo) + EPS)` over 3x3 windows, clamped to `0..1`, and `b = painting - a * photo`.
fn lines(painted: &[u8], small: &[u8], width: usize, height: usize) -> Lines {
    let mut lines = Lines { a: vec![0; width * height], b: vec![0; width * height] };
    let mut sums = Sums::new(width);
    for y in 0..height {
        let row = |y: usize| y * width..(y + 1) * width;
        let around = [y.saturating_sub(1), y, (y + 1).min(height - 1)];
        sums.fill(around.map(|y| (&painted[row(y)], &small[row(y)])));
        let at = (&painted[row(y)], &small[row(y)]);
        sums.fit(at, &mut lines.a[row(y)], &mut lines.b[row(y)]);
    }
    lines
}

/// Sums over columns of three pixels, the first and the last column twice: of the painting, the photo, their product, the photo's square.
/// Whole numbers below 2^23, which floats hold exactly.
struct Sums([Vec<f32>; 4]);

impl Sums {
    fn new(width: usize) -> Self {
        Self(std::array::from_fn(|_| vec![0.0; width + 2]))
    }

    fn fill(&mut self, rows: [(&[u8], &[u8]); 3]) {
        let width = rows[0].0.len();
        let [p, s, ps, ss] = self.0.each_mut().map(|sums| &mut sums[1..=width]);
        let [(p0, s0), (p1, s1), (p2, s2)] = rows.map(|(p, s)| (&p[..width], &s[..width]));
        for x in 0..width {
            let painted = [p0[x], p1[x], p2[x]].map(f32::from);
            let photo = [s0[x], s1[x], s2[x]].map(f32::from);
            p[x] = painted[0] + painted[1] + painted[2];
            s[x] = photo[0] + photo[1] + photo[2];
            ps[x] = painted[0] * photo[0] + painted[1] * photo[1] + painted[2] * photo[2];
            ss[x] = photo[0] * photo[0] + photo[1] * photo[1] + photo[2] * photo[2];
        }
        for sums in &mut self.0 {
            (sums[0], sums[width + 1]) = (sums[1], sums[width]);
        }
    }

    fn fit(&self, (painted, small): (&[u8], &[u8]), a: &mut [i16], b: &mut [i16]) {
        let width = painted.len();
        let [p, s, ps, ss] = self.0.each_ref().map(|sums| &sums[..width + 2]);
        let (small, a, b) = (&small[..width], &mut a[..width], &mut b[..width]);
        for x in 0..width {
            let window = |sums: &[f32]| sums[x] + sums[x + 1] + sums[x + 2];
            let (p, s, ps, ss) = (window(p), window(s), window(ps), window(ss));
            // 81 times the covariance and the variance.
            let (covariance, variance) = (9.0 * ps - p * s, 9.0 * ss - s * s);
            let slope = (covariance / (variance + 81.0 * EPS)).clamp(0.0, 1.0);
            a[x] = (A_ONE * slope + 0.5) as i32 as i16;
            b[x] = (B_ONE * (f32::from(painted[x]) - slope * f32::from(small[x]))) as i32 as i16;
        }
    }
}

/// `a * photo + b`, rounded.
fn apply(a: &[i16], b: &[i16], photo: &[u8], out: &mut [u8]) {
    for (((a, b), photo), out) in a.iter().zip(b).zip(photo).zip(out) {
        let value = high(*a, i16::from(*photo) << 7) + b + 16;
        *out = (value >> 5).clamp(0, 255) as u8;
    }
}

/// The upper half of a product.
fn high(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 16) as i16
}

/// Two planes of size `from`, bilinearly at size `to`.
fn enlarged(planes: [&[u8]; 2], from: (usize, usize), to: (usize, usize)) -> [Vec<u8>; 2] {
    let wide = planes.map(|plane| plane.iter().map(|&v| i16::from(v) << 5).collect::<Vec<i16>>());
    let mut out = [vec![0; to.0 * to.1], vec![0; to.0 * to.1]];
    let mut rows = Rows::new(from, to);
    for row in 0..to.1 {
        let stretched = rows.at(row, [&wide[0], &wide[1]]);
        for (plane, values) in out.iter_mut().zip(stretched) {
            let line = &mut plane[row * to.0..(row + 1) * to.0];
            line.iter_mut().zip(values).for_each(|(out, v)| *out = ((v + 16) >> 5) as u8);
        }
    }
    out
}

/// Two neighbours and the weight of the second in 1/32768, by half-pixel centres.
#[derive(Clone, Copy)]
struct Tap {
    first: usize,
    second: usize,
    weight: i16,
}

fn taps(large: usize, small: usize) -> Vec<Tap> {
    let one = |i: usize| {
        let at = ((i as f32 + 0.5) * small as f32 / large as f32 - 0.5).clamp(0.0, (small - 1) as f32);
        let first = at as usize;
        Tap {
            first,
            second: (first + 1).min(small - 1),
            weight: ((at - first as f32) * 32767.0).round() as i16,
        }
    };
    (0..large).map(one).collect()
}

/// Between two values; their difference must fit into 16 bits.
fn between(a: i16, b: i16, weight: i16) -> i16 {
    a + 2 * high(b - a, weight)
}

/// Rows of two planes at a larger size, from the top. The two small rows around a large one are kept stretched.
struct Rows {
    across: Vec<Tap>,
    down: Vec<Tap>,
    small_width: usize,
    kept: [Option<usize>; 2],
    stretched: [[Vec<i16>; 2]; 2],
    mixed: [Vec<i16>; 2],
}

impl Rows {
    fn new(from: (usize, usize), to: (usize, usize)) -> Self {
        let two = || [vec![0; to.0], vec![0; to.0]];
        let (across, down) = (taps(to.0, from.0), taps(to.1, from.1));
        Self { across, down, small_width: from.0, kept: [None; 2], stretched: [two(), two()], mixed: two() }
    }

    fn at(&mut self, row: usize, planes: [&[i16]; 2]) -> [&[i16]; 2] {
        let Tap { first, second, weight } = self.down[row];
        for row in [first, second] {
            // Rows come in order, so a row and its successor never share a slot.
            let slot = row % 2;
            if self.kept[slot] != Some(row) {
                for (out, plane) in self.stretched[slot].iter_mut().zip(planes) {
                    stretch(&plane[row * self.small_width..(row + 1) * self.small_width], &self.across, out);
                }
                self.kept[slot] = Some(row);
            }
        }
        for (i, out) in self.mixed.iter_mut().enumerate() {
            let pairs = self.stretched[first % 2][i].iter().zip(&self.stretched[second % 2][i]);
            out.iter_mut().zip(pairs).for_each(|(out, (a, b))| *out = between(*a, *b, weight));
        }
        [&self.mixed[0], &self.mixed[1]]
    }
}

fn stretch(small: &[i16], across: &[Tap], out: &mut [i16]) {
    for (out, tap) in out.iter_mut().zip(across) {
        *out = between(small[tap.first], small[tap.second], tap.weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::image::psnr_db;
    use impasto_pixel::convert::image_from_planes;
    use impasto_pixel::{Color, Matrix};

    const COLOR: Color = Color { matrix: Matrix::Bt709, full: false };

    fn planes(image: &Image) -> Planes {
        planes_from_image(image, COLOR)
    }

    /// Halves a picture by averaging 2x2 pixels.
    fn halved(image: &Image) -> Image {
        Image::from_fn(image.width() / 2, image.height() / 2, |x, y| {
            let sum = |c: usize| {
                [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| u16::from(image.pixel(2 * x + i, 2 * y + j)[c]))
            };
            std::array::from_fn(|c| ((sum(c).iter().sum::<u16>() + 2) / 4) as u8)
        })
    }

    /// The same in plain floats, pixel by pixel.
    fn plainly(painted: &Image, small: &Image, photo: &Planes) -> Vec<f32> {
        let (w, h) = (painted.width(), painted.height());
        let [p, s] = [painted, small].map(|image| planes_from_image(image, photo.color).y);
        let at = |x: isize, y: isize| {
            y.clamp(0, h as isize - 1) as usize * w + x.clamp(0, w as isize - 1) as usize
        };
        let line = |x: isize, y: isize| {
            let window: Vec<(f32, f32)> = (-1..=1)
                .flat_map(|j| (-1..=1).map(move |i| (i, j)))
                .map(|(i, j)| (f32::from(p[at(x + i, y + j)]), f32::from(s[at(x + i, y + j)])))
                .collect();
            let mean = |f: &dyn Fn(&(f32, f32)) -> f32| window.iter().map(f).sum::<f32>() / 9.0;
            let (mp, ms) = (mean(&|v| v.0), mean(&|v| v.1));
            let a = (mean(&|v| v.0 * v.1) - mp * ms) / (mean(&|v| v.1 * v.1) - ms * ms + EPS);
            let a = a.clamp(0.0, 1.0);
            (a, f32::from(p[at(x, y)]) - a * f32::from(s[at(x, y)]))
        };
        let one = |i: usize| {
            let (x, y) = (i % photo.width, i / photo.width);
            let place = |i: usize, large: usize, small: usize| {
                ((i as f32 + 0.5) * small as f32 / large as f32 - 0.5).clamp(0.0, (small - 1) as f32)
            };
            let (fx, fy) = (place(x, photo.width, w), place(y, photo.height, h));
            let (x0, y0) = (fx.floor() as isize, fy.floor() as isize);
            let (wx, wy) = (fx - fx.floor(), fy - fy.floor());
            let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(i, j)| {
                let weight = (if i == 0 { 1.0 - wx } else { wx }) * (if j == 0 { 1.0 - wy } else { wy });
                let (x, y) = ((x0 + i).min(w as isize - 1), (y0 + j).min(h as isize - 1));
                let (a, b) = line(x, y);
                (weight * a, weight * b)
            });
            let (a, b) = corners.iter().fold((0.0, 0.0), |sum, c| (sum.0 + c.0, sum.1 + c.1));
            (a * f32::from(photo.y[i]) + b).clamp(0.0, 255.0)
        };
        (0..photo.y.len()).map(one).collect()
    }

    #[test]
    fn integers_tell_what_plain_floats_tell() {
        let photo = planes(&impasto::scene::draw(97, 55, 0.3));
        for size in [(40, 23), (96, 54), (13, 7), (1, 1)] {
            let small = impasto::scene::draw(size.0, size.1, 0.3);
            let painted =
                Image::from_fn(size.0, size.1, |x, y| small.pixel(x, y).map(|v| 255 - v / 2 + (v % 7) * 3));
            for painted in [&painted, &small] {
                let found = with_detail(painted, &small, &photo).y;
                let expected = plainly(painted, &small, &photo);
                let worst =
                    found.iter().zip(expected).map(|(f, e)| (f32::from(*f) - e).abs()).fold(0.0, f32::max);
                assert!(worst < 2.0, "{size:?}: {worst} of 255");
            }
        }
    }

    #[test]
    fn a_painting_that_follows_the_photo_gets_its_edges_back() {
        let photo = impasto::scene::draw(128, 72, 0.0);
        let small = halved(&photo);
        let with = image_from_planes(&with_detail(&small, &small, &planes(&photo)));
        let blank = Image::from_fn(128, 72, |_, _| [128; 3]);
        let without = image_from_planes(&with_detail(&small, &halved(&blank), &planes(&blank)));
        // What 4:2:0 leaves of the photo is the best that can be had.
        let photo = image_from_planes(&planes(&photo));
        assert!(psnr_db(&photo, &with) > psnr_db(&photo, &without) + 3.0);
    }

    #[test]
    fn a_painting_that_ignores_the_photo_is_left_alone() {
        let photo = impasto::scene::draw(128, 72, 0.0);
        let flat = Image::from_fn(64, 36, |_, _| [40, 90, 200]);
        let out = with_detail(&flat, &halved(&photo), &planes(&photo));
        let expected = planes(&flat);
        assert!(out.y.iter().all(|v| v.abs_diff(expected.y[0]) <= 1), "luma");
        assert!(out.u.iter().all(|v| *v == expected.u[0]) && out.v.iter().all(|v| *v == expected.v[0]));
    }

    #[test]
    fn any_sizes_go() {
        for (from, to) in [((1, 1), (5, 3)), ((7, 5), (16, 9)), ((8, 8), (8, 8)), ((9, 9), (4, 5))] {
            let painted = impasto::scene::draw(from.0, from.1, 0.0);
            let out = with_detail(&painted, &painted, &planes(&impasto::scene::draw(to.0, to.1, 0.0)));
            assert_eq!((out.width, out.height, out.y.len()), (to.0, to.1, to.0 * to.1));
        }
    }
}
