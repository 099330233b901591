//! Kernels in `f32` on the widest instruction set of the machine.

use super::kernels::{Finish, Kernels};
use super::map::Map;
use impasto_core::Padding;
use impasto_cpu::train::{self, PackedConv, WeightsShape};
use impasto_cpu::{Isa, IsaError};

/// `f32` maps and sums, Winograd's convolutions.
#[derive(Clone, Copy, Debug)]
pub struct Fast(Isa);

impl Fast {
    /// The instruction set that `IMPASTO_ISA` names, else the best of this machine.
    ///
    /// # Errors
    /// When `IMPASTO_ISA` names something that this machine cannot run.
    pub fn new() -> Result<Self, IsaError> {
        Isa::from_env().map(Self)
    }

    /// A chosen instruction set.
    ///
    /// # Errors
    /// When this machine cannot run it.
    pub fn with(isa: Isa) -> Result<Self, IsaError> {
        isa.checked().map(Self)
    }
}

fn size(map: &Map<f32>) -> (usize, usize) {
    (map.shape().height, map.shape().width)
}

fn finish<'a>(finish: &Finish<'a, f32>) -> train::Finish<'a> {
    let Finish { bias, relu, gate, add } = *finish;
    train::Finish { bias, relu, gate: gate.map(Map::data), add }
}

impl Kernels for Fast {
    type Element = f32;
    type Weights = PackedConv;
    type Scratch = ();

    fn pack(&self, weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> PackedConv {
        PackedConv::forward(self.0, weight, outputs, inputs, kernel)
    }

    fn pack_transposed(&self, weight: &[f32], outputs: usize, inputs: usize, kernel: usize) -> PackedConv {
        PackedConv::transposed(self.0, weight, outputs, inputs, kernel)
    }

    fn conv(&self, x: &Map<f32>, w: &PackedConv, stride: usize, f: &Finish<f32>, y: &mut Map<f32>) {
        train::conv(self.0, x.data(), size(x), w, stride, &finish(f), y.data_mut());
    }

    fn conv_transposed(
        &self,
        dy: &Map<f32>,
        w: &PackedConv,
        padding: Padding,
        f: &Finish<f32>,
        dx: &mut Map<f32>,
    ) {
        train::conv_transposed(self.0, dy.data(), size(dy), w, padding, &finish(f), dx.data_mut());
    }

    fn weights_gradient(
        &self,
        x: &Map<f32>,
        dy: &Map<f32>,
        (kernel, stride): (usize, usize),
        _scratch: &mut (),
        gradient: &mut [f32],
    ) {
        let (inputs, outputs) = (x.shape().channels, dy.shape().channels);
        let shape = WeightsShape { size: size(x), inputs, outputs, kernel, stride };
        train::weights_gradient(self.0, x.data(), dy.data(), shape, gradient);
    }
}
