//! Joint statistics of the pastiches of one painting: statistics over all of them together, so that the dark of a palette may go where a
//! photo is dark. Judged crop by crop, each would have to show the whole palette.

use super::judge::{Judge, Referee, Share, samples};
use crate::learner::StyleKind;
use crate::learner::looks::{DIRECTIONS, Looks, SLICED, SLICED_PLACES};
use crate::loss::covariance::{Covariance, FeatureSums, Slope, balanced};
use crate::loss::sliced::{directions, sliced};
use crate::walk::Kernels;
use impasto_core::Random;

/// By layer, as far as the recipe asks for it.
#[derive(Default)]
pub(super) struct Shared {
    pub balanced: [Option<Balanced>; 4],
    pub sliced: [Option<Sliced>; 4],
}

/// Covariances and means over all members against the painting's.
pub(super) struct Balanced {
    pub own: Covariance,
    /// Weighted, for the sum over the members.
    pub slope: Slope,
    /// This layer's part of the loss.
    pub value: f32,
}

/// A photo's places and the gradient at each of them.
type Member = (Vec<(usize, usize)>, Vec<f32>);

/// Sliced Wasserstein distances of all members' features together.
pub(super) struct Sliced {
    /// This layer's part of the loss.
    pub value: f32,
    /// For each member, some places and the gradients to their features.
    pub members: Vec<Member>,
}

impl Shared {
    /// Of the pastiches that `judges` have looked at last, of `side` px each.
    pub fn of<K: Kernels>(
        kernels: K,
        referee: &Referee<K>,
        judges: &mut [&mut Judge<K>],
        side: usize,
        wanted: &Looks,
        (share, seed): (&Share, u64),
    ) -> Self {
        let recipe = share.recipe;
        let mut shared = Self::default();
        // A loss of all members together counts once for each of them.
        let members = judges.len() as f32;
        for layer in 0..4 {
            if recipe.style > 0.0 && recipe.style_kind == StyleKind::Balanced {
                let mut sums: Option<FeatureSums> = None;
                for judge in judges.iter_mut() {
                    let (features, scratch) = judge.features(referee, side, layer);
                    sums.get_or_insert_with(|| FeatureSums::new(features.shape().channels))
                        .add(kernels, features, scratch);
                }
                let own = sums.expect("a pool has members").covariance();
                let target = wanted[layer].covariance.as_ref().expect("the recipe asks for it");
                let (value, slope) = balanced(&own, target, 0.25 * members * share.style * recipe.style);
                shared.balanced[layer] = Some(Balanced { own, slope, value: 0.25 * value });
            }
            if recipe.wasserstein > 0.0 && SLICED[layer] {
                let seed = seed ^ (layer as u64) << 32;
                let weight = members * share.style * recipe.wasserstein;
                let target = wanted[layer].samples.as_ref().expect("the recipe asks for it");
                shared.sliced[layer] =
                    Some(Sliced::of(referee, judges, (side, layer), target, (weight, seed)));
            }
        }
        shared
    }
}

impl Sliced {
    fn of<K: Kernels>(
        referee: &Referee<K>,
        judges: &mut [&mut Judge<K>],
        (side, layer): (usize, usize),
        target: &[f32],
        (weight, seed): (f32, u64),
    ) -> Self {
        let (each, part) = (SLICED_PLACES / judges.len(), 1.0 / SLICED.iter().filter(|&&s| s).count() as f32);
        let (mut all, mut places, mut channels) = (vec![], vec![], 0);
        for (i, judge) in judges.iter_mut().enumerate() {
            let (features, _) = judge.features(referee, side, layer);
            channels = features.shape().channels;
            let (own, values) = samples(features, each.max(1), seed ^ (i as u64 + 1) << 40);
            all.extend(values);
            places.push(own);
        }
        let directions = directions(channels.min(DIRECTIONS), channels, &mut Random::new(seed));
        let mut gradient = vec![0.0; all.len()];
        let value = part * sliced(&all, target, channels, &directions, part * weight, &mut gradient);
        let mut rest = gradient.as_slice();
        let members = places
            .into_iter()
            .map(|places| {
                let (own, others) = rest.split_at(places.len() * channels);
                rest = others;
                (places, own.to_vec())
            })
            .collect();
        Self { value, members }
    }
}
