//! 256 colours for a picture.
//!
//! Colours are counted in cells of 6 bits a channel. The set of cells is cut in two, again and again, where most of the squared error is (Wu 1991 cuts
//! likewise), and each part's mean is a colour; two rounds of k-means over the cells then move the colours to where they err least. Every cell
//! takes the nearest colour, and a pixel its cell's. Pictures of no more than 256 colours keep them all.

use std::collections::HashMap;

/// Colours of a palette at most.
pub const COLORS: usize = 256;
/// Bits a channel of a cell, and of the cells of pictures with few of them.
const BITS: u32 = 6;
const FINE_BITS: u32 = 7;
/// Fewer cells than this are few.
const FEW: usize = 2048;
/// Rounds of k-means.
const ROUNDS: usize = 2;

/// A palette and, for every pixel, the colour's number in it.
pub struct Indexed {
    /// Red, green and blue of every colour.
    pub palette: Vec<u8>,
    /// One number a pixel.
    pub indices: Vec<u8>,
}

/// Chooses at most `most` colours, up to [`COLORS`], of a picture of interleaved RGB, which must not be empty.
pub fn indexed(rgb: &[u8], most: usize) -> Indexed {
    if let Some(exact) = exact(rgb, most) {
        return exact;
    }
    let mut cells = Cells::count(rgb, BITS);
    if cells.filled.len() < FEW {
        cells = Cells::count(rgb, FINE_BITS);
    }
    let mut colors = cut(&mut cells.filled.clone(), most);
    for _ in 0..ROUNDS {
        colors = means(&cells.filled, &colors).unwrap_or(colors);
    }
    let nearest = Nearest::new(&colors);
    for cell in &cells.filled {
        cells.table[cell.place] = u32::from(nearest.to(cell.mean));
    }
    let indices = rgb.chunks_exact(3).map(|p| cells.table[place(p, cells.bits)] as u8).collect();
    let palette = colors.iter().flatten().map(|v| v.round().clamp(0.0, 255.0) as u8).collect();
    Indexed { palette, indices }
}

/// All colours, if there are not too many.
fn exact(rgb: &[u8], most: usize) -> Option<Indexed> {
    let (mut numbers, mut palette) = (HashMap::new(), Vec::new());
    let mut indices = Vec::with_capacity(rgb.len() / 3);
    for pixel in rgb.as_chunks::<3>().0 {
        let next = numbers.len();
        let number = *numbers.entry(*pixel).or_insert(next);
        if number >= most {
            return None;
        }
        if number == next {
            palette.extend(pixel);
        }
        indices.push(number as u8);
    }
    Some(Indexed { palette, indices })
}

/// A cell with pixels in it.
#[derive(Clone, Copy)]
struct Cell {
    place: usize,
    count: f32,
    mean: [f32; 3],
}

struct Cells {
    bits: u32,
    /// For every cell: while counting its number in `filled` and one, afterwards its colour.
    table: Vec<u32>,
    filled: Vec<Cell>,
}

fn place(pixel: &[u8], bits: u32) -> usize {
    let part = |c: usize| usize::from(pixel[c] >> (8 - bits));
    (part(0) << (2 * bits)) | (part(1) << bits) | part(2)
}

impl Cells {
    fn count(rgb: &[u8], bits: u32) -> Self {
        let mut table = vec![0u32; 1 << (3 * bits)];
        let mut sums: Vec<(usize, [u32; 4])> = Vec::new();
        for pixel in rgb.chunks_exact(3) {
            let place = place(pixel, bits);
            if table[place] == 0 {
                sums.push((place, [0; 4]));
                table[place] = sums.len() as u32;
            }
            let sum = &mut sums[table[place] as usize - 1].1;
            (0..3).for_each(|c| sum[c] += u32::from(pixel[c]));
            sum[3] += 1;
        }
        let cell = |(place, [r, g, b, count]): (usize, [u32; 4])| {
            let count = count as f32;
            Cell { place, count, mean: [r, g, b].map(|sum| sum as f32 / count) }
        };
        Self { bits, table, filled: sums.into_iter().map(cell).collect() }
    }
}

/// Cells that will share a colour.
struct Part {
    range: std::ops::Range<usize>,
    mean: [f32; 3],
    /// Sum of squared errors along the worst channel, and that channel.
    error: f32,
    channel: usize,
}

impl Part {
    fn new(cells: &[Cell], range: std::ops::Range<usize>) -> Self {
        let (mut count, mut sum, mut squares) = (0.0, [0.0; 3], [0.0; 3]);
        for cell in &cells[range.clone()] {
            count += f64::from(cell.count);
            for c in 0..3 {
                let value = f64::from(cell.mean[c]);
                sum[c] += f64::from(cell.count) * value;
                squares[c] += f64::from(cell.count) * value * value;
            }
        }
        let errors: [f64; 3] = std::array::from_fn(|c| squares[c] - sum[c] * sum[c] / count);
        let channel = (0..3).max_by(|a, b| errors[*a].total_cmp(&errors[*b])).unwrap_or(0);
        let error = if range.len() > 1 { errors[channel] as f32 } else { 0.0 };
        Self { range, mean: sum.map(|sum| (sum / count) as f32), error, channel }
    }
}

/// Cuts the cells into parts, always the worst one at its mean; gives the parts' means.
fn cut(cells: &mut [Cell], most: usize) -> Vec<[f32; 3]> {
    let mut parts = vec![Part::new(cells, 0..cells.len())];
    while parts.len() < most {
        let worst = (0..parts.len()).max_by(|a, b| parts[*a].error.total_cmp(&parts[*b].error)).unwrap_or(0);
        if parts[worst].error <= 0.0 {
            break;
        }
        let Part { range, mean, channel, .. } = parts.swap_remove(worst);
        let middle =
            range.start + partition(&mut cells[range.clone()], |cell| cell.mean[channel] < mean[channel]);
        // Rounding may put all on one side.
        let middle = middle.clamp(range.start + 1, range.end - 1);
        parts.extend([Part::new(cells, range.start..middle), Part::new(cells, middle..range.end)]);
    }
    parts.iter().map(|part| part.mean).collect()
}

/// Brings those first for which `first` holds; gives how many.
fn partition(cells: &mut [Cell], first: impl Fn(&Cell) -> bool) -> usize {
    let mut count = 0;
    for i in 0..cells.len() {
        if first(&cells[i]) {
            cells.swap(i, count);
            count += 1;
        }
    }
    count
}

/// The means of the cells that are nearest to each colour. `None` where nothing would change.
fn means(cells: &[Cell], colors: &[[f32; 3]]) -> Option<Vec<[f32; 3]>> {
    let (nearest, mut sums) = (Nearest::new(colors), vec![[0.0f32; 4]; colors.len()]);
    for cell in cells {
        let sum = &mut sums[usize::from(nearest.to(cell.mean))];
        (0..3).for_each(|c| sum[c] += cell.count * cell.mean[c]);
        sum[3] += cell.count;
    }
    let mean = |(sum, old): (&[f32; 4], &[f32; 3])| match sum[3] {
        0.0 => *old,
        count => [sum[0] / count, sum[1] / count, sum[2] / count],
    };
    let moved: Vec<[f32; 3]> = sums.iter().zip(colors).map(mean).collect();
    (moved != colors).then_some(moved)
}

/// Colours beside each other, so that many are compared at once.
struct Nearest {
    channels: [[f32; COLORS]; 3],
}

/// Colours that are compared at once.
const LANES: usize = 16;

impl Nearest {
    /// Places without a colour are too far away for any.
    fn new(colors: &[[f32; 3]]) -> Self {
        let channel = |c: usize| std::array::from_fn(|i| colors.get(i).map_or(1e9, |color| color[c]));
        Self { channels: [channel(0), channel(1), channel(2)] }
    }

    fn to(&self, [r, g, b]: [f32; 3]) -> u8 {
        let (mut best, mut number) = ([f32::MAX; LANES], [0i32; LANES]);
        for from in (0..COLORS).step_by(LANES) {
            let [red, green, blue] = self.channels.each_ref().map(|channel| &channel[from..from + LANES]);
            for lane in 0..LANES {
                let [x, y, z] = [red[lane] - r, green[lane] - g, blue[lane] - b];
                let distance = x * x + y * y + z * z;
                let nearer = distance < best[lane];
                best[lane] = if nearer { distance } else { best[lane] };
                number[lane] = if nearer { (from + lane) as i32 } else { number[lane] };
            }
        }
        let lane = (0..LANES).min_by(|a, b| best[*a].total_cmp(&best[*b])).unwrap_or(0);
        number[lane] as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Soft waves of colour with a few hard edges.
    fn picture(width: usize, height: usize) -> Vec<u8> {
        let wave = |x: usize, y: usize, c: usize| {
            let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
            let soft = (7.0 * x + c as f32 * 2.1).sin() * (5.0 * y + c as f32).cos();
            let hard = if ((x * 4.0 + y * 3.0) as usize).is_multiple_of(2) { 30.0 } else { -30.0 };
            (128.0 + 90.0 * soft + hard * (c as f32 - 1.0)) as u8
        };
        (0..width * height).flat_map(|i| [0, 1, 2].map(|c| wave(i % width, i / width, c))).collect()
    }

    fn shown(indexed: &Indexed) -> Vec<u8> {
        indexed.indices.iter().flat_map(|&i| indexed.palette[3 * usize::from(i)..][..3].to_vec()).collect()
    }

    fn psnr(a: &[u8], b: &[u8]) -> f64 {
        let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
        10.0 * (255.0f64.powi(2) * a.len() as f64 / sum.max(1e-9)).log10()
    }

    #[test]
    fn few_colours_are_all_kept() {
        let rgb: Vec<u8> = (0..600).flat_map(|i| [(i % 16) as u8 * 17, (i / 40) as u8, 3]).collect();
        let indexed = indexed(&rgb, COLORS);
        assert!(indexed.palette.len() <= 3 * COLORS && shown(&indexed) == rgb);
        let flat = super::indexed(&[7, 8, 9, 7, 8, 9], 2);
        assert_eq!((flat.palette, flat.indices), (vec![7, 8, 9], vec![0, 0]));
    }

    #[test]
    fn a_picture_loses_no_more_than_a_neural_net_would_lose() {
        let rgb = picture(160, 90);
        let ours = indexed(&rgb, COLORS);
        assert!(ours.palette.len() <= 3 * COLORS && ours.indices.len() == 160 * 90);
        let neural = ::gif::Frame::from_rgb_speed(160, 90, &rgb, 10);
        let palette = neural.palette.as_ref().unwrap();
        let theirs: Vec<u8> =
            neural.buffer.iter().flat_map(|&i| palette[3 * usize::from(i)..][..3].to_vec()).collect();
        let (ours, theirs) = (psnr(&rgb, &shown(&ours)), psnr(&rgb, &theirs));
        assert!(ours > theirs - 0.3, "{ours} dB and {theirs} dB");
    }

    #[test]
    fn a_grey_ramp_has_no_steps_that_are_seen() {
        let rgb: Vec<u8> =
            (0..90_000).flat_map(|i| [(i / 400) as u8, (i / 400) as u8, 20 + (i / 500) as u8]).collect();
        let found = shown(&indexed(&rgb, COLORS));
        assert!(rgb.iter().zip(&found).all(|(a, b)| a.abs_diff(*b) <= 4));
    }
}
