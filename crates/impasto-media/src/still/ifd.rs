//! Directories of TIFF files: what a file says about its picture, and copies that say something else.
//!
//! TIFF 6.0, section 2; BigTIFF has offsets of 8 bytes. Every number read here may be wrong, and nothing panics.

use std::ops::Range;

pub(super) const PHOTOMETRIC: u16 = 262;
pub(super) const MAKE: u16 = 271;
pub(super) const ORIENTATION: u16 = 274;
pub(super) const SUB_DIRECTORIES: u16 = 330;
pub(super) const COMPRESSION: u16 = 259;
pub(super) const ICC: u16 = 34675;

/// More values than any tag of a picture needs that is read here.
const MOST_VALUES: u64 = 1 << 22;

/// Byte order and kind of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    little: bool,
    big: bool,
}

/// One entry: its tag, its type, the count of its values, and its place in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub tag: u16,
    kind: u16,
    pub count: u64,
    at: usize,
}

/// A directory of a file.
#[derive(Clone, Debug)]
pub(super) struct Ifd<'a> {
    bytes: &'a [u8],
    form: Form,
    entries: Vec<Entry>,
    /// Offset of the next page's directory, or 0.
    pub next: u64,
}

impl Form {
    fn of(bytes: &[u8]) -> Option<Form> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Form { little: true, big: false }),
            b"MM\0*" => Some(Form { little: false, big: false }),
            b"II+\0" => Some(Form { little: true, big: true }),
            b"MM\0+" => Some(Form { little: false, big: true }),
            _ => None,
        }
    }

    /// An unsigned number of 1, 2, 4 or 8 bytes.
    fn number(self, bytes: &[u8], at: usize, size: usize) -> Option<u64> {
        let part = bytes.get(at..at.checked_add(size)?)?;
        let fold = |n: u64, b: &u8| n << 8 | u64::from(*b);
        Some(if self.little { part.iter().rev().fold(0, fold) } else { part.iter().fold(0, fold) })
    }

    fn put(self, bytes: &mut [u8], at: usize, size: usize, value: u64) {
        for (i, byte) in bytes[at..at + size].iter_mut().enumerate() {
            let shift = if self.little { i } else { size - 1 - i };
            *byte = (value >> (8 * shift)) as u8;
        }
    }

    /// Bytes of an offset, and of the field that holds a value or its offset.
    fn offset_bytes(self) -> usize {
        if self.big { 8 } else { 4 }
    }

    /// Place of the count of values in an entry, and of the value.
    fn count_at(self) -> usize {
        4
    }

    fn value_at(self) -> usize {
        4 + self.offset_bytes()
    }

    fn entry_bytes(self) -> usize {
        4 + 2 * self.offset_bytes()
    }
}

/// Bytes of one value of a type.
fn size_of(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 | 17 | 18 => Some(8),
        _ => None,
    }
}

impl<'a> Ifd<'a> {
    /// The first directory of a TIFF file.
    pub(super) fn first(bytes: &'a [u8]) -> Option<Ifd<'a>> {
        let form = Form::of(bytes)?;
        let start = if form.big { form.number(bytes, 8, 8)? } else { form.number(bytes, 4, 4)? };
        Ifd::at(bytes, form, start)
    }

    fn at(bytes: &'a [u8], form: Form, start: u64) -> Option<Ifd<'a>> {
        let start = usize::try_from(start).ok()?;
        let count_bytes = if form.big { 8 } else { 2 };
        let count = usize::try_from(form.number(bytes, start, count_bytes)?).ok()?.min(4096);
        let first = start.checked_add(count_bytes)?;
        let entry = |i: usize| {
            let at = first + i * form.entry_bytes();
            let number = |offset, size| form.number(bytes, at + offset, size);
            Some(Entry {
                tag: number(0, 2)? as u16,
                kind: number(2, 2)? as u16,
                count: number(form.count_at(), form.offset_bytes())?,
                at,
            })
        };
        let entries: Vec<_> = (0..count).map_while(entry).collect();
        let next = form.number(bytes, first + count * form.entry_bytes(), form.offset_bytes()).unwrap_or(0);
        Some(Ifd { bytes, form, entries, next })
    }

    /// The entry of a tag.
    pub(super) fn entry(&self, tag: u16) -> Option<Entry> {
        self.entries.iter().find(|entry| entry.tag == tag).copied()
    }

    /// The bytes of an entry's values in the file.
    fn range(&self, entry: Entry) -> Option<Range<usize>> {
        let bytes = usize::try_from(entry.count).ok()?.checked_mul(size_of(entry.kind)?)?;
        let field = entry.at + self.form.value_at();
        let start = match bytes <= self.form.offset_bytes() {
            true => field,
            false => usize::try_from(self.form.number(self.bytes, field, self.form.offset_bytes())?).ok()?,
        };
        let end = start.checked_add(bytes)?;
        (end <= self.bytes.len()).then_some(start..end)
    }

    /// The unsigned numbers of a tag.
    pub(super) fn numbers(&self, tag: u16) -> Option<Vec<u64>> {
        let entry = self.entry(tag).filter(|entry| entry.count <= MOST_VALUES)?;
        let size = size_of(entry.kind).filter(|_| matches!(entry.kind, 1 | 3 | 4 | 7 | 13 | 16 | 18))?;
        let range = self.range(entry)?;
        range.step_by(size).map(|at| self.form.number(self.bytes, at, size)).collect()
    }

    /// The first number of a tag.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag)?.first().copied()
    }

    /// The raw bytes of a tag.
    pub(super) fn blob(&self, tag: u16) -> Option<&'a [u8]> {
        self.bytes.get(self.range(self.entry(tag)?)?)
    }

    /// The directories that hang on this one.
    pub(super) fn children(&self) -> Vec<Ifd<'a>> {
        let offsets = self.numbers(SUB_DIRECTORIES).unwrap_or_default();
        offsets.into_iter().take(16).filter_map(|at| Ifd::at(self.bytes, self.form, at)).collect()
    }

    /// A copy of the file in which `tag` has one value.
    pub(super) fn with_number(&self, tag: u16, value: u64) -> Option<Vec<u8>> {
        let mut copy = self.bytes.to_vec();
        self.put_number(&mut copy, tag, value)?;
        Some(copy)
    }

    /// Gives `tag` one value in a copy of the file. A type of one byte becomes one of two.
    pub(super) fn put_number(&self, copy: &mut [u8], tag: u16, value: u64) -> Option<()> {
        let entry = self.entry(tag)?;
        let kind = if matches!(entry.kind, 4 | 16) { entry.kind } else { 3 };
        let field = entry.at + self.form.value_at();
        copy.get(field..field + self.form.offset_bytes())?;
        self.form.put(copy, entry.at + 2, 2, u64::from(kind));
        self.form.put(copy, entry.at + self.form.count_at(), self.form.offset_bytes(), 1);
        self.form.put(copy, field, size_of(kind)?, value);
        Some(())
    }

    /// Keeps of a list of values the `part`-th of `parts` equal parts, in a copy of the file.
    pub(super) fn put_part(&self, copy: &mut [u8], tag: u16, part: usize, parts: usize) -> Option<()> {
        let entry = self.entry(tag)?;
        let each = usize::try_from(entry.count).ok()? / parts;
        let size = size_of(entry.kind)?;
        let from = self.range(entry)?.start + part * each * size;
        let field = entry.at + self.form.value_at();
        self.form.put(copy, entry.at + self.form.count_at(), self.form.offset_bytes(), each as u64);
        if each * size <= self.form.offset_bytes() {
            let values = self.bytes.get(from..from + each * size)?;
            copy.get_mut(field..field + each * size)?.copy_from_slice(values);
        } else {
            self.form.put(copy, field, self.form.offset_bytes(), from as u64);
        }
        Some(())
    }

    /// Makes the decoder pass over a tag, in a copy of the file: it gets a number that nobody uses.
    pub(super) fn hide(&self, copy: &mut [u8], tag: u16) {
        if let Some(entry) = self.entry(tag) {
            self.form.put(copy, entry.at, 2, 65_000);
        }
    }
}
