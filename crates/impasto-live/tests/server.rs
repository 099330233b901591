//! A real server on loopback, with a small network of random weights, driven as a page and as a script drive it.

use impasto::{EngineChoice, Model, Provenance, Style, Stylizer, scene};
use impasto_core::conformance::Case;
use impasto_core::model::StrengthKind;
use impasto_core::{NetworkBuilder, Padding};
use impasto_live::camera::{self, Camera, CameraStatus, DemoCamera};
use impasto_live::codec::{self, WireFormat};
use impasto_live::record::Recorder;
use impasto_live::server::{Patience, RecorderFactory};
use impasto_live::{Gallery, LiveError, Server, ServerOptions, Settings, Studio, now_ms};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tungstenite::{Message, WebSocket};

/// One AdaIN and a convolution that changes nothing, so that colours can be told; and its encoder.
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

struct Live {
    server: Server,
    studio: Arc<Studio>,
}

/// For the server of a test.
fn options() -> ServerOptions {
    ServerOptions { port: 0, ..ServerOptions::new("t0ken".into()) }
}

impl Live {
    /// A server that paints in flat red until told otherwise; with the demo scene as its camera if `demo`.
    fn start(demo: bool) -> Self {
        Self::with(demo, options())
    }

    fn with(demo: bool, options: ServerOptions) -> Self {
        let stylizer = Stylizer::builder(model()).engine(EngineChoice::Cpu).threads(1).build().unwrap();
        let mut gallery = Gallery::default();
        let red = Provenance { name: "red".into(), source: "a test".into() };
        let red = Style::new(stylizer.model(), red, vec![0.9, 0.1, 0.1, 0.01, 0.01, 0.01]).unwrap();
        let id = gallery.add(&stylizer, red).unwrap();
        let settings = Settings::default().patched(&json!({"styles": [{"id": id}]})).unwrap();
        let studio = Studio::new(stylizer, gallery, settings).unwrap();
        studio.start();
        studio.set_camera(CameraStatus { browser: true, ..CameraStatus::default() });
        if demo {
            let open = || Ok(Box::new(DemoCamera::new(64, 36, 200.0)) as Box<dyn camera::Camera>);
            camera::run(&studio, "demo", false, Box::new(open));
        }
        Self { server: Server::start(studio.clone(), options).unwrap(), studio }
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Status and body of one request with the token.
    fn call(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let headers = [("x-impasto-token", "t0ken"), ("content-type", "application/json")];
        request(self.address(), method, path, &headers, body)
    }

    fn json(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let (status, body) = self.call(method, path, body.to_string().as_bytes());
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    fn viewer(&self, steer: bool) -> WebSocket<TcpStream> {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let address = format!("ws://{}/ws?token=t0ken", self.address());
        let (mut socket, _) = tungstenite::client(address, stream).unwrap();
        say(&mut socket, json!({"hello": {"format": "rgba", "steer": steer}}));
        socket
    }
}

/// Status and body of an answer.
fn request(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, Vec<u8>) {
    let (status, _, body) = whole_request(at, method, path, headers, body);
    (status, body)
}

/// Status, head in small letters, and body of an answer.
fn whole_request(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut text =
        format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "host") {
        text += &format!("host: {at}\r\n");
    }
    headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
    stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    // The server may refuse a body before it has read it.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let split = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a whole answer");
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    let head = String::from_utf8_lossy(&answer[..split]).to_lowercase();
    (status, head, answer[split + 4..].to_vec())
}

fn say(socket: &mut WebSocket<TcpStream>, message: Value) {
    socket.send(Message::Text(message.to_string().into())).unwrap();
}

/// The next frame; state and figures between are passed over.
fn next_frame(socket: &mut WebSocket<TcpStream>) -> (codec::Header, impasto::Image) {
    loop {
        if let Message::Binary(bytes) = socket.read().unwrap() {
            let (header, picture) = codec::decode(&bytes).unwrap();
            return (header, picture.image().clone());
        }
    }
}

fn shown(socket: &mut WebSocket<TcpStream>, sequence: u32) {
    say(socket, json!({"shown": {"sequence": sequence, "latency_ms": 12.5}}));
}

fn is_red(pixel: [u8; 3]) -> bool {
    pixel[0] > 180 && pixel[1] < 90 && pixel[2] < 90
}

#[test]
fn the_demo_scene_is_painted_and_dropped_styles_change_it() {
    let live = Live::start(true);
    let mut viewer = live.viewer(true);
    for _ in 0..3 {
        let (head, image) = next_frame(&mut viewer);
        assert_eq!((image.width(), image.height()), (64, 36));
        assert!(is_red(image.pixel(30, 10)), "{:?}", image.pixel(30, 10));
        shown(&mut viewer, head.sequence);
    }
    let blue = impasto::Image::from_fn(40, 40, |_, _| [10, 10, 240]);
    let (status, answer) = live.call("POST", "/api/styles?name=Blue%20Sea.jpg", &codec::jpeg(&blue, 90));
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
    let id = serde_json::from_slice::<Value>(&answer).unwrap()["id"].as_str().unwrap().to_string();
    assert_eq!(live.json("POST", "/api/settings", json!({"styles": [{"id": id}]})).0, 200);
    let turned = (0..400).any(|_| {
        let (head, image) = next_frame(&mut viewer);
        shown(&mut viewer, head.sequence);
        let [r, _, b] = image.pixel(30, 10);
        b > 150 && r < 100
    });
    assert!(turned, "the painting follows the dropped style");

    let stats = live.json("GET", "/api/stats", json!({})).1;
    assert!(stats["frames_painted"].as_u64().unwrap() > 3 && stats["latency_p50_ms"] == 12.5, "{stats}");
    let (status, png) = live.call("GET", "/api/snapshot.png", &[]);
    assert!(status == 200 && png.starts_with(b"\x89PNG"));
    let (status, thumb) = live.call("GET", &format!("/api/styles/{id}/thumb.jpg"), &[]);
    assert!(status == 200 && thumb.starts_with(&[0xff, 0xd8]));
    assert_eq!(live.call("DELETE", &format!("/api/styles/{id}"), &[]).0, 204);
    assert_eq!(live.call("DELETE", "/api/styles/red", &[]).0, 400, "built in");
    assert_eq!(live.call("DELETE", "/api/styles/none", &[]).0, 404);
}

#[test]
fn a_browsers_frames_are_painted_and_only_those_of_the_one_that_steers() {
    let live = Live::start(false);
    let (mut first, mut second) = (live.viewer(true), live.viewer(true));
    let frame = |sequence| {
        let image = scene::draw(48, 32, sequence as f32);
        Message::Binary(codec::encode(&image.into(), WireFormat::I420, sequence, now_ms()).into())
    };
    // Whoever says hello first steers; which one that is only the server knows.
    say(&mut first, json!({"steer": true}));
    loop {
        let Message::Text(text) = first.read().unwrap() else { continue };
        let said: Value = serde_json::from_str(&text).unwrap();
        if said["you"]["steering"] == true {
            break;
        }
    }
    second.send(frame(900)).unwrap();
    for sequence in 0..5 {
        first.send(frame(sequence)).unwrap();
        let (head, image) = next_frame(&mut first);
        assert_eq!(head.sequence, sequence, "frames of the one that does not steer are not painted");
        assert!(is_red(image.pixel(20, 20)));
        shown(&mut first, sequence);
    }
    let (head, _) = next_frame(&mut second);
    assert!(head.sequence < 5, "the other one watches");
    assert_eq!(live.studio.camera().name, "browser");
    // A frame of another size in mid-stream.
    let image = scene::draw(80, 60, 0.0);
    first.send(Message::Binary(codec::encode(&image.into(), WireFormat::Jpeg, 7, now_ms()).into())).unwrap();
    assert_eq!(next_frame(&mut first).1.width(), 80);
}

/// Paints every picture in the grey that the style's first value names; fails after so many.
struct PaintingCamera {
    grey: u8,
    left: usize,
}

impl Camera for PaintingCamera {
    fn next(&mut self) -> Result<Option<impasto::Image>, impasto_live::LiveError> {
        if self.left == 0 {
            return Err(impasto_live::LiveError::Camera("the cable is out".into()));
        }
        self.left -= 1;
        std::thread::sleep(Duration::from_millis(5));
        Ok(Some(impasto::Image::from_fn(32, 16, |_, _| [self.grey; 3])))
    }

    fn paints(&self) -> bool {
        true
    }

    fn wear(&mut self, style: &Style) -> Result<(), impasto_live::LiveError> {
        self.grey = (255.0 * style.vector()[0]) as u8;
        Ok(())
    }
}

#[test]
fn what_a_camera_has_painted_is_shown_as_it_is() {
    let live = Live::start(false);
    let open = || Ok(Box::new(PaintingCamera { grey: 0, left: usize::MAX }) as Box<dyn Camera>);
    camera::run(&live.studio, "a camera", false, Box::new(open));
    let mut viewer = live.viewer(true);
    let mut wait_for = |grey: u8| {
        (0..1000).any(|_| {
            let (head, image) = next_frame(&mut viewer);
            shown(&mut viewer, head.sequence);
            assert_eq!((image.width(), image.height()), (32, 16));
            image.rgb().iter().all(|&value| value == grey)
        })
    };
    assert!(wait_for((255.0f32 * 0.9) as u8), "the style that is chosen, not painted over by us");
    assert_eq!(live.json("GET", "/api/state", json!({})).1["camera"]["paints"], true);
    let black = codec::jpeg(&impasto::Image::black(40, 40), 90);
    let (_, answer) = live.call("POST", "/api/styles?name=black.jpg", &black);
    let id = serde_json::from_slice::<Value>(&answer).unwrap()["id"].as_str().unwrap().to_string();
    assert_eq!(live.json("POST", "/api/settings", json!({"styles": [{"id": id}]})).0, 200);
    assert!(wait_for(0), "the style that was chosen later");
}

#[test]
fn a_camera_that_fails_says_why_and_comes_back() {
    let live = Live::start(false);
    let open = || Ok(Box::new(PaintingCamera { grey: 0, left: 2 }) as Box<dyn Camera>);
    camera::run(&live.studio, "a camera", false, Box::new(open));
    let mut viewer = live.viewer(true);
    let mut told = false;
    for _ in 0..5 {
        let (head, _) = next_frame(&mut viewer);
        shown(&mut viewer, head.sequence);
        told |= live.studio.camera().error.is_some_and(|why| why.contains("the cable is out"));
    }
    let told_later = |_| {
        std::thread::sleep(Duration::from_millis(5));
        live.studio.camera().error.is_some_and(|why| why.contains("the cable is out"))
    };
    assert!(told || (0..2000).any(told_later), "more than two frames came, so it was opened again");
}

#[test]
fn malformed_messages_close_their_socket_and_nothing_else() {
    let live = Live::start(true);
    for bad in [
        Message::Binary(vec![1, 2, 3].into()),
        Message::Binary(vec![255; 100].into()),
        Message::Text("not json".into()),
        Message::Text("{\"hello\": {\"format\": \"bmp\", \"steer\": true}}".into()),
    ] {
        let mut viewer = live.viewer(true);
        // Frames are only looked at from the one that steers.
        say(&mut viewer, json!({"steer": true}));
        viewer.send(bad).unwrap();
        let closed = (0..2000).any(|_| match viewer.read() {
            Ok(Message::Close(_)) | Err(_) => true,
            Ok(_) => false,
        });
        assert!(closed);
    }
    let (head, _) = next_frame(&mut live.viewer(false));
    assert_eq!(head.width, 64);
}

#[test]
fn strangers_are_refused() {
    let live = Live::start(false);
    let at = live.address();
    let call =
        |method: &str, path: &str, headers: &[(&str, &str)]| request(at, method, path, headers, b"{}").0;
    let token = ("x-impasto-token", "t0ken");
    let json = ("content-type", "application/json");
    assert_eq!(call("POST", "/api/settings", &[json]), 401, "no token");
    assert_eq!(call("POST", "/api/settings", &[json, ("x-impasto-token", "guess")]), 401);
    assert_eq!(call("POST", "/api/settings?token=t0ken", &[json]), 200, "in the address");
    assert_eq!(call("POST", "/api/settings", &[json, token]), 200);
    assert_eq!(call("POST", "/api/settings", &[json, token, ("origin", "http://evil.example")]), 403);
    assert_eq!(call("GET", "/api/stats", &[("host", "evil.example")]), 403, "a name that points here");
    assert_eq!(call("GET", "/api/stats", &[token]), 200);
    for site in ["cross-site", "same-site"] {
        assert_eq!(call("GET", "/api/stats", &[token, ("sec-fetch-site", site)]), 403, "{site}");
        assert_eq!(call("GET", "/?token=t0ken", &[("sec-fetch-site", site)]), 403, "{site}");
    }
    for path in ["/api/stats", "/api/state", "/api/styles/red/thumb.jpg", "/api/snapshot.png", "/ws"] {
        assert_eq!(call("GET", path, &[]), 401, "{path}");
    }
    assert_eq!(call("GET", "/", &[]), 200, "the page says itself that the token is missing");
    assert_eq!(call("GET", "/stream.mjpg", &[]), 401);
    assert_eq!(call("GET", "/view", &[]), 401);
    assert_eq!(call("GET", "/nowhere", &[]), 404);
}

#[test]
fn bad_requests_get_words() {
    let live = Live::start(false);
    let error = |method: &str, path: &str, body: &[u8]| {
        let (status, answer) = live.call(method, path, body);
        assert!((400..500).contains(&status), "{path}: {status}");
        String::from_utf8_lossy(&answer).into_owned()
    };
    assert!(error("POST", "/api/settings", b"{\"strength\": 7}").contains("between 0 and 1"));
    assert!(error("POST", "/api/settings", b"{\"styles\": [{\"id\": \"none\"}]}").contains("none"));
    assert!(error("POST", "/api/styles?name=a.jpg", b"this is no picture").contains("a.jpg"));
    assert!(error("POST", "/api/styles?name=a.style", b"nor a style").contains("style"));
    assert!(error("POST", "/api/record", b"{\"on\": true}").contains("record"));
    assert!(error("GET", "/api/snapshot.png", b"").contains("no frame"));
    assert!(error("GET", "/api/styles/none/thumb.jpg", b"").contains("none"));
    assert!(error("GET", "/api/styles/none/thumb.jpg?of=camera", b"").contains("none"));
    assert!(error("GET", "/api/styles/red/thumb.jpg?of=moon", b"").contains("camera"));
    assert!(error("GET", "/api/styles/red/painting.jpg", b"").contains("red"));
}

#[test]
fn every_error_is_json_with_words() {
    let live = Live::start(false);
    let json = ("content-type", "application/json");
    let token = ("x-impasto-token", "t0ken");
    let large = vec![b' '; 3 << 20];
    /// Status, method, path, headers, body.
    type Case<'a> = (u16, &'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8]);
    let cases: [Case; 12] = [
        (400, "POST", "/api/settings", &[json, token], b"{bad"),
        (400, "POST", "/api/settings", &[json, token], b""),
        (400, "POST", "/api/record", &[json, token], b"{\"on\": 3}"),
        (415, "POST", "/api/settings", &[token], b"{}"),
        (415, "POST", "/api/settings", &[token, ("content-type", "text/plain")], b"{}"),
        (413, "POST", "/api/settings", &[json, token], &large),
        (404, "GET", "/nowhere", &[], b""),
        (404, "GET", "/api/../../etc/passwd", &[token], b""),
        (405, "DELETE", "/api/settings", &[token], b""),
        (405, "POST", "/", &[], b""),
        (400, "GET", "/ws", &[token], b""),
        (401, "GET", "/api/state", &[], b""),
    ];
    for (expected, method, path, headers, body) in cases {
        let (status, head, answer) = whole_request(live.address(), method, path, headers, body);
        let words: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let told = words["error"].as_str().is_some_and(|words| words.len() > 10);
        assert!(status == expected && told, "{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        assert!(head.contains("content-type: application/json"), "{method} {path}: {head}");
    }
}

#[test]
fn every_answer_has_the_headers_that_close_it() {
    let live = Live::start(false);
    for (path, headers) in [
        ("/", &[][..]),
        ("/app.js", &[]),
        ("/nowhere", &[]),
        ("/api/state", &[("x-impasto-token", "t0ken")]),
        ("/api/state", &[("host", "evil.example")]),
    ] {
        let (_, head, _) = whole_request(live.address(), "GET", path, headers, b"");
        for wanted in [
            "content-security-policy: default-src 'none'",
            "frame-ancestors 'none'",
            "permissions-policy: camera=(self)",
            "cross-origin-resource-policy: same-origin",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
        ] {
            assert!(head.contains(wanted), "{path}: no {wanted} in {head}");
        }
    }
}

#[test]
fn the_token_in_the_address_becomes_a_cookie() {
    let live = Live::start(false);
    let get = |path: &str, headers: &[(&str, &str)]| whole_request(live.address(), "GET", path, headers, b"");
    assert!(!get("/", &[]).1.contains("set-cookie"));
    assert!(!get("/?token=wrong", &[]).1.contains("set-cookie"));
    let (status, head, _) = get("/?token=t0ken", &[]);
    let line = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
    assert!(status == 200 && line.contains("httponly") && line.contains("samesite=strict"), "{line}");
    let cookie = ("cookie", line.split(';').next().unwrap());
    for path in ["/api/state", "/view", "/api/styles/red/thumb.jpg"] {
        assert_eq!(get(path, &[cookie]).0, 200, "{path}");
    }
    assert_eq!(get("/api/state", &[cookie, ("sec-fetch-site", "cross-site")]).0, 403);
    assert_eq!(get("/api/state", &[cookie, ("origin", "http://127.0.0.1:1")]).0, 403, "another port's page");
}

#[test]
fn another_loopback_address_answers_where_it_says() {
    let address = "127.0.0.2".parse().unwrap();
    if std::net::TcpListener::bind((address, 0)).is_err() {
        println!("skipped: this system has no 127.0.0.2");
        return;
    }
    let live = Live::with(false, ServerOptions { address, ..options() });
    assert!(live.server.url().starts_with("http://127.0.0.2:"), "{}", live.server.url());
    assert_eq!(live.json("GET", "/api/state", json!({})).0, 200);
}

/// Everything that the server says before it closes the connection.
fn until_closed(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut text = Vec::new();
    if let Err(why) = stream.read_to_end(&mut text) {
        let waited = matches!(why.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
        assert!(!waited, "it is left open");
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn half_sent_requests_are_given_up() {
    let short = Duration::from_millis(200);
    let patience = Patience { head: short, part: short, body: 3 * short };
    let live = Live::with(false, ServerOptions { patience, ..options() });
    let begin = |text: &str| {
        let mut stream = TcpStream::connect(live.address()).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    until_closed(begin(""));
    until_closed(begin("GET / HTTP/1.1\r\nhost: 127"));
    let head = format!(
        "POST /api/styles?name=a.png HTTP/1.1\r\nhost: {}\r\nx-impasto-token: t0ken\r\ncontent-length: 1000\r\n\r\n",
        live.address()
    );
    assert!(until_closed(begin(&format!("{head}abc"))).starts_with("HTTP/1.1 408"), "no more comes");
    let mut drop_by_drop = begin(&head);
    let mut sent = 0;
    while sent < 100 && drop_by_drop.write_all(b"x").is_ok() {
        sent += 1;
        std::thread::sleep(short / 4);
    }
    assert!(sent < 100, "a byte now and then is not enough");
}

#[test]
fn connections_that_ask_for_nothing_push_out_one_another_and_nobody_else() {
    let live = Live::start(true);
    let mut viewer = live.viewer(true);
    let crowd: Vec<_> = (0..80)
        .map(|_| {
            let mut stream = TcpStream::connect(live.address()).unwrap();
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: 127");
            stream
        })
        .collect();
    assert_eq!(live.json("GET", "/api/state", json!({})).0, 200);
    for _ in 0..3 {
        let (head, _) = next_frame(&mut viewer);
        shown(&mut viewer, head.sequence);
    }
    until_closed(crowd.into_iter().next().unwrap());
}

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

#[test]
fn pictures_are_read_one_at_a_time_and_huge_ones_not_at_all() {
    let live = Live::start(false);
    // A PNG of 20,000 x 20,000 px that says so in its head; nothing of it may be decoded.
    let mut bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bomb.extend([0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20, 8, 2, 0, 0, 0]);
    bomb.extend(0x3a2b_9e0f_u32.to_be_bytes());
    std::thread::scope(|scope| {
        let calls: Vec<_> =
            (0..6).map(|_| scope.spawn(|| live.call("POST", "/api/styles?name=bomb.png", &bomb).0)).collect();
        assert!(calls.into_iter().all(|call| call.join().unwrap() == 400));
    });
    // Two that are under way and twenty that wait: some are told to try again.
    let head = format!(
        "POST /api/styles?name=a.png HTTP/1.1\r\nhost: {}\r\nx-impasto-token: t0ken\r\ncontent-length: 9\r\n\r\n",
        live.address()
    );
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(live.address()).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    let mut refused = 0;
    for mut stream in waiting {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let _ = stream.write_all(b"no pictur");
        let mut start = [0; 12];
        stream.read_exact(&mut start).unwrap();
        refused += usize::from(start.ends_with(b"503"));
    }
    // One is read and eight wait; those that are done meanwhile make room for others.
    assert!((1..=12).contains(&refused), "{refused} were refused");
}

#[test]
fn mirror_and_split_are_seen_in_every_feed() {
    let live = Live::start(false);
    let mut viewer = live.viewer(true);
    say(&mut viewer, json!({"steer": true}));
    // The camera is green on its left and blue on its right; the painting is red.
    let image = impasto::Image::from_fn(64, 32, |x, _| if x < 32 { [20, 200, 20] } else { [20, 20, 220] });
    let mut sequence = 0;
    let mut seen = |settings: Value| {
        assert_eq!(live.json("POST", "/api/settings", settings).0, 200);
        // Frames that were painted before the setting may still come.
        for _ in 0..3 {
            sequence += 1;
            let message = codec::encode(&image.clone().into(), WireFormat::Rgba, sequence, now_ms());
            viewer.send(Message::Binary(message.into())).unwrap();
            while next_frame(&mut viewer).0.sequence != sequence {
                shown(&mut viewer, sequence - 1);
            }
            shown(&mut viewer, sequence);
        }
        let (status, png) = live.call("GET", "/api/snapshot.png", &[]);
        assert_eq!(status, 200);
        let still = impasto_media::still::read_bytes(&png, "snapshot", Default::default()).unwrap();
        [4, 60].map(|x| {
            let [r, g, b] = still.image.pixel(x, 16);
            if r > g && r > b {
                'r'
            } else if g > b {
                'g'
            } else {
                'b'
            }
        })
    };
    assert_eq!(seen(json!({"split": 0, "mirror": false})), ['r', 'r']);
    assert_eq!(seen(json!({"split": 0.5})), ['g', 'r']);
    assert_eq!(seen(json!({"mirror": true})), ['b', 'r'], "what is seen on the left is the camera's right");
    assert_eq!(seen(json!({"split": 1})), ['b', 'g']);
    assert_eq!(seen(json!({"mirror": false, "rotate": 180})), ['b', 'g'], "turned by half");
}

#[test]
fn a_viewer_that_rests_lets_the_camera_rest_and_the_wheel_goes_back() {
    let live = Live::start(true);
    let (mut first, mut second) = (live.viewer(true), live.viewer(true));
    let you = |socket: &mut WebSocket<TcpStream>, key: &str, value: bool| {
        loop {
            if let Message::Text(text) = socket.read().unwrap() {
                let said: Value = serde_json::from_str(&text).unwrap();
                if said["you"][key] == value {
                    return;
                }
            }
        }
    };
    say(&mut first, json!({"steer": true}));
    you(&mut first, "steering", true);
    say(&mut second, json!({"steer": true}));
    you(&mut second, "steering", true);
    you(&mut first, "steering", false);
    drop(second);
    you(&mut first, "steering", true);
    say(&mut first, json!({"rest": true}));
    you(&mut first, "wanted", false);
    assert!(!live.studio.is_wanted());
    say(&mut first, json!({"rest": false}));
    next_frame(&mut first);
    assert!(live.studio.is_wanted());
}

#[test]
fn many_connections_come_and_go() {
    let live = Live::start(true);
    for i in 0..300 {
        let mut stream = TcpStream::connect(live.address()).unwrap();
        if i % 2 == 0 {
            let _ = stream.write_all(b"GET /ws?token=t0ken HTTP/1.1\r\nhost: 127");
        }
    }
    let (head, _) = next_frame(&mut live.viewer(true));
    assert_eq!(head.width, 64);
}

#[test]
fn the_stream_gives_whole_jpegs() {
    let live = Live::start(true);
    let mut stream = TcpStream::connect(live.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET /stream.mjpg?token=t0ken HTTP/1.1\r\nhost: {}\r\n\r\n", live.address()).unwrap();
    let mut seen = Vec::new();
    let mut block = [0; 4096];
    let parts = |seen: &[u8]| seen.windows(15).filter(|w| w == b"--impasto-frame").count();
    while parts(&seen) < 3 {
        let read = stream.read(&mut block).unwrap();
        assert!(read > 0, "the stream goes on");
        seen.extend_from_slice(&block[..read]);
    }
    let text = String::from_utf8_lossy(&seen);
    assert!(text.contains("multipart/x-mixed-replace") && text.contains("Content-Type: image/jpeg"));
}

#[test]
fn a_taken_port_is_passed_over() {
    let first = Live::start(false);
    let port = first.address().port();
    if port > u16::MAX - 20 {
        return;
    }
    let options = ServerOptions { port, ..ServerOptions::new("t0ken".into()) };
    let second = Server::start(first.studio.clone(), options).unwrap();
    assert!(second.address().port() > port);
}
