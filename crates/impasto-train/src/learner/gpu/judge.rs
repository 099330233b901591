//! The loss network at work: what it is asked about photos, paintings and pastiches.

use super::leaves::{Leaves, Table};
use super::losses::{self, Moments, moments};
use super::sums::read_back;
use super::walk::{Value, affine, walk};
use super::{stacked, windows};
use crate::data::window;
use crate::learner::looks::{ANCHORS, COHERENT_FROM, Look, Looks, Memo, first_kept};
use crate::learner::pass::LearnerError;
use crate::learner::{ContentKind, Group, Recipe, StyleKind, StylePicture, View};
use crate::loss::coherence::anchors;
use crate::loss_network::{EPS, LossNetwork};
use crate::walk::Moments as HostMoments;
use burn::tensor::{Device, Tensor, TensorData};
use impasto_core::Tensor as Picture;
use impasto_core::conformance::Random;
use impasto_core::network::NodeId;
use std::sync::Arc;

/// The loss network, and what it said about paintings.
pub(super) struct Referee {
    table: Table,
    leaves: Leaves,
    layers: [NodeId; 4],
    memo: Memo,
    device: Device,
}

/// What is kept of some photos.
pub(super) struct Photos {
    features: [Option<Tensor<4>>; 4],
    content: [Option<Moments>; 4],
}

impl Photos {
    /// The deepest features and their statistics.
    pub fn deepest(&self) -> (Tensor<4>, Moments) {
        let both = (self.features[3].clone(), self.content[3].clone());
        (both.0.expect("always kept"), both.1.expect("always kept"))
    }
}

/// What is to be matched of some paintings, by layer.
pub(super) struct Wanted(Vec<(Moments, Option<Tensor<3>>)>);

impl Wanted {
    /// The deepest layer's statistics.
    pub fn deepest(&self) -> Moments {
        self.0[3].0.clone()
    }
}

/// Content, style and coherence, summed over the samples.
pub(super) struct Verdict {
    pub content: Tensor<1>,
    pub style: Tensor<1>,
    pub coherence: Option<Tensor<1>>,
}

impl Referee {
    pub fn new(device: &Device, loss: &LossNetwork) -> Result<Self, LearnerError> {
        let table = Table::new(&loss.network, &loss.weights)?;
        let leaves = Leaves::frozen(&table, device);
        Ok(Self { table, leaves, layers: loss.looks, memo: Memo::default(), device: device.clone() })
    }

    fn features(&self, seen: Tensor<4>) -> Vec<Tensor<4>> {
        let values = walk(&self.table.program, &self.leaves, seen, None, &self.layers);
        values.into_iter().map(Value::map).collect()
    }

    /// Keeps those features of the photos' views that the recipe needs.
    pub fn look_at_content(&self, groups: &[&Group], recipe: &Recipe) -> Photos {
        let seen: Vec<Picture> = groups.iter().map(|g| window(&g.content, g.view.at, g.view.side)).collect();
        let seen = stacked(seen.iter(), &self.device);
        let mut photos = Photos { features: Default::default(), content: Default::default() };
        for (layer, features) in self.features(seen).into_iter().enumerate().skip(first_kept(recipe)) {
            photos.content[layer] = Some(moments(features.clone(), EPS, false));
            photos.features[layer] = Some(features);
        }
        photos
    }

    /// What is to be matched of paintings of one size; those that are known are not looked at again.
    ///
    /// # Errors
    /// The device's words if it failed.
    pub fn look_at_styles(&self, styles: &[&StylePicture], kind: StyleKind) -> Result<Wanted, String> {
        let mut looks: Vec<Option<Looks>> = styles.iter().map(|s| self.memo.get(s.key)).collect();
        let unknown: Vec<usize> = (0..styles.len()).filter(|&i| looks[i].is_none()).collect();
        if !unknown.is_empty() {
            let fresh = self.looks(unknown.iter().map(|&i| &styles[i].picture), kind)?;
            for (i, look) in unknown.into_iter().zip(fresh) {
                self.memo.keep(styles[i].key, &look);
                looks[i] = Some(look);
            }
        }
        let looks: Vec<Looks> = looks.into_iter().flatten().collect();
        Ok(Wanted((0..4).map(|layer| self.uploaded(&looks, layer)).collect()))
    }

    fn looks<'a>(
        &self,
        pictures: impl ExactSizeIterator<Item = &'a Picture>,
        kind: StyleKind,
    ) -> Result<Vec<Looks>, String> {
        let count = pictures.len();
        let mut layers = Vec::new();
        for features in self.features(stacked(pictures, &self.device)) {
            let grams = (kind == StyleKind::Gram).then(|| losses::gram(features.clone()));
            layers.push(read(moments(features, EPS, false), grams, count)?.into_iter());
        }
        let mut one = |_| -> Looks {
            Arc::new(std::array::from_fn(|layer| layers[layer].next().expect("one for each picture")))
        };
        Ok((0..count).map(&mut one).collect())
    }

    fn uploaded(&self, looks: &[Looks], layer: usize) -> (Moments, Option<Tensor<3>>) {
        let (count, channels) = (looks.len(), looks[0][layer].moments.mean.len());
        let rows = |of: &dyn Fn(&Look) -> &[f32]| -> Vec<f32> {
            looks.iter().flat_map(|look| of(&look[layer]).iter().copied()).collect()
        };
        let vector =
            |values: Vec<f32>| Tensor::from_data(TensorData::new(values, [count, channels]), &self.device);
        let own = Moments {
            mean: vector(rows(&|look| &look.moments.mean)),
            std: vector(rows(&|look| &look.moments.std)),
        };
        let gram = looks[0][layer].gram.is_some().then(|| {
            let values = rows(&|look| look.gram.as_deref().expect("all styles are looked at alike"));
            Tensor::from_data(TensorData::new(values, [count, channels, channels]), &self.device)
        });
        (own, gram)
    }

    /// Shows the pastiches' views to the loss network. `seeds` choose the places where coherence is looked at.
    pub fn judge(
        &self,
        (pastiches, views): (&Tensor<4>, &[View]),
        photos: &Photos,
        wanted: &Wanted,
        recipe: &Recipe,
        seeds: impl Iterator<Item = u64>,
    ) -> Verdict {
        let (mut content, mut style, mut coherence) = (vec![], vec![], vec![]);
        let mut randoms: Vec<Random> = seeds.map(Random::new).collect();
        let features = self.features(windows(pastiches, views));
        for (layer, y) in features.into_iter().enumerate() {
            let (moments, gram) = &wanted.0[layer];
            style.push(style_loss(y.clone(), moments, gram.as_ref(), recipe.style_kind));
            let Some(photo) = photos.features[layer].as_ref().filter(|_| layer >= first_kept(recipe)) else {
                continue;
            };
            if layer + recipe.content_layers >= 4 {
                let own = photos.content[layer].as_ref().expect("kept with the features");
                content.push(losses::content_mse(y.clone(), target(photo, own, moments, recipe)));
            }
            if recipe.coherence > 0.0 && layer >= COHERENT_FROM {
                let [.., height, width] = photo.dims();
                let places: Vec<_> =
                    randoms.iter_mut().map(|random| anchors((height, width), ANCHORS, random)).collect();
                coherence.push(losses::coherence(y, photo.clone(), &places));
            }
        }
        let sum = |parts: Vec<Tensor<1>>| parts.into_iter().reduce(|a, b| a + b);
        Verdict {
            content: sum(content).expect("the deepest layer has one"),
            style: sum(style).expect("each layer has one"),
            coherence: sum(coherence),
        }
    }
}

fn style_loss(y: Tensor<4>, moments: &Moments, gram: Option<&Tensor<3>>, kind: StyleKind) -> Tensor<1> {
    let own = || losses::moments(y.clone(), EPS, false);
    match (kind, gram) {
        (StyleKind::Gram, Some(gram)) => losses::style_gram(losses::gram(y), gram.clone()),
        (StyleKind::Root, _) => losses::style_mean_std_sqrt(own(), moments.clone()),
        _ => losses::style_mean_std(own(), moments.clone()),
    }
}

/// What a photo's features should become.
fn target(photo: &Tensor<4>, content: &Moments, style: &Moments, recipe: &Recipe) -> Tensor<4> {
    match recipe.content_target {
        ContentKind::AdaIn => adain_target(photo.clone(), content, style, recipe.gain_limit),
        ContentKind::Features => photo.clone(),
    }
}

/// AdaIN's own output: the features with the style's mean and deviation, the gain limited.
pub(super) fn adain_target(photo: Tensor<4>, content: &Moments, style: &Moments, limit: f32) -> Tensor<4> {
    let gain = (style.std.clone() / content.std.clone()).clamp_max(limit);
    let shift = style.mean.clone() - content.mean.clone() * gain.clone();
    affine(photo, gain, shift)
}

/// What the device found of `count` pictures at one layer.
fn read(own: Moments, grams: Option<Tensor<3>>, count: usize) -> Result<Vec<Look>, String> {
    let (mean, std) = (read_back(own.mean)?, read_back(own.std)?);
    let grams = grams.map(read_back).transpose()?;
    let channels = mean.len() / count;
    let one = |i: usize| {
        let part = |of: &[f32], length: usize| of[i * length..(i + 1) * length].to_vec();
        let moments = HostMoments { mean: part(&mean, channels), std: part(&std, channels), divisor: 1.0 };
        Look { moments, gram: grams.as_ref().map(|g| part(g, channels * channels)) }
    };
    Ok((0..count).map(one).collect())
}
