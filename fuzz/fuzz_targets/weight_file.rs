//! Any bytes at all, taken as a weight file: `.pth` of both formats, or safetensors.
#![no_main]

use std::io::Cursor;

use impasto_import::{Limits, TensorFile};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(mut file) = TensorFile::from_reader(Cursor::new(bytes), Limits::default()) else { return };
    let names: Vec<String> = file.tensors().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        if let Ok(weight) = file.read(&name) {
            assert_eq!(weight.values.len(), weight.shape.iter().product::<usize>());
            assert!(weight.values.iter().all(|v| v.is_finite()));
        }
    }
});
