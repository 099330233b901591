//! Read, convert, paint, convert, write: five stages joined by bounded queues, so that they overlap and memory stays flat.
//! Painting runs on the caller's thread, the others on named ones.

use super::convert;
use super::frame::{Frame, Info, Layout, Pixels, Sink, Source};
use super::part::Mark;
use crate::error::{Error, Result};
use impasto_core::Image;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

/// Frames that may wait between two stages.
const QUEUE: usize = 2;

/// Why a painter gave up.
pub type PaintFailure = Box<dyn std::error::Error + Send + Sync>;

/// Paints the frames of a film, one after another.
pub trait Painter {
    /// Takes a frame in.
    fn begin(&mut self, frame: Image) -> std::result::Result<(), PaintFailure>;

    /// Whether nothing is gained by beginning another frame before the oldest is finished.
    fn is_full(&mut self) -> bool;

    /// The oldest frame that was begun, painted.
    fn finish(&mut self) -> std::result::Result<Image, PaintFailure>;

    /// Sees a frame that was painted before the film was taken up again.
    fn skip(&mut self, frame: Image);

    /// Takes up what [`Painter::memory`] gave; the next frame has that size.
    fn recall(
        &mut self,
        memory: &[f64],
        width: usize,
        height: usize,
    ) -> std::result::Result<(), PaintFailure>;

    /// What later frames depend on, besides what [`Painter::skip`] sees. What is not told here must be forgotten.
    fn memory(&mut self) -> Vec<f64>;
}

/// What runs through the pipeline.
pub struct Job<'a> {
    /// Size at which is painted and written, in px.
    pub size: (usize, usize),
    /// Where the output stands.
    pub mark: &'a Mark,
    /// Without a memory to take up, so many frames before the first are painted for what the painter remembers of them.
    pub warm_up_frames: u64,
    /// A checkpoint is made after so many frames.
    pub checkpoint_frames: u64,
    /// Called with every checkpoint.
    pub save: &'a (dyn Fn(&Mark) -> Result<()> + Sync),
    /// Ends the work early when it becomes true.
    pub stop: &'a AtomicBool,
}

/// How it went.
#[derive(Debug, Default)]
pub struct Report {
    /// Frames of the film, those of an earlier run included.
    pub frames: u64,
    /// Frames painted now.
    pub painted: u64,
    /// Seconds in which each of [`STAGES`] was at work.
    pub busy: [f64; 5],
    /// Seconds in all.
    pub elapsed: f64,
    /// Stopped early, by [`Job::stop`].
    pub stopped: bool,
    /// What was wrong with the source after its last frame.
    pub source_error: Option<Error>,
}

/// The stages in order.
pub const STAGES: [&str; 5] = ["read", "convert", "paint", "convert back", "write"];

/// Why no film was made.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Reading or writing failed.
    #[error(transparent)]
    Media(#[from] Error),
    /// Painting failed.
    #[error("{0}")]
    Paint(PaintFailure),
}

/// A picture on its way, with its time.
struct Timed {
    image: Image,
    alpha: Option<Vec<u8>>,
    start: u64,
    duration: u64,
}

/// A painted frame on its way to the file; `memory` where a checkpoint follows.
struct Written<T> {
    pixels: T,
    alpha: Option<Vec<u8>>,
    start: u64,
    duration: u64,
    memory: Option<Vec<f64>>,
}

/// Runs all frames of `source` through `painter` into `sink`. `progress` is called with the number of frames so far.
///
/// A source that fails after its first frames ends the film there: the film is completed, and the error stands in the report.
pub fn run(
    mut source: Box<dyn Source>,
    sink: Box<dyn Sink>,
    painter: &mut dyn Painter,
    job: &Job,
    progress: &mut dyn FnMut(u64),
) -> std::result::Result<Report, Failure> {
    let started = Instant::now();
    let info = source.info().clone();
    let layout = sink.layout();
    let whole = AtomicBool::new(false);
    let mut report = Report { frames: job.mark.frames, ..Report::default() };
    let outcome = std::thread::scope(|scope| {
        let (to_convert, frames) = sync_channel(QUEUE);
        let (to_paint, images) = sync_channel(QUEUE);
        let (to_convert_back, painted) = sync_channel(QUEUE);
        let (to_write, written) = sync_channel(QUEUE);
        let whole = &whole;
        let reader = named(scope, "read", move || read(source.as_mut(), to_convert, job.stop, whole));
        let (info, size) = (&info, job.size);
        let converter = named(scope, "convert", move || convert_in(frames, to_paint, info, size, layout));
        let back = named(scope, "convert back", move || convert_out(painted, to_write, layout));
        let writer = named(scope, "write", move || write(sink, written, job, whole));
        let paint = paint(images, to_convert_back, painter, job, progress, &mut report);
        let (source_error, read_secs) = joined(reader);
        let times = [read_secs, joined(converter), report.busy[2], joined(back)];
        let (wrote, write_secs) = joined(writer);
        report.busy = [times[0], times[1], times[2], times[3], write_secs];
        // The first cause: a sink that fails ends the painting, and that the reading.
        wrote?;
        paint.map_err(Failure::Paint)?;
        Ok::<_, Failure>(source_error)
    })?;
    report.stopped = !whole.load(Ordering::SeqCst);
    report.source_error = outcome;
    report.elapsed = started.elapsed().as_secs_f64();
    Ok(report)
}

fn named<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    Builder::new().name(name.into()).spawn_scoped(scope, work).expect("the system starts a thread")
}

fn joined<T>(thread: ScopedJoinHandle<T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Adds up the time that is spent in it.
#[derive(Default)]
struct Watch(Duration);

impl Watch {
    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        self.0 += start.elapsed();
        done
    }

    fn secs(&self) -> f64 {
        self.0.as_secs_f64()
    }
}

/// Gives what went wrong, and the time it took.
fn read(
    source: &mut dyn Source,
    to: SyncSender<Frame>,
    stop: &AtomicBool,
    whole: &AtomicBool,
) -> (Option<Error>, f64) {
    let mut watch = Watch::default();
    while !stop.load(Ordering::SeqCst) {
        match watch.time(|| source.read()) {
            Ok(Some(frame)) => {
                if to.send(frame).is_err() {
                    return (None, watch.secs());
                }
            }
            ended => {
                whole.store(true, Ordering::SeqCst);
                return (ended.err(), watch.secs());
            }
        }
    }
    (None, watch.secs())
}

fn convert_in(
    from: Receiver<Frame>,
    to: SyncSender<Timed>,
    info: &Info,
    size: (usize, usize),
    layout: Layout,
) -> f64 {
    let mut watch = Watch::default();
    for Frame { pixels, start, duration } in from {
        let (image, alpha) = watch.time(|| match layout {
            Layout::Rgba => convert::upright_with_alpha(pixels, info, size.0, size.1),
            Layout::Rgb | Layout::Yuv420(_) | Layout::EvenYuv420(_) => {
                (convert::upright(pixels, info, size.0, size.1), None)
            }
        });
        if to.send(Timed { image, alpha, start, duration }).is_err() {
            break;
        }
    }
    watch.secs()
}

fn paint(
    from: Receiver<Timed>,
    to: SyncSender<Written<Image>>,
    painter: &mut dyn Painter,
    job: &Job,
    progress: &mut dyn FnMut(u64),
    report: &mut Report,
) -> std::result::Result<(), PaintFailure> {
    let mut easel = Easel { to, painter, job, progress, report, begun: VecDeque::new() };
    let mut watch = Watch::default();
    let outcome = easel.paint_all(from, &mut watch);
    report.busy[2] = watch.secs();
    outcome
}

/// A frame that the painter has begun.
struct Begun {
    /// From 1.
    number: u64,
    start: u64,
    duration: u64,
    alpha: Option<Vec<u8>>,
}

/// The painter, with the frames that it has begun.
struct Easel<'a> {
    to: SyncSender<Written<Image>>,
    painter: &'a mut dyn Painter,
    job: &'a Job<'a>,
    progress: &'a mut dyn FnMut(u64),
    report: &'a mut Report,
    begun: VecDeque<Begun>,
}

impl Easel<'_> {
    fn paint_all(
        &mut self,
        from: Receiver<Timed>,
        watch: &mut Watch,
    ) -> std::result::Result<(), PaintFailure> {
        let first = self.job.mark.frames;
        // What an earlier run remembered is better than any warming up.
        let warm_up = if self.job.mark.memory.is_empty() { self.job.warm_up_frames } else { 0 };
        for (index, Timed { image, alpha, start, duration }) in (0u64..).zip(from) {
            if index < first.saturating_sub(warm_up) {
                self.painter.skip(image);
                continue;
            }
            if index == first && !self.job.mark.memory.is_empty() {
                self.painter.recall(&self.job.mark.memory, self.job.size.0, self.job.size.1)?;
            }
            watch.time(|| self.painter.begin(image))?;
            self.begun.push_back(Begun { number: index + 1, start, duration, alpha });
            // What is remembered at a checkpoint must not know the frames after it.
            let checkpoint = (index + 1).is_multiple_of(self.job.checkpoint_frames);
            while !self.begun.is_empty() && (checkpoint || self.painter.is_full()) {
                if !self.finish_one(watch)? {
                    return Ok(());
                }
            }
        }
        while !self.begun.is_empty() && self.finish_one(watch)? {}
        Ok(())
    }

    /// Sends the oldest frame on; false where nobody wants it any more. Frames that only warm up go nowhere.
    fn finish_one(&mut self, watch: &mut Watch) -> std::result::Result<bool, PaintFailure> {
        let Some(Begun { number, start, duration, alpha }) = self.begun.pop_front() else { return Ok(false) };
        let pixels = watch.time(|| self.painter.finish())?;
        let memory = number.is_multiple_of(self.job.checkpoint_frames).then(|| self.painter.memory());
        if number <= self.job.mark.frames {
            return Ok(!self.job.stop.load(Ordering::SeqCst));
        }
        let stopped = self.job.stop.load(Ordering::SeqCst);
        if stopped || self.to.send(Written { pixels, alpha, start, duration, memory }).is_err() {
            return Ok(false);
        }
        self.report.frames = number;
        self.report.painted += 1;
        (self.progress)(number);
        Ok(true)
    }
}

fn convert_out(from: Receiver<Written<Image>>, to: SyncSender<Written<Pixels>>, layout: Layout) -> f64 {
    let mut watch = Watch::default();
    for Written { pixels, alpha, start, duration, memory } in from {
        let pixels = watch.time(|| match alpha {
            Some(alpha) => Pixels::Rgba(pixels, alpha),
            None => convert::pixels_for(layout, pixels),
        });
        if to.send(Written { pixels, alpha: None, start, duration, memory }).is_err() {
            break;
        }
    }
    watch.secs()
}

fn write(
    mut sink: Box<dyn Sink>,
    from: Receiver<Written<Pixels>>,
    job: &Job,
    whole: &AtomicBool,
) -> (Result<()>, f64) {
    let mut watch = Watch::default();
    for (frames, Written { pixels, start, duration, memory, .. }) in (job.mark.frames + 1..).zip(from) {
        let wrote = watch.time(|| {
            sink.write(&Frame { pixels, start, duration })?;
            let Some(memory) = memory else { return Ok(()) };
            let bytes = sink.checkpoint()?;
            (job.save)(&Mark { frames, bytes, memory })
        });
        if wrote.is_err() {
            return (wrote, watch.secs());
        }
    }
    // A film that was stopped stays as its last checkpoint left it.
    let finished = if whole.load(Ordering::SeqCst) && !job.stop.load(Ordering::SeqCst) {
        watch.time(|| sink.finish())
    } else {
        Ok(())
    };
    (finished, watch.secs())
}
