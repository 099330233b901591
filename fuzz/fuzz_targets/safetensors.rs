//! Bytes as the header of a safetensors file whose stated length is right.
#![no_main]

use std::io::Cursor;

use impasto_import::{Limits, TensorFile};

libfuzzer_sys::fuzz_target!(|header: &[u8]| {
    let length = (header.len() as u64).to_le_bytes();
    let bytes = [&length[..], header, &[0; 64]].concat();
    let Ok(mut file) = TensorFile::from_reader(Cursor::new(bytes), Limits::default()) else { return };
    let names: Vec<String> = file.tensors().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let _ = file.read(&name);
    }
});
