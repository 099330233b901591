//! Pickles written by hand: old ways of saving a tensor, and programs made to hurt.

use std::io::Cursor;

use impasto_import::{Limits, ReadError, TensorFile};

/// A legacy file around a pickle program, with the storages that follow it.
fn legacy(program: &[u8], storages: &[(&str, &[f32])]) -> Vec<u8> {
    let mut file =
        b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.".to_vec();
    file.extend_from_slice(program);
    file.extend_from_slice(b"\x80\x02]");
    for (key, _) in storages {
        file.extend_from_slice(&text(key));
        file.push(b'a');
    }
    file.push(b'.');
    for (_, numbers) in storages {
        file.extend_from_slice(&(numbers.len() as u64).to_le_bytes());
        numbers.iter().for_each(|number| file.extend_from_slice(&number.to_le_bytes()));
    }
    file
}

fn text(text: &str) -> Vec<u8> {
    [&[b'U', text.len() as u8], text.as_bytes()].concat()
}

fn int(n: i32) -> Vec<u8> {
    [&b"J"[..], &n.to_le_bytes()].concat()
}

fn ints(numbers: &[i32]) -> Vec<u8> {
    let mut tuple = b"(".to_vec();
    numbers.iter().for_each(|&n| tuple.extend(int(n)));
    tuple.push(b't');
    tuple
}

/// `_rebuild_tensor(storage, offset, shape, strides)`, as PyTorch 0.1 wrote it.
fn tensor(key: &str, len: i32, view: &[u8], offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let storage = [
        &b"("[..],
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text(key),
        &text("cpu"),
        &int(len),
        view,
        b"tQ",
    ];
    let rest = [int(offset), ints(shape), ints(strides)].concat();
    [&b"ctorch._utils\n_rebuild_tensor\n("[..], &storage.concat(), &rest, b"tR"].concat()
}

fn plain(offset: i32, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    tensor("a", 4, b"N", offset, shape, strides)
}

/// A dictionary with one entry `w`.
fn dict(value: &[u8]) -> Vec<u8> {
    [&b"\x80\x02}"[..], &text("w"), value, b"s."].concat()
}

fn open(program: &[u8]) -> Result<TensorFile<Cursor<Vec<u8>>>, ReadError> {
    TensorFile::from_reader(Cursor::new(legacy(program, &[("a", &[1.0, 2.0, 3.0, 4.0])])), Limits::default())
}

fn refusal(program: &[u8]) -> ReadError {
    match open(program) {
        Err(e) => e,
        Ok(_) => panic!("must be refused"),
    }
}

#[test]
fn old_ways_of_saving_a_tensor_are_read() {
    let view = [&text("v")[..], &int(1), &int(2), b"\x87"].concat();
    let in_a_view = tensor("a", 4, &view, 1, &[2], &[1]);
    let parameter =
        [&b"ctorch.nn.parameter\nParameter\n"[..], &plain(2, &[2], &[1]), b"\x85\x81N\x88\x86b"].concat();
    for (value, expected) in [
        (plain(0, &[2, 2], &[1, 2]), vec![1.0, 3.0, 2.0, 4.0]),
        (in_a_view, vec![3.0, 4.0]),
        (parameter, vec![3.0, 4.0]),
    ] {
        let read = open(&dict(&value)).unwrap().read("w").unwrap();
        assert_eq!(read.values, expected);
    }
}

#[test]
fn the_dictionary_of_python_2_is_read() {
    let pairs = [&b"]]"[..], &text("w"), b"a", &plain(1, &[], &[]), b"aa\x85"].concat();
    let program = [&b"\x80\x02ccollections\nOrderedDict\n"[..], &pairs, b"R."].concat();
    assert_eq!(open(&program).unwrap().read("w").unwrap().values, [2.0]);
}

#[test]
fn tensors_that_leave_their_storage_are_refused() {
    for (offset, shape, strides) in [
        (1, &[2, 2][..], &[2, 1][..]),
        (-1, &[2], &[1]),
        (0, &[2, -2], &[1, 1]),
        (0, &[2], &[-1]),
        (i32::MAX, &[1], &[1]),
        (0, &[i32::MAX, i32::MAX, i32::MAX], &[0, 0, 0]),
        (0, &[2, 2], &[i32::MAX, i32::MAX]),
        (0, &[2, 2], &[1]),
    ] {
        let refused = refusal(&dict(&plain(offset, shape, strides)));
        assert!(matches!(refused, ReadError::Pickle { .. }), "{offset} {shape:?} {strides:?}: {refused}");
    }
    let nine = [1; 9];
    assert!(matches!(refusal(&dict(&plain(0, &nine, &nine))), ReadError::TooLarge { .. }));
}

#[test]
fn a_tensor_that_unfolds_a_small_storage_has_a_ceiling() {
    let mut file = open(&dict(&plain(0, &[1 << 20, 1 << 10], &[0, 0]))).unwrap();
    assert!(matches!(file.read("w"), Err(ReadError::TooLarge { .. })));
}

#[test]
fn storages_that_claim_what_is_not_there_are_refused() {
    let claims = tensor("a", i32::MAX, b"N", 0, &[4], &[1]);
    assert!(matches!(open(&dict(&claims)).unwrap().read("w"), Err(ReadError::Tensor { .. })));
    let elsewhere = dict(&tensor("b", 4, b"N", 0, &[4], &[1]));
    assert!(matches!(refusal(&elsewhere), ReadError::Archive { .. }));
}

#[test]
fn programs_that_grow_or_loop_have_a_ceiling() {
    // A dictionary that holds itself a thousand times over.
    let mut circle = b"\x80\x02}q\x00(".to_vec();
    for i in 0..1000 {
        circle.extend(text(&i.to_string()));
        circle.extend_from_slice(b"h\x00");
    }
    circle.extend_from_slice(b"u.");
    assert!(matches!(refusal(&circle), ReadError::TooLarge { .. }));

    // A list of 1000 pairs, copied into a dictionary over and over: a byte of program for kilobytes of memory.
    let mut copies = b"\x80\x02](".to_vec();
    (0..1000).for_each(|_| copies.extend_from_slice(b"NN\x86"));
    copies.extend_from_slice(b"e\x85q\x00");
    (0..2000).for_each(|_| copies.extend_from_slice(b"ccollections\nOrderedDict\nh\x00R"));
    copies.push(b'.');
    assert!(matches!(refusal(&copies), ReadError::TooLarge { .. }));

    // A million and a few empty tuples.
    let many = [&b"\x80\x02"[..], &vec![b')'; (1 << 20) + 7], b"."].concat();
    assert!(matches!(refusal(&many), ReadError::TooLarge { .. }));
}

#[test]
fn a_program_that_makes_no_sense_is_told_with_its_place() {
    for (program, why) in [
        (&b"\x80\x02."[..], "nothing on the stack"),
        (b"\x80\x02t.", "no mark"),
        (b"\x80\x02(Ns.", "values below a mark"),
        (b"\x80\x02h\x05.", "nothing in memory"),
        (b"\x80\x02NNNs.", "an entry of None"),
        (b"\x80\x02NNa.", "appending to None"),
        (b"\x80\x02}(Nu.", "key without value"),
        (b"\x80\x02NNb.", "attributes of None"),
        (b"\x80\x02N)R.", "calling None"),
        (b"\x80\x02ccollections\nOrderedDict\nNR.", "arguments None"),
        (b"\x80\x02ctorch\nFloatStorage\n)R.", "a storage in the pickle"),
        (b"\x80\x02NQ.", "storage None"),
        (b"\x80\x02\x8a\xff.", "a number of 255 bytes"),
        (b"\x80\x09N.", "protocol 9"),
        (b"\x80\x02U\x01\xff.", "text that is not UTF-8"),
    ] {
        let refused = refusal(program);
        assert!(matches!(refused, ReadError::Pickle { .. }), "{why}: {refused}");
    }
    assert!(matches!(refusal(b"\x80\x02\x82\x01."), ReadError::Opcode { opcode: 0x82, at: 2 }));
    let nothing = TensorFile::from_reader(Cursor::new(legacy(b"\x80\x02N.", &[])), Limits::default());
    assert!(matches!(nothing, Err(ReadError::NoTensors)));
}

#[test]
fn names_are_refused_wherever_they_come_from() {
    let stacked = [&b"\x80\x04"[..], &text("builtins"), &text("eval"), b"\x93."].concat();
    for (program, expected) in [
        (&b"\x80\x02cos\nsystem\n."[..], "os.system"),
        (b"\x80\x02ctorch.storage\n_load_from_bytes\n.", "torch.storage._load_from_bytes"),
        (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n.", "numpy.core.multiarray._reconstruct"),
        (&stacked, "builtins.eval"),
    ] {
        let refused = refusal(program);
        assert!(matches!(&refused, ReadError::Refused { name } if name == expected), "{refused}");
    }
}
