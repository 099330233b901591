//! Boxes: a big-endian length, a name of four letters, a body.

use std::io::{self, Read, Seek, SeekFrom};

/// A name of four letters.
pub(crate) type Name = [u8; 4];

/// Reads big-endian numbers from a body; `None` past its end.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|b| u16::from_be_bytes([b[0], b[1]]))
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }

    pub fn u64(&mut self) -> Option<u64> {
        Some((u64::from(self.u32()?) << 32) | u64::from(self.u32()?))
    }

    pub fn name(&mut self) -> Option<Name> {
        self.take(4).map(|b| [b[0], b[1], b[2], b[3]])
    }

    /// Version and flags of a full box.
    pub fn version(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        Some(((word >> 24) as u8, word & 0xff_ffff))
    }
}

/// The boxes inside a body. What does not fit in the body ends the walk.
pub(crate) fn children(body: &[u8]) -> impl Iterator<Item = (Name, &[u8])> {
    let mut rest = Bytes(body);
    std::iter::from_fn(move || {
        let whole = rest.0;
        let size = rest.u32()? as usize;
        let name = rest.name()?;
        let size = match size {
            0 => whole.len(),
            1 => usize::try_from(rest.u64()?).ok()?,
            size => size,
        };
        let header = whole.len() - rest.0.len();
        let body = rest.take(size.checked_sub(header)?)?;
        Some((name, body))
    })
}

/// The first box of that name inside a body.
pub(crate) fn child<'a>(body: &'a [u8], name: &Name) -> Option<&'a [u8]> {
    children(body).find(|(found, _)| found == name).map(|(_, body)| body)
}

/// The box at the end of a path of names.
pub(crate) fn descend<'a>(body: &'a [u8], path: &[&Name]) -> Option<&'a [u8]> {
    path.iter().try_fold(body, |body, name| child(body, name))
}

/// Where a box of the file lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub name: Name,
    /// First byte of the box.
    pub start: u64,
    /// First byte of its body.
    pub body: u64,
    /// First byte after it; may lie past the file's end.
    pub end: u64,
}

impl Place {
    /// The body; an error if the file ends before it.
    pub fn read(&self, file: &mut (impl Read + Seek)) -> io::Result<Vec<u8>> {
        file.seek(SeekFrom::Start(self.body))?;
        let length = self.end - self.body;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// The box that begins at `at`; `None` at the end, or where no box can begin.
pub(crate) fn place_at(file: &mut (impl Read + Seek), at: u64, file_end: u64) -> io::Result<Option<Place>> {
    let mut header = [0; 16];
    file.seek(SeekFrom::Start(at))?;
    let mut have = 0;
    while have < 16 {
        match file.read(&mut header[have..])? {
            0 => break,
            read => have += read,
        }
    }
    let mut bytes = Bytes(&header[..have]);
    let (Some(size), Some(name)) = (bytes.u32(), bytes.name()) else { return Ok(None) };
    let (size, body) = match size {
        0 => (file_end - at, 8),
        1 => (bytes.u64().unwrap_or(0), 16),
        size => (u64::from(size), 8),
    };
    let end = at.checked_add(size);
    Ok(end.filter(|_| size >= body).map(|end| Place { name, start: at, body: at + body, end }))
}

/// Boxes being written.
#[derive(Default)]
pub(crate) struct Out(pub Vec<u8>);

impl Out {
    /// A box whose body `fill` writes.
    pub fn put(&mut self, name: &Name, fill: impl FnOnce(&mut Out)) {
        let start = self.0.len();
        self.u32(0);
        self.0.extend(name);
        fill(self);
        let length = u32::try_from(self.0.len() - start).expect("an index under 4 GiB");
        self.0[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    /// A box with version and flags.
    pub fn full(&mut self, name: &Name, version: u8, flags: u32, fill: impl FnOnce(&mut Out)) {
        self.put(name, |out| {
            out.u32((u32::from(version) << 24) | flags);
            fill(out);
        });
    }

    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn u16(&mut self, value: u16) {
        self.0.extend(value.to_be_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.0.extend(value.to_be_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.0.extend(value.to_be_bytes());
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
    }

    pub fn zeros(&mut self, count: usize) {
        self.0.extend(std::iter::repeat_n(0, count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn boxes_are_written_and_found() {
        let mut out = Out::default();
        out.put(b"moov", |out| {
            out.full(b"mvhd", 0, 7, |out| out.u16(9));
            out.put(b"trak", |out| out.put(b"mdia", |out| out.u8(5)));
        });
        let moov = child(&out.0, b"moov").unwrap();
        assert_eq!(descend(moov, &[b"trak", b"mdia"]), Some(&[5][..]));
        let mut mvhd = Bytes(child(moov, b"mvhd").unwrap());
        assert_eq!((mvhd.version(), mvhd.u16(), mvhd.u16()), (Some((0, 7)), Some(9), None));
        let place = place_at(&mut Cursor::new(&out.0), 0, out.0.len() as u64).unwrap().unwrap();
        assert_eq!((place.name, place.end), (*b"moov", out.0.len() as u64));
        assert_eq!(place.read(&mut Cursor::new(&out.0)).unwrap(), moov);
    }

    #[test]
    fn nonsense_ends_the_walk() {
        for bad in [
            &[][..],
            &[0, 0, 0],
            &[0, 0, 0, 4, 1, 2, 3, 4],
            &[0, 0, 0, 99, b'm', b'o', b'o', b'v'],
            &[0, 0, 0, 1, 1, 1, 1, 1, 255, 255, 255, 255, 255, 255, 255, 255],
        ] {
            assert_eq!(children(bad).count(), 0, "{bad:?}");
        }
    }
}
