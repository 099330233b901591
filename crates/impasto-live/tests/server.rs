//! A real server on loopback, with a small network of random weights, driven as a page and as a script drive it.

use impasto::{EngineChoice, Model, Provenance, Style, Stylizer, scene};
use impasto_core::conformance::Case;
use impasto_core::model::StrengthKind;
use impasto_core::{NetworkBuilder, Padding};
use impasto_live::camera::{self, Camera, CameraStatus, DemoCamera};
use impasto_live::codec::{self, WireFormat};
use impasto_live::{Gallery, Server, ServerOptions, Settings, Studio, now_ms};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
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

impl Live {
    /// A server that paints in flat red until told otherwise; with the demo scene as its camera if `demo`.
    fn start(demo: bool) -> Self {
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
        let options = ServerOptions { port: 0, ..ServerOptions::new("t0ken".into()) };
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

fn request(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, Vec<u8>) {
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
    (status, answer[split + 4..].to_vec())
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
    assert_eq!(call("GET", "/api/stats", &[]), 200);
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
    error("POST", "/api/settings", b"{");
    assert!(error("GET", "/api/styles/none/thumb.jpg", b"").contains("none"));
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
