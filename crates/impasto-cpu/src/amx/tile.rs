//! The tile unit itself: configure, multiply, release. Everything here is `unsafe` and small.

use half::bf16;
use std::arch::asm;

/// Eight tiles of 16 rows of 64 bytes (Intel's palette 1).
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static CONFIG: Config = {
    let (mut row_bytes, mut rows) = ([0; 16], [0; 16]);
    let mut i = 0;
    while i < 8 {
        row_bytes[i] = 64;
        rows[i] = 16;
        i += 1;
    }
    Config { palette: 1, start_row: 0, reserved: [0; 14], row_bytes, rows }
};

/// The accumulators of one block: 32 rows (pixels, or input channels) of 32 output channels.
#[repr(C, align(64))]
pub struct Block(pub [f32; 32 * 32]);

/// Offsets of one step of 32 products, in bytes from the bases.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// From the rows' bases.
    pub a: isize,
    /// From the weights' base.
    pub b: isize,
}

/// Tiles are configured on this thread while it lives.
pub struct Tiles(());

impl Tiles {
    /// Configures the tiles of this thread.
    pub fn configure(_proof: super::Amx) -> Self {
        // SAFETY: the proof says that AMX is there and permitted; CONFIG is a valid palette-1 configuration.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const CONFIG, options(nostack, readonly)) };
        Self(())
    }

    /// `out[r][c] = sum over steps s, k of a_s[r][k] * b_s[k][c]`, 32 rows of 32 columns, k in 0..32 a step.
    /// Rows 0..16 of step `s` start at `upper + s.a + r * stride`, rows 16..32 at `lower + s.a + (r - 16) * stride`
    /// (bytes); `b + s.b` holds two tiles of 16 columns, pairs of k interleaved.
    ///
    /// # Panics
    /// Without steps.
    ///
    /// # Safety
    /// All those addresses must be readable, 64 bytes a row.
    #[inline]
    pub unsafe fn multiply(
        &self,
        upper: *const bf16,
        lower: *const bf16,
        stride: usize,
        steps: &[Step],
        b: *const bf16,
        out: &mut Block,
    ) {
        assert!(!steps.is_empty());
        // SAFETY: the caller vouches for the addresses; `out` holds the four tiles; tiles are configured.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "2:",
                "mov {t}, [{steps} + 8]",
                "add {t}, {b}",
                "tileloadd tmm6, [{t} + {c64}]",
                "tileloadd tmm7, [{t} + {c64} + 1024]",
                "mov {o}, [{steps}]",
                "lea {t}, [{upper} + {o}]",
                "tileloadd tmm4, [{t} + {stride}]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "lea {t}, [{lower} + {o}]",
                "tileloadd tmm5, [{t} + {stride}]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {steps}, 16",
                "dec {n}",
                "jnz 2b",
                "tilestored [{out} + {c128}], tmm0",
                "tilestored [{out} + {c128} + 64], tmm1",
                "tilestored [{out} + {c128} + 2048], tmm2",
                "tilestored [{out} + {c128} + 2112], tmm3",
                steps = inout(reg) steps.as_ptr() => _,
                n = inout(reg) steps.len() => _,
                b = in(reg) b,
                upper = in(reg) upper,
                lower = in(reg) lower,
                stride = in(reg) stride,
                c64 = in(reg) 64usize,
                c128 = in(reg) 128usize,
                out = in(reg) out.0.as_mut_ptr(),
                o = out(reg) _,
                t = out(reg) _,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack)
            );
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: tiles were configured by `configure`.
        unsafe { asm!("tilerelease", options(nostack)) };
    }
}
