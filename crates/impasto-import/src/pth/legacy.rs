//! The format before `torch 1.6`: pickles, then raw storages. Its numbers are always least significant byte first.

use std::collections::HashMap;
use std::io::{BufRead, Read, Seek, SeekFrom};

use super::{Views, claimed_bytes};
use crate::Limits;
use crate::error::{ReadError, Result};
use crate::pickle::{Pickle, Storage};

/// First pickle of every legacy file.
const MAGIC: i128 = 0x1950_a86a_20f9_469c_fc6c;
/// Second pickle.
const PROTOCOL: i128 = 1001;

/// An open legacy file.
pub(super) struct Legacy<R> {
    stream: R,
    /// Offset and length in bytes of a storage's numbers.
    places: HashMap<String, (u64, u64)>,
}

/// Reads the pickles and finds every storage; no numbers are read yet.
pub(super) fn open<R: BufRead + Seek>(mut stream: R, limits: &Limits) -> Result<(Legacy<R>, Views)> {
    let odd = |problem: &str| ReadError::Pickle { at: 0, problem: problem.to_owned() };
    if Pickle::read(&mut stream, limits)?.int() != Some(MAGIC) {
        return Err(odd("it is a pickle, but not one that PyTorch wrote (no magic number)"));
    }
    if Pickle::read(&mut stream, limits)?.int() != Some(PROTOCOL) {
        return Err(odd("its format is not 1001, the only one PyTorch ever wrote"));
    }
    let _system = Pickle::read(&mut stream, limits)?;
    let description = Pickle::read(&mut stream, limits)?;
    let views = description.tensors(limits)?;
    let keys = Pickle::read(&mut stream, limits)?;
    let keys = keys.texts().ok_or_else(|| odd("its list of storages is not a list of names"))?;
    let places = find_storages(&mut stream, &description, &keys)?;
    Ok((Legacy { stream, places }, views))
}

fn find_storages<R: BufRead + Seek>(
    stream: &mut R,
    description: &Pickle,
    keys: &[&str],
) -> Result<HashMap<String, (u64, u64)>> {
    let described: HashMap<&str, &Storage> = description.storages().map(|s| (s.key.as_str(), s)).collect();
    let mut at = stream.stream_position()?;
    let end = stream.seek(SeekFrom::End(0))?;
    stream.seek(SeekFrom::Start(at))?;
    let mut places = HashMap::with_capacity(keys.len());
    for &key in keys {
        let storage = described.get(key).ok_or_else(|| ReadError::Archive {
            problem: format!("its storage `{key}` belongs to no tensor"),
        })?;
        let mut count = [0; 8];
        stream.read_exact(&mut count).map_err(ReadError::while_reading("its storages"))?;
        let count = u64::from_le_bytes(count);
        let (start, bytes) = (at + 8, count.checked_mul(storage.element.size_bytes() as u64));
        let next = bytes.and_then(|bytes| start.checked_add(bytes)).filter(|&next| next <= end);
        at = next.ok_or(ReadError::Truncated { what: "its storages" })?;
        stream.seek(SeekFrom::Start(at))?;
        places.insert(key.to_owned(), (start, at - start));
    }
    Ok(places)
}

impl<R: Read + Seek> Legacy<R> {
    /// All bytes of a storage, least significant first.
    pub(super) fn bytes(&mut self, name: &str, storage: &Storage) -> Result<Vec<u8>> {
        let claimed = claimed_bytes(name, storage)?;
        let &(start, bytes) = self
            .places
            .get(&storage.key)
            .ok_or_else(|| ReadError::tensor(name, format!("its storage `{}` is missing", storage.key)))?;
        if bytes != claimed {
            let problem = format!("its storage has {bytes} bytes, its description says {claimed}");
            return Err(ReadError::tensor(name, problem));
        }
        self.stream.seek(SeekFrom::Start(start))?;
        // `bytes` was found to lie inside the file, so this reserves no more than the file holds.
        let mut held =
            vec![0; usize::try_from(bytes).map_err(|_| ReadError::tensor(name, "too large for memory"))?];
        self.stream.read_exact(&mut held).map_err(ReadError::while_reading("a storage"))?;
        Ok(held)
    }
}
