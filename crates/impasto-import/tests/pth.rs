//! Real `.pth` files (made by `data/make.py` with PyTorch) read as PyTorch reads them, or are refused.

use std::io::Cursor;
use std::path::PathBuf;

use impasto_import::{Element, Limits, ReadError, TensorFile};

fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn refusal(name: &str) -> ReadError {
    match TensorFile::open(&data(name)) {
        Err(e) => e,
        Ok(_) => panic!("{name} must be refused"),
    }
}

#[test]
fn every_kind_of_tensor_reads_as_in_pytorch() {
    let mut expected = TensorFile::open(&data("zoo.safetensors")).unwrap();
    let names: Vec<String> = expected.tensors().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names.len(), 12);
    for zoo in ["zoo_zip.pth", "zoo_legacy.pth", "zoo_zip_protocol4.pth"] {
        let mut file = TensorFile::open(&data(zoo)).unwrap();
        assert_eq!(file.tensors().count(), names.len(), "{zoo}");
        for name in &names {
            assert_eq!(file.read(name).unwrap(), expected.read(name).unwrap(), "{zoo}: {name}");
        }
    }
}

#[test]
fn kinds_and_shapes_are_listed_without_reading() {
    let file = TensorFile::open(&data("zoo_legacy.pth")).unwrap();
    let kind = |name| file.info(name).unwrap().element;
    assert_eq!(
        ["plain", "half", "bfloat", "double"].map(kind),
        [Element::F32, Element::F16, Element::Bf16, Element::F64]
    );
    assert_eq!(file.info("transposed").unwrap().shape, [5, 3]);
    assert_eq!(file.info("scalar").unwrap().shape, [0usize; 0]);
}

#[test]
fn nested_checkpoints_are_searched_and_counters_are_not_weights() {
    for name in ["nested_zip.pth", "nested_legacy.pth"] {
        let mut file = TensorFile::open(&data(name)).unwrap();
        assert_eq!(file.tensors().count(), 7, "{name}");
        assert_eq!(file.read("net.module.0.weight").unwrap().shape, [2, 3, 1, 1]);
        assert_eq!(file.read("net.module.1.running_var").unwrap().values, [1.0, 1.0]);
        let counter = file.read("net.module.1.num_batches_tracked");
        assert!(matches!(counter, Err(ReadError::NotFloat { .. })), "{name}: {counter:?}");
    }
}

#[test]
fn a_file_that_wants_to_run_something_is_refused_by_name() {
    for name in ["attack_zip.pth", "attack_legacy.pth", "attack.pkl"] {
        let refused = refusal(name);
        assert!(matches!(&refused, ReadError::Refused { name } if name == "posix.system"), "{refused}");
        assert!(refused.to_string().contains("the file wants to call `posix.system`: refused"), "{refused}");
    }
}

#[test]
fn whole_modules_and_programs_are_refused() {
    let module = refusal("module_zip.pth");
    assert!(
        matches!(&module, ReadError::Refused { name } if name == "torch.nn.modules.container.Sequential"),
        "{module}"
    );
    assert!(refusal("torchscript.pth").to_string().contains("TorchScript"));
}

#[test]
fn a_compressed_archive_is_not_unfolded() {
    let refused = refusal("bomb.pth");
    assert!(refused.to_string().contains("is compressed, which PyTorch never does"), "{refused}");
}

#[test]
fn a_weight_that_is_not_a_number_is_told_with_its_place() {
    for name in ["nan_zip.pth", "nan_legacy.pth"] {
        let mut file = TensorFile::open(&data(name)).unwrap();
        assert!(matches!(file.read("weight"), Err(ReadError::NotFinite { index: 1, .. })), "{name}");
    }
}

#[test]
fn a_missing_file_and_a_missing_tensor_are_errors() {
    assert!(matches!(refusal("no such file.pth"), ReadError::Io(_)));
    let mut file = TensorFile::open(&data("zoo_zip.pth")).unwrap();
    assert!(matches!(file.read("nobody"), Err(ReadError::NoSuchTensor { .. })));
}

#[test]
fn a_file_cut_short_anywhere_is_an_error() {
    for name in ["zoo_zip.pth", "zoo_legacy.pth"] {
        let whole = std::fs::read(data(name)).unwrap();
        for end in 0..whole.len() {
            let cut = TensorFile::from_reader(Cursor::new(&whole[..end]), Limits::default());
            assert!(cut.is_err(), "{name} cut at {end}");
        }
    }
}

#[test]
fn one_flipped_bit_in_an_archive_is_noticed() {
    let mut whole = std::fs::read(data("zoo_zip.pth")).unwrap();
    let mut file = TensorFile::open(&data("zoo_zip.pth")).unwrap();
    let first = file.read("plain").unwrap().values[0].to_le_bytes();
    let at = whole.windows(4).position(|bytes| bytes == first).unwrap();
    whole[at] ^= 1;
    let mut file = TensorFile::from_reader(Cursor::new(whole), Limits::default()).unwrap();
    assert!(matches!(file.read("plain"), Err(ReadError::Tensor { .. })));
}
