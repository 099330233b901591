//! The figures of a pair, as one table that tables, explanations and files walk.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::Index;

/// A figure of one pair of photo and painting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Centred Gram matrices of grey detail.
    TextureLeft,
    /// Gram matrices.
    GramLeft,
    /// Sliced Wasserstein distances.
    TransportLeft,
    /// Histograms of RGB.
    Colours,
    /// Self-similarity at relu3_1.
    Structure,
    /// Structural similarity of luma.
    Ssim,
    /// Autocorrelation on flat places.
    Lattice,
    /// Variance over the phases of a grid of 8 px.
    PhaseVariance,
    /// Difference under noise.
    Flicker,
    /// MSE of relu4_1 to the AdaIN target.
    Content,
    /// MSE of means and deviations.
    Style,
}

const COUNT: usize = Metric::ALL.len();

impl Metric {
    /// All, in the order of tables.
    pub const ALL: [Metric; 11] = [
        Metric::TextureLeft,
        Metric::GramLeft,
        Metric::TransportLeft,
        Metric::Colours,
        Metric::Structure,
        Metric::Ssim,
        Metric::Lattice,
        Metric::PhaseVariance,
        Metric::Flicker,
        Metric::Content,
        Metric::Style,
    ];

    /// Name in files.
    pub fn key(self) -> &'static str {
        match self {
            Metric::TextureLeft => "texture_left",
            Metric::GramLeft => "gram_left",
            Metric::TransportLeft => "transport_left",
            Metric::Colours => "colours",
            Metric::Structure => "structure",
            Metric::Ssim => "ssim",
            Metric::Lattice => "lattice",
            Metric::PhaseVariance => "phase_variance",
            Metric::Flicker => "flicker",
            Metric::Content => "content",
            Metric::Style => "style",
        }
    }

    /// Name in tables.
    pub fn label(self) -> &'static str {
        match self {
            Metric::TextureLeft => "texture left",
            Metric::GramLeft => "Gram left",
            Metric::TransportLeft => "transport left",
            Metric::Colours => "colours",
            Metric::Structure => "structure",
            Metric::Ssim => "SSIM",
            Metric::Lattice => "lattice",
            Metric::PhaseVariance => "phase",
            Metric::Flicker => "flicker",
            Metric::Content => "content",
            Metric::Style => "style",
        }
    }

    /// Its definition, for the page.
    pub fn about(self) -> &'static str {
        match self {
            Metric::TextureLeft => {
                "strokes without palette: Gram left of centred Gram matrices at relu1_1, relu2_1, relu3_1, of grey pictures whose \
                 blur of sigma 12 px is taken away. Lower is bolder."
            }
            Metric::GramLeft => {
                "part of the photo's distance to the painting that is left in the pastiche. The distance is the mean over relu1_1, \
                 relu2_1, relu3_1, relu4_1 of the normalised VGG-19 of |A - B| / (|A| + |B|), A and B Gram matrices over the \
                 number of positions. It holds the palette too. Lower is nearer to the painting; 1 is the photo."
            }
            Metric::TransportLeft => {
                "the same with sliced Wasserstein distances of relu2_1, relu3_1, relu4_1 (64 fixed directions each, in deviations of \
                 the painting's projections)."
            }
            Metric::Colours => {
                "Hellinger distance of the pastiche's RGB histogram (8 bins a channel) to the painting's; 0 is the same palette, 1 no \
                 colour in common."
            }
            Metric::Structure => {
                "difference of self-similarity (1 - cosine at relu3_1 among 32 x 32 places, rows divided by their sums) to the photo. \
                 Lower keeps more of the drawing, whatever the colours."
            }
            Metric::Ssim => "of luma to the photo. Higher keeps more of the photo, and rewards doing little.",
            Metric::Lattice => {
                "largest off-centre peak (lags of 4 to 64 px) of the autocorrelation of luma in the flattest quarter of the photo. \
                 About 0.1 is irregular; compare with the paintings' own, in their flattest quarters."
            }
            Metric::PhaseVariance => {
                "variance of the 64 means over the phases of a stride of 8 px, minus the photo's, of 255 squared. 0 has no \
                 pattern locked to the grid."
            }
            Metric::Flicker => {
                "mean difference (of 255) between two pastiches whose photos differ by noise of sigma 2. Lower is steadier."
            }
            Metric::Content => {
                "mean squared error of the pastiche's relu4_1 to the AdaIN target (the photo's relu4_1 with the painting's mean and \
                 standard deviation). Lower is better."
            }
            Metric::Style => {
                "over relu1_1, relu2_1, relu3_1, relu4_1, the sum of the mean squared errors of mean and of standard deviation. Lower \
                 is better."
            }
        }
    }

    /// Digits after the point in tables.
    pub fn digits(self) -> usize {
        match self {
            Metric::PhaseVariance | Metric::Flicker => 2,
            Metric::TextureLeft
            | Metric::GramLeft
            | Metric::TransportLeft
            | Metric::Colours
            | Metric::Structure
            | Metric::Ssim
            | Metric::Lattice
            | Metric::Content
            | Metric::Style => 3,
        }
    }
}

/// A value for every [`Metric`], NaN where it was not measured; in files a map by [`Metric::key`], with `null` for NaN.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, Option<f64>>", into = "BTreeMap<String, Option<f64>>")]
pub struct Values([f64; COUNT]);

impl Values {
    /// The values that `of` gives.
    pub fn from_fn(of: impl FnMut(Metric) -> f64) -> Self {
        Self(Metric::ALL.map(of))
    }

    /// Means over several pairs; of none they are NaN.
    pub fn mean<'a>(pairs: impl Iterator<Item = &'a Values> + Clone) -> Self {
        Self::from_fn(|metric| crate::report::mean(pairs.clone().map(|values| values[metric])))
    }
}

impl Index<Metric> for Values {
    type Output = f64;

    fn index(&self, metric: Metric) -> &f64 {
        &self.0[metric as usize]
    }
}

impl From<Values> for BTreeMap<String, Option<f64>> {
    fn from(values: Values) -> Self {
        let value = |metric: Metric| Some(values[metric]).filter(|value| value.is_finite());
        Metric::ALL.into_iter().map(|metric| (metric.key().into(), value(metric))).collect()
    }
}

impl TryFrom<BTreeMap<String, Option<f64>>> for Values {
    type Error = String;

    fn try_from(map: BTreeMap<String, Option<f64>>) -> Result<Self, String> {
        let missing = Metric::ALL.into_iter().find(|metric| !map.contains_key(metric.key()));
        match missing {
            Some(metric) => Err(format!("the report has no `{}`; judge again", metric.key())),
            None => Ok(Self::from_fn(|metric| map[metric.key()].unwrap_or(f64::NAN))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_stand_in_their_own_order() {
        for (i, metric) in Metric::ALL.into_iter().enumerate() {
            assert_eq!(metric as usize, i, "{}", metric.key());
        }
    }

    #[test]
    fn values_go_to_files_by_name_and_come_back() {
        let values = Values::from_fn(|metric| metric as usize as f64 / 8.0);
        let text = serde_json::to_string(&values).unwrap();
        assert!(text.contains("\"texture_left\":0.0") && text.contains("\"flicker\":1.0"), "{text}");
        assert_eq!(serde_json::from_str::<Values>(&text).unwrap(), values);
        let unmeasured = serde_json::to_string(&Values::from_fn(|_| f64::NAN)).unwrap();
        assert!(serde_json::from_str::<Values>(&unmeasured).unwrap()[Metric::Ssim].is_nan());
        let error = serde_json::from_str::<Values>("{\"ssim\":1.0}").unwrap_err().to_string();
        assert!(error.contains("texture_left"), "{error}");
    }

    #[test]
    fn means_are_taken_metric_by_metric() {
        let [a, b] = [1.0, 4.0].map(|by| Values::from_fn(|metric| by * metric as usize as f64));
        assert_eq!(Values::mean([&a, &b].into_iter())[Metric::Structure], 2.5 * 4.0);
        assert!(Values::mean([].into_iter())[Metric::Style].is_nan());
    }
}
