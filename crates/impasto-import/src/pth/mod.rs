//! PyTorch's two file formats, read without PyTorch.
//!
//! * **Archive** (`torch >= 1.6`): a zip file of stored entries: `NAME/data.pkl` describes the tensors,
//!   `NAME/data/KEY` holds each storage, `NAME/byteorder` says `little` or `big`.
//! * **Legacy** (before): four pickles one after another (magic number, protocol, system, description), a fifth with
//!   the list of storage keys, then per key a count of numbers (8 bytes) and the numbers themselves.

mod archive;
mod legacy;

use std::collections::BTreeMap;
use std::io::{BufRead, Seek};

use crate::Limits;
use crate::element::Element;
use crate::error::{ReadError, Result};
use crate::pickle::{Storage, View};

/// Tensors by name, in the file's order.
type Views = Vec<(String, View)>;

/// A `.pth` file whose description has been read; numbers are fetched tensor by tensor.
pub(crate) struct Pth<R> {
    views: BTreeMap<String, View>,
    storages: Storages<R>,
}

enum Storages<R> {
    Archive(archive::Archive<R>),
    Legacy(legacy::Legacy<R>),
}

impl<R: BufRead + Seek> Pth<R> {
    pub(crate) fn open_archive(stream: R, limits: &Limits) -> Result<Self> {
        let (archive, views) = archive::open(stream, limits)?;
        Ok(Pth { views: views.into_iter().collect(), storages: Storages::Archive(archive) })
    }

    pub(crate) fn open_legacy(stream: R, limits: &Limits) -> Result<Self> {
        let (legacy, views) = legacy::open(stream, limits)?;
        Ok(Pth { views: views.into_iter().collect(), storages: Storages::Legacy(legacy) })
    }

    /// Name, kind and shape of every tensor.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&str, Element, &[usize])> {
        self.views.iter().map(|(name, view)| (name.as_str(), view.storage.element, view.shape.as_slice()))
    }

    /// The values of a tensor, row-major. The caller has checked its kind and size.
    pub(crate) fn read(&mut self, name: &str) -> Result<Vec<f32>> {
        let view = self.views.get(name).ok_or_else(|| ReadError::NoSuchTensor { name: name.to_owned() })?;
        let bytes = match &mut self.storages {
            Storages::Archive(archive) => archive.bytes(name, &view.storage)?,
            Storages::Legacy(legacy) => legacy.bytes(name, &view.storage)?,
        };
        view.gather(name, &bytes)
    }
}

/// Bytes that a storage claims to have.
fn claimed_bytes(name: &str, storage: &Storage) -> Result<u64> {
    let bytes = storage.len.checked_mul(storage.element.size_bytes() as u64);
    bytes.ok_or_else(|| ReadError::tensor(name, "its storage claims more than 2^64 bytes"))
}
