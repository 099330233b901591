//! Any bytes at all, taken as a model file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = impasto_core::Model::from_bytes(bytes, "fuzz");
});
