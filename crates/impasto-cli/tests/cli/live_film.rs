//! The live page with a film as its camera, and its recordings.

use crate::live::{Live, until};
use crate::studio::Studio;
use crate::video::y4m;
use impasto_media::video::{self, Backend, InputOptions};
use serde_json::Value;
use std::fs;

/// Frames and length in seconds of a film.
fn length(studio: &Studio, name: &str) -> (u64, f64) {
    let options = InputOptions { backend: Backend::Builtin, ..Default::default() };
    let mut input = video::open(&studio.path(name), &options).unwrap();
    let scale = f64::from(input.source.info().timescale);
    let (mut frames, mut end) = (0, 0);
    while let Some(frame) = input.source.read().unwrap() {
        (frames, end) = (frames + 1, frame.start + frame.duration);
    }
    (frames, end as f64 / scale)
}

fn painted(live: &Live) -> u64 {
    let stats: Value = serde_json::from_slice(&live.call("GET", "/api/stats", "")).unwrap();
    stats["frames_painted"].as_u64().unwrap()
}

#[test]
fn a_film_goes_round_and_is_recorded() {
    let studio = Studio::new("live-film");
    // Ten frames: more than those are only painted when it begins again.
    fs::write(studio.path("film.y4m"), y4m(48, 32, 10)).unwrap();
    let live = Live::start(&studio, "--camera film.y4m --record all.mp4");
    assert!(until(|| painted(&live) > 15), "{}", live.camera());
    assert_eq!(live.camera()["name"], "film.y4m");
    assert_eq!(live.camera()["error"], Value::Null);

    live.call("POST", "/api/record", r#"{"on": true, "file": "part.mp4"}"#);
    // One recording at a time: the first is whole now.
    let (frames, seconds) = length(&studio, "all.mp4");
    assert!(frames >= 10 && seconds > 0.3, "{frames} frames, {seconds} s");
    let before = painted(&live);
    assert!(until(|| painted(&live) > before + 10));
    let answer = live.call("POST", "/api/record", r#"{"on": false}"#);
    assert!(String::from_utf8_lossy(&answer).contains("part.mp4"));
    let (frames, seconds) = length(&studio, "part.mp4");
    assert!(frames >= 9 && (0.2..60.0).contains(&seconds), "{frames} frames, {seconds} s");
    let answer = live.call("POST", "/api/record", r#"{"on": true, "file": "part.mp4"}"#);
    assert!(String::from_utf8_lossy(&answer).contains("exists"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_completes_the_recording() {
    use rustix::process::{Pid, Signal, kill_process};
    let studio = Studio::new("live-record");
    fs::write(studio.path("film.y4m"), y4m(48, 32, 10)).unwrap();
    let mut live = Live::start(&studio, "--camera film.y4m --record film.mp4");
    assert!(until(|| painted(&live) > 12));
    kill_process(Pid::from_child(&live.child), Signal::INT).unwrap();
    assert_eq!(live.child.wait().unwrap().code(), Some(130));
    assert!(length(&studio, "film.mp4").0 >= 10);
}

#[test]
fn what_is_no_film_is_said_at_once() {
    let studio = Studio::new("live-no-film");
    fs::write(studio.path("notes.txt"), "Dear friend").unwrap();
    fs::write(studio.path("film.y4m"), y4m(48, 32, 2)).unwrap();
    let live = "live --model classic --style wave.png --no-open --port 0";
    studio.refuses(&format!("{live} --camera notes.txt"), 1, &["notes.txt", "text file"]);
    studio.refuses(&format!("{live} --camera gone.mp4"), 2, &["gone.mp4", "film"]);
    studio.refuses(&format!("{live} --camera film.y4m --record no/a.mp4"), 1, &["no/a.mp4"]);
}
