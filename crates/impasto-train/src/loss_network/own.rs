//! The judge of our own: its shape, and its file.

use super::LossNetwork;
use impasto_core::Weights;
use impasto_core::network::{Network, NetworkBuilder, NodeId, Op, Padding};
use impasto_core::weights::{Precision, WeightsError};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

const FORMAT: &str = "impasto-judge";
const VERSION: &str = "1";
const LICENSE: &str = "MIT OR Apache-2.0";

/// Channels of the convolutions at the picture's size, 1/2, 1/4 and 1/8; pools stand between. A style is looked at behind the first
/// convolution of each but the last, whose last convolution is the deepest look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgeShape {
    /// Four lists.
    pub stages: [Vec<usize>; 4],
}

impl Default for JudgeShape {
    /// 0.9 billion multiplications for 256x256 px, a seventeenth of VGG-19's; 277,000 weights.
    fn default() -> Self {
        Self { stages: [vec![32], vec![32, 32], vec![64, 64, 64], vec![96, 128]] }
    }
}

impl JudgeShape {
    /// The table and its looks; the names of layers are VGG's where they do the same.
    pub fn table(&self) -> (Network, [NodeId; 4]) {
        let mut b = NetworkBuilder::new("impasto-judge");
        let mut x = b.input(3);
        let mut looks = [0; 4];
        for (stage, channels) in self.stages.iter().enumerate() {
            if stage > 0 {
                x = b.avg_pool2(x);
            }
            for (i, &channels) in channels.iter().enumerate() {
                let name = format!("conv{}_{}", stage + 1, i + 1);
                x = b.conv(&name, x, channels, 3, 1, Padding::Reflect);
                x = b.relu(x);
                if i == 0 || stage == 3 {
                    looks[stage] = x;
                }
            }
        }
        (b.finish(), looks)
    }
}

/// Why a file is no judge.
#[derive(Debug, thiserror::Error)]
pub enum JudgeFileError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] WeightsError),
    /// Something else.
    #[error("{path} is no judge of Impasto's: {what}; `impasto train judge` makes one")]
    Format {
        /// The file.
        path: String,
        /// The fault.
        what: String,
    },
    /// Made by another version.
    #[error(
        "{path} is a judge of version {found}, and this program reads version {VERSION}; make it again with `impasto train judge`"
    )]
    Version {
        /// The file.
        path: String,
        /// Its version.
        found: String,
    },
}

impl LossNetwork {
    /// The small judge that is in the program: distilled from VGG-19, see `docs/training.md`.
    pub fn builtin() -> Self {
        let bytes = include_bytes!("../../models/judge.safetensors");
        Self::from_judge_bytes(bytes, "the built-in judge").expect("a test has read the built-in judge")
    }

    /// Whether a file's metadata says that it is a judge of our own, of whatever version.
    pub fn is_judge_file(path: &Path) -> bool {
        Weights::load(path).is_ok_and(|(_, metadata)| metadata.get("format").is_some_and(|f| f == FORMAT))
    }

    /// Reads a judge that `impasto train judge` made.
    ///
    /// # Errors
    /// When it is something else, of another version, or damaged.
    pub fn load_judge(path: &Path) -> Result<Self, JudgeFileError> {
        Self::from_judge(Weights::load(path)?, &path.display().to_string())
    }

    /// The same from bytes; `shown` names them in messages.
    ///
    /// # Errors
    /// As [`Self::load_judge`].
    pub fn from_judge_bytes(bytes: &[u8], shown: &str) -> Result<Self, JudgeFileError> {
        Self::from_judge(Weights::from_bytes(bytes)?, shown)
    }

    fn from_judge(
        (weights, metadata): (Weights, HashMap<String, String>),
        shown: &str,
    ) -> Result<Self, JudgeFileError> {
        let path = || shown.to_string();
        let wrong = |what: String| JudgeFileError::Format { path: path(), what };
        let text = |key: &str| metadata.get(key).ok_or_else(|| wrong(format!("its metadata has no `{key}`")));
        if text("format")? != FORMAT {
            return Err(wrong(format!("its format is `{}`", text("format")?)));
        }
        if text("version")? != VERSION {
            return Err(JudgeFileError::Version { path: path(), found: text("version")?.clone() });
        }
        if *text("checksum")? != weights.checksum() {
            return Err(wrong("its checksum does not match, so the file is damaged".into()));
        }
        let network: Network = serde_json::from_str(text("network")?)
            .map_err(|e| wrong(format!("its table cannot be read: {e}")))?;
        network.check().map_err(|e| wrong(e.to_string()))?;
        network.check_weights(&weights)?;
        let names: [String; 4] = serde_json::from_str(text("looks")?)
            .map_err(|e| wrong(format!("its looks cannot be read: {e}")))?;
        let mut looks = [0; 4];
        for (look, name) in looks.iter_mut().zip(&names) {
            *look = network
                .find(name)
                .filter(|&id| matches!(network.nodes[id].op, Op::Relu { .. }))
                .ok_or_else(|| wrong(format!("its look `{name}` is no ReLU of its table")))?;
        }
        Ok(Self { network, weights, looks })
    }

    /// The bytes of a judge's file in half precision; `training` tells how it came about.
    pub fn to_judge_bytes(&self, training: &serde_json::Value) -> Vec<u8> {
        let looks = self.looks.map(|id| self.network.nodes[id].name.as_str());
        let precision = Precision::F16;
        let metadata = HashMap::from([
            ("format".to_string(), FORMAT.to_string()),
            ("version".into(), VERSION.into()),
            ("license".into(), LICENSE.into()),
            ("network".into(), serde_json::to_string(&self.network).expect("a table is plain data")),
            ("looks".into(), serde_json::to_string(&looks).expect("four names")),
            ("training".into(), training.to_string()),
            ("checksum".into(), self.weights.rounded(precision).checksum()),
        ]);
        self.weights.to_bytes(precision, metadata)
    }

    /// The same judge with mean activations of 1 at its looks on the test picture: ReLUs let a layer's scale pass on to the next layer.
    /// For a plain chain of layers only.
    pub(crate) fn levelled(mut self) -> Self {
        let convs: Vec<NodeId> = (0..self.network.nodes.len())
            .filter(|&id| matches!(self.network.nodes[id].op, Op::Conv { .. }))
            .collect();
        let means = self.means();
        for (look, mean) in self.looks.into_iter().zip(means) {
            let scale = 1.0 / mean.max(1e-6);
            let at = convs.iter().rposition(|&id| id < look).expect("a convolution stands before a look");
            let name = |at: usize, part: &str| format!("{}.{part}", self.network.nodes[convs[at]].name);
            let mut scaled = vec![(name(at, "weight"), scale), (name(at, "bias"), scale)];
            if at + 1 < convs.len() {
                scaled.push((name(at + 1, "weight"), 1.0 / scale));
            }
            for (name, by) in scaled {
                let weight = self.weights.get_mut(&name).expect("the weights fit the table");
                weight.values.iter_mut().for_each(|w| *w *= by);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use impasto_core::Random;

    fn judge() -> LossNetwork {
        let (network, looks) = JudgeShape::default().table();
        let weights = crate::init::painter(&network, &mut Random::new(3));
        LossNetwork { network, weights, looks }.levelled()
    }

    #[test]
    fn the_built_in_judge_is_one() {
        let judge = LossNetwork::builtin();
        for mean in judge.means() {
            assert!((0.8..1.25).contains(&mean), "{mean}");
        }
        let bytes = include_bytes!("../../models/judge.safetensors").len();
        assert!(bytes <= 1_300_000, "{bytes}");
    }

    #[test]
    fn looks_of_a_levelled_judge_have_means_of_1() {
        for mean in judge().means() {
            assert!((mean - 1.0).abs() < 1e-3, "{mean}");
        }
    }

    #[test]
    fn the_shape_is_small() {
        let judge = judge();
        let macs = judge.network.macs(256, 256).unwrap() as f64;
        assert!(macs < 15.9e9 / 16.0, "{macs}");
        assert!(judge.weights.parameters() < 500_000, "{}", judge.weights.parameters());
    }

    #[test]
    fn a_file_comes_back_and_another_version_is_refused() {
        let judge = judge();
        let bytes = judge.to_judge_bytes(&serde_json::json!({}));
        let read = LossNetwork::from_judge_bytes(&bytes, "j").unwrap();
        assert_eq!((&read.network, read.looks), (&judge.network, judge.looks));
        assert_eq!(read.weights.checksum(), judge.weights.rounded(Precision::F16).checksum());
        let (weights, mut metadata) = Weights::from_bytes(&bytes).unwrap();
        let with = |key: &str, value: &str, metadata: &mut HashMap<String, String>| {
            metadata.insert(key.into(), value.into());
            let bytes = weights.to_bytes(Precision::F16, metadata.clone());
            LossNetwork::from_judge_bytes(&bytes, "j").unwrap_err().to_string()
        };
        let damaged = with("checksum", "0", &mut metadata.clone());
        assert!(damaged.contains("damaged"), "{damaged}");
        let looks = with("looks", r#"["input","input","input","input"]"#, &mut metadata.clone());
        assert!(looks.contains("no ReLU"), "{looks}");
        let newer = with("version", "7", &mut metadata);
        assert!(newer.contains("version 7") && newer.contains("impasto train judge"), "{newer}");
    }
}
