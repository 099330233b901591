//! A server on loopback with a small network of random weights, and who talks to it.

use impasto::{EngineChoice, Model, Provenance, Style, Stylizer};
use impasto_core::conformance::Case;
use impasto_core::model::StrengthKind;
use impasto_core::{NetworkBuilder, Padding};
use impasto_live::camera::{self, CameraStatus, DemoCamera};
use impasto_live::codec;
use impasto_live::{Gallery, Server, ServerOptions, Settings, Studio};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tungstenite::{Message, WebSocket};

/// One AdaIN and a convolution that changes nothing, so that colours can be told; and its encoder.
pub fn model() -> Arc<Model> {
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

pub struct Live {
    pub server: Server,
    pub studio: Arc<Studio>,
}

/// For the server of a test.
pub fn options() -> ServerOptions {
    ServerOptions { port: 0, ..ServerOptions::new("t0ken".into()) }
}

impl Live {
    /// A server that paints in flat red until told otherwise; with the demo scene as its camera if `demo`.
    pub fn start(demo: bool) -> Self {
        Self::with(demo, options())
    }

    pub fn with(demo: bool, options: ServerOptions) -> Self {
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

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Status and body of one request with the token.
    pub fn call(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let headers = [("x-impasto-token", "t0ken"), ("content-type", "application/json")];
        request(self.address(), method, path, &headers, body)
    }

    pub fn json(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let (status, body) = self.call(method, path, body.to_string().as_bytes());
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub fn viewer(&self, steer: bool) -> WebSocket<TcpStream> {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let address = format!("ws://{}/ws?token=t0ken", self.address());
        let (mut socket, _) = tungstenite::client(address, stream).unwrap();
        say(&mut socket, json!({"hello": {"format": "rgba", "steer": steer}}));
        socket
    }
}

/// Status and body of an answer.
pub fn request(
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
pub fn whole_request(
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

pub fn say(socket: &mut WebSocket<TcpStream>, message: Value) {
    socket.send(Message::Text(message.to_string().into())).unwrap();
}

/// The next frame; state and figures between are passed over.
pub fn next_frame(socket: &mut WebSocket<TcpStream>) -> (codec::Header, impasto::Image) {
    loop {
        if let Message::Binary(bytes) = socket.read().unwrap() {
            let (header, picture) = codec::decode(&bytes).unwrap();
            return (header, picture.image().clone());
        }
    }
}

pub fn shown(socket: &mut WebSocket<TcpStream>, sequence: u32) {
    say(socket, json!({"shown": {"sequence": sequence, "latency_ms": 12.5}}));
}

pub fn is_red(pixel: [u8; 3]) -> bool {
    pixel[0] > 180 && pixel[1] < 90 && pixel[2] < 90
}
