//! A dense convolution as a product: windows over what lies in memory, times columns of weights.

use crate::kernel::direct::Window;
use crate::kernel::view::doubled_weight;
use impasto_core::Padding;
use impasto_core::lower::{Conv, ConvWeights, Geometry, Value};

/// The windows, and what they are multiplied with.
pub(super) struct Windows<'a> {
    /// `weight(column, in, tap)`.
    pub weight: Box<dyn Fn(usize, usize, usize) -> f32 + 'a>,
    /// Rows and columns of windows.
    pub out: (usize, usize),
    /// Their geometry.
    pub window: Window,
    /// Columns of the product.
    pub columns: usize,
}

impl<'a> Windows<'a> {
    /// One window for each result, as the table has it.
    pub(super) fn plain(
        conv: &Conv,
        weight: &'a dyn Fn(usize, usize, usize) -> f32,
        columns: usize,
    ) -> Windows<'a> {
        let Geometry { output, kernel, stride, padding, .. } = conv.geometry;
        let out = (output.height, output.width);
        let window = Window { kernel, before: kernel / 2, stride, padding };
        Windows { weight: Box::new(weight), out, window, columns }
    }

    /// A 3x3 convolution of a doubled input. The four results around the corner where four stored positions meet are sums over just
    /// these four: windows of 2x2, one more than positions each way, whose results begin above and to the left. Columns are
    /// `[2][2][each]`; `each` is at least the number of output channels.
    pub(super) fn corners(conv: &Conv, weights: ConvWeights<'a>, each: usize) -> Windows<'a> {
        let (cin, cout) = (conv.geometry.input.channels, weights.bias.len());
        let plain = move |o: usize, i: usize, tap: usize| weights.weight[(o * cin + i) * 9 + tap];
        let weight = move |column: usize, i: usize, tap: usize| {
            let (pixel, o) = (column / each, column % each);
            if o >= cout {
                return 0.0;
            }
            // A result before the corner is the second of the position before it.
            let (dy, dx) = (1 - pixel / 2, 1 - pixel % 2);
            doubled_weight(&plain, (dy, dx), (tap / 2 + dy) * 3 + tap % 2 + dx, i, o)
        };
        // Doubled and padded by one, mirroring and repeating the edge are the same thing.
        let padding = if conv.geometry.padding == Padding::Reflect {
            Padding::Replicate
        } else {
            conv.geometry.padding
        };
        Windows {
            weight: Box::new(weight),
            out: (conv.geometry.input.height / 2 + 1, conv.geometry.input.width / 2 + 1),
            window: Window { kernel: 2, before: 1, stride: 1, padding },
            columns: 4 * each,
        }
    }

    /// A 3x3 convolution to few channels: a window of 4x4 for 2x2 results fills more columns of the product than one of 3x3 for one.
    pub(super) fn squares(conv: &Conv, weights: ConvWeights<'a>) -> Windows<'a> {
        let (cin, cout) = (conv.geometry.input.channels, weights.bias.len());
        let weight = move |column: usize, i: usize, tap: usize| {
            let (pixel, o) = (column / cout, column % cout);
            let (y, x) = ((tap / 4).wrapping_sub(pixel / 2), (tap % 4).wrapping_sub(pixel % 2));
            if y < 3 && x < 3 { weights.weight[(o * cin + i) * 9 + y * 3 + x] } else { 0.0 }
        };
        Windows {
            weight: Box::new(weight),
            out: (conv.geometry.input.height.div_ceil(2), conv.geometry.input.width.div_ceil(2)),
            window: Window { kernel: 4, before: 1, stride: 2, padding: conv.geometry.padding },
            columns: 4 * cout,
        }
    }
}

/// Whether a 3x3 convolution reads a doubled input.
pub(super) fn is_doubled(conv: &Conv) -> bool {
    conv.geometry.kernel == 3
        && conv.geometry.stride == 1
        && matches!(conv.input, Value::Buffer { up: true, .. })
}
