//! Deepening over a real server on loopback, with a trainer that learns at once.

use impasto::{EngineChoice, Image, Model, Provenance, Style, Stylizer};
use impasto_core::conformance::Case;
use impasto_core::model::StrengthKind;
use impasto_core::style::Update;
use impasto_core::weights::Weight;
use impasto_core::{NetworkBuilder, Padding};
use impasto_live::camera::{self, Camera, CameraStatus, DemoCamera};
use impasto_live::{
    DeepenPhase, DeepenProgress, DeepenRequest, DeepenRun, Deepener, Gallery, LiveError, Server,
    ServerOptions, Settings, Studio,
};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// One AdaIN, and a convolution that changes nothing but for its bias.
fn model() -> Arc<Model> {
    let mut b = NetworkBuilder::new("painter").fit_picture(1);
    let x = b.input(3);
    let x = b.adain("site", x, 3, 1e-5);
    b.conv("a", x, 3, 3, 1, Padding::Replicate);
    let painter = Case::new("painter", b.finish(), 8, 8, 3);
    let mut b = NetworkBuilder::new("encoder");
    let x = b.input(3);
    b.mean_std(x, 1e-5, false);
    let mut weights = (*painter.weights).clone();
    let centre = |i: usize| if i % 9 == 4 && (i / 9) % 3 == i / 27 { 1.0 } else { 0.0 };
    weights.insert("a.weight", vec![3, 3, 3, 3], (0..81).map(centre).collect());
    weights.insert("a.bias", vec![3], vec![0.0; 3]);
    let kind = StrengthKind::Features;
    Arc::new(Model::new("tiny", painter.network, b.finish(), weights, kind, "CC0-1.0", json!({})).unwrap())
}

/// Each call is five steps of a hundred. What is learned makes everything greener.
struct Trainer {
    model: Arc<Model>,
    bytes: u64,
    begun: AtomicUsize,
    /// Frames of the last call.
    frames: Arc<AtomicUsize>,
    going: Arc<AtomicBool>,
    fault: Option<&'static str>,
}

impl Trainer {
    fn new(model: &Arc<Model>) -> Self {
        Self {
            model: model.clone(),
            bytes: 1 << 20,
            begun: AtomicUsize::new(0),
            frames: Arc::default(),
            going: Arc::default(),
            fault: None,
        }
    }
}

struct Run {
    model: Arc<Model>,
    steps: u64,
    frames: Arc<AtomicUsize>,
    going: Arc<AtomicBool>,
    fault: Option<&'static str>,
}

impl Deepener for Trainer {
    fn needs_bytes(&self) -> u64 {
        self.bytes
    }

    fn begin(&self, painting: &Image) -> Result<Box<dyn DeepenRun>, LiveError> {
        assert!(painting.width() >= 64, "the painting as it was dropped");
        self.begun.fetch_add(1, Ordering::SeqCst);
        let (frames, going) = (self.frames.clone(), self.going.clone());
        Ok(Box::new(Run { model: self.model.clone(), steps: 0, frames, going, fault: self.fault }))
    }
}

impl DeepenRun for Run {
    fn learn(
        &mut self,
        frames: &[Arc<Image>],
        _: Duration,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<DeepenProgress, LiveError> {
        match self.fault {
            Some("panic") => panic!("a fault of the trainer, meant to be"),
            Some(fault) => return Err(LiveError::Deepen(fault.into())),
            None => {}
        }
        self.going.store(true, Ordering::SeqCst);
        self.frames.store(frames.len(), Ordering::SeqCst);
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(10));
            self.steps += 1;
            if !go_on() {
                break;
            }
        }
        self.going.store(false, Ordering::SeqCst);
        Ok(DeepenProgress { steps: self.steps, part: self.steps as f32 / 100.0, left: Some(0.5) })
    }

    fn style(&self, style: &Style, small: bool) -> Result<Style, LiveError> {
        let mut update = Update::new();
        let green = 0.3 + 0.003 * self.steps as f32;
        update.insert(
            "a.bias",
            Weight { shape: vec![3], values: vec![0.0, green, if small { 0.0 } else { 1e-3 }] },
        );
        Ok(style.clone().tuned(&self.model, update)?)
    }
}

struct Live {
    server: Server,
    studio: Arc<Studio>,
    trainer: Arc<Trainer>,
    /// A dropped painting's style.
    id: String,
}

impl Live {
    fn start(camera: bool, change: impl FnOnce(&mut Trainer)) -> Self {
        let model = model();
        let stylizer = Stylizer::builder(model.clone()).engine(EngineChoice::Cpu).threads(1).build().unwrap();
        let mut gallery = Gallery::default();
        let red = Provenance { name: "red".into(), source: "a test".into() };
        let red = Style::new(&model, red, vec![0.9, 0.1, 0.1, 0.01, 0.01, 0.01]).unwrap();
        gallery.add(&stylizer, red).unwrap();
        let studio = Studio::new(stylizer, gallery, Settings::default()).unwrap();
        studio.start();
        let mut trainer = Trainer::new(&model);
        change(&mut trainer);
        let trainer = Arc::new(trainer);
        studio.with_deepener(trainer.clone());
        if camera {
            let open = || Ok(Box::new(DemoCamera::new(64, 36, 100.0)) as Box<dyn Camera>);
            camera::run(&studio, "demo", false, Box::new(open));
        }
        let id = drop_painting(&studio, "dark");
        let chosen = json!({ "styles": [{ "id": id }], "steady": 0.0 });
        studio.patch(&chosen).unwrap();
        let options = ServerOptions { port: 0, ..ServerOptions::new("t0ken".into()) };
        Self { server: Server::start(studio.clone(), options).unwrap(), studio, trainer, id }
    }

    /// Status, head and body of an answer.
    fn call(&self, method: &str, path: &str, body: &str) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(self.server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nx-impasto-token: t0ken\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.server.address(),
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        (head[9..12].parse().unwrap(), head.to_lowercase(), answer[end + 4..].to_vec())
    }

    fn ask(&self, id: &str, what: Value) -> (u16, Value) {
        let (status, _, body) = self.call("POST", &format!("/api/styles/{id}/deepen"), &what.to_string());
        (status, serde_json::from_slice(&body).unwrap())
    }

    fn status(&self, id: &str) -> Value {
        let (status, _, body) = self.call("GET", &format!("/api/styles/{id}/deepen"), "");
        assert_eq!(status, 200);
        serde_json::from_slice(&body).unwrap()
    }

    /// Waits until the style's status is so.
    fn until(&self, id: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        wait(what, || Some(self.status(id)).filter(&holds))
    }

    /// Green and red of the newest painted frame in its middle.
    fn green(&self) -> Option<i32> {
        let painted = self.studio.watch().borrow().clone()?;
        let [red, green, _] =
            painted.image().pixel(painted.image().width() / 2, painted.image().height() / 2);
        Some(i32::from(green) - i32::from(red))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.server.stop();
    }
}

fn wait<T>(what: &str, mut test: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    while Instant::now() < end {
        if let Some(found) = test() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("waited in vain: {what}");
}

/// A grey painting with some noise; gives its style's id.
fn drop_painting(studio: &Studio, name: &str) -> String {
    use impasto_media::still::{self, OutputFormat, Still, WriteOptions};
    let painting = Image::from_fn(96, 80, |x, y| [(60 + (x * 7 + y * 13) % 20) as u8; 3]);
    let png =
        still::encode(&Still::from_image(painting), OutputFormat::Png, WriteOptions::default()).unwrap();
    studio.drop_style(&png, &format!("{name}.png")).unwrap()
}

#[test]
fn a_style_is_deepened_while_the_camera_goes_on() {
    let live = Live::start(true, |_| {});
    let _looking = live.studio.looking();
    let id = live.id.as_str();
    wait("grey frames", || live.green().filter(|green| green.abs() < 20));
    assert_eq!(live.status(id)["phase"], "quick");
    assert_eq!(live.status(id)["painting"], true);
    let (status, begun) = live.ask(id, json!({ "on": true }));
    assert_eq!((status, &begun["phase"]), (200, &json!("learning")));
    wait("greener frames", || live.green().filter(|green| *green > 50));
    assert!(live.trainer.frames.load(Ordering::SeqCst) > 0, "it learns on the camera's frames");
    let (_, _, state) = live.call("GET", "/api/state", "");
    let state: Value = serde_json::from_slice(&state).unwrap();
    assert_eq!(state["deepening"]["offered"], true);
    let done = live.until(id, "the end", |status| status["phase"] == "done");
    assert_eq!((done["part"].as_f64(), done["steps"].as_u64()), (Some(1.0), Some(100)));
    assert_eq!((&done["deepened"], &done["left"]), (&json!(true), &json!(0.5)));
    assert_eq!(live.ask(id, json!({ "on": true })).1["phase"], "done", "it is at its end");
    assert_eq!(live.trainer.begun.load(Ordering::SeqCst), 1);

    let (status, head, file) = live.call("GET", &format!("/api/styles/{id}/file.style"), "");
    assert!(status == 200 && head.contains("attachment; filename=\"dark.style\""), "{head}");
    let saved = Style::from_bytes(&file).unwrap();
    let bias = saved.update().unwrap().applied(&live.trainer.model.weights, 1.0).unwrap();
    assert_eq!(bias.get("a.bias").unwrap().values[2], 0.0, "the last one is in the form of a file");

    assert_eq!(live.ask(id, json!({ "undo": true })).1["phase"], "quick");
    assert_eq!(live.status(id)["deepened"], false);
    wait("grey frames again", || live.green().filter(|green| green.abs() < 20));
    let (_, _, file) = live.call("GET", &format!("/api/styles/{id}/file.style"), "");
    assert!(Style::from_bytes(&file).unwrap().update().is_none());
}

#[test]
fn a_run_that_is_stopped_keeps_what_it_has_and_goes_on() {
    let live = Live::start(true, |_| {});
    let (first, second) = (live.id.clone(), drop_painting(&live.studio, "other"));
    live.ask(&first, json!({ "on": true }));
    live.until(&first, "some steps", |status| status["steps"].as_u64() >= Some(10));
    // Another one takes its place: one run goes at a time.
    live.ask(&second, json!({ "on": true }));
    let stopped = live.until(&first, "the stop", |status| status["phase"] == "stopped");
    assert_eq!(stopped["deepened"], true, "it keeps what it has");
    live.until(&second, "steps of the other", |status| status["steps"].as_u64() >= Some(5));
    live.ask(&second, json!({ "on": false }));
    live.ask(&first, json!({ "on": true }));
    let done = live.until(&first, "the end", |status| status["phase"] == "done");
    // The steps that were cut short make it one or two more.
    assert!(
        done["steps"].as_u64() >= Some(100) && live.trainer.begun.load(Ordering::SeqCst) == 2,
        "it went on"
    );
    // Undo, and deepening begins anew.
    live.ask(&first, json!({ "undo": true }));
    live.ask(&first, json!({ "on": true }));
    live.until(&first, "steps", |status| status["steps"].as_u64() >= Some(5));
    assert_eq!(live.trainer.begun.load(Ordering::SeqCst), 3);
    live.ask(&first, json!({ "undo": true }));
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(live.status(&first)["deepened"], false, "a step that was under way changes nothing any more");
}

#[test]
fn a_style_that_is_removed_ends_its_run_and_a_camera_that_is_gone_does_not() {
    let live = Live::start(false, |_| {});
    live.ask(&live.id, json!({ "on": true }));
    live.until(&live.id, "steps without any camera", |status| status["steps"].as_u64() >= Some(5));
    assert_eq!(live.trainer.frames.load(Ordering::SeqCst), 0);
    live.studio.remove_style(&live.id).unwrap();
    let (status, _, _) = live.call("GET", &format!("/api/styles/{}/deepen", live.id), "");
    assert_eq!(status, 404);
    wait("the run's end", || {
        std::thread::sleep(Duration::from_millis(60));
        (!live.trainer.going.load(Ordering::SeqCst)).then_some(())
    });
    let again = drop_painting(&live.studio, "dark");
    assert_eq!(live.status(&again)["phase"], "quick", "nothing of it is left");
}

#[test]
fn the_picture_rests_where_that_is_asked_for() {
    let live = Live::start(true, |_| {});
    let _looking = live.studio.looking();
    let painted = || live.studio.report().frames_painted;
    wait("frames", || (painted() > 5).then_some(()));
    assert_eq!(live.ask(&live.id, json!({ "rest": true })).0, 409, "nothing learns");
    let begun = live.ask(&live.id, json!({ "on": true, "rest": true })).1;
    assert_eq!(begun["rest"], true);
    // Better weights come every 50 ms here, and each is shown for a moment; so the picture hardly rests until the run is told to paint on.
    assert_eq!(live.ask(&live.id, json!({ "rest": false })).1["rest"], false);
    live.until(&live.id, "the end", |status| status["phase"] == "done");
    let count = painted();
    wait("frames after it", || (painted() > count + 5).then_some(()));
}

#[test]
fn what_cannot_be_deepened_is_told() {
    let live = Live::start(false, |trainer| trainer.bytes = 1 << 60);
    let refused = |id: &str, what: Value| {
        let (status, said) = live.ask(id, what);
        (status, said["error"].as_str().unwrap_or_default().to_string())
    };
    let (status, why) = refused("red", json!({ "on": true }));
    assert!(status == 409 && why.contains("no picture of this style's painting"), "{status} {why}");
    let (status, why) = refused("nothing", json!({ "on": true }));
    assert!(status == 404 && why.contains("`nothing`"), "{why}");
    if std::path::Path::new("/proc/meminfo").exists() {
        let (status, why) = refused(&live.id, json!({ "on": true }));
        assert!(status == 507 && why.contains("MiB are free"), "{status} {why}");
    }
    assert_eq!(refused(&live.id, json!({})).0, 409);
    assert_eq!(refused(&live.id, json!({ "off": true })).0, 400);
    assert_eq!(live.status(&live.id)["phase"], "quick");
    live.studio.set_camera(CameraStatus { paints: true, ..CameraStatus::default() });
    let (status, why) = refused(&live.id, json!({ "on": true }));
    assert!(status == 409 && why.contains("paints by itself"), "{status} {why}");
}

#[test]
fn a_trainer_that_fails_is_told_and_the_painter_goes_on() {
    for (fault, words) in [("the losses are not finite", "not finite"), ("panic", "please report")] {
        let live = Live::start(true, |trainer| trainer.fault = Some(fault));
        let _looking = live.studio.looking();
        live.ask(&live.id, json!({ "on": true }));
        let failed = live.until(&live.id, "the failure", |status| status["phase"] == "failed");
        assert!(failed["error"].as_str().unwrap().contains(words), "{failed}");
        assert_eq!(failed["deepened"], false);
        let count = live.studio.report().frames_painted;
        wait("frames after it", || (live.studio.report().frames_painted > count + 5).then_some(()));
    }
}

#[test]
fn a_program_without_a_trainer_offers_nothing() {
    let model = model();
    let stylizer = Stylizer::builder(model).engine(EngineChoice::Cpu).threads(1).build().unwrap();
    let studio = Studio::new(stylizer, Gallery::default(), Settings::default()).unwrap();
    let id = drop_painting(&studio, "a");
    assert_eq!(studio.state()["deepening"]["offered"], false);
    let request = DeepenRequest { on: Some(true), ..DeepenRequest::default() };
    assert!(studio.deepen(&id, &request).unwrap_err().to_string().contains("cannot train"));
    assert_eq!(studio.deepen_status(&id).unwrap().phase, DeepenPhase::Quick);
}
