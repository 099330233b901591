//! Does this machine have AMX bf16, and does the system let us use it?

use std::sync::OnceLock;

/// Proof that AMX bf16 and AVX-512 with bf16 conversion are there and permitted to this process.
#[derive(Clone, Copy, Debug)]
pub struct Amx(());

impl Amx {
    /// Asks the processor and the system once; later calls are free.
    pub fn detect() -> Option<Self> {
        static FOUND: OnceLock<bool> = OnceLock::new();
        FOUND.get_or_init(available).then_some(Amx(()))
    }
}

fn available() -> bool {
    use std::arch::x86_64::__cpuid_count;
    /// CPUID leaf 7, EDX: AMX-BF16 and AMX-TILE.
    const TILE_BF16: u32 = 1 << 22 | 1 << 24;
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    let leaf = __cpuid_count(7, 0);
    let wide = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512bf16");
    if leaf.edx & TILE_BF16 != TILE_BF16 || !wide {
        return false;
    }
    // SAFETY: asks for a permission; touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}
