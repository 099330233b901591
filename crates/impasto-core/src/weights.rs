//! Named weights, read from and written to safetensors. Nothing in such a file can run code.

use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// A file of weights may not be larger than this many bytes.
const MAX_FILE_BYTES: u64 = 4 << 30;

/// One named tensor: its shape, and its values in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Sides, outermost first; a convolution's is `[out, in / groups, kernel, kernel]`.
    pub shape: Vec<usize>,
    /// Values.
    pub values: Vec<f32>,
}

/// Weights by name, in `f32` whatever the file held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    named: BTreeMap<String, Weight>,
}

/// Number type of weights in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32-bit floats.
    F32,
    /// 16-bit IEEE floats, rounded to nearest.
    F16,
}

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// The file is too large to be weights of ours.
    #[error("{path} has {bytes} bytes; a weight file has at most {MAX_FILE_BYTES}")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        bytes: u64,
    },
    /// The bytes are no safetensors file.
    #[error("not a safetensors file, or a damaged one ({0}); fetch or export it again")]
    Format(String),
    /// A type of number that weights do not have.
    #[error("tensor `{name}` holds {dtype}; weights are F64, F32, F16 or BF16")]
    Dtype {
        /// Its name.
        name: String,
        /// Its contents.
        dtype: String,
    },
    /// A tensor is not there.
    #[error("tensor `{name}` is missing (expected shape {expected:?}); is this a file for another network?")]
    Missing {
        /// Its name.
        name: String,
        /// The shape that the table needs.
        expected: Vec<usize>,
    },
    /// A tensor has another shape.
    #[error("tensor `{name}` has shape {found:?}, the network needs {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// The shape that the table needs.
        expected: Vec<usize>,
        /// The shape it has.
        found: Vec<usize>,
    },
    /// NaN or infinity.
    #[error(
        "tensor `{0}` holds NaN or infinity; the file is damaged or comes from a training run that failed"
    )]
    NotFinite(String),
    /// The table itself is unsound.
    #[error("{0}")]
    Table(String),
}

/// Weights and the text metadata of a safetensors file.
pub type Loaded = (Weights, HashMap<String, String>);

impl Weights {
    /// No weights.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a tensor.
    ///
    /// # Panics
    /// If `values` does not fill `shape`.
    pub fn insert(&mut self, name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "values do not fill {shape:?}");
        self.named.insert(name.into(), Weight { shape, values });
    }

    /// Takes all tensors of `other`, replacing those of the same name.
    pub fn extend(&mut self, other: Weights) {
        self.named.extend(other.named);
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&Weight> {
        self.named.get(name)
    }

    /// The tensor of that name, to write.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Weight> {
        self.named.get_mut(name)
    }

    /// Takes the tensor of that name out.
    pub fn remove(&mut self, name: &str) -> Option<Weight> {
        self.named.remove(name)
    }

    /// All tensors in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Weight)> {
        self.named.iter().map(|(name, weight)| (name.as_str(), weight))
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.named.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Number of values in all tensors.
    pub fn parameters(&self) -> usize {
        self.named.values().map(|w| w.values.len()).sum()
    }

    /// The values of a tensor that must have this shape and be finite.
    pub fn expect(&self, name: &str, shape: &[usize]) -> Result<&[f32], WeightsError> {
        let weight = self
            .named
            .get(name)
            .ok_or_else(|| WeightsError::Missing { name: name.into(), expected: shape.to_vec() })?;
        if weight.shape != shape {
            let (expected, found) = (shape.to_vec(), weight.shape.clone());
            return Err(WeightsError::Shape { name: name.into(), expected, found });
        }
        if !weight.values.iter().all(|v| v.is_finite()) {
            return Err(WeightsError::NotFinite(name.into()));
        }
        Ok(&weight.values)
    }

    /// SHA-256 over names, shapes and values (as little-endian `f32`), in hexadecimal.
    pub fn checksum(&self) -> String {
        let mut hash = Sha256::new();
        for (name, weight) in &self.named {
            hash.update(name.as_bytes());
            hash.update([0]);
            weight.shape.iter().for_each(|&n| hash.update((n as u64).to_le_bytes()));
            weight.values.iter().for_each(|v| hash.update(v.to_le_bytes()));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The same weights after a round trip through `precision`.
    pub fn rounded(&self, precision: Precision) -> Self {
        let mut out = self.clone();
        if precision == Precision::F16 {
            let values = out.named.values_mut().flat_map(|w| &mut w.values);
            values.for_each(|v| *v = f16::from_f32(*v).to_f32());
        }
        out
    }

    /// Reads a safetensors file.
    pub fn load(path: &Path) -> Result<Loaded, WeightsError> {
        let io = |source| WeightsError::Io { path: path.display().to_string(), source };
        let bytes = std::fs::metadata(path).map_err(io)?.len();
        if bytes > MAX_FILE_BYTES {
            return Err(WeightsError::TooLarge { path: path.display().to_string(), bytes });
        }
        Self::from_bytes(&std::fs::read(path).map_err(io)?)
    }

    /// Reads the bytes of a safetensors file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Loaded, WeightsError> {
        let format = |e: safetensors::SafeTensorError| WeightsError::Format(e.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(format)?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let mut weights = Weights::new();
        for (name, view) in SafeTensors::deserialize(bytes).map_err(format)?.iter() {
            weights.insert(name, view.shape().to_vec(), widened(name, &view)?);
        }
        Ok((weights, metadata))
    }

    /// The bytes of a safetensors file.
    pub fn to_bytes(&self, precision: Precision, metadata: HashMap<String, String>) -> Vec<u8> {
        let bytes: Vec<Vec<u8>> = self.named.values().map(|w| narrowed(&w.values, precision)).collect();
        let dtype = if precision == Precision::F16 { Dtype::F16 } else { Dtype::F32 };
        let views = self.named.iter().zip(&bytes).map(|((name, weight), bytes)| {
            let view = TensorView::new(dtype, weight.shape.clone(), bytes);
            (name, view.expect("the values fill the shape: `insert` has checked"))
        });
        in_order(safetensors::serialize(views, Some(metadata)).expect("safetensors writes to memory"))
    }
}

/// The same file with its header's entries in the order of their names, so that equal weights give equal bytes: the
/// metadata comes from a hash table.
fn in_order(file: Vec<u8>) -> Vec<u8> {
    let length = u64::from_le_bytes(file[..8].try_into().expect("eight bytes")) as usize;
    let header: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&file[8..8 + length]).expect("the header was just written");
    let sorted = header.into_iter().map(|(key, value)| (key, ordered(value)));
    let mut text = serde_json::to_vec(&sorted.collect::<BTreeMap<_, _>>()).expect("plain data");
    // The format pads its header with spaces, so that the values are aligned.
    text.resize(text.len().next_multiple_of(8), b' ');
    [&(text.len() as u64).to_le_bytes()[..], &text, &file[8 + length..]].concat()
}

fn ordered(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(map) => map.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect(),
        other => other,
    }
}

fn widened(name: &str, view: &TensorView) -> Result<Vec<f32>, WeightsError> {
    let bytes = view.data();
    let two = |b: &[u8]| [b[0], b[1]];
    let four = |b: &[u8]| [b[0], b[1], b[2], b[3]];
    Ok(match view.dtype() {
        Dtype::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes(four(b))).collect(),
        Dtype::F16 => bytes.chunks_exact(2).map(|b| f16::from_le_bytes(two(b)).to_f32()).collect(),
        Dtype::BF16 => bytes.chunks_exact(2).map(|b| bf16::from_le_bytes(two(b)).to_f32()).collect(),
        Dtype::F64 => {
            let eight = |b: &[u8]| f64::from_le_bytes(b.try_into().expect("chunks of eight"));
            bytes.chunks_exact(8).map(|b| eight(b) as f32).collect()
        }
        other => return Err(WeightsError::Dtype { name: name.into(), dtype: format!("{other:?}") }),
    })
}

fn narrowed(values: &[f32], precision: Precision) -> Vec<u8> {
    match precision {
        Precision::F32 => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Precision::F16 => values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Weights {
        let mut weights = Weights::new();
        weights.insert("a.weight", vec![2, 3], vec![0.0, -1.5, 2.0, 1e-3, 7.0, 65504.0]);
        weights.insert("a.bias", vec![2], vec![0.25, 4.0]);
        weights
    }

    #[test]
    fn equal_weights_give_equal_bytes() {
        let keys: Vec<String> = (0..40).map(|i| format!("key {i}")).collect();
        let bytes = |keys: &mut dyn Iterator<Item = &String>| {
            some().to_bytes(Precision::F32, keys.map(|k| (k.clone(), k.clone())).collect())
        };
        let one = bytes(&mut keys.iter());
        assert!(one == bytes(&mut keys.iter().rev()));
        let (weights, metadata) = Weights::from_bytes(&one).unwrap();
        assert_eq!((weights, metadata.len()), (some(), 40));
    }

    #[test]
    fn a_file_gives_back_what_it_was_given() {
        let metadata = HashMap::from([("key".to_string(), "value".to_string())]);
        let bytes = some().to_bytes(Precision::F32, metadata.clone());
        assert_eq!(Weights::from_bytes(&bytes).unwrap(), (some(), metadata));
        let half = some().to_bytes(Precision::F16, HashMap::new());
        let (read, _) = Weights::from_bytes(&half).unwrap();
        assert_eq!(read, some().rounded(Precision::F16));
        assert_ne!(read.checksum(), some().checksum());
    }

    #[test]
    fn damaged_files_are_refused() {
        let bytes = some().to_bytes(Precision::F32, HashMap::new());
        for end in [0, 4, 8, 20, bytes.len() - 1] {
            assert!(matches!(Weights::from_bytes(&bytes[..end]), Err(WeightsError::Format(_))), "{end}");
        }
        let mut huge = bytes.clone();
        huge[..8].copy_from_slice(&(1u64 << 63).to_le_bytes());
        assert!(matches!(Weights::from_bytes(&huge), Err(WeightsError::Format(_))));
        assert!(Weights::from_bytes(b"These are not weights but a letter to a friend.").is_err());
    }

    #[test]
    fn what_the_table_needs_is_checked() {
        let mut weights = some();
        assert!(weights.expect("a.bias", &[2]).is_ok());
        assert!(matches!(weights.expect("b.bias", &[2]), Err(WeightsError::Missing { .. })));
        assert!(matches!(weights.expect("a.bias", &[3]), Err(WeightsError::Shape { .. })));
        weights.get_mut("a.bias").unwrap().values[0] = f32::NAN;
        assert!(matches!(weights.expect("a.bias", &[2]), Err(WeightsError::NotFinite(_))));
    }
}
