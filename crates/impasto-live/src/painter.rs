//! The painter's two threads: one takes the newest frame and paints it, the other brings the painting to the frame's size and hands it out,
//! while the next is painted.

use crate::LiveError;
use crate::studio::{Painted, Studio};
use impasto::flash::FlashLimiter;
use impasto_studio::{Frame, Painter, Painting, Stage, finished};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

/// Paints until the studio stops.
pub fn run(studio: &Studio) {
    // One painting may wait; nothing else queues.
    let (paintings, paintings_to_finish) = sync_channel(1);
    std::thread::scope(|scope| {
        let finisher = std::thread::Builder::new().name("finish".into());
        finisher
            .spawn_scoped(scope, || finish(studio, paintings_to_finish))
            .expect("the system starts a thread");
        let mut painter = Painter::new(&studio.stylizer);
        while !studio.is_stopped() {
            let Some(frame) = studio.inbox.take(Duration::from_millis(100)) else { continue };
            match paint(studio, &mut painter, frame) {
                Ok(painting) => {
                    let _ = paintings.send(painting);
                }
                Err(why) => studio.fail(why.to_string()),
            }
        }
        drop(paintings);
    });
    if let Err(why) = studio.finish_recording() {
        studio.trouble("recording", Some(why.to_string()));
    }
}

/// Enlarges paintings and hands them out until there are no more.
fn finish(studio: &Studio, paintings: Receiver<Painting>) {
    let mut limiter = FlashLimiter::new();
    for painting in paintings {
        let frame = finished(painting, &studio.settings(), &mut limiter);
        if let Some((flashes, took)) = frame.measured {
            studio.flashes(flashes);
            studio.stage(Stage::Enlarge, took);
        }
        let working = frame.working;
        studio
            .publish(Painted::new(frame.picture, frame.original, frame.sequence, frame.captured_ms), working);
    }
}

fn paint(studio: &Studio, painter: &mut Painter, frame: Frame) -> Result<Painting, LiveError> {
    studio.took(frame.sequence, painter.busy());
    let settings = studio.settings();
    let style = if frame.painted { None } else { studio.style(&settings)? };
    Ok(painter.paint(frame, style, &settings, |stage, took| studio.stage(stage, took))?)
}
