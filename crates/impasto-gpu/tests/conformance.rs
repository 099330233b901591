//! The suite that every engine must pass, on every adapter of this machine.

mod adapters;

use adapters::engines;
use impasto_core::conformance::{Tolerance, compare, every_op, failures, run};
use impasto_core::reference::ReferenceEngine;

#[test]
fn every_adapter_paints_what_the_reference_paints() {
    for engine in engines("every_adapter_paints_what_the_reference_paints") {
        assert_eq!(failures(&engine, Tolerance::F32), Vec::<String>::new());
    }
}

#[test]
fn every_kind_of_layer_has_a_shader() {
    for engine in engines("every_kind_of_layer_has_a_shader") {
        for (kind, case) in every_op() {
            let expected = run(&ReferenceEngine, &case).unwrap();
            let found = run(&engine, &case).unwrap_or_else(|e| panic!("{kind}: {e}"));
            compare(&expected, &found, Tolerance::F32).unwrap_or_else(|e| panic!("{kind}: {e}"));
        }
    }
}

#[test]
fn in_16_bits_too() {
    for engine in engines("in_16_bits_too").into_iter().map(|engine| engine.half(true)) {
        let tolerance = if engine.is_half() { Tolerance::BF16 } else { Tolerance::F32 };
        assert_eq!(failures(&engine, tolerance), Vec::<String>::new());
    }
}
