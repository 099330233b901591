//! Kernels in bf16 on AMX.

use super::kernels::{Finish, Kernels};
use super::map::Map;
use half::bf16;
use impasto_core::Padding;
use impasto_cpu::amx::{self, Amx, PackedConv, WeightsScratch};

/// bf16 maps, sums in `f32`.
#[derive(Clone, Copy, Debug)]
pub struct Tiles(Amx);

impl Tiles {
    /// `None` on machines without AMX bf16.
    pub fn detect() -> Option<Self> {
        Amx::detect().map(Self)
    }
}

fn size(map: &Map<bf16>) -> (usize, usize) {
    (map.shape().height, map.shape().width)
}

fn finish<'a>(finish: &Finish<'a, bf16>) -> amx::Finish<'a> {
    let Finish { bias, relu, gate, add } = *finish;
    amx::Finish { bias, relu, gate: gate.map(Map::data), add }
}

impl Kernels for Tiles {
    type Element = bf16;
    type Weights = PackedConv;
    type Scratch = WeightsScratch;

    fn pack(&self, weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> PackedConv {
        PackedConv::forward(weight, outputs, inputs, kernel)
    }

    fn pack_transposed(&self, weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> PackedConv {
        PackedConv::transposed(weight, outputs, inputs, kernel)
    }

    fn conv(&self, x: &Map<bf16>, w: &PackedConv, stride: usize, f: &Finish<bf16>, y: &mut Map<bf16>) {
        amx::conv(self.0, x.data(), size(x), w, stride, &finish(f), y.data_mut());
    }

    fn conv_transposed(
        &self,
        dy: &Map<bf16>,
        w: &PackedConv,
        padding: Padding,
        f: &Finish<bf16>,
        dx: &mut Map<bf16>,
    ) {
        amx::conv_transposed(self.0, dy.data(), size(dy), w, padding, &finish(f), dx.data_mut());
    }

    fn weights_gradient(
        &self,
        x: &Map<bf16>,
        dy: &Map<bf16>,
        (kernel, _): (usize, usize),
        scratch: &mut WeightsScratch,
        gradient: &mut [f32],
    ) {
        let sizes = (x.lanes(), dy.lanes(), kernel);
        amx::weights_gradient(self.0, x.data(), dy.data(), size(x), sizes, scratch, gradient);
    }
}
