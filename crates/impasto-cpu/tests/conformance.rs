//! The core's suite, for every instruction set of this machine.

use impasto_core::conformance::{Tolerance, compare, every_op, failures, run};
use impasto_core::reference::ReferenceEngine;
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
fn every_kind_of_layer_has_a_kernel() {
    let engine = CpuEngine::new().expect("the best instruction set works");
    for (kind, case) in every_op() {
        let expected = run(&ReferenceEngine, &case).unwrap();
        let found = run(&engine, &case).unwrap_or_else(|e| panic!("{kind}: {e}"));
        compare(&expected, &found, Tolerance::F32).unwrap_or_else(|e| panic!("{kind}: {e}"));
    }
}

#[test]
fn int8_passes_the_suite_within_its_tolerance() {
    let able = |isa: &Isa| Precision::Int8.is_available(*isa);
    if !Isa::ALL.iter().any(able) {
        eprintln!("skipped: int8: this machine cannot multiply bytes (AVX512-VNNI, AVX-VNNI)");
    }
    for isa in Isa::ALL.into_iter().filter(able) {
        let engine = CpuEngine::with(isa, 2).expect("it is there").precision(Precision::Int8);
        assert_eq!(failures(&engine, Tolerance::INT8), Vec::<String>::new());
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
