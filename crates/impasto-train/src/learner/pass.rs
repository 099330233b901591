//! One table with its packed weights, and one thread's tapes.

use crate::loss_network::LossNetwork;
use crate::walk::{Gradients, Kernels, Packed, Parameters, Program, ProgramError, Tape};
use impasto_core::weights::WeightsError;
use impasto_core::{Network, Weights};

/// Why a learner cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum LearnerError {
    /// A table that cannot be trained.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Weights that do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The instruction set that was asked for.
    #[error(transparent)]
    Isa(#[from] impasto_cpu::IsaError),
    /// The device that was to train.
    #[cfg(feature = "gpu")]
    #[error("{0}")]
    Gpu(String),
}

/// A table, where its weights stand, and these packed.
pub(crate) struct Part<K: Kernels> {
    pub program: Program,
    pub parameters: Parameters,
    pub packed: Packed<K>,
}

impl<K: Kernels> Part<K> {
    pub fn new(kernels: K, network: &Network, weights: &Weights) -> Result<Self, LearnerError> {
        let program = Program::new(network)?;
        let parameters = Parameters::from_weights(&program, weights)?;
        let packed = Packed::new(kernels, &parameters, &parameters.values);
        Ok(Self { program, parameters, packed })
    }

    pub fn frozen(kernels: K, loss: &LossNetwork) -> Result<Self, LearnerError> {
        Self::new(kernels, &loss.network, &loss.weights)
    }

    pub fn repack(&mut self, kernels: K, values: &[f32]) {
        self.packed = Packed::new(kernels, &self.parameters, values);
    }

    pub fn gradients(&self) -> Gradients {
        Gradients::zeros(&self.parameters)
    }
}

/// Tapes of one table by picture size; made when first asked for.
pub(crate) struct Tapes<K: Kernels> {
    kernels: K,
    by_size: Vec<((usize, usize), Tape<K>)>,
}

impl<K: Kernels> Tapes<K> {
    pub fn new(kernels: K) -> Self {
        Self { kernels, by_size: vec![] }
    }

    pub fn of_size(&mut self, program: &Program, height: usize, width: usize) -> &mut Tape<K> {
        let size = (height, width);
        if let Some(at) = self.by_size.iter().position(|(s, _)| *s == size) {
            return &mut self.by_size[at].1;
        }
        let tape = Tape::new(self.kernels, program, height, width);
        let tape = tape.expect("groups have sizes that the table takes: the trainer checks its crops");
        self.by_size.push((size, tape));
        &mut self.by_size.last_mut().expect("pushed").1
    }
}
