//! safetensors, read tensor by tensor: the header is checked before any of it is believed.
//!
//! [`impasto_core::Weights`] reads whole files of ours. A file from outside may be a 550 MB classifier of which we want
//! the first tenth, and may hold counters beside its weights; so here only the header is read at first.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::io::{BufRead, Seek, SeekFrom};

use safetensors::tensor::{Dtype, Metadata};

use crate::Limits;
use crate::element::Element;
use crate::error::{ReadError, Result};

/// Bytes of the header's own length.
const PREFIX: u64 = 8;

/// A safetensors file whose header has been read.
pub(crate) struct Safetensors<R> {
    stream: R,
    tensors: BTreeMap<String, Entry>,
}

struct Entry {
    element: Element,
    shape: Vec<usize>,
    start: u64,
    bytes: usize,
}

impl<R: BufRead + Seek> Safetensors<R> {
    /// Reads the header. The safetensors library checks that the tensors follow each other without gap or overlap and
    /// that each has as many bytes as its shape needs; that they fill the file exactly is checked here.
    pub(crate) fn open(mut stream: R, limits: &Limits) -> Result<Self> {
        let end = stream.seek(SeekFrom::End(0))?;
        stream.seek(SeekFrom::Start(0))?;
        let header = read_header(&mut stream, end, limits)?;
        let metadata: Metadata = serde_json::from_slice(&header).map_err(|e| bad_header(e.to_string()))?;
        let first = PREFIX + header.len() as u64;
        match (end - first).cmp(&(metadata.data_len() as u64)) {
            Ordering::Less => return Err(ReadError::Truncated { what: "its tensors" }),
            Ordering::Greater => return Err(bad_header("bytes follow that belong to no tensor")),
            Ordering::Equal => {}
        }
        let entries = metadata.tensors().into_iter().map(|(name, info)| {
            let element = element_from_dtype(info.dtype).ok_or_else(|| {
                ReadError::tensor(&name, format!("its numbers are {:?}, which we cannot read", info.dtype))
            })?;
            let (start, stop) = info.data_offsets;
            let entry = Entry {
                element,
                shape: info.shape.clone(),
                start: first + start as u64,
                bytes: stop - start,
            };
            Ok((name, entry))
        });
        Ok(Safetensors { tensors: entries.collect::<Result<_>>()?, stream })
    }

    /// Name, kind and shape of every tensor.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = (&str, Element, &[usize])> {
        self.tensors.iter().map(|(name, entry)| (name.as_str(), entry.element, entry.shape.as_slice()))
    }

    /// The values of a tensor, row-major. The caller has checked its kind and size.
    pub(crate) fn read(&mut self, name: &str) -> Result<Vec<f32>> {
        let entry =
            self.tensors.get(name).ok_or_else(|| ReadError::NoSuchTensor { name: name.to_owned() })?;
        self.stream.seek(SeekFrom::Start(entry.start))?;
        let mut bytes = vec![0; entry.bytes];
        self.stream.read_exact(&mut bytes).map_err(ReadError::while_reading("a tensor"))?;
        let numbers = bytes.chunks_exact(entry.element.size_bytes());
        let values = numbers.map(|number| entry.element.decode_le(number)).collect::<Option<Vec<_>>>();
        values.ok_or_else(|| ReadError::NotFloat { name: name.to_owned(), element: entry.element })
    }
}

/// The header, if its stated length is under the limit and inside the file.
fn read_header(stream: &mut impl BufRead, end: u64, limits: &Limits) -> Result<Vec<u8>> {
    let cut_short = ReadError::while_reading("its header");
    let mut length = [0; PREFIX as usize];
    stream.read_exact(&mut length).map_err(&cut_short)?;
    let claimed = u64::from_le_bytes(length);
    if claimed > limits.header_bytes {
        let what = "the safetensors header, in bytes,";
        return Err(ReadError::TooLarge { what, found: claimed, limit: limits.header_bytes });
    }
    if PREFIX + claimed > end {
        return Err(ReadError::Truncated { what: "its header" });
    }
    let mut header = vec![0; claimed as usize];
    stream.read_exact(&mut header).map_err(cut_short)?;
    Ok(header)
}

fn element_from_dtype(dtype: Dtype) -> Option<Element> {
    Some(match dtype {
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::F32 => Element::F32,
        Dtype::F64 => Element::F64,
        Dtype::BOOL | Dtype::U8 | Dtype::I8 => Element::Integer(1),
        Dtype::I16 | Dtype::U16 => Element::Integer(2),
        Dtype::I32 | Dtype::U32 => Element::Integer(4),
        Dtype::I64 | Dtype::U64 => Element::Integer(8),
        _ => return None,
    })
}

fn bad_header(problem: impl Into<String>) -> ReadError {
    ReadError::Header { problem: problem.into() }
}
