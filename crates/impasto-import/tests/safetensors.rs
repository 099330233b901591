//! safetensors headers that lie are refused before they cost anything.

use std::io::Cursor;

use impasto_import::{Limits, ReadError, TensorFile};

fn file(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn open(bytes: &[u8]) -> Result<TensorFile<Cursor<&[u8]>>, ReadError> {
    TensorFile::from_reader(Cursor::new(bytes), Limits::default())
}

fn refusal(bytes: &[u8]) -> ReadError {
    match open(bytes) {
        Err(e) => e,
        Ok(_) => panic!("must be refused"),
    }
}

const TWO: &str = r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;

#[test]
fn a_sound_file_reads() {
    let bytes = file(TWO, &[0, 0, 0, 63, 0, 0, 0, 64]);
    assert_eq!(open(&bytes).unwrap().read("a").unwrap().values, [0.5, 2.0]);
}

#[test]
fn a_counter_beside_the_weights_is_listed_and_not_read() {
    let header = r#"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"n":{"dtype":"I64","shape":[],"data_offsets":[2,10]}}"#;
    let bytes = file(header, &[0, 0x3c, 1, 0, 0, 0, 0, 0, 0, 0]);
    let mut file = open(&bytes).unwrap();
    assert_eq!(file.read("a").unwrap().values, [1.0]);
    assert!(matches!(file.read("n"), Err(ReadError::NotFloat { .. })));
}

#[test]
fn a_header_of_2_to_the_63_bytes_costs_nothing() {
    let mut bytes = file(TWO, &[0; 8]);
    bytes[..8].copy_from_slice(&(1u64 << 63).to_le_bytes());
    assert!(matches!(refusal(&bytes), ReadError::TooLarge { found: 0x8000_0000_0000_0000, .. }));
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let bytes = file(TWO, &[0; 8]);
    for end in 0..bytes.len() {
        let refused = refusal(&bytes[..end]);
        let expected = matches!(refused, ReadError::Truncated { .. } | ReadError::NotWeights { .. });
        assert!(expected, "cut at {end}: {refused}");
    }
    let longer = file(TWO, &[0; 9]);
    assert!(matches!(refusal(&longer), ReadError::Header { .. }));
}

#[test]
fn overlap_gaps_and_wrong_sizes_are_refused() {
    let entry = |name: &str, start: u64, end: u64| {
        format!(r#""{name}":{{"dtype":"F32","shape":[2],"data_offsets":[{start},{end}]}}"#)
    };
    for (second_start, second_end, why) in
        [(4, 12, "overlap"), (12, 20, "gap"), (8, 12, "size"), (16, 8, "order")]
    {
        let header = format!("{{{},{}}}", entry("a", 0, 8), entry("b", second_start, second_end));
        assert!(matches!(refusal(&file(&header, &[0; 20])), ReadError::Header { .. }), "{why}");
    }
}

#[test]
fn sizes_that_overflow_are_refused() {
    for shape in ["[18446744073709551615,2]", "[4611686018427387904,4]", "[2305843009213693952]"] {
        let header = format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":[0,8]}}}}"#);
        assert!(matches!(refusal(&file(&header, &[0; 8])), ReadError::Header { .. }), "{shape}");
    }
}

/// Eight tensors that end at 2^64 - 8: adding the header's length to that wraps around.
#[test]
fn offsets_near_2_to_the_64_are_refused() {
    const EACH: u64 = (1 << 61) - 1;
    let entry = |i: u64| {
        let (start, end) = (i * EACH, (i + 1) * EACH);
        format!(r#""{i}":{{"dtype":"U8","shape":[{EACH}],"data_offsets":[{start},{end}]}}"#)
    };
    let header = format!("{{{}}}", (0..8).map(entry).collect::<Vec<_>>().join(","));
    let refused = refusal(&file(&header, &[]));
    assert!(matches!(refused, ReadError::Truncated { .. }), "{refused}");
}

#[test]
fn a_number_that_is_none_is_told_with_its_place() {
    let mut bytes = file(TWO, &[0; 8]);
    let at = bytes.len() - 4;
    bytes[at..].copy_from_slice(&f32::NEG_INFINITY.to_le_bytes());
    let read = open(&bytes).unwrap().read("a");
    assert!(matches!(read, Err(ReadError::NotFinite { index: 1, .. })), "{read:?}");
}

#[test]
fn text_and_nothing_are_no_weights() {
    for (bytes, why) in
        [(&b""[..], "empty"), (b"Dear friend, no weights here.", "text"), (b"\x07\x01nonsense\xff", "bytes")]
    {
        assert!(matches!(refusal(bytes), ReadError::NotWeights { .. }), "{why}");
    }
}
