//! Edit lists: which part of a track is shown, and from when on.

use super::boxes::{Bytes, child};

/// One line of an edit list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Edit {
    /// How long, in ticks of the whole film; 0 means to the end.
    pub duration: u64,
    /// From which moment of the track, in its own ticks; -1 shows nothing.
    pub media_time: i64,
    /// Speed as a 16.16 number.
    pub rate: u32,
}

/// Reads the edit list of a `trak`.
pub(crate) fn read(trak: &[u8]) -> Vec<Edit> {
    let list = || {
        let mut bytes = Bytes(super::boxes::descend(trak, &[b"edts", b"elst"])?);
        let (version, _) = bytes.version()?;
        let count = bytes.u32()?;
        let mut edits = Vec::new();
        for _ in 0..count {
            let edit = match version {
                1 => (bytes.u64()?, bytes.u64()? as i64, bytes.u32()?),
                _ => (u64::from(bytes.u32()?), i64::from(bytes.u32()? as i32), bytes.u32()?),
            };
            edits.push(Edit { duration: edit.0, media_time: edit.1, rate: edit.2 });
        }
        Some(edits)
    };
    child(trak, b"edts").and_then(|_| list()).unwrap_or_default()
}

/// What a simple edit list means, in ticks of the track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    /// Nothing is shown for so long at first.
    pub delay: i64,
    /// Then the track from here on.
    pub from: i64,
    /// For so long; `None` to the end.
    pub length: Option<i64>,
    /// Times in the list may be off by this much, for they are in coarser ticks.
    pub slack: i64,
}

/// The window of an edit list: perhaps a delay, then one piece. `None` for lists that cut or change the speed.
pub(crate) fn window(edits: &[Edit], timescale: u32, film_timescale: u32) -> Option<Window> {
    let ticks = |film: u64| {
        let scale = u128::from(film_timescale.max(1));
        i64::try_from((u128::from(film) * u128::from(timescale) + scale / 2) / scale).unwrap_or(i64::MAX / 4)
    };
    let slack = i64::from(timescale) / i64::from(film_timescale.max(1)) + 1;
    let whole = Window { delay: 0, from: 0, length: None, slack };
    let (delays, pieces): (Vec<&Edit>, Vec<&Edit>) = edits.iter().partition(|e| e.media_time < 0);
    let delay = ticks(delays.iter().map(|e| e.duration).sum());
    match pieces[..] {
        [] => Some(whole),
        [piece] if piece.rate == 1 << 16 && edits.last() == Some(piece) => {
            let length = (piece.duration > 0).then(|| ticks(piece.duration));
            Some(Window { delay, from: piece.media_time, length, slack })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: u32 = 1 << 16;

    #[test]
    fn a_delay_and_one_piece_are_a_window() {
        let edits = [
            Edit { duration: 500, media_time: -1, rate: ONE },
            Edit { duration: 10_000, media_time: 1024, rate: ONE },
        ];
        let window = window(&edits, 48_000, 1000).unwrap();
        assert_eq!((window.delay, window.from, window.length), (24_000, 1024, Some(480_000)));
        assert_eq!(super::window(&[], 600, 600).unwrap().length, None);
    }

    #[test]
    fn cuts_and_speeds_are_none() {
        let piece = |media_time| Edit { duration: 10, media_time, rate: ONE };
        assert_eq!(window(&[piece(0), piece(500)], 600, 600), None);
        assert_eq!(window(&[Edit { rate: ONE / 2, ..piece(0) }], 600, 600), None);
    }
}
