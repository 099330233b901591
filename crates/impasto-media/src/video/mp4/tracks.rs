//! The boxes of an index that we write.

use super::boxes::Out;
use super::edit::Edit;
use super::movie::TextHead;

/// No turning: the unit matrix of 16.16 numbers, but 2.30 in the last column.
const UNIT: [u32; 9] = [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30];
/// `und`: the language is not told.
pub(crate) const UNDETERMINED: u16 = 0x55c4;

/// What a track's boxes say besides its samples.
pub(crate) struct Head<'a> {
    /// Number, from 1.
    pub id: u32,
    /// Size as shown in px; none for sound and subtitles.
    pub shown: Option<(usize, usize)>,
    /// Of subtitles only.
    pub text: Option<&'a TextHead>,
    /// Ticks a second of the track.
    pub timescale: u32,
    /// Length in ticks of the track.
    pub duration: u64,
    /// Length as shown, in ticks of the film.
    pub film_duration: u64,
    /// Packed language.
    pub language: u16,
    /// Numbers of the tracks with its chapters.
    pub chapters: &'a [u32],
    /// What is shown when; empty for all from the start.
    pub edits: &'a [Edit],
    /// The body of `stsd`.
    pub stsd: &'a [u8],
}

/// `ftyp`: what the file is.
pub(crate) fn file_type(out: &mut Out, quicktime: bool, fragmented: bool) {
    let (brand, others): (&[u8; 4], &[&[u8; 4]]) = match (quicktime, fragmented) {
        (true, _) => (b"qt  ", &[b"qt  "]),
        (_, true) => (b"iso5", &[b"iso5", b"iso6", b"avc1", b"mp41"]),
        _ => (b"isom", &[b"isom", b"iso2", b"avc1", b"mp41"]),
    };
    out.put(b"ftyp", |out| {
        out.bytes(brand);
        out.u32(0x200);
        others.iter().for_each(|brand| out.bytes(*brand));
    });
}

/// `mvhd`: the film as a whole.
pub(crate) fn film(out: &mut Out, created: u64, timescale: u32, duration: u64, next_track: u32) {
    out.full(b"mvhd", 1, 0, |out| {
        out.u64(created);
        out.u64(created);
        out.u32(timescale);
        out.u64(duration);
        out.u32(1 << 16);
        out.u16(1 << 8);
        out.zeros(10);
        UNIT.iter().for_each(|&value| out.u32(value));
        out.zeros(24);
        out.u32(next_track);
    });
}

/// `trak`, with the sample table that `table` writes.
pub(crate) fn track(out: &mut Out, head: &Head, table: impl FnOnce(&mut Out)) {
    out.put(b"trak", |out| {
        track_header(out, head);
        if !head.chapters.is_empty() {
            out.put(b"tref", |out| {
                out.put(b"chap", |out| head.chapters.iter().for_each(|&number| out.u32(number)));
            });
        }
        if !head.edits.is_empty() {
            edit_list(out, head.edits);
        }
        out.put(b"mdia", |out| {
            media_header(out, head);
            handler(out, head);
            out.put(b"minf", |out| {
                match (head.text, head.shown) {
                    (Some(text), _) => out.put(&text.media.0, |out| out.bytes(&text.media.1)),
                    (None, Some(_)) => out.full(b"vmhd", 0, 1, |out| out.zeros(8)),
                    (None, None) => out.full(b"smhd", 0, 0, |out| out.zeros(4)),
                }
                data_reference(out);
                out.put(b"stbl", |out| {
                    out.put(b"stsd", |out| out.bytes(head.stsd));
                    table(out);
                });
            });
        });
    });
}

fn track_header(out: &mut Out, head: &Head) {
    // Enabled, in the film, in its preview.
    let (flags, group) = head.text.map_or((7, 0), |text| (text.flags, text.group));
    out.full(b"tkhd", 1, flags, |out| {
        out.u64(0);
        out.u64(0);
        out.u32(head.id);
        out.u32(0);
        out.u64(head.film_duration);
        out.zeros(10);
        out.u16(group);
        out.u16(if head.shown.is_some() || head.text.is_some() { 0 } else { 1 << 8 });
        out.u16(0);
        UNIT.iter().for_each(|&value| out.u32(value));
        let (width, height) = head.shown.unwrap_or_default();
        let (width, height) =
            head.text.map_or(((width as u32) << 16, (height as u32) << 16), |text| text.area);
        out.u32(width);
        out.u32(height);
    });
}

fn edit_list(out: &mut Out, edits: &[Edit]) {
    out.put(b"edts", |out| {
        out.full(b"elst", 1, 0, |out| {
            out.u32(edits.len() as u32);
            for edit in edits {
                out.u64(edit.duration);
                out.u64(edit.media_time as u64);
                out.u32(edit.rate);
            }
        });
    });
}

fn media_header(out: &mut Out, head: &Head) {
    out.full(b"mdhd", 1, 0, |out| {
        out.u64(0);
        out.u64(0);
        out.u32(head.timescale);
        out.u64(head.duration);
        out.u16(head.language);
        out.u16(0);
    });
}

fn handler(out: &mut Out, head: &Head) {
    let (kind, name): (&[u8; 4], &[u8]) = match (head.text, head.shown) {
        (Some(text), _) => (&text.handler, b"Subtitles\0"),
        (None, Some(_)) => (b"vide", b"Video\0"),
        (None, None) => (b"soun", b"Sound\0"),
    };
    out.full(b"hdlr", 0, 0, |out| {
        out.u32(0);
        out.bytes(kind);
        out.zeros(12);
        out.bytes(name);
    });
}

/// The data lies in this file.
fn data_reference(out: &mut Out) {
    out.put(b"dinf", |out| {
        out.full(b"dref", 0, 0, |out| {
            out.u32(1);
            out.full(b"url ", 0, 1, |_| ());
        });
    });
}
