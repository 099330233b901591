//! Which instruction set runs: what the CPU has, or what the user forced.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::avx512::BF16;
#[cfg(target_arch = "x86_64")]
use super::avx512::{PLAIN, VNNI};
use super::{DotKernel, Kernel, Simd};
#[cfg(not(all(feature = "lean", target_arch = "wasm32")))]
use super::{Dots, Portable};
use std::fmt;
use std::str::FromStr;

/// An instruction set that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// No special instructions.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 (F, BW, DQ, VL).
    Avx512,
    /// 64-bit ARM.
    Neon,
    /// WebAssembly simd128.
    Wasm,
}

/// An instruction set was asked for that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IsaError {
    /// The name is not one of ours.
    #[error(
        "'{0}' is not an instruction set; choose portable, avx2, avx512, neon or wasm, or unset IMPASTO_ISA"
    )]
    Unknown(String),
    /// This CPU, or this build, lacks it.
    #[error("this machine cannot run {0}; it can run: {list}", list = Isa::list())]
    Missing(Isa),
}

impl Isa {
    /// All instruction sets, slowest first.
    pub const ALL: [Isa; 5] = [Isa::Portable, Isa::Wasm, Isa::Neon, Isa::Avx2, Isa::Avx512];

    /// The fastest instruction set of this machine.
    pub fn best() -> Isa {
        Isa::ALL.into_iter().rev().find(|isa| isa.is_available()).unwrap_or(Isa::Portable)
    }

    /// The instruction set that `IMPASTO_ISA` asks for, else the best of this machine.
    ///
    /// # Errors
    /// When the variable names nothing we know, or something this machine lacks.
    pub fn from_env() -> Result<Isa, IsaError> {
        match std::env::var("IMPASTO_ISA") {
            Ok(name) if !name.is_empty() => name.parse::<Isa>()?.checked(),
            _ => Ok(Isa::best()),
        }
    }

    /// Itself, if this machine can run it.
    ///
    /// # Errors
    /// When it cannot.
    pub fn checked(self) -> Result<Isa, IsaError> {
        if self.is_available() { Ok(self) } else { Err(IsaError::Missing(self)) }
    }

    /// Whether this build and this CPU have it.
    pub fn is_available(self) -> bool {
        match self {
            Isa::Portable => cfg!(not(all(feature = "lean", target_arch = "wasm32"))),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                Isa::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Isa::Wasm => true,
            _ => false,
        }
    }

    /// Compiles `kernel` for this instruction set and runs it.
    ///
    /// # Panics
    /// If this machine lacks the instruction set.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Out {
        assert!(self.is_available(), "{self} is not available here");
        match self {
            // SAFETY: `is_available` saw the features that the token stands for.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { super::avx2::Avx2::<false>::new() }.vectorize(kernel),
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { super::avx512::Avx512::<PLAIN>::new() }.vectorize(kernel),
            // SAFETY: as above.
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => unsafe { super::neon::Neon::new() }.vectorize(kernel),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Isa::Wasm => super::wasm::Wasm.vectorize(kernel),
            #[cfg(all(feature = "lean", target_arch = "wasm32"))]
            _ => unreachable!("it is not available, as was asserted"),
            #[cfg(not(all(feature = "lean", target_arch = "wasm32")))]
            _ => Portable.vectorize(kernel),
        }
    }

    /// The same for the instructions around the tile unit: AVX-512 with the conversion to bf16. It takes denormals for zero.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    #[inline]
    pub(crate) fn run_beside_tiles<K: Kernel>(_proof: crate::amx::Amx, kernel: K) -> K::Out {
        assert!(Isa::Avx512.is_available(), "tiles are only used beside AVX-512");
        // SAFETY: seen above, and the proof stands for AVX512-BF16.
        unsafe { super::avx512::Avx512::<BF16>::new() }.vectorize(kernel)
    }

    /// Whether this CPU multiplies bytes beside these instructions.
    pub(crate) fn has_dots(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => self.is_available() && is_x86_feature_detected!("avxvnni"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => self.is_available() && is_x86_feature_detected!("avx512vnni"),
            _ => false,
        }
    }

    /// Compiles `kernel` for this instruction set with products of bytes, portably where it has none, and runs it.
    ///
    /// # Panics
    /// If this machine lacks the instruction set.
    #[inline]
    pub(crate) fn run_dots<K: DotKernel>(self, kernel: K) -> K::Out {
        assert!(self.is_available(), "{self} is not available here");
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 if self.has_dots() => {
                // SAFETY: `has_dots` saw the features that the token stands for.
                let token = unsafe { super::avx2::Avx2::<true>::new() };
                token.vectorize_dots(kernel)
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if self.has_dots() => {
                // SAFETY: as above.
                let token = unsafe { super::avx512::Avx512::<VNNI>::new() };
                token.vectorize_dots(kernel)
            }
            #[cfg(all(feature = "lean", target_arch = "wasm32"))]
            _ => unreachable!("no precision asks for it without products of bytes"),
            #[cfg(not(all(feature = "lean", target_arch = "wasm32")))]
            _ => Portable.vectorize_dots(kernel),
        }
    }

    fn list() -> String {
        let names: Vec<String> =
            Isa::ALL.iter().filter(|isa| isa.is_available()).map(|isa| isa.to_string()).collect();
        names.join(", ")
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Neon => "neon",
            Isa::Wasm => "wasm",
        })
    }
}

impl FromStr for Isa {
    type Err = IsaError;
    fn from_str(name: &str) -> Result<Isa, IsaError> {
        let wanted = name.to_ascii_lowercase();
        let found = Isa::ALL.into_iter().find(|isa| isa.to_string() == wanted);
        found.ok_or_else(|| IsaError::Unknown(name.to_owned()))
    }
}
