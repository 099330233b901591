//! What the passes of a step add up: losses and gradients, which stay on the device until all are done.

use super::leaves::Leaves;
use crate::learner::{Recipe, StepReport};
use burn::tensor::{Device, Tensor};

/// The losses of a pass, each as its part of the batch's mean; `None` counts as 0.
#[derive(Default)]
pub(super) struct Losses {
    pub content: Option<Tensor<1>>,
    pub style: Option<Tensor<1>>,
    pub ssim: Option<Tensor<1>>,
    pub identity: Option<Tensor<1>>,
    pub noise: Option<Tensor<1>>,
    pub range: Option<Tensor<1>>,
    pub coherence: Option<Tensor<1>>,
    pub laplacian: Option<Tensor<1>>,
    pub total_variation: Option<Tensor<1>>,
}

/// Losses in the order of [`Losses`].
const COUNT: usize = 9;

impl Losses {
    fn in_order(self) -> [Option<Tensor<1>>; COUNT] {
        let Self { content, style, ssim, identity, noise, range, coherence, laplacian, total_variation } =
            self;
        [content, style, ssim, identity, noise, range, coherence, laplacian, total_variation]
    }
}

fn weights(recipe: &Recipe) -> [f32; COUNT] {
    let Recipe {
        content, style, ssim, identity, noise, range, coherence, laplacian, total_variation, ..
    } = *recipe;
    [content, style, ssim, identity, noise, range, coherence, laplacian, total_variation]
}

/// Sums over the passes of a step.
pub(super) struct Sums<'a> {
    leaves: &'a [Leaves],
    weights: [f32; COUNT],
    device: Device,
    /// The losses, and behind them the gradients to all values.
    all: Option<Tensor<1>>,
}

impl<'a> Sums<'a> {
    pub fn new(recipe: &Recipe, leaves: &'a [Leaves], device: &Device) -> Self {
        Self { leaves, weights: weights(recipe), device: device.clone().without_autodiff(), all: None }
    }

    /// Adds the losses of a pass, and goes back from their weighted sum.
    pub fn add(&mut self, losses: Losses) {
        let (mut total, mut pieces): (Option<Tensor<1>>, Vec<Tensor<1>>) = (None, Vec::new());
        for (loss, weight) in losses.in_order().into_iter().zip(self.weights) {
            pieces.push(match &loss {
                Some(loss) => loss.clone().inner(),
                None => Tensor::zeros([1], &self.device),
            });
            let weighted = loss.map(|loss| loss * weight);
            total = match (total, weighted) {
                (Some(a), Some(b)) => Some(a + b),
                (a, b) => a.or(b),
            };
        }
        let mut gradients = total.expect("a pass has losses").backward();
        pieces.extend(self.leaves.iter().flat_map(|leaves| leaves.gradients(&mut gradients)));
        let own = Tensor::cat(pieces, 0);
        self.all = Some(match self.all.take() {
            Some(before) => before + own,
            None => own,
        });
    }

    /// The losses, and the gradient to all values.
    ///
    /// # Errors
    /// The device's words if it failed.
    pub fn read(self) -> Result<(StepReport, Vec<f32>), String> {
        let Some(all) = self.all else {
            // Nothing was asked for.
            return Ok((StepReport::default(), vec![0.0; self.leaves.iter().map(Leaves::count).sum()]));
        };
        let mut values = read_back(all)?;
        let gradient = values.split_off(COUNT);
        let [content, style, ssim, identity, noise, range, coherence, laplacian, total_variation] =
            values.try_into().expect("nine losses");
        let report = StepReport {
            content,
            style,
            ssim,
            identity,
            noise,
            range,
            coherence,
            laplacian,
            total_variation,
            gradient_norm: 0.0,
        };
        Ok((report, gradient))
    }
}

/// A tensor's values.
///
/// # Errors
/// The device's words if it failed.
pub(super) fn read_back<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, String> {
    let data = tensor.try_into_data().map_err(|e| one_line(&e.to_string()))?;
    data.try_to_vec::<f32>().map_err(|e| one_line(&e.to_string()))
}

/// burn's errors without their backtraces, in one line.
pub(super) fn one_line(error: &str) -> String {
    let words = error.split("Backtrace").next().unwrap_or(error);
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}
