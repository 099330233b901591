//! The core's suite, for every instruction set of this machine.

use impasto_core::conformance::{Tolerance, failures};
use impasto_cpu::{CpuEngine, Isa, Precision};

#[test]
fn every_instruction_set_passes_the_suite() {
    for isa in Isa::ALL {
        let Ok(engine) = CpuEngine::with(isa, 2) else {
            eprintln!("skipped: {isa}: this machine cannot run it");
            continue;
        };
        assert_eq!(failures(&engine, Tolerance::F32), Vec::<String>::new());
    }
}

#[test]
fn bf16_passes_the_suite_within_its_tolerance() {
    let engine = CpuEngine::new().expect("the best instruction set works").precision(Precision::Bf16);
    if !Precision::Bf16.is_available(engine.isa()) {
        eprintln!("skipped: bf16: this machine has no AMX tiles");
        return;
    }
    assert_eq!(failures(&engine, Tolerance::BF16), Vec::<String>::new());
}
