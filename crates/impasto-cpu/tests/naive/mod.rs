//! Maps with a rim, and convolutions over them as naive loops in `f64`: what the trainer's kernels are held against.

use half::bf16;
use impasto_core::Padding;
use impasto_core::conformance::Random;

/// Inputs, outputs, height, width.
pub const SIZES: [(usize, usize, usize, usize); 6] =
    [(3, 16, 9, 7), (32, 48, 16, 16), (64, 33, 5, 35), (16, 3, 34, 18), (40, 70, 1, 1), (17, 100, 12, 6)];

/// `[height + 2][width + 2][lanes]` with slack, channels padded to 32.
#[derive(Clone)]
pub struct Map {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    pub data: Vec<f32>,
}

impl Map {
    pub fn zeros(channels: usize, height: usize, width: usize) -> Self {
        let length = ((height + 2) * (width + 2) + 40) * padded(channels);
        Self { channels, height, width, data: vec![0.0; length] }
    }

    /// Values that bf16 can hold, with zeros in the rim.
    pub fn random(channels: usize, height: usize, width: usize, random: &mut Random) -> Self {
        let mut map = Self::zeros(channels, height, width);
        for (v, u, c) in map.places() {
            let at = map.at(v as isize, u as isize, c);
            map.data[at] = half_value(random, 1.0);
        }
        map
    }

    /// Rows, columns and channels of all values.
    pub fn places(&self) -> Vec<(usize, usize, usize)> {
        let (h, w, c) = (self.height, self.width, self.channels);
        (0..h * w * c).map(|i| (i / c / w, i / c % w, i % c)).collect()
    }

    pub fn at(&self, v: isize, u: isize, c: usize) -> usize {
        ((v + 1) as usize * (self.width + 2) + (u + 1) as usize) * padded(self.channels) + c
    }

    pub fn get(&self, v: isize, u: isize, c: usize) -> f64 {
        f64::from(self.data[self.at(v, u, c)])
    }

    pub fn fill_rim(&mut self, padding: Padding) {
        for v in -1..=self.height as isize {
            for u in -1..=self.width as isize {
                if let (Some(sv), Some(su)) = (padding.source(v, self.height), padding.source(u, self.width))
                {
                    for c in 0..self.channels {
                        let (to, from) = (self.at(v, u, c), self.at(sv as isize, su as isize, c));
                        self.data[to] = self.data[from];
                    }
                }
            }
        }
    }
}

pub fn padded(channels: usize) -> usize {
    channels.next_multiple_of(32)
}

/// A number in `-bound..bound` that bf16 can hold.
pub fn half_value(random: &mut Random, bound: f32) -> f32 {
    bf16::from_f32(random.range(-bound, bound)).to_f32()
}

/// `[out][in][kernel][kernel]`, in bf16's numbers.
pub fn weights(outputs: usize, inputs: usize, kernel: usize, random: &mut Random) -> Vec<f32> {
    (0..outputs * inputs * kernel * kernel).map(|_| half_value(random, 0.5)).collect()
}

/// One for each padded output.
pub fn bias(outputs: usize, random: &mut Random) -> Vec<f32> {
    let mut bias = vec![0.0; padded(outputs)];
    bias[..outputs].iter_mut().for_each(|b| *b = random.range(-1.0, 1.0));
    bias
}

/// The taps of a 3x3 or 1x1 window: number, and what is added to the row and the column.
fn taps(kernel: usize) -> Vec<(usize, isize, isize)> {
    match kernel {
        1 => vec![(0, 0, 0)],
        _ => (0..9).map(|t| (t, t as isize / 3 - 1, t as isize % 3 - 1)).collect(),
    }
}

/// Value `o` of the convolution at an output's place, without bias.
pub fn forward(
    x: &Map,
    weight: &[f32],
    (kernel, stride): (usize, usize),
    (v, u, o): (usize, usize, usize),
) -> f64 {
    let mut sum = 0.0;
    for i in 0..x.channels {
        for (t, dv, du) in taps(kernel) {
            let k = f64::from(weight[(o * x.channels + i) * kernel * kernel + t]);
            sum += k * x.get((v * stride) as isize + dv, (u * stride) as isize + du, i);
        }
    }
    sum
}

/// The gradient to an input of `inputs` channels, laid out as its map.
pub fn transposed(dy: &Map, weight: &[f32], inputs: usize, kernel: usize, padding: Padding) -> Vec<f64> {
    let dx = Map::zeros(inputs, dy.height, dy.width);
    let mut sums = vec![0.0; dx.data.len()];
    for (v, u, o) in dy.places() {
        for (t, dv, du) in taps(kernel) {
            let (v, u, g) = (v as isize, u as isize, dy.get(v as isize, u as isize, o));
            let (Some(sv), Some(su)) = (padding.source(v + dv, dy.height), padding.source(u + du, dy.width))
            else {
                continue;
            };
            for i in 0..inputs {
                let k = f64::from(weight[(o * inputs + i) * kernel * kernel + t]);
                sums[dx.at(sv as isize, su as isize, i)] += k * g;
            }
        }
    }
    sums
}

/// Calls `check` with each weight's place in a padded gradient `[tap][in][out]` and its gradient.
pub fn each_weight(x: &Map, dy: &Map, kernel: usize, mut check: impl FnMut(usize, f64)) {
    for (t, dv, du) in taps(kernel) {
        for i in 0..x.channels {
            for o in 0..dy.channels {
                let sum = (0..dy.height * dy.width)
                    .map(|p| ((p / dy.width) as isize, (p % dy.width) as isize))
                    .map(|(v, u)| x.get(v + dv, u + du, i) * dy.get(v, u, o))
                    .sum();
                check((t * padded(x.channels) + i) * padded(dy.channels) + o, sum);
            }
        }
    }
}
