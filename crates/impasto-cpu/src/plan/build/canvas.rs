//! The last convolution, to at most four channels, straight to the frame's canvas.

use super::Builder;
use super::windows::{Windows, is_doubled};
use crate::kernel::direct::{Feed, Goal};
use crate::kernel::eight;
use crate::kernel::few::{self, Few};
use crate::kernel::paint::Painter;
use crate::kernel::step::Step;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use crate::kernel::tiled;
use impasto_core::lower::{Conv, ConvWeights, Geometry, Value};

impl Builder<'_> {
    pub(super) fn conv_to_canvas(&mut self, conv: &Conv, weights: ConvWeights<'_>) -> Box<dyn Step> {
        let painter = self.painter(conv, weights);
        #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
        if self.half {
            return self.tiled(conv, weights, tiled::Goal::Canvas(painter));
        }
        let (windows, shifted) = match conv.geometry {
            _ if is_doubled(conv) => (Windows::corners(conv, weights, weights.bias.len()), true),
            Geometry { kernel: 3, stride: 1, .. } => (Windows::squares(conv, weights), false),
            _ => return Box::new(self.few(conv, weights)),
        };
        let painter = Painter { up: true, shifted, ..painter };
        let mut view = self.view(conv.input);
        view.up = false;
        match self.int8_ranges(conv) {
            Some(ranges) => self.eight(conv, view, &windows, ranges, eight::Goal::Canvas(painter)),
            None => Box::new(self.direct(conv, Feed::View(view), &windows, Goal::Canvas(painter))),
        }
    }

    fn painter(&self, conv: &Conv, weights: ConvWeights<'_>) -> Painter {
        let bias = std::array::from_fn(|i| weights.bias[i % weights.bias.len()]);
        let up = matches!(conv.input, Value::Buffer { up: true, .. });
        Painter { size: self.ends.canvas, bias, relu: conv.relu_before, up, shifted: false }
    }

    fn few(&self, conv: &Conv, weights: ConvWeights<'_>) -> Few {
        let Geometry { input, kernel, stride, padding, .. } = conv.geometry;
        let (inputs, taps) = (input.channels, kernel * kernel);
        let weight = |o: usize, i: usize, tap: usize| weights.weight[(o * inputs + i) * taps + tap];
        Few::new(
            self.isa,
            &few::Layer {
                weight: &weight,
                bias: weights.bias,
                view: self.view(conv.input),
                inputs,
                size: self.ends.canvas,
                window: (kernel, stride, padding),
                relu: conv.relu_before,
            },
        )
    }
}
