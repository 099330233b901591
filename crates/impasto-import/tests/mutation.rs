//! Property: whatever is done to a file, reading it ends in a typed error or in sound tensors. Seeded, so that a
//! failure repeats; `fuzz/` looks longer and with coverage.

use std::io::Cursor;
use std::path::PathBuf;

use impasto_import::{Limits, TensorFile};

const SEEDS: [&str; 8] = [
    "zoo_zip.pth",
    "zoo_legacy.pth",
    "zoo_zip_protocol4.pth",
    "zoo.safetensors",
    "nested_zip.pth",
    "nested_legacy.pth",
    "attack_legacy.pth",
    "attack.pkl",
];

/// xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Reads everything there is, and returns whether the file could be opened.
fn read_all(bytes: &[u8]) -> bool {
    let Ok(mut file) = TensorFile::from_reader(Cursor::new(bytes), Limits::default()) else { return false };
    let names: Vec<String> = file.tensors().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        if let Ok(weight) = file.read(&name) {
            assert_eq!(weight.values.len(), weight.shape.iter().product::<usize>(), "{name}");
            assert!(weight.values.iter().all(|v| v.is_finite()), "{name}");
        }
    }
    true
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        return;
    }
    let (at, other) = (random.below(bytes.len()), random.below(bytes.len()));
    match random.below(7) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.next() as u8,
        2 => bytes[at..].iter_mut().take(8).for_each(|b| *b = [0xff, 0x7f, 0x00][other % 3]),
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at.min(other)..at.max(other).min(at.min(other) + 16))),
        5 => {
            let piece: Vec<u8> = bytes[other..].iter().take(24).copied().collect();
            bytes.splice(at..at, piece);
        }
        _ => {
            let piece: Vec<u8> = bytes[other..].iter().take(24).copied().collect();
            bytes[at..].iter_mut().zip(piece).for_each(|(b, new)| *b = new);
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    let mut random = Random(0x1a9a_5707);
    let mut opened = 0;
    for name in SEEDS {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
        let whole = std::fs::read(path).unwrap();
        for _ in 0..4000 {
            let mut bytes = whole.clone();
            for _ in 0..=random.below(4) {
                mutate(&mut bytes, &mut random);
            }
            opened += usize::from(read_all(&bytes));
        }
    }
    // Some damage must get past the header, or this test sees nothing of what lies behind.
    assert!(opened > 1000, "only {opened} damaged files could be opened");
}

/// Instructions of the machine with short random operands, in random order.
fn random_program(random: &mut Random) -> Vec<u8> {
    const PIECES: [&[u8]; 27] = [
        b"N",
        b"\x88",
        b"K\x02",
        b"M\x00\x01",
        b"J\xff\xff\xff\xff",
        b"\x8a\x01\x7f",
        b"U\x01w",
        b"X\x01\0\0\0a",
        b"(",
        b")",
        b"]",
        b"}",
        b"\x85",
        b"\x86",
        b"\x87",
        b"t",
        b"a",
        b"e",
        b"s",
        b"u",
        b"q\x01",
        b"h\x01",
        b"R",
        b"\x81",
        b"b",
        b"ccollections\nOrderedDict\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
    ];
    const STORAGE: &[u8] = b"(U\x07storagectorch\nFloatStorage\nU\x01aU\x03cpuK\x04tQ";
    let mut program = b"\x80\x02".to_vec();
    for _ in 0..random.below(40) {
        match random.below(PIECES.len() + 1) {
            0 => program.extend_from_slice(STORAGE),
            n => program.extend_from_slice(PIECES[n - 1]),
        }
    }
    program.push(b'.');
    program
}

#[test]
fn random_programs_never_panic() {
    let mut random = Random(0x071c_71e5);
    let head = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.\x80\x02}.";
    for _ in 0..50_000 {
        let tail = b"\x80\x02]U\x01aa.\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
        read_all(&[&head[..], &random_program(&mut random), tail].concat());
    }
}
