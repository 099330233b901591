//! Painting by other means than a network: the limit that networks are measured against.

use crate::eval_set::{EvalSet, Pastiches};
use crate::{EvalError, Metric, PairFigures, Progress, Stage, Values};
use impasto_core::Tensor;
use serde::{Deserialize, Serialize};

/// A way to paint that may take minutes for a picture, such as gradient descent on the picture itself.
pub struct Limit<'a> {
    /// Name for tables.
    pub name: String,
    /// Number of pairs, spread evenly over the round's.
    pub pairs: usize,
    /// From photo and painting, both `[3, height, width]` in `0..1`, to the pastiche, of the photo's size.
    pub paint: &'a mut dyn FnMut(&Tensor, &Tensor) -> Tensor,
}

/// The limit's part of a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitReport {
    /// See [`Limit::name`].
    pub name: String,
    /// Positions of its pairs among the round's.
    pub positions: Vec<usize>,
    /// Pair by pair. Flicker is not measured: it is NaN.
    pub pairs: Vec<PairFigures>,
}

impl EvalSet {
    /// Figures and pastiches of a limit at some of the pairs.
    pub(crate) fn judge_limit(
        &mut self,
        limit: &mut Limit,
        positions: &[usize],
        on_progress: &mut dyn FnMut(&Progress),
    ) -> Result<(LimitReport, Pastiches), EvalError> {
        let (mut pairs, mut pastiches) = (Vec::new(), Pastiches::new());
        for (done, &k) in positions.iter().enumerate() {
            let (stage, total) = (Stage::Limit, positions.len());
            let size = self.size();
            on_progress(&Progress { model: &limit.name, size, stage, done, total, finished: None });
            let (photo, painting) = self.pictures(k);
            let pastiche = (limit.paint)(photo, painting);
            let values = self.values(k, &pastiche, None)?;
            pairs.push(self.pair_figures(k, values));
            pastiches.insert(k, pastiche);
        }
        Ok((LimitReport { name: limit.name.clone(), positions: positions.to_vec(), pairs }, pastiches))
    }
}

impl LimitReport {
    /// Means over its pairs.
    pub fn values(&self) -> Values {
        Values::mean(self.pairs.iter().map(|pair| &pair.values))
    }

    /// Means of another candidate's `pairs` over the same ones, without what the limit has not.
    pub fn values_beside(&self, pairs: &[PairFigures]) -> Values {
        let mean = Values::mean(self.positions.iter().map(|&k| &pairs[k].values));
        let own = self.values();
        Values::from_fn(|metric: Metric| if own[metric].is_nan() { f64::NAN } else { mean[metric] })
    }
}
