//! The live page with cameras of this machine: an OAK whose program is false (see `false_oak.py`), and what is missing.

use crate::studio::{Studio, model};
use impasto_media::still;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

/// Whether there is a Python for the false program; otherwise prints one line that `test` was skipped.
fn has_python(test: &str) -> bool {
    let found = Command::new("python3").args(["-c", ""]).output().is_ok_and(|out| out.status.success());
    if !found {
        eprintln!("skipped: {test}: there is no python3");
    }
    found
}

/// A folder `oak` with the false program, for the tiny model.
fn oak(test: &str) -> Studio {
    let studio = Studio::new(test);
    fs::create_dir(studio.path("oak")).unwrap();
    let model = model("classic");
    let files = [
        ("main.py", include_str!("false_oak.py").to_string()),
        ("app.json", "{}".into()),
        ("model_id", model.id().into()),
        ("style_length", model.painter.style_len().to_string()),
    ];
    files.iter().for_each(|(name, text)| fs::write(studio.path("oak").join(name), text).unwrap());
    studio
}

/// `impasto live` at work, with somebody who looks.
pub struct Live<'a> {
    studio: &'a Studio,
    pub child: Child,
    address: String,
    /// The stream of painted pictures; it is not read, but while it is open somebody looks.
    _looking: TcpStream,
}

impl<'a> Live<'a> {
    pub fn start(studio: &'a Studio, words: &str) -> Self {
        let words = format!("live --model classic --style wave.png --no-open --port 0 --token t0ken {words}");
        let mut child = studio.command(&words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let address = url.trim_start_matches("http://").split('/').next().unwrap().to_string();
        assert!(url.contains("t0ken"), "no address, but `{url}`");
        let mut looking = TcpStream::connect(&address).unwrap();
        write!(looking, "GET /stream.mjpg?token=t0ken HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        Self { studio, child, address, _looking: looking }
    }

    pub fn call(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let Self { address, .. } = self;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nx-impasto-token: t0ken\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let start = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
        answer.split_off(start)
    }

    pub fn camera(&self) -> Value {
        let state: Value = serde_json::from_slice(&self.call("GET", "/api/state", "")).unwrap();
        state["camera"].clone()
    }

    fn behave(&self, behaviour: &str) {
        fs::write(self.studio.path("oak/behaviour"), behaviour).unwrap();
    }

    /// Waits until the page tells of a trouble that holds these words.
    fn tells(&self, words: &str) {
        let mut last = Value::Null;
        let told = until(|| {
            last = self.camera();
            last["error"].as_str().is_some_and(|error| error.contains(words))
        });
        assert!(told, "no `{words}` in {last}");
    }

    /// Waits until a painted picture comes for which `is_right` holds; none that was painted before counts.
    pub fn shows(&self, is_right: impl Fn([u8; 3]) -> bool) {
        let painted = || -> Value { serde_json::from_slice(&self.call("GET", "/api/stats", "")).unwrap() };
        let before = painted()["frames_painted"].as_u64().unwrap();
        assert!(until(|| painted()["frames_painted"].as_u64().unwrap() > before + 1), "no picture comes");
        let mut pixel = [0; 3];
        let right = until(|| {
            fs::write(self.studio.path("shot.png"), self.call("GET", "/api/snapshot.png", "")).unwrap();
            pixel = still::read(&self.studio.path("shot.png")).unwrap().image.pixel(20, 20);
            is_right(pixel)
        });
        assert!(right, "the picture has {pixel:?}");
    }

    fn style(&self) -> Vec<u8> {
        fs::read(self.studio.path("oak/style")).unwrap_or_default()
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn until(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + LONG;
    while Instant::now() < deadline {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

const AS_THE_CHIP_PAINTED: fn([u8; 3]) -> bool = |pixel| pixel == [0, 200, 0];

#[test]
fn the_oaks_chip_paints_and_comes_back_from_every_trouble() {
    if !has_python("the_oaks_chip_paints_and_comes_back_from_every_trouble") {
        return;
    }
    let studio = oak("oak-chip");
    fs::write(studio.path("oak/behaviour"), "crash").unwrap();
    let live = Live::start(&studio, "--camera oak --oak-device 1944301011EA1F1300 --style mosaic.png:0");
    live.tells("a wheel came off");
    for (behaviour, words) in [
        ("no depthai", "pip install"),
        ("old", "speaks protocol 99"),
        ("other model", "export the folder again"),
    ] {
        live.behave(behaviour);
        live.tells(words);
    }
    live.behave("work");
    live.shows(AS_THE_CHIP_PAINTED);
    assert_eq!(live.camera()["error"], Value::Null);
    assert_eq!(live.camera()["paints"], true);
    let arguments = fs::read_to_string(studio.path("oak/arguments")).unwrap();
    assert!(
        arguments.contains("--pipe chip") && arguments.contains("--device 1944301011EA1F1300"),
        "{arguments}"
    );

    let wave = live.style();
    assert_eq!(wave.len(), 4 * model("classic").painter.style_len());
    live.call("POST", "/api/settings", r#"{"styles": [{"id": "mosaic"}]}"#);
    assert!(until(|| live.style() != wave), "another style was chosen");
    // A style fades in; what it comes to is known when it no longer moves.
    std::thread::sleep(Duration::from_millis(700));
    let mosaic = live.style();

    live.behave("unplugged");
    live.tells("check its cable");
    fs::remove_file(studio.path("oak/style")).unwrap();
    live.behave("work");
    live.shows(AS_THE_CHIP_PAINTED);
    assert!(until(|| live.style() == mosaic), "the style is sent again");
    live.behave("hang");
    live.tells("has been silent");
    live.behave("work");
    live.shows(AS_THE_CHIP_PAINTED);
}

#[test]
fn what_the_oak_films_is_painted_here() {
    if !has_python("what_the_oak_films_is_painted_here") {
        return;
    }
    let studio = oak("oak-host");
    fs::write(studio.path("oak/behaviour"), "work").unwrap();
    let live = Live::start(&studio, "--camera oak --oak-mode host --oak-app oak");
    live.shows(|pixel| !AS_THE_CHIP_PAINTED(pixel));
    assert_eq!(live.camera()["paints"], false);
    assert!(fs::read_to_string(studio.path("oak/arguments")).unwrap().contains("--pipe host"));
}

/// Ctrl-C ends the program that drives the camera too, even one that hangs, before Impasto itself has ended.
#[cfg(unix)]
#[test]
fn ctrl_c_leaves_no_program_behind() {
    use rustix::process::{Pid, Signal, kill_process, test_kill_process};
    if !has_python("ctrl_c_leaves_no_program_behind") {
        return;
    }
    for behaviour in ["work", "hang"] {
        let studio = oak(&format!("oak-ctrl-c-{behaviour}"));
        fs::write(studio.path("oak/behaviour"), behaviour).unwrap();
        let mut live = Live::start(&studio, "--camera oak --oak-mode host");
        let pids = || fs::read_to_string(studio.path("oak/pids")).unwrap_or_default();
        assert!(until(|| pids().ends_with('\n')));
        if behaviour == "work" {
            live.shows(|_| true);
        }
        kill_process(Pid::from_child(&live.child), Signal::INT).unwrap();
        assert_eq!(live.child.wait().unwrap().code(), Some(130));
        for pid in pids().lines() {
            let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
            assert!(test_kill_process(pid).is_err(), "{behaviour}: the program still lives");
        }
    }
}

#[test]
fn words_about_the_oak_are_checked() {
    let studio = Studio::new("oak-words");
    let live = "live --model classic --style wave.png --no-open --port 0";
    studio.refuses(&format!("{live} --camera demo --oak-mode host"), 2, &["--oak-mode needs --camera oak"]);
    studio.refuses(&format!("{live} --camera oak --oak-mode both"), 2, &["chip", "host"]);
    studio.refuses(&format!("{live} --camera oak --oak-app config"), 1, &["config", "app.json"]);
    studio.refuses(&format!("{live} --camera oak"), 1, &["--compile", "--oak-mode host"]);
    studio.refuses(&format!("{live} --camera nonsense"), 2, &["nonsense", "oak"]);
}

#[cfg(target_os = "linux")]
#[test]
fn cameras_of_linux_that_are_not_there_are_told() {
    let studio = Studio::new("v4l2");
    let words = "live --model classic --style wave.png --no-open --port 0 --camera demo --virtual-camera";
    studio.refuses(&format!("{words} /dev/no-such-video"), 1, &["modprobe v4l2loopback"]);
    studio.refuses(&format!("{words} /dev/null"), 1, &["/dev/null is no video device"]);
    let live = Live::start(&studio, "--camera /dev/no-such-video");
    live.tells("there is no /dev/no-such-video");
}
