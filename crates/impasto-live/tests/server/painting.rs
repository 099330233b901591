//! Frames in, paintings out: cameras, styles, feeds.

use crate::live::{Live, is_red, next_frame, say, shown};
use impasto::{Style, scene};
use impasto_live::camera::{self, Camera};
use impasto_live::codec::{self, WireFormat};
use impasto_live::now_ms;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tungstenite::{Message, WebSocket};

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
