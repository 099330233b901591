//! The gradient to the weights of a convolution of stride 1.

use super::Amx;
use super::convolve::map_len;
use super::pack::LANES;
use super::tile::{Block, Step, Tiles};
use half::bf16;

/// Room for the two maps in the order in which the tiles want them; kept from call to call.
#[derive(Debug, Default)]
pub struct WeightsScratch {
    planes: Vec<bf16>,
    pairs: Vec<bf16>,
}

/// `gradient[tap][i][o] += sum over pixels p of x[p + tap][i] * dy[p][o]`, with `inputs` and `outputs` padded.
/// `x` has its rim filled as the padding says, `dy` has zeros there; both are of `height` x `width`. A convolution of stride 2
/// has its `dy` spread out first, with zeros between.
///
/// # Panics
/// If a map or the gradient is too short.
pub fn weights_gradient(
    amx: Amx,
    x: &[bf16],
    dy: &[bf16],
    (height, width): (usize, usize),
    (inputs, outputs, kernel): (usize, usize, usize),
    scratch: &mut WeightsScratch,
    gradient: &mut [f32],
) {
    assert!(x.len() >= map_len(height, width, inputs) && dy.len() >= map_len(height, width, outputs));
    assert_eq!(gradient.len(), kernel * kernel * inputs * outputs);
    let row = width + 2;
    let steps = (height * row).div_ceil(LANES);
    // Planes hold the whole map, and zeros for the tiles that read over its end.
    let plane = (2 * row + 2 + steps * LANES).max((height + 2) * row).next_multiple_of(LANES) + LANES;
    planes_from_pixels(x, (height + 2) * row, inputs, plane, &mut scratch.planes);
    pairs_from_pixels(&dy[row * outputs..], height * row, outputs, steps, &mut scratch.pairs);

    let tiles = Tiles::configure(amx);
    let mut out = Block([0.0; 32 * 32]);
    let list: Vec<Step> = (0..steps as isize).map(|s| Step { a: s * 64, b: s * 2048 }).collect();
    // A window's first pixel is one to the left of its row's start in `dy`, which counts the rim: hence the -1, and
    // the zeros before the first plane.
    let reach = |tap: usize| LANES - 1 + if kernel == 3 { tap / 3 * row + tap % 3 } else { row + 1 };
    for chunk in list.chunks(CHUNK) {
        for (i, o) in blocks(inputs, outputs) {
            let b = &scratch.pairs[o * steps * LANES..];
            for tap in 0..kernel * kernel {
                // SAFETY: each plane is long enough for the largest reach plus all steps; `b` holds `steps` blocks of 1024 values.
                unsafe {
                    let upper = scratch.planes.as_ptr().add(i * plane + reach(tap));
                    tiles.multiply(upper, upper.add(16 * plane), 2 * plane, chunk, b.as_ptr(), &mut out);
                }
                for (r, sums) in out.0.chunks_exact(LANES).enumerate() {
                    let at = (tap * inputs + i + r) * outputs + o;
                    gradient[at..at + LANES].iter_mut().zip(sums).for_each(|(g, s)| *g += s);
                }
            }
        }
    }
}

/// Steps that go through all taps before the next ones: 64 KB of each map, which stay in the second-level cache.
const CHUNK: usize = 32;

/// All pairs of 32 inputs and 32 outputs.
fn blocks(inputs: usize, outputs: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..inputs).step_by(LANES).flat_map(move |i| (0..outputs).step_by(LANES).map(move |o| (i, o)))
}

/// `[pixels][channels]` to `[channels][plane]`, after LANES zeros.
fn planes_from_pixels(x: &[bf16], pixels: usize, channels: usize, plane: usize, planes: &mut Vec<bf16>) {
    // What lies between the planes' values and their ends stays zero from call to call only if the layout is the same.
    planes.clear();
    planes.resize(LANES + channels * plane + LANES, bf16::ZERO);
    for first in (0..pixels).step_by(LANES) {
        let count = LANES.min(pixels - first);
        for c in (0..channels).step_by(LANES) {
            let mut square = [[bf16::ZERO; LANES]; LANES];
            for (p, row) in square[..count].iter_mut().enumerate() {
                row.copy_from_slice(&x[(first + p) * channels + c..][..LANES]);
            }
            for k in 0..LANES {
                let column: [bf16; LANES] = std::array::from_fn(|p| square[p][k]);
                planes[LANES + (c + k) * plane + first..][..count].copy_from_slice(&column[..count]);
            }
        }
    }
}

/// `[pixels][channels]` to `[channels / 32][steps][2][16][16][2]`: halves of 16 channels, pairs of pixels, channels, the pixels of a pair.
fn pairs_from_pixels(dy: &[bf16], pixels: usize, channels: usize, steps: usize, pairs: &mut Vec<bf16>) {
    pairs.clear();
    pairs.resize(channels * steps * LANES, bf16::ZERO);
    let zeros = vec![bf16::ZERO; channels];
    for pair in 0..pixels.div_ceil(2) {
        let even = &dy[2 * pair * channels..][..channels];
        let odd = if 2 * pair + 1 < pixels { &dy[(2 * pair + 1) * channels..][..channels] } else { &zeros };
        let (step, row) = (pair / 16, pair % 16);
        for c in (0..channels).step_by(16) {
            let at = ((c / LANES * steps + step) * 2 + c % LANES / 16) * 512 + row * 32;
            let out = &mut pairs[at..at + 32];
            for (k, two) in out.chunks_exact_mut(2).enumerate() {
                (two[0], two[1]) = (even[c + k], odd[c + k]);
            }
        }
    }
}
