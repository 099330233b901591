//! Bytes of one pickle, taken from a stream with a ceiling on how many.

use std::io::Read;

use crate::error::{ReadError, Result};

/// Longest module or class name in a pickle, in bytes.
const NAME_BYTES: usize = 256;

/// Takes bytes from a stream, never past the pickle's ceiling, and knows how many it took.
pub(crate) struct Source<R> {
    stream: R,
    at: u64,
    limit: u64,
}

impl<R: Read> Source<R> {
    pub(crate) fn new(stream: R, limit: u64) -> Self {
        Source { stream, at: 0, limit }
    }

    /// Bytes taken so far.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// An error at the present place.
    pub(crate) fn damaged(&self, problem: impl Into<String>) -> ReadError {
        ReadError::Pickle { at: self.at, problem: problem.into() }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.reserve(N as u64)?;
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes).map_err(ReadError::while_reading("its pickle"))?;
        Ok(bytes)
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// Takes `count` bytes. Memory grows with what really comes, not with what the file claims.
    pub(crate) fn bytes(&mut self, count: usize) -> Result<Vec<u8>> {
        self.reserve(count as u64)?;
        let mut bytes = Vec::new();
        self.stream.by_ref().take(count as u64).read_to_end(&mut bytes)?;
        if bytes.len() < count {
            return Err(ReadError::Truncated { what: "its pickle" });
        }
        Ok(bytes)
    }

    /// Takes `count` bytes of UTF-8.
    pub(crate) fn text(&mut self, count: usize) -> Result<String> {
        let bytes = self.bytes(count)?;
        String::from_utf8(bytes).map_err(|_| self.damaged("a string that is not UTF-8"))
    }

    /// Takes a name that ends with a line feed (the feed is taken too).
    pub(crate) fn line(&mut self) -> Result<String> {
        let mut bytes = Vec::new();
        loop {
            match self.byte()? {
                b'\n' => break,
                _ if bytes.len() == NAME_BYTES => return Err(self.damaged("a name without an end")),
                byte => bytes.push(byte),
            }
        }
        String::from_utf8(bytes).map_err(|_| self.damaged("a name that is not UTF-8"))
    }

    fn reserve(&mut self, count: u64) -> Result<()> {
        let wanted = self.at.saturating_add(count);
        if wanted > self.limit {
            let what = "the pickle, in bytes,";
            return Err(ReadError::TooLarge { what, found: wanted, limit: self.limit });
        }
        self.at = wanted;
        Ok(())
    }
}
