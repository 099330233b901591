//! Number type of products.

use crate::simd::Isa;
use std::fmt;

/// Precision of activations and products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// Upper 16 bits of an `f32`: 8 significant bits, several times as fast where the CPU has AMX tiles. Sums are `f32`.
    Bf16,
    /// Eight bits for the products of layers that are faster so, in the ranges that each frame shows, `f32` for all else and between
    /// layers. Needs a CPU that multiplies bytes (AVX512-VNNI, AVX-VNNI).
    Int8,
}

impl Precision {
    /// Whether this machine is faster with it than without, so that it is used where it is asked for.
    pub fn is_available(self, isa: Isa) -> bool {
        match self {
            Precision::F32 => true,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            Precision::Bf16 => isa == Isa::Avx512 && crate::amx::Amx::detect().is_some(),
            #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
            Precision::Bf16 => false,
            Precision::Int8 => isa.has_dots(),
        }
    }

    /// The precision to paint with where this one is asked for: where there are AMX tiles, bf16 is twice as fast as eight bits, and nearer to `f32`.
    pub fn or_better(self, isa: Isa) -> Precision {
        match self {
            Precision::Int8 if Precision::Bf16.is_available(isa) => Precision::Bf16,
            asked => asked,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::Int8 => "int8",
        })
    }
}
