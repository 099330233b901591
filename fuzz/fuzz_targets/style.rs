//! Any bytes at all, taken as a `.style` file.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = impasto_core::Style::from_bytes(bytes);
});
