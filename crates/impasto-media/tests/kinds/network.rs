//! Cameras and films on a network, from a server on this machine.

use crate::studio::studio;
use impasto_media::video::{self, Backend, InputOptions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;

#[test]
fn a_camera_of_moving_jpegs_is_read_and_its_password_is_not_told() {
    let Some(studio) = studio("network", &["mjpeg"]) else { return };
    studio.ffmpeg("-f lavfi -i testsrc2=s=160x96:r=5:d=1.2 -c:v mjpeg -q:v 2 -f image2 frame%d.jpg");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let frames: Vec<Vec<u8>> =
        (1..=6).map(|i| std::fs::read(studio.path(&format!("frame{i}.jpg"))).unwrap()).collect();
    std::thread::spawn(move || {
        // ffprobe asks once, ffmpeg again; a client may leave at any time.
        for stream in listener.incoming().take(6) {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream
                .write_all(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n");
            for frame in &frames {
                let head =
                    format!("--x\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", frame.len());
                let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(frame));
                if sent.and_then(|()| stream.write_all(b"\r\n")).is_err() {
                    break;
                }
            }
        }
    });
    let options = InputOptions { backend: Backend::Auto, ..Default::default() };
    let address = PathBuf::from(format!("http://me:secret@127.0.0.1:{port}/camera.mjpg"));
    let mut input = video::open(&address, &options).unwrap();
    let info = input.source.info().clone();
    assert_eq!((info.width, info.height), (160, 96));
    assert!(info.name.contains("me:***@127.0.0.1") && !info.name.contains("secret"), "{}", info.name);
    let mut count = 0;
    while let Ok(Some(_)) = input.source.read() {
        count += 1;
    }
    assert_eq!(count, 6);

    let refused = PathBuf::from("http://me:secret@127.0.0.1:1/camera.mjpg");
    let error = video::open(&refused, &options).err().unwrap().to_string();
    assert!(error.contains("127.0.0.1:1") && !error.contains("secret"), "{error}");
}
