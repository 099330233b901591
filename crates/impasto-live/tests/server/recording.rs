//! Recorders that stand still, fail and work.

use crate::live::{Live, next_frame, options, say, shown};
use impasto_live::codec;
use impasto_live::record::Recorder;
use impasto_live::server::RecorderFactory;
use impasto_live::{LiveError, ServerOptions, now_ms};
use serde_json::json;
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tungstenite::{Message, WebSocket};

/// Something that waits until it is let through, and says when somebody waits.
#[derive(Default)]
struct Gate {
    state: Mutex<(bool, bool)>,
    moved: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.0 = true;
        self.moved.notify_all();
        drop(self.moved.wait_while(state, |state| !state.1).unwrap());
    }

    fn wait_for_somebody(&self) {
        let state = self.state.lock().unwrap();
        let patience = Duration::from_secs(20);
        let (state, _) = self.moved.wait_timeout_while(state, patience, |state| !state.0).unwrap();
        assert!(state.0, "nobody came to the gate");
    }

    fn open(&self) {
        self.state.lock().unwrap().1 = true;
        self.moved.notify_all();
    }
}

/// Writes nothing; stands at a gate before its first picture, and panics or fails if told to.
struct TestRecorder {
    gate: Arc<Gate>,
    fault: Option<&'static str>,
}

impl Recorder for TestRecorder {
    fn write(&mut self, _: &impasto::Image, _: f64) -> Result<(), LiveError> {
        self.gate.pass();
        match self.fault {
            Some("panic") => panic!("the test's recorder panics"),
            Some(why) => Err(LiveError::Record(why.into())),
            None => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Result<(), LiveError> {
        Ok(())
    }
}

fn recorders(
    make: impl Fn(&std::path::Path) -> TestRecorder + Send + Sync + 'static,
) -> Option<RecorderFactory> {
    Some(Arc::new(move |path, _| Ok(Box::new(make(path)))))
}

/// The demo scene is painted, and API and sockets answer.
fn everything_goes_on(live: &Live, viewer: &mut WebSocket<TcpStream>) {
    for _ in 0..20 {
        let (head, _) = next_frame(viewer);
        shown(viewer, head.sequence);
        assert_eq!(live.json("GET", "/api/state", json!({})).0, 200);
    }
    say(viewer, json!({"steer": true}));
    viewer.send(Message::Binary(sound_packet().into())).unwrap();
    assert_eq!(live.json("POST", "/api/settings", json!({"strength": 0.5})).0, 200);
    assert_eq!(live.call("GET", "/api/snapshot.png", &[]).0, 200);
}

fn sound_packet() -> Vec<u8> {
    let mut message = vec![0; codec::HEADER];
    message[0] = 16;
    message[16..24].copy_from_slice(&now_ms().to_le_bytes());
    message.extend([1, 2, 3]);
    message
}

#[test]
fn a_recorder_that_stands_still_holds_up_nobody() {
    let (creating, writing) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let at = (creating.clone(), writing.clone());
    let make = move |_: &std::path::Path| {
        at.0.pass();
        TestRecorder { gate: at.1.clone(), fault: None }
    };
    let live = Live::with(true, ServerOptions { recorders: recorders(make), ..options() });
    let mut viewer = live.viewer(true);
    std::thread::scope(|scope| {
        let start = scope
            .spawn(|| live.json("POST", "/api/record", json!({"on": true, "file": "a.mp4", "sound": true})));
        creating.wait_for_somebody();
        everything_goes_on(&live, &mut viewer);
        creating.open();
        assert_eq!(start.join().unwrap().0, 200);
        writing.wait_for_somebody();
        // More frames than may wait for the recorder.
        everything_goes_on(&live, &mut viewer);
        assert_eq!(live.json("GET", "/api/state", json!({})).1["recording"], "a.mp4");
        let stop = scope.spawn(|| live.json("POST", "/api/record", json!({"on": false})));
        while !live.json("GET", "/api/state", json!({})).1["recording"].is_null() {}
        everything_goes_on(&live, &mut viewer);
        assert!(!stop.is_finished(), "the recorder still stands at its gate");
        writing.open();
        assert_eq!(stop.join().unwrap(), (200, json!({"recording": null, "finished": "a.mp4"})));
    });
    let left_out = live.json("GET", "/api/stats", json!({})).1["frames_unrecorded"].as_u64().unwrap();
    assert!(left_out > 0, "frames that the recorder had no room for are counted");
}

#[test]
fn a_recorder_that_fails_or_panics_is_told_and_the_next_one_works() {
    let make = |path: &std::path::Path| {
        let gate = Arc::new(Gate::default());
        gate.open();
        let fault = match path.file_stem().and_then(|stem| stem.to_str()) {
            Some("full") => Some("the disk is full"),
            Some("panic") => Some("panic"),
            _ => None,
        };
        TestRecorder { gate, fault }
    };
    let live = Live::with(true, ServerOptions { recorders: recorders(make), ..options() });
    let _viewer = live.viewer(false);
    let state = || live.json("GET", "/api/state", json!({})).1;
    for (file, words) in [("full.mp4", "the disk is full"), ("panic.mp4", "unexpectedly")] {
        assert_eq!(live.json("POST", "/api/record", json!({"on": true, "file": file})).0, 200);
        let told = (0..2000).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            state()["troubles"]["recording"]
                .as_str()
                .is_some_and(|why| why.contains(words) && why.contains(file))
        });
        assert!(told, "{}", state());
        assert!(state()["recording"].is_null());
    }
    assert_eq!(live.json("POST", "/api/record", json!({"on": true, "file": "good.mp4"})).0, 200);
    assert!(state()["troubles"]["recording"].is_null(), "the next one works");
    let (status, answer) = live.json("POST", "/api/record", json!({"on": false}));
    assert_eq!((status, &answer["finished"]), (200, &json!("good.mp4")));
}
