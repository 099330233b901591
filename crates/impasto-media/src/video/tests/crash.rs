//! A power cut at any moment: everything that was written to the disk is logged, a part of what was not synced is lost, and the film must
//! become what an unbroken run makes.

use super::stages::{Darkener, Made, paint, paint_on};
use super::*;
use crate::testing::Folder;
use crate::video::disk::{Disk, PartFile, RealDisk};
use std::fs;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The disk's operations, in order.
#[derive(Clone, Debug)]
enum Event {
    /// The part has so many bytes from now on.
    Length(u64),
    /// Bytes at a place of the part.
    Bytes(u64, Vec<u8>),
    /// The part is safe.
    Sync,
    /// The journal is replaced, and safe.
    Journal(Vec<u8>),
}

type Log = Arc<Mutex<Vec<Event>>>;

/// The real disk, with a log.
struct LogDisk(Log);

struct LogFile {
    file: Box<dyn PartFile>,
    log: Log,
}

impl Disk for LogDisk {
    fn open(&self, path: &Path, keep: u64) -> io::Result<Box<dyn PartFile>> {
        self.0.lock().unwrap().push(Event::Length(keep));
        Ok(Box::new(LogFile { file: RealDisk.open(path, keep)?, log: self.0.clone() }))
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        self.0.lock().unwrap().push(Event::Sync);
        RealDisk.sync(path)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().push(Event::Journal(bytes.to_vec()));
        RealDisk.replace(path, bytes)
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let at = self.file.stream_position()?;
        let written = self.file.write(bytes)?;
        self.log.lock().unwrap().push(Event::Bytes(at, bytes[..written].to_vec()));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for LogFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// What a power cut makes of writes that were not synced.
#[derive(Clone, Copy, Debug)]
enum Lost {
    /// None of them has reached the disk.
    All,
    /// The file has its length, but zeros in it.
    Content,
    /// Every other one.
    Some,
    /// None is lost.
    Nothing,
}

/// The part and the journal as they are found after a power cut behind these events.
fn found(events: &[Event], lost: Lost) -> (Vec<u8>, Option<Vec<u8>>) {
    let safe = events.iter().rposition(|e| matches!(e, Event::Sync)).map_or(0, |at| at + 1);
    let (mut part, mut journal) = (Vec::new(), None);
    for (number, event) in events.iter().enumerate() {
        match event {
            Event::Length(length) => part.resize(*length as usize, 0),
            Event::Sync => {}
            Event::Journal(bytes) => journal = Some(bytes.clone()),
            Event::Bytes(at, bytes) => {
                let (at, end) = (*at as usize, *at as usize + bytes.len());
                let kept = number < safe
                    || match lost {
                        Lost::All => continue,
                        Lost::Content => false,
                        Lost::Some => number % 2 == 0,
                        Lost::Nothing => true,
                    };
                part.resize(part.len().max(end), 0);
                if kept {
                    part[at..end].copy_from_slice(bytes);
                }
            }
        }
    }
    (part, journal)
}

#[test]
fn a_power_cut_loses_nothing_that_the_journal_claims() {
    for name in ["a.mp4", "a.y4m", "a.gif", "a.webp", "a.png"] {
        let folder = Folder::new(&format!("crash_{name}"));
        let log = Log::default();
        let disk = Box::new(LogDisk(log.clone()));
        paint_on(disk, &folder, name, Made::new(20), false, u64::MAX, &mut Darkener::default()).unwrap();
        let whole = fs::read(folder.join(name)).unwrap();
        let events = log.lock().unwrap().clone();
        let journals = events.iter().filter(|e| matches!(e, Event::Journal(_))).count();
        assert_eq!(journals, 3, "{name}: after 6, 12 and 18 frames");
        let moments = moments(&events);
        for (moment, lost) in moments
            .iter()
            .flat_map(|&m| [Lost::All, Lost::Content, Lost::Some, Lost::Nothing].map(|l| (m, l)))
        {
            let (part, journal) = found(&events[..moment], lost);
            let after = Folder::new(&format!("crash_after_{name}"));
            let write = |ending: &str, bytes: &[u8]| {
                fs::write(PathBuf::from(format!("{}{ending}", after.join(name).display())), bytes).unwrap()
            };
            write(".part", &part);
            journal.iter().for_each(|bytes| write(".part-journal", bytes));
            let resumed = paint(&after, name, Made::new(20), true, u64::MAX, &mut Darkener::default());
            assert!(resumed.is_ok(), "{name}, event {moment}, {lost:?}: {resumed:?}");
            assert!(
                fs::read(after.join(name)).unwrap() == whole,
                "{name}, event {moment}, {lost:?}: another film"
            );
        }
    }
}

/// Moments at which the power is cut: around every journal, and a few between.
fn moments(events: &[Event]) -> Vec<usize> {
    let near =
        |at: usize| (at.saturating_sub(1)..=at + 2).any(|i| matches!(events.get(i), Some(Event::Journal(_))));
    (0..=events.len()).filter(|&at| near(at) || at % 17 == 0 || at == events.len()).collect()
}
