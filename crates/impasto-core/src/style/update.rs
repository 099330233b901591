//! Changes of a painter's weights for one painting.
//!
//! A tuned style carries them beside its vector. A convolution's change is kept as a product of two thin matrices of rank `r`, as in LoRA
//! (Hu et al. 2021), `W[o, i] + sum over k of up[o, k] down[k, i]`, `i` over input channels and taps; small tensors are kept whole.

use crate::weights::{Weight, Weights, WeightsError};
use std::collections::BTreeMap;

/// Ends of the names of factors in a file.
const UP: &str = ".up";
const DOWN: &str = ".down";
/// Begins the names of tensors that are kept whole.
const WHOLE: &str = "delta.";

/// The update of one tensor.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    /// The change itself.
    Whole(Weight),
    /// `up` is `[rows, rank]`, `down` `[rank, columns]`.
    Factors { up: Weight, down: Weight },
}

/// Updates of a painter's weights, by tensor name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    parts: BTreeMap<String, Part>,
}

impl Update {
    /// Nothing is added.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor's change as it is.
    pub fn insert(&mut self, name: &str, change: Weight) {
        self.parts.insert(name.into(), Part::Whole(change));
    }

    /// Adds a tensor's change as a product: `up` `[rows, rank]`, `down` `[rank, columns]`.
    ///
    /// # Panics
    /// If the ranks differ.
    pub fn insert_factors(&mut self, name: &str, up: Weight, down: Weight) {
        assert_eq!(up.shape[1], down.shape[0], "factors of one rank");
        self.parts.insert(name.into(), Part::Factors { up, down });
    }

    /// Number of values that are kept.
    pub fn values(&self) -> usize {
        let count = |part: &Part| match part {
            Part::Whole(change) => change.values.len(),
            Part::Factors { up, down } => up.values.len() + down.values.len(),
        };
        self.parts.values().map(count).sum()
    }

    /// `weights` with the changes, `scale` times, added.
    ///
    /// # Errors
    /// If a tensor is missing there, or of another size.
    pub fn applied(&self, weights: &Weights, scale: f32) -> Result<Weights, WeightsError> {
        let mut changed = weights.clone();
        for (name, part) in &self.parts {
            let length = part.len();
            let weight = changed.get_mut(name).filter(|weight| weight.values.len() == length);
            let Some(weight) = weight else {
                return Err(WeightsError::Format(format!(
                    "the style changes `{name}`, which this model has not, or in another size"
                )));
            };
            part.add_to(&mut weight.values, scale);
        }
        Ok(changed)
    }

    /// The weighted sum of updates; in the result all changes are whole.
    pub fn mixed<'a>(updates: impl Iterator<Item = (&'a Update, f32)>) -> Update {
        let mut sum = Update::new();
        for (update, weight) in updates {
            for (name, part) in &update.parts {
                let entry = sum.parts.entry(name.clone()).or_insert_with(|| {
                    Part::Whole(Weight { shape: vec![part.len()], values: vec![0.0; part.len()] })
                });
                if let Part::Whole(whole) = entry {
                    part.add_to(&mut whole.values, weight);
                }
            }
        }
        sum
    }

    /// Puts the changes among a file's tensors.
    pub(super) fn write(&self, tensors: &mut Weights) {
        for (name, part) in &self.parts {
            match part {
                Part::Whole(change) => {
                    tensors.insert(format!("{WHOLE}{name}"), change.shape.clone(), change.values.clone());
                }
                Part::Factors { up, down } => {
                    tensors.insert(format!("{name}{UP}"), up.shape.clone(), up.values.clone());
                    tensors.insert(format!("{name}{DOWN}"), down.shape.clone(), down.values.clone());
                }
            }
        }
    }

    /// Takes the changes out of a file's tensors; in words, what is wrong with them.
    pub(super) fn read(tensors: &Weights) -> Result<Update, String> {
        let mut update = Update::new();
        for (name, weight) in tensors.iter() {
            if weight.values.iter().any(|v| !v.is_finite()) {
                return Err(format!("`{name}` holds a value that is no number"));
            }
            if let Some(name) = name.strip_prefix(WHOLE) {
                update.insert(name, weight.clone());
            } else if let Some(of) = name.strip_suffix(UP) {
                let down = tensors.get(&format!("{of}{DOWN}"));
                let fits = |down: &&Weight| {
                    let ([_, rank], [other, _]) = (&weight.shape[..], &down.shape[..]) else { return false };
                    rank == other
                };
                let Some(down) = down.filter(fits) else {
                    return Err(format!("`{name}` has no factor beside it that fits"));
                };
                update.insert_factors(of, weight.clone(), down.clone());
            } else if !name.ends_with(DOWN) {
                return Err(format!("it holds `{name}`, which no style has"));
            }
        }
        Ok(update)
    }
}

impl Part {
    /// Values of the tensor that is changed.
    fn len(&self) -> usize {
        match self {
            Part::Whole(change) => change.values.len(),
            Part::Factors { up, down } => up.shape[0] * down.shape[1],
        }
    }

    fn add_to(&self, values: &mut [f32], scale: f32) {
        match self {
            Part::Whole(change) => values.iter_mut().zip(&change.values).for_each(|(v, c)| *v += scale * c),
            Part::Factors { up, down } => {
                let (rank, columns) = (down.shape[0], down.shape[1]);
                for (row, up) in values.chunks_exact_mut(columns).zip(up.values.chunks_exact(rank)) {
                    for (up, down) in up.iter().zip(down.values.chunks_exact(columns)) {
                        row.iter_mut().zip(down).for_each(|(v, d)| *v += scale * up * d);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(shape: &[usize], values: &[f32]) -> Weight {
        Weight { shape: shape.to_vec(), values: values.to_vec() }
    }

    fn update() -> Update {
        let mut update = Update::new();
        update.insert("a.bias", weight(&[2], &[0.5, -1.0]));
        update.insert_factors("a.weight", weight(&[2, 1], &[1.0, 2.0]), weight(&[1, 3], &[1.0, 0.0, -1.0]));
        update
    }

    #[test]
    fn changes_are_added_mixed_and_kept() {
        let mut weights = Weights::new();
        weights.insert("a.weight", vec![2, 3, 1, 1], vec![1.0; 6]);
        weights.insert("a.bias", vec![2], vec![0.0; 2]);
        let changed = update().applied(&weights, 1.0).unwrap();
        assert_eq!(changed.get("a.weight").unwrap().values, [2.0, 1.0, 0.0, 3.0, 1.0, -1.0]);
        assert_eq!(changed.get("a.weight").unwrap().shape, [2, 3, 1, 1]);
        assert_eq!(changed.get("a.bias").unwrap().values, [0.5, -1.0]);
        let half = Update::mixed([(&update(), 0.25), (&update(), 0.25)].into_iter());
        assert_eq!(half.applied(&weights, 2.0).unwrap(), changed);
        let mut tensors = Weights::new();
        update().write(&mut tensors);
        assert_eq!(Update::read(&tensors).unwrap(), update());
        assert_eq!(update().values(), 7);
    }

    #[test]
    fn changes_that_do_not_fit_are_refused() {
        let mut other = Weights::new();
        other.insert("a.weight", vec![2, 2, 1, 1], vec![1.0; 4]);
        other.insert("a.bias", vec![2], vec![0.0; 2]);
        assert!(update().applied(&other, 1.0).is_err());
        assert!(update().applied(&Weights::new(), 1.0).is_err());
        for (name, shape) in [("a.weight.up", [2, 1]), ("something", [2, 1])] {
            let mut tensors = Weights::new();
            tensors.insert(name, shape.to_vec(), vec![1.0; 2]);
            assert!(Update::read(&tensors).is_err(), "{name}");
        }
        let mut tensors = Weights::new();
        tensors.insert("delta.a.bias", vec![1], vec![f32::NAN]);
        assert!(Update::read(&tensors).is_err());
    }
}
