//! Detectors over the losses.

use super::Evidence;
use crate::learner::LOSSES;

/// One loss is more than this part of all.
const MOST_PART: f32 = 0.97;
/// The gradient is longer than its limit by more than this.
const MOST_CLIPPED: f32 = 30.0;

/// One loss alone decides, or every step is cut short.
pub fn scale(evidence: &Evidence) -> Option<String> {
    let (r, w) = (evidence.report, evidence.recipe);
    let losses = LOSSES.iter().map(|loss| (loss.name, (loss.value)(r) * (loss.weight)(w)));
    let losses: Vec<(&str, f32)> = losses.collect();
    let sum: f32 = losses.iter().map(|l| l.1).sum();
    // Reconstruction alone is how a run begins.
    let alone = losses.into_iter().find(|l| w.style > 0.0 && l.1 > MOST_PART * sum);
    if let Some((name, value)) = alone {
        return Some(format!(
            "the losses are out of scale: recipe.{name} makes {:.0} % of the whole ({value:.1} of {sum:.1}), so that nothing else is learned. \
             Divide recipe.{name} by ten; or is the loss network not normalised, or a sum where a mean is meant?",
            100.0 * value / sum
        ));
    }
    (r.gradient_norm > MOST_CLIPPED * w.clip).then(|| {
        format!(
            "the losses are out of scale: the gradient is {:.0} long, and recipe.clip allows {:.0}, so that every step is cut short. Divide \
             the weights of the losses by the same number, or raise recipe.clip",
            r.gradient_norm, w.clip
        )
    })
}
