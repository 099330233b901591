//! A style is a short vector, and what one does with styles is arithmetic on it. A tuned one carries changes of the painter's weights too.

mod update;

pub use update::Update;

use crate::model::Model;
use crate::network::{Network, SiteKind};
use crate::weights::{Precision, Weights, WeightsError};
use std::collections::HashMap;
use std::sync::Arc;

const FORMAT: &str = "impasto-style";
/// Version of the files of styles that are a vector alone, and of tuned ones.
const VERSION: &str = "1";
const TUNED_VERSION: &str = "2";
const TENSOR: &str = "style";
/// Gains of the noise field are at most this large; trained ones lie around 1.
const MAX_NOISE_GAIN: f32 = 100.0;

/// Origin of a style, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// Short name, such as `great-wave`.
    pub name: String,
    /// Title, painter, year and rights, or the file it was made from.
    pub source: String,
}

/// The style of a painting, for one model.
///
/// For each site of the painter's table, in order, the vector holds what [`crate::SiteKind`] names: mean and standard deviation, bias
/// and gain, or gains of the noise field. Mixing features of
/// several styles (`sum of w_i * AdaIN(x, s_i)`) equals AdaIN with the mixed vector, since AdaIN is linear in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Style {
    /// Its origin.
    pub provenance: Provenance,
    model: String,
    model_id: String,
    vector: Vec<f32>,
    update: Option<Arc<Update>>,
}

/// Why a style cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StyleError {
    /// It was made for another model.
    #[error(
        "style `{style}` was made for model {found}, and this is model {expected}; \
         make it again from the painting: impasto styles make PAINTING -o FILE.style"
    )]
    Model {
        /// The style's name.
        style: String,
        /// Name and id of the model in use.
        expected: String,
        /// Name and id of the style's model.
        found: String,
    },
    /// No style file.
    #[error("not a style file: {0}; styles are made with: impasto styles make PAINTING -o FILE.style")]
    Format(String),
    /// Written by a later version.
    #[error("this style file has version {0}, and this program reads versions 1 and 2; use a newer Impasto")]
    Version(String),
    /// A weight of a mix that is negative, NaN or infinite.
    #[error("the weight of style `{style}` is {weight}; weights are numbers from 0 up")]
    Weight {
        /// The style's name.
        style: String,
        /// Its weight.
        weight: f32,
    },
    /// Nothing to mix.
    #[error("there is no style to mix, or all weights are 0; give at least one style a weight above 0")]
    NoWeight,
    /// NaN or infinity, or a wrong length.
    #[error("the style is damaged: {0}")]
    Damaged(String),
    /// The file's tensors cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl Style {
    /// A style of `model`; the vector must have the length that its painter takes, and be finite.
    pub fn new(model: &Model, provenance: Provenance, vector: Vec<f32>) -> Result<Self, StyleError> {
        let style =
            Self { provenance, model: model.name.clone(), model_id: model.id().into(), vector, update: None };
        style.check_parts(&model.painter)?;
        Ok(style)
    }

    /// The same style with changes of the painter's weights, which the model must have.
    pub fn tuned(mut self, model: &Model, update: Update) -> Result<Self, StyleError> {
        update.applied(&model.weights, 1.0)?;
        self.update = Some(Arc::new(update));
        Ok(self)
    }

    /// The update of the painter's weights, if the style is a tuned one.
    pub fn update(&self) -> Option<&Arc<Update>> {
        self.update.as_ref()
    }

    /// The vector.
    pub fn vector(&self) -> &[f32] {
        &self.vector
    }

    /// Name and id of the model that it belongs to.
    pub fn model(&self) -> (&str, &str) {
        (&self.model, &self.model_id)
    }

    /// Tells whether this is a style of `model`.
    pub fn check(&self, model: &Model) -> Result<(), StyleError> {
        if (self.model.as_str(), self.model_id.as_str()) != (model.name.as_str(), model.id()) {
            return Err(StyleError::Model {
                style: self.provenance.name.clone(),
                expected: format!("{} {}", model.name, model.id()),
                found: format!("{} {}", self.model, self.model_id),
            });
        }
        self.check_parts(&model.painter)
    }

    /// Tells whether the vector fits the painter's sites.
    fn check_parts(&self, painter: &Network) -> Result<(), StyleError> {
        self.check_vector(painter.style_len())?;
        for (i, site) in painter.sites.iter().enumerate().filter(|(_, site)| site.kind == SiteKind::Noise) {
            let gains = &self.vector[painter.site_range(i)];
            if let Some(gain) = gains.iter().find(|gain| gain.abs() > MAX_NOISE_GAIN) {
                let what = format!(
                    "a gain of the noise field at `{}` is {gain}, beyond {MAX_NOISE_GAIN}",
                    site.name
                );
                return Err(StyleError::Damaged(what));
            }
        }
        Ok(())
    }

    fn check_vector(&self, expected: usize) -> Result<(), StyleError> {
        if self.vector.len() != expected {
            return Err(StyleError::Damaged(format!("{} values instead of {expected}", self.vector.len())));
        }
        match self.vector.iter().find(|v| !v.is_finite()) {
            Some(value) => Err(StyleError::Damaged(format!("it holds {value}"))),
            None => Ok(()),
        }
    }

    /// The weighted mean of several styles of one model; weights need not sum to 1.
    pub fn mix(styles: &[(&Style, f32)]) -> Result<Style, StyleError> {
        let (first, _) = styles.first().ok_or(StyleError::NoWeight)?;
        for (style, weight) in styles {
            if !weight.is_finite() || *weight < 0.0 {
                return Err(StyleError::Weight { style: style.provenance.name.clone(), weight: *weight });
            }
            style.check_same_model(first)?;
        }
        let total: f64 = styles.iter().map(|(_, w)| f64::from(*w)).sum();
        if total == 0.0 {
            return Err(StyleError::NoWeight);
        }
        let value = |i| {
            styles.iter().map(|(s, w)| f64::from(*w) / total * f64::from(s.vector[i])).sum::<f64>() as f32
        };
        let names: Vec<_> =
            styles.iter().filter(|(_, w)| *w > 0.0).map(|(s, _)| s.provenance.name.as_str()).collect();
        let provenance = Provenance { name: names.join("+"), source: "mix".into() };
        let used: Vec<_> = styles.iter().filter(|(_, weight)| *weight > 0.0).collect();
        let update = match used[..] {
            [(style, _)] => style.update.clone(),
            _ => mixed_update(&used, total),
        };
        Ok(Style {
            provenance,
            vector: (0..first.vector.len()).map(value).collect(),
            update,
            ..(*first).clone()
        })
    }

    /// `(1 - t) * self + t * other`, for fading in time; `t` is clamped to `0..1`. Changes of the painter's weights are those of the nearer
    /// style, since every other mix of them would be a painter of its own.
    pub fn toward(&self, other: &Style, t: f32) -> Result<Style, StyleError> {
        let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
        let [from, to] = [self, other].map(|style| Style { update: None, ..style.clone() });
        let mixed = Style::mix(&[(&from, 1.0 - t), (&to, t)])?;
        let update = if t < 0.5 { self.update.clone() } else { other.update.clone() };
        Ok(Style { update, ..mixed })
    }

    fn check_same_model(&self, other: &Style) -> Result<(), StyleError> {
        if (&self.model, &self.model_id, self.vector.len())
            == (&other.model, &other.model_id, other.vector.len())
        {
            return Ok(());
        }
        Err(StyleError::Model {
            style: self.provenance.name.clone(),
            expected: format!("{} {}", other.model, other.model_id),
            found: format!("{} {}", self.model, self.model_id),
        })
    }

    /// The bytes of a `.style` file: safetensors with one tensor `style`, `f32`; of a tuned style with the changes beside it, all in `f16`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut weights = Weights::new();
        weights.insert(TENSOR, vec![self.vector.len()], self.vector.clone());
        let (version, precision) = match &self.update {
            None => (VERSION, Precision::F32),
            Some(update) => {
                update.write(&mut weights);
                (TUNED_VERSION, Precision::F16)
            }
        };
        let text =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        let metadata: HashMap<_, _> = text(&[
            ("format", FORMAT),
            ("version", version),
            ("name", &self.provenance.name),
            ("source", &self.provenance.source),
            ("model", &self.model),
            ("model_id", &self.model_id),
        ]);
        weights.to_bytes(precision, metadata)
    }

    /// Reads the bytes of a `.style` file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StyleError> {
        let (mut weights, mut metadata) =
            Weights::from_bytes(bytes).map_err(|e| StyleError::Format(e.to_string()))?;
        if metadata.get("format").map(String::as_str) != Some(FORMAT) {
            return Err(StyleError::Format("it is a safetensors file of another kind".into()));
        }
        let mut take = |key: &str| {
            metadata.remove(key).ok_or_else(|| StyleError::Format(format!("its metadata has no `{key}`")))
        };
        let version = take("version")?;
        if version != VERSION && version != TUNED_VERSION {
            return Err(StyleError::Version(version));
        }
        let provenance = Provenance { name: take("name")?, source: take("source")? };
        let (model, model_id) = (take("model")?, take("model_id")?);
        let vector =
            weights.remove(TENSOR).ok_or_else(|| StyleError::Format(format!("it has no `{TENSOR}`")))?.values;
        let update = match version.as_str() {
            VERSION => None,
            _ => Some(Arc::new(Update::read(&weights).map_err(StyleError::Damaged)?)),
        };
        let style = Self { provenance, model, model_id, vector, update };
        style.check_vector(style.vector.len())?;
        Ok(style)
    }
}

/// The changes of several styles, weighted as their vectors; `None` where none has any.
fn mixed_update(styles: &[&(&Style, f32)], total: f64) -> Option<Arc<Update>> {
    let tuned = || styles.iter().filter_map(|(style, weight)| Some((style.update.as_deref()?, *weight)));
    tuned().next()?;
    Some(Arc::new(Update::mixed(
        tuned().map(|(update, weight)| (update, (f64::from(weight) / total) as f32)),
    )))
}
