//! The core's suite, for every instruction set of this machine.

use impasto_core::conformance::{Tolerance, failures};
use impasto_cpu::{CpuEngine, Isa};

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
