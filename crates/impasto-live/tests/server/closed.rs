//! Access to the server, and the answers to strangers.

use crate::live::{Live, next_frame, options, request, shown, whole_request};
use impasto_live::server::Patience;
use impasto_live::{Server, ServerOptions};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

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
