//! One face for every kind of weight file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use impasto_core::weights::Weight;

use crate::Limits;
use crate::element::Element;
use crate::error::{ReadError, Result};
use crate::pth::Pth;
use crate::safetensors::Safetensors;

/// Name, type, shape and place of one tensor, as the file states them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Kind of number.
    pub element: Element,
    /// Sides, outermost first.
    pub shape: Vec<usize>,
}

/// An open weight file: `.pth` of either format, or safetensors. Tensors are listed at once and read one by one, so
/// that the encoder of a large classifier costs no more than itself. Nothing in the file is executed.
///
/// ```no_run
/// let mut file = impasto_import::TensorFile::open("vgg_normalised.pth".as_ref())?;
/// for (name, info) in file.tensors() {
///     println!("{name} {} {:?}", info.element, info.shape);
/// }
/// let kernel = file.read("0.weight")?;
/// # Ok::<(), impasto_import::ReadError>(())
/// ```
pub struct TensorFile<R> {
    tensors: BTreeMap<String, TensorInfo>,
    content: Content<R>,
    limits: Limits,
}

enum Content<R> {
    Pth(Pth<R>),
    Safetensors(Safetensors<R>),
}

impl TensorFile<BufReader<File>> {
    /// Opens a file. Its first bytes tell which format it has, whatever its name; only where they tell nothing does a
    /// name that ends in `.safetensors` count.
    pub fn open(path: &Path) -> Result<Self> {
        let mut stream = BufReader::new(File::open(path)?);
        let named = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("safetensors"));
        match Format::detect(&mut stream) {
            Err(ReadError::NotWeights { found: UNKNOWN }) if named => {
                Self::from_format(stream, Format::Safetensors, Limits::default())
            }
            format => Self::from_format(stream, format?, Limits::default()),
        }
    }
}

impl<R: BufRead + Seek> TensorFile<R> {
    /// Reads the description of a file that starts at the beginning of `stream`.
    pub fn from_reader(mut stream: R, limits: Limits) -> Result<Self> {
        let format = Format::detect(&mut stream)?;
        Self::from_format(stream, format, limits)
    }

    fn from_format(stream: R, format: Format, limits: Limits) -> Result<Self> {
        let content = match format {
            Format::Archive => Content::Pth(Pth::open_archive(stream, &limits)?),
            Format::Legacy => Content::Pth(Pth::open_legacy(stream, &limits)?),
            Format::Safetensors => Content::Safetensors(Safetensors::open(stream, &limits)?),
        };
        let tensors: BTreeMap<_, _> = match &content {
            Content::Pth(pth) => pth.tensors().map(described).collect(),
            Content::Safetensors(file) => file.tensors().map(described).collect(),
        };
        if tensors.is_empty() {
            return Err(ReadError::NoTensors);
        }
        Ok(TensorFile { tensors, content, limits })
    }

    /// All tensors in the order of their names.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.tensors.iter().map(|(name, info)| (name.as_str(), info))
    }

    /// The file's statement about a tensor.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.tensors.get(name)
    }

    /// Reads one tensor, row-major, as `f32`. Every value is finite.
    pub fn read(&mut self, name: &str) -> Result<Weight> {
        let info = self.tensors.get(name).ok_or_else(|| ReadError::NoSuchTensor { name: name.to_owned() })?;
        if !info.element.is_float() {
            return Err(ReadError::NotFloat { name: name.to_owned(), element: info.element });
        }
        let numbers =
            info.shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side)).unwrap_or(usize::MAX);
        if numbers > self.limits.numbers {
            let (found, limit) = (numbers as u64, self.limits.numbers as u64);
            return Err(ReadError::TooLarge { what: "a tensor, in numbers,", found, limit });
        }
        let shape = info.shape.clone();
        let values = match &mut self.content {
            Content::Pth(pth) => pth.read(name)?,
            Content::Safetensors(file) => file.read(name)?,
        };
        match values.iter().position(|v| !v.is_finite()) {
            Some(index) => Err(ReadError::NotFinite { name: name.to_owned(), index, value: values[index] }),
            None => Ok(Weight { shape, values }),
        }
    }
}

fn described((name, element, shape): (&str, Element, &[usize])) -> (String, TensorInfo) {
    (name.to_owned(), TensorInfo { element, shape: shape.to_vec() })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Archive,
    Legacy,
    Safetensors,
}

const UNKNOWN: &str = "its first bytes belong to no format known here";

/// First bytes of things that people mistake for weights, and what to call them.
const MISTAKEN: [(&[u8], &str); 9] = [
    (b"version https://git-lfs", "it is a Git LFS pointer, not the file it points to"),
    (b"<", "it is a web page"),
    (b"\x89HDF", "it is an HDF5 file (Keras)"),
    (b"\x89PNG", "it is a picture"),
    (b"\xff\xd8\xff", "it is a picture"),
    (b"\x04\0\0\0\x01\0\0\0", "it is a Torch 7 file (.t7)"),
    (b"\x1f\x8b", "it is compressed with gzip: unpack it first"),
    (b"\x08", "it looks like an ONNX or TensorFlow graph"),
    (b"{", "it is JSON text"),
];

impl Format {
    /// Looks at the first bytes and returns to them.
    fn detect(stream: &mut (impl Read + Seek)) -> Result<Format> {
        let mut head = Vec::new();
        stream.seek(SeekFrom::Start(0))?;
        stream.take(512).read_to_end(&mut head)?;
        stream.seek(SeekFrom::Start(0))?;
        Format::from_head(&head).map_err(|found| ReadError::NotWeights { found })
    }

    fn from_head(head: &[u8]) -> std::result::Result<Format, &'static str> {
        match head {
            [] => Err("it is empty"),
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Ok(Format::Archive),
            // A header's length may look like a pickle's first bytes (128, 384, 640, …); no pickle has six zeros there and
            // then a brace.
            [_, _, _, _, _, 0, 0, 0, b'{', ..] => Ok(Format::Safetensors),
            [0x80, 0..=5, ..] => Ok(Format::Legacy),
            [_, _, _, _, _, _, _, _, b'{', ..] => Ok(Format::Safetensors),
            _ if head.get(257..262) == Some(b"ustar") => Err("it is a tar archive: unpack it first"),
            _ => Err(MISTAKEN.iter().find(|(bytes, _)| head.starts_with(bytes)).map_or_else(
                || {
                    if head.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) {
                        "it is a text file"
                    } else {
                        UNKNOWN
                    }
                },
                |(_, what)| what,
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_the_format() {
        assert_eq!(Format::from_head(b"PK\x03\x04...."), Ok(Format::Archive));
        assert_eq!(Format::from_head(b"\x80\x02\x8a\x0a"), Ok(Format::Legacy));
        assert_eq!(Format::from_head(b"\x40\0\0\0\0\0\0\0{\"a\""), Ok(Format::Safetensors));
        for length in [128u64, 384, 640, 896, 1152, 1408, 0x0280, 1 << 20] {
            let head = [&length.to_le_bytes()[..], b"{\"a\":"].concat();
            assert_eq!(Format::from_head(&head), Ok(Format::Safetensors), "{length}");
        }
    }

    #[test]
    fn things_that_are_no_weights_are_called_by_their_name() {
        assert_eq!(Format::from_head(b""), Err("it is empty"));
        assert_eq!(Format::from_head(b"Dear friend,\nno weights here"), Err("it is a text file"));
        assert_eq!(Format::from_head(b"<!DOCTYPE html>"), Err("it is a web page"));
        assert_eq!(Format::from_head(&[0xee; 40]), Err(UNKNOWN));
    }
}
