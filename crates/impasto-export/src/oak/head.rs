//! The YUV 4:2:0 head: the last convolution made to give six planes of half the size instead of three
//! of the full size. Exact, since conversion to YUV and the mean over 2x2 pixels are linear.
//!
//! Planes: Y of the even row's even and odd column, Y of the odd row's even and odd column, then U and V,
//! each the mean of its four pixels. BT.601 in full range (as JPEG); U and V are centred on 0.

use impasto_core::lower::{Folded, Map};
use impasto_core::{NodeId, Op};

/// Y, U and V from R, G and B; ITU-R BT.601, full range.
pub const YUV: [[f64; 3]; 3] =
    [[0.299, 0.587, 0.114], [-0.299 / 1.772, -0.587 / 1.772, 0.5], [0.5, -0.587 / 1.402, -0.114 / 1.402]];

/// Makes a painter of RGB give the six planes. Its output must have even sides.
pub(crate) fn fold_yuv420(folded: &mut Folded<'_>) {
    if !ends_in_plain_conv(folded) {
        folded.map_output(&identity());
    }
    let last = folded.network.output();
    let Op::Conv { input, .. } = folded.network.nodes[last].op else { unreachable!("just seen to") };
    let readers = folded.network.live_readers();
    let doubled = folded.network.nodes[input].op.clone();
    if let (Op::Upsample2 { input: small }, true) = (doubled, readers[input] == [last]) {
        rebuild_conv(folded, last, small, 1, half_size_taps);
        folded.remove(input, small);
    } else {
        rebuild_conv(folded, last, input, 2, full_size_taps);
    }
}

fn ends_in_plain_conv(folded: &Folded<'_>) -> bool {
    matches!(folded.network.nodes[folded.network.output()].op, Op::Conv { groups: 1, stride: 1, .. })
}

fn identity() -> Map {
    (0..3).map(|c| (0..3).map(|k| f64::from(u8::from(c == k))).collect()).collect()
}

/// Radius of the new window for one of radius `r`, and where in it a tap at offset `o` from the block's
/// first pixel falls: on the map before nearest upsampling.
fn half_size_taps(r: isize) -> (isize, fn(isize) -> isize) {
    ((r + 1) / 2, |o| o.div_euclid(2))
}

/// The same on the map itself, read with a step of 2.
fn full_size_taps(r: isize) -> (isize, fn(isize) -> isize) {
    (r + 1, |o| o)
}

/// Weight of plane `plane` for channel `c` of the block's pixel `phase` (rows first).
fn share(plane: usize, phase: usize, c: usize) -> f64 {
    match plane {
        0..4 if plane == phase => YUV[0][c],
        0..4 => 0.0,
        _ => YUV[plane - 3][c] / 4.0,
    }
}

type Taps = fn(isize) -> (isize, fn(isize) -> isize);

/// Replaces convolution `conv` by one of six planes that reads `input`.
fn rebuild_conv(folded: &mut Folded<'_>, conv: NodeId, input: NodeId, stride: usize, taps: Taps) {
    let Op::Conv { kernel, padding, .. } = folded.network.nodes[conv].op else { unreachable!() };
    let r = (kernel / 2) as isize;
    let (radius, place) = taps(r);
    let side = (2 * radius + 1) as usize;
    folded.edit(conv, |weight, bias| {
        let inner = weight.shape[1];
        let old = |o: usize, c: usize, j: usize, i: usize| {
            f64::from(weight.values[((o * inner + c) * kernel + j) * kernel + i])
        };
        let mut new = vec![0.0f64; 6 * inner * side * side];
        for plane in 0..6 {
            for phase in 0..4 {
                let at =
                    |tap: usize, first: usize| (place(tap as isize - r + first as isize) + radius) as usize;
                for (c, j, i) in triples(inner, kernel) {
                    let sum: f64 = (0..3).map(|o| share(plane, phase, o) * old(o, c, j, i)).sum();
                    let (row, column) = (at(j, phase / 2), at(i, phase % 2));
                    new[((plane * inner + c) * side + row) * side + column] += sum;
                }
            }
        }
        weight.values = new.into_iter().map(|w| w as f32).collect();
        weight.shape = vec![6, inner, side, side];
        let b = bias.values.clone();
        let of_plane = |plane: usize| -> f32 {
            let term = |(phase, o): (usize, usize)| share(plane, phase, o) * f64::from(b[o]);
            (0..12).map(|n| term((n / 3, n % 3))).sum::<f64>() as f32
        };
        bias.values = (0..6).map(of_plane).collect();
        bias.shape = vec![6];
    });
    folded.network.nodes[conv].op =
        Op::Conv { input, out_channels: 6, kernel: side, stride, groups: 1, padding };
}

/// All `(channel, row, column)` of a window.
fn triples(channels: usize, kernel: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    let area = kernel * kernel;
    (0..channels * area).map(move |n| (n / area, n % area / kernel, n % kernel))
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::conformance::{Case, Tolerance, compare, run};
    use impasto_core::reference::ReferenceEngine;
    use impasto_core::{NetworkBuilder, Padding, Shape, Tensor};
    use std::sync::Arc;

    /// The six planes, straight from their definition.
    fn planes(rgb: &Tensor) -> Tensor {
        let Shape { height, width, .. } = rgb.shape();
        let yuv = |k: usize, y: usize, x: usize| {
            (0..3).map(|c| YUV[k][c] * f64::from(rgb.row(c, y)[x])).sum::<f64>()
        };
        Tensor::from_fn(Shape::new(6, height / 2, width / 2), |plane, y, x| match plane {
            0..4 => yuv(0, 2 * y + plane / 2, 2 * x + plane % 2) as f32,
            _ => {
                let block = (0..4).map(|p| yuv(plane - 3, 2 * y + p / 2, 2 * x + p % 2));
                (block.sum::<f64>() / 4.0) as f32
            }
        })
    }

    fn judge(name: &str, case: &Case) {
        let mut folded = Folded::new(&case.network, &case.weights);
        fold_yuv420(&mut folded);
        folded.network.check().unwrap();
        let (network, weights) = (folded.network.clone(), Arc::new(folded.weights()));
        let found = run(&ReferenceEngine, &Case { network, weights, ..case.clone() }).unwrap();
        let expected = planes(&run(&ReferenceEngine, case).unwrap());
        compare(&expected, &found, Tolerance { of_peak: 1e-5 }).unwrap_or_else(|e| panic!("{name}: {e}"));
    }

    #[test]
    fn after_upsampling_the_head_runs_at_half_size() {
        for (kernel, padding) in
            [(3, Padding::Zero), (3, Padding::Replicate), (5, Padding::Zero), (9, Padding::Zero)]
        {
            let mut b = NetworkBuilder::new("up");
            let x = b.input(7);
            let x = b.upsample2(x);
            b.conv("out", x, 3, kernel, 1, padding);
            judge(&format!("{kernel} {padding:?}"), &Case::new("up", b.finish(), 6, 5, 1));
        }
    }

    #[test]
    fn at_full_size_the_head_takes_steps_of_two() {
        for padding in [Padding::Zero, Padding::Replicate, Padding::Reflect] {
            let mut b = NetworkBuilder::new("full");
            let x = b.input(4);
            let x = b.relu(x);
            b.conv("out", x, 3, 3, 1, padding);
            judge(&format!("{padding:?}"), &Case::new("full", b.finish(), 8, 6, 2));
        }
        let mut b = NetworkBuilder::new("no conv");
        let x = b.input(3);
        b.relu(x);
        judge("no conv", &Case::new("no conv", b.finish(), 4, 6, 3));
    }

    #[test]
    fn grey_has_no_colour() {
        for row in YUV[1..].iter() {
            assert!(row.iter().sum::<f64>().abs() < 1e-15);
        }
        assert!((YUV[0].iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }
}
