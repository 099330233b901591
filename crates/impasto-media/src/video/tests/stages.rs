//! All stages together: order, errors, and taking up again.

use super::*;
use crate::testing::Folder;
use crate::video::disk::{Disk, RealDisk};
use crate::video::part::{Mark, Standing};
use crate::video::pipeline::{Job, PaintFailure, Painter};
use std::cell::Cell;
use std::collections::VecDeque;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

/// A film made by the program; after `fail_at` frames it is cut short.
pub(super) struct Made {
    info: Info,
    next: u64,
    count: u64,
    fail_at: u64,
}

impl Made {
    pub(super) fn new(count: u64) -> Self {
        Self { info: info(32, 32), next: 0, count, fail_at: u64::MAX }
    }
}

impl Source for Made {
    fn info(&self) -> &Info {
        &self.info
    }

    fn read(&mut self) -> crate::Result<Option<Frame>> {
        if self.next == self.fail_at {
            let error =
                VideoError::CutShort { name: "made".into(), whole: self.next, total: Some(self.count) };
            return Err(error.into());
        }
        if self.next == self.count {
            return Ok(None);
        }
        let number = self.next;
        self.next += 1;
        let pixels = Pixels::Rgb(picture(32, 32, number as usize));
        Ok(Some(Frame { pixels, start: 1001 * number, duration: 1001 }))
    }
}

/// Darkens a frame by what it remembers: every frame depends on all before it.
#[derive(Default)]
pub(super) struct Darkener {
    seen: f64,
    memory: f64,
    fail_at: Option<f64>,
    /// Two frames may be on their way at once.
    begun: VecDeque<Image>,
}

impl Painter for Darkener {
    fn begin(&mut self, frame: Image) -> Result<(), PaintFailure> {
        self.seen += 1.0;
        if self.fail_at == Some(self.seen) {
            return Err("out of paint".into());
        }
        self.memory = 0.9 * self.memory + self.seen;
        let shade = (self.memory as u64 * 7 % 90) as u8;
        let dark = |x, y| frame.pixel(x, y).map(|c: u8| c.saturating_sub(shade));
        self.begun.push_back(Image::from_fn(32, 32, dark));
        Ok(())
    }

    fn is_full(&mut self) -> bool {
        self.begun.len() >= 2
    }

    fn finish(&mut self) -> Result<Image, PaintFailure> {
        Ok(self.begun.pop_front().expect("it was begun"))
    }

    fn skip(&mut self, _: Image) {
        self.seen += 1.0;
    }

    fn recall(&mut self, memory: &[f64], _: usize, _: usize) -> Result<(), PaintFailure> {
        self.memory = memory[0];
        Ok(())
    }

    fn memory(&mut self) -> Vec<f64> {
        vec![self.memory]
    }
}

/// Paints `source` into `name`; stops after `stop_after` frames, as a killed program would.
pub(super) fn paint(
    folder: &Folder,
    name: &str,
    source: Made,
    resume: bool,
    stop_after: u64,
    painter: &mut Darkener,
) -> Result<pipeline::Report, String> {
    paint_on(Box::new(RealDisk), folder, name, source, resume, stop_after, painter)
}

/// The same on another disk.
pub(super) fn paint_on(
    disk: Box<dyn Disk>,
    folder: &Folder,
    name: &str,
    source: Made,
    resume: bool,
    stop_after: u64,
    painter: &mut Darkener,
) -> Result<pipeline::Report, String> {
    let options = OutputOptions {
        quality: 80,
        sound: true,
        tags: true,
        resume,
        fingerprint: "one".into(),
        backend: Backend::Builtin,
        encoder: None,
        section: None,
        xmp: None,
    };
    let input = Input { source: Box::new(source), path: None, ffmpeg: None, mp4: false };
    let info = input.source.info().clone();
    let (output, sink) =
        Output::begin_on(disk, &folder.join(name), &info, &input, &options).map_err(|e| e.to_string())?;
    let mark = output.mark().clone();
    let stop = AtomicBool::new(false);
    let save = |mark: &Mark| output.save(mark);
    let job = Job {
        size: (32, 32),
        mark: &mark,
        warm_up_frames: 0,
        checkpoint_frames: 6,
        save: &save,
        stop: &stop,
    };
    let last = Cell::new(0);
    let report = pipeline::run(input.source, sink, painter, &job, &mut |frames| {
        assert_eq!(frames, last.get().max(mark.frames) + 1, "in order");
        last.set(frames);
        if frames == stop_after {
            stop.store(true, Ordering::SeqCst);
        }
    });
    let report = report.map_err(|e| e.to_string())?;
    if !report.stopped {
        output.complete().map_err(|e| e.to_string())?;
    }
    Ok(report)
}

#[test]
fn a_film_that_was_broken_off_becomes_the_same_file() {
    for name in ["a.mp4", "a.y4m", "a.gif", "a.webp", "a.png"] {
        let (whole, broken) = (Folder::new(&format!("whole_{name}")), Folder::new(&format!("broken_{name}")));
        paint(&whole, name, Made::new(40), false, u64::MAX, &mut Darkener::default()).unwrap();
        let stopped = paint(&broken, name, Made::new(40), false, 21, &mut Darkener::default()).unwrap();
        assert!(stopped.stopped && !broken.join(name).exists(), "{name}");
        // What a killed program may have written after its last checkpoint does not count.
        let part = broken.join(&format!("{name}.part"));
        let mut bytes = fs::read(&part).unwrap();
        bytes.extend(b"half a frame");
        fs::write(&part, bytes).unwrap();
        let again = paint(&broken, name, Made::new(40), true, u64::MAX, &mut Darkener::default()).unwrap();
        assert!((20..=40).contains(&again.painted) && again.frames == 40, "{name}: {again:?}");
        assert!(
            fs::read(broken.join(name)).unwrap() == fs::read(whole.join(name)).unwrap(),
            "{name} differs"
        );
        assert_eq!(fs::read_dir(broken.path()).unwrap().count(), 1, "{name}: nothing is left beside");
    }
}

#[test]
fn a_folder_of_pictures_can_be_taken_up_too() {
    let folder = Folder::new("pipeline_pictures");
    paint(&folder, "whole", Made::new(15), false, u64::MAX, &mut Darkener::default()).unwrap();
    paint(&folder, "broken", Made::new(15), false, 8, &mut Darkener::default()).unwrap();
    paint(&folder, "broken", Made::new(15), true, u64::MAX, &mut Darkener::default()).unwrap();
    for number in 1..=15 {
        let file = format!("{number:06}.png");
        let read = |of: &str| fs::read(folder.join(of).join(&file)).unwrap();
        assert!(read("whole") == read("broken"), "{file}");
    }
    let error = paint(&folder, "whole", Made::new(15), false, 1, &mut Darkener::default()).unwrap_err();
    assert!(error.contains("not empty"), "{error}");
}

#[test]
fn taking_up_where_nothing_was_begun_begins() {
    let folder = Folder::new("pipeline_nothing");
    let report = paint(&folder, "a.mp4", Made::new(5), true, u64::MAX, &mut Darkener::default()).unwrap();
    assert_eq!((report.frames, report.painted), (5, 5));
}

#[test]
fn a_source_that_breaks_off_still_gives_a_film() {
    let folder = Folder::new("pipeline_source");
    let source = Made { fail_at: 9, ..Made::new(20) };
    let report = paint(&folder, "a.mp4", source, false, u64::MAX, &mut Darkener::default()).unwrap();
    assert!(report.source_error.unwrap().to_string().contains("9 of its 20"));
    assert_eq!(read(&folder.join("a.mp4")).1.len(), 9);
}

#[test]
fn the_first_cause_is_told() {
    let folder = Folder::new("pipeline_cause");
    let mut painter = Darkener { fail_at: Some(5.0), ..Darkener::default() };
    let error = paint(&folder, "a.mp4", Made::new(20), false, u64::MAX, &mut painter).unwrap_err();
    assert_eq!(error, "out of paint");
    assert!(!folder.join("a.mp4").exists());
    #[cfg(target_os = "linux")]
    {
        let sink = Box::new(y4m::Y4mSink::new(
            Box::new(fs::OpenOptions::new().write(true).open("/dev/full").unwrap()),
            "full".into(),
            &info(32, 32),
            Standing::NEW,
        ));
        let stop = AtomicBool::new(false);
        let mark = Mark::default();
        let job = Job {
            size: (32, 32),
            mark: &mark,
            warm_up_frames: 0,
            checkpoint_frames: 6,
            save: &|_| Ok(()),
            stop: &stop,
        };
        let failed =
            pipeline::run(Box::new(Made::new(900)), sink, &mut Darkener::default(), &job, &mut |_| ());
        assert!(failed.unwrap_err().to_string().contains("cannot write full"));
    }
}
