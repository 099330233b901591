//! Kinds of numbers a tensor file may hold, and how each becomes an `f32`.

use std::fmt;

/// Kind of one stored number. Only the floating-point kinds can be read as weights; the others are
/// known so that a file holding a counter beside its weights (batch normalisation does) still opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Element {
    /// IEEE 754 half precision.
    F16,
    /// The upper half of an `f32`.
    Bf16,
    /// IEEE 754 single precision.
    F32,
    /// IEEE 754 double precision, rounded to `f32` when read.
    F64,
    /// A whole number or truth value of this many bytes; listed, never read as a weight.
    Integer(u8),
}

impl Element {
    /// Bytes one number takes in the file.
    pub fn size_bytes(self) -> usize {
        match self {
            Element::F16 | Element::Bf16 => 2,
            Element::F32 => 4,
            Element::F64 => 8,
            Element::Integer(bytes) => usize::from(bytes),
        }
    }

    /// The kind behind a PyTorch storage class, as in `torch.HalfStorage`.
    pub(crate) fn from_torch_storage(class: &str) -> Option<Self> {
        Some(match class {
            "HalfStorage" => Element::F16,
            "BFloat16Storage" => Element::Bf16,
            "FloatStorage" => Element::F32,
            "DoubleStorage" => Element::F64,
            "BoolStorage" | "ByteStorage" | "CharStorage" => Element::Integer(1),
            "ShortStorage" => Element::Integer(2),
            "IntStorage" => Element::Integer(4),
            "LongStorage" => Element::Integer(8),
            _ => return None,
        })
    }

    /// Reads one number; `bytes` holds exactly [`Element::size_bytes`] of them, least significant first.
    /// `None` for whole numbers.
    pub(crate) fn decode_le(self, bytes: &[u8]) -> Option<f32> {
        match self {
            Element::F16 => Some(half::f16::from_le_bytes(bytes.try_into().ok()?).to_f32()),
            Element::Bf16 => Some(half::bf16::from_le_bytes(bytes.try_into().ok()?).to_f32()),
            Element::F32 => Some(f32::from_le_bytes(bytes.try_into().ok()?)),
            Element::F64 => Some(f64::from_le_bytes(bytes.try_into().ok()?) as f32),
            Element::Integer(_) => None,
        }
    }

    /// Whether numbers of this kind can be weights.
    pub fn is_float(self) -> bool {
        !matches!(self, Element::Integer(_))
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Element::F16 => f.write_str("f16"),
            Element::Bf16 => f.write_str("bf16"),
            Element::F32 => f.write_str("f32"),
            Element::F64 => f.write_str("f64"),
            Element::Integer(bytes) => write!(f, "{}-bit whole numbers", 8 * u32::from(*bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_float_kind_decodes_its_own_bytes() {
        assert_eq!(Element::F16.decode_le(&[0x00, 0xbe]), Some(-1.5));
        assert_eq!(Element::Bf16.decode_le(&[0xc0, 0xbf]), Some(-1.5));
        assert_eq!(Element::F32.decode_le(&(-1.5f32).to_le_bytes()), Some(-1.5));
        assert_eq!(Element::F64.decode_le(&(-1.5f64).to_le_bytes()), Some(-1.5));
    }

    #[test]
    fn whole_numbers_and_short_input_are_not_weights() {
        assert_eq!(Element::Integer(8).decode_le(&[1, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(Element::F32.decode_le(&[0, 0]), None);
    }
}
