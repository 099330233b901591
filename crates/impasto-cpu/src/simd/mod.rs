//! Instruction sets behind one small trait.
//!
//! A value of a type that implements [`Simd`] is a *token*: it can only be made where the CPU was seen to have
//! the instructions ([`Isa::is_available`]), so holding one is the proof that using them is sound. A kernel is
//! written once, generic over the token, and [`Isa::run`] compiles that one body for every instruction set.
//!
//! Why not `pulp` or `wide`: a kernel here needs about fifteen operations, all on `f32`, and exact control over
//! the register tile of the matrix product, which differs per machine ([`Simd::MR`]). That is less code than the
//! glue around a library would be, and it keeps every `std::arch` call of the crate in this folder.
//!
//! A body becomes AVX-512 code like this: all trait methods are `#[inline(always)]`, and [`Simd::vectorize`] calls the
//! kernel inside a function with `#[target_feature]`. Everything inlines into that function and is compiled with
//! its features. A kernel must therefore be `#[inline(always)]` down to its last helper.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod isa;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;

use crate::kernel::gemm::{Columns, Prefetch, Windows};
use crate::train::sum::Operands;
use impasto_core::image::byte_from_unit;
pub use isa::{Isa, IsaError};
pub(crate) use portable::Portable;

/// Channels in one block of the layout: every activation has a multiple of this many channels in memory.
pub(crate) const BLOCK: usize = 16;

/// A body to be compiled once per instruction set.
pub(crate) trait Kernel {
    /// Result of the body.
    type Out;
    /// The body. Must be `#[inline(always)]`.
    fn run<S: Simd>(self, s: S) -> Self::Out;
}

/// Operations of an instruction set.
///
/// Floating-point results may differ between sets in the last bits (fused or separate multiply and add), never
/// between runs or numbers of threads on one set.
pub(crate) trait Simd: Copy + Send + Sync + 'static {
    /// `f32` values in one register; divides [`BLOCK`].
    const LANES: usize;
    /// Rows (pixels or tiles) of the matrix product's register tile.
    const MR: usize;
    /// Blocks of 16 output channels in the widest register tile, 1 or 2.
    const NB: usize;
    /// Rows of the training kernels' register tile, see [`crate::train::sum`]: a power of two up to 8.
    const ROWS: usize;
    /// One register.
    type F: Copy;

    /// Compiles and calls `kernel` with these instructions.
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Out;

    /// All lanes `x`.
    fn splat(self, x: f32) -> Self::F;
    /// Reads `LANES` values.
    ///
    /// # Safety
    /// `p` must be readable for `LANES` values; any alignment.
    unsafe fn load(self, p: *const f32) -> Self::F;
    /// Writes `LANES` values.
    ///
    /// # Safety
    /// `p` must be writable for `LANES` values; any alignment.
    unsafe fn store(self, p: *mut f32, v: Self::F);
    /// Reads `LANES` values of bf16, given as their bits.
    ///
    /// # Safety
    /// `p` must be readable for `LANES` values; any alignment.
    #[inline(always)]
    unsafe fn load_half(self, p: *const u16) -> Self::F {
        let mut wide = [0.0f32; BLOCK];
        for (i, wide) in wide.iter_mut().enumerate().take(Self::LANES) {
            // SAFETY: as the caller says.
            *wide = f32::from_bits(u32::from(unsafe { p.add(i).read_unaligned() }) << 16);
        }
        // SAFETY: `wide` holds at least `LANES` values.
        unsafe { self.load(wide.as_ptr()) }
    }
    /// Writes `LANES` values as bits of bf16, rounded to the nearest, halves to even.
    ///
    /// # Safety
    /// `p` must be writable for `LANES` values; any alignment.
    #[inline(always)]
    unsafe fn store_half(self, p: *mut u16, v: Self::F) {
        let mut wide = [0.0f32; BLOCK];
        // SAFETY: `wide` holds at least `LANES` values; `p` is as the caller says.
        unsafe {
            self.store(wide.as_mut_ptr(), v);
            for (i, &wide) in wide.iter().enumerate().take(Self::LANES) {
                p.add(i).write_unaligned(half::bf16::from_f32(wide).to_bits());
            }
        }
    }
    /// Writes `LANES` values as bytes: `0..1` becomes 0 to 255 as [`byte_from_unit`] does it.
    ///
    /// # Safety
    /// `p` must be writable for `LANES` bytes.
    #[inline(always)]
    unsafe fn store_bytes(self, p: *mut u8, v: Self::F) {
        let mut values = [0.0f32; BLOCK];
        // SAFETY: `values` holds at least `LANES` values; `p` is as the caller says.
        unsafe {
            self.store(values.as_mut_ptr(), v);
            for (i, &value) in values.iter().enumerate().take(Self::LANES) {
                *p.add(i) = byte_from_unit(value);
            }
        }
    }
    /// `a + b`
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once where the CPU can.
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// The larger of `floor` and `x`; `x` where `x` is not a number, so that a broken value stays visible.
    fn at_least(self, floor: Self::F, x: Self::F) -> Self::F;
    /// Sum of the lanes, always in the same order.
    fn sum(self, v: Self::F) -> f32;
    /// `v` where `gate > 0`, else 0.
    #[inline(always)]
    fn where_positive(self, gate: Self::F, v: Self::F) -> Self::F {
        let (mut gates, mut values) = ([0.0f32; BLOCK], [0.0f32; BLOCK]);
        // SAFETY: both arrays hold at least `LANES` values.
        unsafe {
            self.store(gates.as_mut_ptr(), gate);
            self.store(values.as_mut_ptr(), v);
            for (value, gate) in values.iter_mut().zip(gates) {
                *value = if gate > 0.0 { *value } else { 0.0 };
            }
            self.load(values.as_ptr())
        }
    }

    /// Hints that the line at `p` will be read soon. Never faults, so any address will do.
    #[inline(always)]
    fn prefetch(self, _p: *const f32) {}

    /// The register tile of the matrix product, see [`crate::kernel::gemm`].
    ///
    /// # Safety
    /// As for [`crate::kernel::gemm::tile`] with `MR` rows and `blocks` (at most `NB`) blocks of columns.
    unsafe fn gemm_tile(
        self,
        blocks: usize,
        k: usize,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        soon: Prefetch,
    );

    /// The register tile of the training kernels.
    ///
    /// # Safety
    /// As for [`crate::train::sum::tile`] with `ROWS` rows and `blocks` (at most `NB`) blocks of columns.
    unsafe fn sum_tile(self, blocks: usize, operands: &Operands, a: *const f32, b: *const f32, c: *mut f32);

    /// [`Simd::gemm_tile`] for windows that overlap.
    ///
    /// # Safety
    /// As for [`crate::kernel::gemm::windows`] with `MR` rows and `blocks` (at most `NB`) blocks of columns.
    unsafe fn gemm_windows(self, blocks: usize, windows: &Windows, b: *const f32, c: *mut f32);
}

/// A body that multiplies bytes, to be compiled once per instruction set that can.
pub(crate) trait DotKernel {
    /// Result of the body.
    type Out;
    /// The body. Must be `#[inline(always)]`.
    fn run<S: Dots>(self, s: S) -> Self::Out;
}

/// Instruction sets that multiply bytes, four products to a lane (AVX512-VNNI, AVX-VNNI), and [`Portable`], which shows what they do.
/// Integers are exact: all give the same sums.
pub(crate) trait Dots: Simd {
    /// A register of `LANES` words of 32 bits.
    type I: Copy;

    /// Compiles and calls `kernel` with these instructions.
    fn vectorize_dots<K: DotKernel>(self, kernel: K) -> K::Out;
    /// All lanes `word`.
    fn splat_word(self, word: i32) -> Self::I;
    /// Reads `LANES` words.
    ///
    /// # Safety
    /// `p` must be readable for `LANES` words; any alignment.
    unsafe fn load_words(self, p: *const i32) -> Self::I;
    /// `sum` and the four products of each lane: bytes of `a` are 0 to 255, those of `b` -128 to 127.
    fn dot(self, sum: Self::I, a: Self::I, b: Self::I) -> Self::I;
    /// The nearest `f32`.
    fn float(self, v: Self::I) -> Self::F;

    /// The register tile of products of bytes.
    ///
    /// # Safety
    /// As for [`crate::kernel::gemm::dots`] with `MR` rows and `blocks` (at most `NB`) blocks of columns.
    unsafe fn dot_windows(self, blocks: usize, windows: &Windows<u8>, columns: &Columns, c: *mut f32);
}

/// Zero in every lane.
#[inline(always)]
pub(crate) fn zero<S: Simd>(s: S) -> S::F {
    s.splat(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes<'a>(&'a [f32]);

    impl Kernel for Bytes<'_> {
        type Out = Vec<u8>;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Vec<u8> {
            let mut out = vec![7; self.0.len() + 1];
            for at in (0..self.0.len()).step_by(S::LANES) {
                // SAFETY: the length is a multiple of 16.
                unsafe { s.store_bytes(out.as_mut_ptr().add(at), s.load(self.0.as_ptr().add(at))) };
            }
            out
        }
    }

    #[test]
    fn bytes_are_those_of_the_core() {
        let mut values: Vec<f32> = (-8..=520).map(|i| i as f32 / 510.0).collect();
        values.extend([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0, f32::MIN_POSITIVE, 1e30, -1e30]);
        values.resize(values.len().next_multiple_of(BLOCK), 0.25);
        let mut expected: Vec<u8> = values.iter().map(|&v| byte_from_unit(v)).collect();
        expected.push(7);
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            assert_eq!(isa.run(Bytes(&values)), expected, "{isa}");
        }
    }

    /// One panel: `MR` windows of three lines of eight bytes.
    struct Dot<'a> {
        bytes: &'a [u8],
        weights: &'a [i32],
    }

    /// Products of the panel and where they are not those of plain integers.
    impl DotKernel for Dot<'_> {
        type Out = (usize, Vec<String>);
        #[inline(always)]
        fn run<S: Dots>(self, s: S) -> Self::Out {
            let (scale, offset) = ([0.5f32; 2 * BLOCK], [3.0f32; 2 * BLOCK]);
            let (lines, run, step, line) = (3, 8, 5, 100);
            let mut wrong = Vec::new();
            for blocks in 1..=S::NB {
                let mut c = vec![0.0; blocks * S::MR * BLOCK];
                let windows = Windows { first: self.bytes.as_ptr(), line, lines, run, step };
                let columns = Columns {
                    weights: self.weights.as_ptr(),
                    scale: scale.as_ptr(),
                    offset: offset.as_ptr(),
                };
                // SAFETY: there are bytes for the last window's last line, and six words of weights for each column.
                unsafe { s.dot_windows(blocks, &windows, &columns, c.as_mut_ptr()) };
                for (at, &found) in c.iter().enumerate() {
                    let (block, row, lane) = (at / BLOCK / S::MR, at / BLOCK % S::MR, at % BLOCK);
                    let product = |i: usize| {
                        let byte = self.bytes[i / run * line + row * step + i % run];
                        let word = self.weights[i / 4 * blocks * BLOCK + block * BLOCK + lane];
                        i32::from(byte) * i32::from(word.to_ne_bytes()[i % 4] as i8)
                    };
                    let expected = 0.5 * (0..lines * run).map(product).sum::<i32>() as f32 + 3.0;
                    if found != expected {
                        wrong.push(format!("{found} instead of {expected} in row {row}, block {block}"));
                    }
                }
            }
            (S::LANES, wrong)
        }
    }

    #[test]
    fn products_of_bytes_are_exact() {
        let mut random = impasto_core::Random::new(3);
        let bytes: Vec<u8> = (0..400).map(|_| random.bits() as u8).collect();
        let weights: Vec<i32> = (0..6 * 2 * BLOCK).map(|_| random.bits() as i32).collect();
        for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
            let (lanes, wrong) = isa.run_dots(Dot { bytes: &bytes, weights: &weights });
            assert_eq!(wrong, Vec::<String>::new(), "{isa}");
            assert!(!isa.has_dots() || lanes > 4, "{isa} has dots and does not use them");
        }
    }
}
