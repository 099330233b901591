//! The thread that learns.

use super::frames::Frames;
use super::state::Orders;
use super::{DeepenPhase, DeepenRun, memory, priority};
use crate::LiveError;
use crate::studio::Studio;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Better weights are handed out this often.
const EVERY: Duration = Duration::from_secs(4);

/// Starts the run of that style, or goes on with it.
pub(super) fn start(studio: &Arc<Studio>, id: &str, rest: bool) -> Result<(), LiveError> {
    let refuse = |why: &str| Err(LiveError::Deepen(why.into()));
    let Some(deepener) = studio.deepenings.deepener() else {
        return refuse("this program cannot train; start `impasto live`");
    };
    if studio.camera().paints {
        return refuse(
            "the camera paints by itself, in weights of its own; choose another camera to deepen a style",
        );
    }
    let Some(painting) = studio.gallery(|gallery| gallery.canvas(id))? else {
        return refuse(
            "there is no picture of this style's painting to learn from; add the picture as a style, and deepen that one",
        );
    };
    memory::check(deepener.needs_bytes())?;
    let Some(orders) = studio.deepenings.begin(id, rest) else { return Ok(()) };
    let (own, beside) = (orders.clone(), studio);
    let (studio, id) = (studio.clone(), id.to_string());
    let work = move || {
        priority::lower();
        let turn = studio.deepenings.turn();
        let mut run = None;
        // A run that panics takes nothing with it but itself.
        let learned = catch_unwind(AssertUnwindSafe(|| {
            if orders.is_stopped() {
                return Ok(DeepenPhase::Stopped);
            }
            let begun = match studio.deepenings.kept(&id) {
                Some(run) => run,
                None => deepener.begin(&crate::dropped::decoded(&painting)?)?,
            };
            learn(&studio, &id, run.insert(begun).as_mut(), &orders)
        }));
        let failed = || Err(LiveError::Deepen("the trainer failed; please report it".into()));
        let learned = learned.unwrap_or_else(|_| failed());
        if let Some(run) =
            run.filter(|_| matches!(learned, Ok(DeepenPhase::Stopped)) && !orders.is_forgotten())
        {
            studio.deepenings.keep(&id, run);
        }
        drop(turn);
        studio.deepenings.ended(&orders, learned);
        studio.changed();
    };
    let thread = std::thread::Builder::new().name("deepen".into());
    thread.spawn(work).map(|_| ()).map_err(|why| {
        let why = LiveError::NoRoom(format!("no thread can be started: {why}; close other programs"));
        beside.deepenings.ended(&own, Err(LiveError::NoRoom(why.to_string())));
        why
    })
}

/// Learns until the run's end, or until it is told to stop.
fn learn(
    studio: &Arc<Studio>,
    id: &str,
    run: &mut dyn DeepenRun,
    orders: &Arc<Orders>,
) -> Result<DeepenPhase, LiveError> {
    let mut frames = Frames::default();
    let stopped = || orders.is_stopped() || studio.is_stopped();
    look(studio, &mut frames);
    while !stopped() {
        let shown = frames.all();
        let progress = run.learn(&shown, EVERY, &mut || {
            look(studio, &mut frames);
            !stopped()
        })?;
        let done = progress.part >= 1.0;
        hand_out(studio, id, run, (done || stopped(), orders))?;
        studio.deepenings.progressed(orders, &progress, shown.len());
        studio.changed();
        if done {
            return Ok(DeepenPhase::Done);
        }
    }
    Ok(DeepenPhase::Stopped)
}

/// Takes a frame of the camera, if it is time for one.
fn look(studio: &Studio, frames: &mut Frames) {
    let newest = studio.watch().borrow().clone();
    let Some(newest) = newest else { return };
    let now = Instant::now();
    if frames.want(newest.sequence, now) {
        frames.take(newest.original().image(), newest.sequence, now);
    }
}

/// Gives the gallery the style that was learned so far. The last one is in the form of the file, so that what is saved is what is painted.
fn hand_out(
    studio: &Studio,
    id: &str,
    run: &dyn DeepenRun,
    (last, orders): (bool, &Orders),
) -> Result<(), LiveError> {
    if orders.is_forgotten() {
        return Ok(());
    }
    let quick = studio.gallery(|gallery| gallery.quick(id))?;
    let style = run.style(&quick, last)?;
    let thumb = if last { Some(impasto_studio::gallery::thumb_of(&studio.stylizer, &style)?) } else { None };
    // Asked under the gallery's lock: what was undone or removed meanwhile stays so.
    let handed = studio.gallery(|gallery| match orders.is_forgotten() {
        true => Ok(()),
        false => gallery.deepen(id, style, thumb),
    });
    studio.deepenings.glimpse();
    Ok(handed?)
}
