//! Bytes as the pickle program of a legacy `.pth` file, behind its three fixed pickles.
#![no_main]

use std::io::Cursor;

use impasto_import::{Limits, TensorFile};

/// Magic number, protocol and an empty system description.
const HEAD: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.";

libfuzzer_sys::fuzz_target!(|program: &[u8]| {
    let bytes = [HEAD, program].concat();
    let Ok(mut file) = TensorFile::from_reader(Cursor::new(bytes), Limits::default()) else { return };
    let names: Vec<String> = file.tensors().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let _ = file.read(&name);
    }
});
