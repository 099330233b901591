//! A model: a painter, a style encoder and their weights, in one safetensors file.

use crate::atomic;
use crate::network::{Network, TableError};
use crate::weights::{Precision, Weights, WeightsError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

const FORMAT: &str = "impasto-model";
const VERSION: &str = "1";

/// Meaning of `strength` below 1 for a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrengthKind {
    /// At the AdaIN sites the content's own statistics are mixed in: `Conditions::strength`.
    Features,
    /// The style vector is mixed with the one that the encoder gives for the photo itself.
    Code,
}

/// A painter, a style encoder and their weights.
///
/// The encoder takes a painting `[3, H, W]` and gives the style vector `[n, 1, 1]`; the painter takes the
/// photo `[3, H, W]`, enters the style at its sites, and gives a picture of the same size.
#[derive(Clone, Debug)]
pub struct Model {
    /// `classic`, `light`, or another name.
    pub name: String,
    /// Paints.
    pub painter: Network,
    /// Turns a painting into a style vector.
    pub encoder: Network,
    /// Weights of both.
    pub weights: Arc<Weights>,
    /// Meaning of strength.
    pub strength: StrengthKind,
    /// SPDX expression or words on the rights to the weights.
    pub license: String,
    /// Origin of the weights: data, command, seed, figures. Free-form, JSON.
    pub training: serde_json::Value,
    id: String,
}

/// Why a file is no model, or a model is unsound.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// No model file.
    #[error("{path} is not an Impasto model: {what}")]
    Format {
        /// The file.
        path: String,
        /// Fault and remedy.
        what: String,
    },
    /// Written by a later version.
    #[error("this model file has version {0}, and this program reads version {VERSION}; use a newer Impasto")]
    Version(String),
    /// The values are not those that were written.
    #[error("the model's checksum does not match: the file is damaged; fetch or make it again")]
    Checksum,
    /// A table is unsound.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The weights do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The encoder does not give what the painter takes.
    #[error("the style encoder gives {found} values, the painter takes {expected}")]
    StyleLength {
        /// Length that the painter takes.
        expected: usize,
        /// Length that the encoder gives.
        found: usize,
    },
    /// The painter does not make pictures.
    #[error("the painter must turn 3 channels into 3 channels of the picture's size")]
    Painter,
}

impl Model {
    /// Puts a model together, and checks that tables and weights fit each other.
    pub fn new(
        name: &str,
        painter: Network,
        encoder: Network,
        weights: Weights,
        strength: StrengthKind,
        license: &str,
        training: serde_json::Value,
    ) -> Result<Self, ModelError> {
        for network in [&painter, &encoder] {
            network.check()?;
            network.check_weights(&weights)?;
        }
        let painted = painter.output_shape(64, 64)?;
        if (painted.channels, painted.height, painted.width) != (3, 64, 64) || !painter.crop {
            return Err(ModelError::Painter);
        }
        let (expected, found) = (painter.style_len(), encoder.output_shape(64, 64)?.len());
        if expected != found {
            return Err(ModelError::StyleLength { expected, found });
        }
        let id = id_of(&painter, &encoder, &weights);
        let (name, license, weights) = (name.into(), license.into(), Arc::new(weights));
        Ok(Self { name, painter, encoder, weights, strength, license, training, id })
    }

    /// Sixteen hexadecimal digits that name exactly these tables and weights.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Reads a model file.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        let shown = path.display().to_string();
        let loaded = Weights::load(path).map_err(|e| match e {
            WeightsError::Io { path, source } => ModelError::Io { path, source },
            other => ModelError::Format { path: shown.clone(), what: other.to_string() },
        })?;
        Self::from_loaded(loaded, &shown)
    }

    /// Reads the bytes of a model file; `shown` names it in messages.
    pub fn from_bytes(bytes: &[u8], shown: &str) -> Result<Self, ModelError> {
        let format = |e: WeightsError| ModelError::Format { path: shown.into(), what: e.to_string() };
        Self::from_loaded(Weights::from_bytes(bytes).map_err(format)?, shown)
    }

    fn from_loaded((weights, metadata): crate::weights::Loaded, shown: &str) -> Result<Self, ModelError> {
        let format = |what: String| ModelError::Format { path: shown.into(), what };
        let text = |key: &str| metadata.get(key).map(String::as_str);
        if text("format") != Some(FORMAT) {
            return Err(format("it holds bare weights; `impasto import` makes a model of them".into()));
        }
        let need = |key: &str| text(key).ok_or_else(|| format(format!("its metadata has no `{key}`")));
        let version = need("version")?;
        if version != VERSION {
            return Err(ModelError::Version(version.into()));
        }
        let json = |key: &str, e: serde_json::Error| format(format!("its `{key}` cannot be read: {e}"));
        let table =
            |key: &str| need(key).and_then(|t| serde_json::from_str::<Network>(t).map_err(|e| json(key, e)));
        let strength = serde_json::from_str(need("strength")?).map_err(|e| json("strength", e))?;
        let training = serde_json::from_str(need("training")?).map_err(|e| json("training", e))?;
        if need("checksum")? != weights.checksum() {
            return Err(ModelError::Checksum);
        }
        Self::new(
            need("name")?,
            table("painter")?,
            table("encoder")?,
            weights,
            strength,
            need("license")?,
            training,
        )
    }

    /// The bytes of a model file. At [`Precision::F16`] the weights are rounded, so the file is a model of another id.
    pub fn to_bytes(&self, precision: Precision) -> Vec<u8> {
        let json = |value: &serde_json::Value| value.to_string();
        let table = |network: &Network| serde_json::to_string(network).expect("a table is plain data");
        let metadata = HashMap::from([
            ("format".to_string(), FORMAT.to_string()),
            ("version".into(), VERSION.into()),
            ("name".into(), self.name.clone()),
            ("painter".into(), table(&self.painter)),
            ("encoder".into(), table(&self.encoder)),
            ("strength".into(), serde_json::to_string(&self.strength).expect("a word")),
            ("license".into(), self.license.clone()),
            ("training".into(), json(&self.training)),
            ("checksum".into(), self.weights.rounded(precision).checksum()),
        ]);
        self.weights.to_bytes(precision, metadata)
    }

    /// Writes a model file; `path` is whole or untouched, whatever happens.
    pub fn save(&self, path: &Path, precision: Precision) -> Result<(), ModelError> {
        let io = |source| ModelError::Io { path: path.display().to_string(), source };
        atomic::write(path, &self.to_bytes(precision)).map_err(io)
    }
}

fn id_of(painter: &Network, encoder: &Network, weights: &Weights) -> String {
    let mut hash = Sha256::new();
    for network in [painter, encoder] {
        hash.update(serde_json::to_vec(network).expect("a table is plain data"));
    }
    hash.update(weights.checksum());
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
