//! The zip format. Only stored entries: PyTorch never compresses, so nothing here can unfold into more than the file's
//! own size.

use std::io::{BufRead, Read, Seek};

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::{Views, claimed_bytes};
use crate::Limits;
use crate::error::{ReadError, Result};
use crate::pickle::{Pickle, Storage};

/// An open archive.
pub(super) struct Archive<R> {
    zip: ZipArchive<R>,
    /// Folder that everything lies in, often named like the file.
    folder: String,
    big_endian: bool,
}

/// The archive itself, in messages about its entries.
const WHOLE: &str = "the archive";

/// Opens the archive and reads its description.
pub(super) fn open<R: BufRead + Seek>(stream: R, limits: &Limits) -> Result<(Archive<R>, Views)> {
    let mut zip = ZipArchive::new(stream).map_err(|e| unusable(WHOLE, e))?;
    let folder = folder(&zip)?;
    let big_endian = is_big_endian(&mut zip, &folder)?;
    let description = description(&mut zip, &folder, limits)?;
    let views = Pickle::read(description.as_slice(), limits)?.tensors(limits)?;
    Ok((Archive { zip, folder, big_endian }, views))
}

/// The pickle, read to its end so that its checksum is compared.
fn description<R: Read + Seek>(zip: &mut ZipArchive<R>, folder: &str, limits: &Limits) -> Result<Vec<u8>> {
    let path = format!("{folder}/data.pkl");
    let mut entry = stored(zip, &path)?;
    if entry.size() > limits.header_bytes {
        let what = "the pickle, in bytes,";
        return Err(ReadError::TooLarge { what, found: entry.size(), limit: limits.header_bytes });
    }
    let mut bytes = Vec::new();
    let read = entry.read_to_end(&mut bytes);
    read.map_err(|e| ReadError::Archive { problem: format!("`{path}`: {e}") })?;
    Ok(bytes)
}

impl<R: Read + Seek> Archive<R> {
    /// All bytes of a storage, least significant first.
    pub(super) fn bytes(&mut self, name: &str, storage: &Storage) -> Result<Vec<u8>> {
        let claimed = claimed_bytes(name, storage)?;
        let path = format!("{}/data/{}", self.folder, storage.key);
        let mut entry = stored(&mut self.zip, &path)?;
        if entry.size() != claimed {
            let problem = format!("its storage has {} bytes, its description says {claimed}", entry.size());
            return Err(ReadError::tensor(name, problem));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|e| damaged(name, e))?;
        if bytes.len() as u64 != claimed {
            return Err(ReadError::Truncated { what: "a storage" });
        }
        if self.big_endian {
            bytes.chunks_exact_mut(storage.element.size_bytes()).for_each(<[u8]>::reverse);
        }
        Ok(bytes)
    }
}

/// The folder of `data.pkl`. A TorchScript program has one too, beside its code.
fn folder<R: Read + Seek>(zip: &ZipArchive<R>) -> Result<String> {
    let unusable = |problem: &str| ReadError::Archive { problem: problem.to_owned() };
    let names: Vec<_> = zip.file_names().filter_map(|name| name.ok()).collect();
    if names.iter().any(|name| name.ends_with("/constants.pkl")) {
        return Err(unusable("it is a TorchScript program, not weights; save its state_dict() instead"));
    }
    let folders: Vec<&str> = names.iter().filter_map(|name| name.strip_suffix("/data.pkl")).collect();
    match folders.as_slice() {
        [folder] => Ok((*folder).to_owned()),
        [] => Err(unusable("it is a zip file, but not one that PyTorch wrote: it has no data.pkl")),
        _ => Err(unusable("it has more than one data.pkl")),
    }
}

fn is_big_endian<R: Read + Seek>(zip: &mut ZipArchive<R>, folder: &str) -> Result<bool> {
    let path = format!("{folder}/byteorder");
    if zip.index_for_name(&path).is_none() {
        return Ok(false);
    }
    let mut order = String::new();
    let read = stored(zip, &path)?.take(16).read_to_string(&mut order);
    read.map_err(|e| ReadError::Archive { problem: format!("`{path}`: {e}") })?;
    match order.trim() {
        "little" => Ok(false),
        "big" => Ok(true),
        _ => Err(ReadError::Archive { problem: format!("`{path}` is neither `little` nor `big`") }),
    }
}

/// An entry that is not compressed, so that its size is bounded by the file's.
fn stored<'a, R: Read + Seek>(zip: &'a mut ZipArchive<R>, path: &str) -> Result<zip::read::ZipFile<'a, R>> {
    let entry = zip.by_name(path).map_err(|e| unusable(path, e))?;
    if entry.compression() != CompressionMethod::Stored || entry.size() != entry.compressed_size() {
        return Err(ReadError::Archive {
            problem: format!("`{path}` is compressed, which PyTorch never does"),
        });
    }
    Ok(entry)
}

fn unusable(path: &str, e: ZipError) -> ReadError {
    match e {
        ZipError::Io(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            ReadError::Truncated { what: "its archive" }
        }
        ZipError::Io(e) => ReadError::Io(e),
        // The list of contents stands at the end, and is what a cut file lacks.
        ZipError::InvalidArchive(_) if path == WHOLE => ReadError::Truncated { what: "its archive" },
        ZipError::FileNotFound => ReadError::Archive { problem: format!("`{path}` is missing") },
        other => ReadError::Archive { problem: format!("`{path}`: {other}") },
    }
}

fn damaged(name: &str, e: std::io::Error) -> ReadError {
    match e.kind() {
        std::io::ErrorKind::UnexpectedEof => ReadError::Truncated { what: "a storage" },
        _ => ReadError::tensor(name, format!("its storage cannot be read: {e}")),
    }
}
