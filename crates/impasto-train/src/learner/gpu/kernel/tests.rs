//! Convolutions of all shapes, forward and back, against loops as one would write them.

use super::{Finish, Kit, Packed, Window};
use crate::learner::gpu::Fault;
use crate::learner::gpu::room::{Room, floats};
use crate::learner::gpu::work::{Work, whole};
use crate::walk::{Layer, LayerKind};
use impasto_core::Random;
use impasto_core::{Padding, Shape};
use impasto_gpu::compute::{Gpu, choose};

/// A convolution, and the numbers that it works on.
struct Case {
    layer: Layer,
    window: Window,
    samples: usize,
    size: [usize; 2],
    out: [usize; 2],
    values: Vec<f32>,
    x: Vec<f32>,
    dy: Vec<f32>,
}

impl Case {
    fn new([inputs, outputs, samples, height, width]: [usize; 5], window: Window) -> Self {
        let mut random = Random::new((inputs * 131 + outputs * 7 + height) as u64);
        let mut numbers = |count: usize| (0..count).map(|_| random.range(-1.0, 1.0)).collect::<Vec<f32>>();
        let Window { kernel, stride, .. } = window;
        let layer = Layer { name: "layer".into(), start: 3, outputs, inputs, kernel, kind: LayerKind::Conv };
        let out = [height.div_ceil(stride), width.div_ceil(stride)];
        Self {
            values: numbers(layer.bias().end),
            x: numbers(samples * inputs * height * width),
            dy: numbers(samples * outputs * out[0] * out[1]),
            layer,
            window,
            samples,
            size: [height, width],
            out,
        }
    }

    /// Calls `f` for each product: the places of the output, of the input and of the weight.
    fn each(&self, f: &mut dyn FnMut(usize, usize, usize)) {
        let Layer { inputs, outputs, kernel, start, .. } = self.layer;
        let ([height, width], [rows, columns]) = (self.size, self.out);
        let reach = (kernel / 2) as isize;
        for i in 0..self.samples * outputs * rows * columns {
            let (u, v, o) = (i % columns, i / columns % rows, i / (rows * columns) % outputs);
            let n = i / (outputs * rows * columns);
            for k in 0..inputs * kernel * kernel {
                let (c, tap) = (k / (kernel * kernel), k % (kernel * kernel));
                let at = |place: usize, tap: usize, len: usize| {
                    let beside = (place * self.window.stride + tap) as isize - reach;
                    self.window.padding.source(beside, len)
                };
                let (row, column) = (at(v, tap / kernel, height), at(u, tap % kernel, width));
                if let (Some(row), Some(column)) = (row, column) {
                    let from = ((n * inputs + c) * height + row) * width + column;
                    f(i, from, start + o * inputs * kernel * kernel + k);
                }
            }
        }
    }

    fn expected(&self) -> [Vec<f32>; 3] {
        let Layer { outputs, .. } = self.layer;
        let area = self.out[0] * self.out[1];
        let bias = &self.values[self.layer.bias()];
        let mut y: Vec<f32> = (0..self.dy.len()).map(|i| bias[i / area % outputs]).collect();
        let (mut dx, mut flat) = (vec![0.0; self.x.len()], vec![0.0; self.values.len()]);
        self.each(&mut |to, from, weight| {
            y[to] += self.values[weight] * self.x[from];
            dx[from] += self.values[weight] * self.dy[to];
            flat[weight] += self.dy[to] * self.x[from];
        });
        for (i, d) in self.dy.iter().enumerate() {
            flat[self.layer.bias().start + i / area % outputs] += d;
        }
        [y, dx, flat]
    }

    fn found(&self, gpu: &Gpu) -> Result<[Vec<f32>; 3], Fault> {
        let (kit, Layer { inputs, outputs, .. }) = (Kit { gpu }, &self.layer);
        let (inputs, outputs) = (*inputs, *outputs);
        let room = |channels, [height, width]: [usize; 2]| {
            Room::new(gpu, self.samples, Shape::new(channels, height, width))
        };
        let [x, dx] = [room(inputs, self.size)?, room(inputs, self.size)?];
        let [y, dy] = [room(outputs, self.out)?, room(outputs, self.out)?];
        let [values, flat] = [floats(gpu, self.values.len())?, floats(gpu, self.values.len())?];
        for (buffer, numbers) in [(&values, &self.values), (&x.buffer, &self.x), (&dy.buffer, &self.dy)] {
            gpu.queue.write_buffer(buffer, 0, bytemuck::cast_slice(numbers));
        }
        let packed = Packed::new(gpu, &self.layer)?;
        let parts = floats(gpu, Kit::parts(&self.layer, &dy))?;
        let mut work = Work::new(gpu);
        work.run(&[
            kit.pack(&self.layer, &values, &packed)?,
            kit.conv(self.window, &packed, &x, false, &y)?,
            kit.conv_back(self.window, &packed, &dy, Finish::default(), &dx)?,
        ]);
        work.run(&kit.weights(self.window, &self.layer, (&dy, &x), &parts, &flat)?);
        let read = work.read(&[whole(&y), whole(&dx), (&flat, self.values.len())])?;
        Ok(read.try_into().expect("three buffers"))
    }
}

/// Rows of every cut, whole and broken depths, odd sizes, sizes of 1, every padding.
#[test]
fn convolutions_of_all_shapes_agree_with_plain_loops() {
    let Ok(adapter) = choose(None) else {
        println!("skipped: convolutions_of_all_shapes_agree_with_plain_loops: no GPU adapter");
        return;
    };
    let gpu = Gpu::open(&adapter).unwrap();
    let window = |kernel, stride, padding| Window { kernel, stride, padding };
    let [zero, reflect, replicate] = [Padding::Zero, Padding::Reflect, Padding::Replicate];
    for (shape, window) in [
        ([3, 16, 2, 9, 14], window(3, 2, replicate)),
        ([16, 3, 1, 12, 7], window(3, 1, replicate)),
        ([64, 3, 2, 8, 8], window(3, 1, reflect)),
        ([8, 130, 1, 6, 5], window(3, 1, reflect)),
        ([130, 8, 2, 5, 6], window(3, 1, zero)),
        ([24, 40, 3, 7, 9], window(3, 1, reflect)),
        ([48, 96, 1, 11, 8], window(3, 2, replicate)),
        ([5, 33, 2, 2, 2], window(3, 1, reflect)),
        ([7, 9, 2, 1, 1], window(3, 1, replicate)),
        ([86, 200, 5, 1, 1], window(1, 1, zero)),
        ([16, 20, 1, 3, 19], window(3, 2, zero)),
    ] {
        let case = Case::new(shape, window);
        let found = case.found(&gpu).unwrap_or_else(|Fault(cause)| panic!("{shape:?} {window:?}: {cause}"));
        for (what, (found, expected)) in ["y", "dx", "dw"].iter().zip(found.iter().zip(&case.expected())) {
            let largest = expected.iter().fold(0.0f32, |most, v| most.max(v.abs()));
            for (i, (f, e)) in found.iter().zip(expected).enumerate() {
                let near = (f - e).abs() <= 1e-5 * largest.max(1.0);
                assert!(near, "{shape:?} {window:?}: {what}[{i}] is {f}, expected {e}");
            }
        }
    }
}
