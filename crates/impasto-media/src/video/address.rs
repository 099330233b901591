//! Films and cameras on a network, by their address (`rtsp://…`, `https://…`): ffmpeg opens them.

use std::path::Path;

/// Schemes that ffmpeg is asked to open.
const SCHEMES: [&str; 9] = ["rtsp", "rtsps", "rtmp", "rtmps", "http", "https", "tcp", "udp", "srt"];
/// A server that is silent for so many microseconds is gone.
const TIMEOUT_MICROS: &str = "15000000";

/// The scheme of an address; none for the path of a file.
fn scheme(path: &Path) -> Option<&str> {
    let (scheme, _) = path.to_str()?.split_once("://")?;
    SCHEMES.into_iter().find(|known| known.eq_ignore_ascii_case(scheme))
}

/// Whether a path is the address of something on a network.
pub fn is_address(path: &Path) -> bool {
    scheme(path).is_some()
}

/// The text without the passwords of addresses in it: `rtsp://me:***@host/…`.
pub fn without_passwords(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/'\"?#".contains(c)).unwrap_or(after.len());
        let host = after[..end].rfind('@');
        rest = after;
        if let Some(host) = host {
            let user = after[..host].split(':').next().unwrap_or_default();
            shown.push_str(user);
            if user.len() < host {
                shown.push_str(":***");
            }
            rest = &after[host..];
        }
    }
    shown + rest
}

/// Words for ffmpeg and ffprobe before the address: when to give up, and when to try again.
pub(crate) fn words(path: &Path, ffmpeg_major: u32) -> Vec<&'static str> {
    match scheme(path) {
        Some("rtsp" | "rtsps") => {
            let timeout = if ffmpeg_major >= 5 { "-timeout" } else { "-stimeout" };
            vec!["-rtsp_transport", "tcp", timeout, TIMEOUT_MICROS]
        }
        Some("http" | "https") => {
            let mut words =
                vec!["-rw_timeout", TIMEOUT_MICROS, "-reconnect", "1", "-reconnect_delay_max", "5"];
            if ffmpeg_major >= 5 {
                words.extend(["-reconnect_on_network_error", "1"]);
            }
            words
        }
        Some("udp" | "srt") => vec!["-timeout", TIMEOUT_MICROS],
        Some(_) => vec!["-rw_timeout", TIMEOUT_MICROS],
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_no_paths() {
        assert!(is_address(Path::new("rtsp://camera/live")) && is_address(Path::new("HTTPS://a/b.mp4")));
        for path in ["a.mp4", "C:\\a.mp4", "file://a", "a://b", "rtsp"] {
            assert!(!is_address(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let cases = [
            ("rtsp://me:secret@10.0.0.1:554/a?b", "rtsp://me:***@10.0.0.1:554/a?b"),
            (
                "cannot open 'http://u:p@ss@host/x', nor http://v:q@h",
                "cannot open 'http://u:***@host/x', nor http://v:***@h",
            ),
            ("http://me@host/a", "http://me@host/a"),
            ("http://host:80/a@b:c", "http://host:80/a@b:c"),
            ("a.mp4", "a.mp4"),
        ];
        for (text, shown) in cases {
            assert_eq!(without_passwords(text), shown);
        }
    }
}
