//! Who may look and steer: pages of this very server, and whoever knows the token.

use super::Shared;
use super::answer::Refusal;
use super::connections::Visit;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// A wrong token is answered after so long, so that a short one of the user's own cannot be guessed quickly.
const WRONG_TOKEN_DELAY: Duration = Duration::from_millis(300);
/// Endings of names that are given out inside a network, never by a public registry.
const LOCAL_ENDINGS: [&str; 5] = [".local", ".lan", ".home.arpa", ".internal", ".localhost"];

/// Knows the server's own names and the token.
pub struct Guard {
    address: SocketAddr,
    token: String,
}

impl Guard {
    /// For a server at `address`.
    pub fn new(address: SocketAddr, token: String) -> Self {
        Self { address, token }
    }

    /// Whether `host`, as in the header of that name, is this server. A public name that somebody lets point to this
    /// machine (DNS rebinding) is not.
    pub fn knows_host(&self, host: &str) -> bool {
        let (name, port) = host_parts(host);
        if port != self.address.port().to_string() {
            return false;
        }
        let ip: Option<IpAddr> = name.trim_matches(['[', ']']).parse().ok();
        if self.address.ip().is_loopback() {
            return ip == Some(self.address.ip())
                || (name == "localhost" && !is_odd_loopback(self.address.ip()));
        }
        let local = !name.contains('.') || LOCAL_ENDINGS.iter().any(|ending| name.ends_with(ending));
        ip.is_some() || (!name.is_empty() && local)
    }

    /// Whether a page at `origin` is one of this server, which was called by the name `host`.
    pub fn knows_origin(&self, origin: &str, host: &str) -> bool {
        origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host)
    }

    /// Compares in a time that does not depend on where the first difference is.
    pub fn knows_token(&self, token: &str) -> bool {
        let (a, b) = (token.as_bytes(), self.token.as_bytes());
        a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
    }

    /// The header that gives a page the token as a cookie. Browsers share cookies between the ports of a host, so the port stands in its name.
    pub(super) fn cookie(&self) -> String {
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie_name(), self.token)
    }

    fn cookie_name(&self) -> String {
        format!("impasto-{}", self.address.port())
    }

    /// Whether a request brings the token: in the header `x-impasto-token`, in its address, or in the cookie. The first that is there counts.
    pub(super) fn is_known<B>(&self, request: &axum::http::Request<B>) -> bool {
        self.brought(request).is_some_and(|token| self.knows_token(token))
    }

    fn brought<'a, B>(&self, request: &'a axum::http::Request<B>) -> Option<&'a str> {
        let header = request.headers().get("x-impasto-token").and_then(|value| value.to_str().ok());
        let query = request.uri().query().unwrap_or("");
        let in_address = query.split('&').find_map(|pair| pair.strip_prefix("token="));
        let name = self.cookie_name();
        let cookies =
            request.headers().get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|line| line.split("; ")).filter_map(|pair| pair.split_once('='));
        header.or(in_address).or_else(|| pairs.find(|(key, _)| *key == name).map(|(_, value)| value))
    }

    fn refuses(&self, headers: &HeaderMap) -> Option<&'static str> {
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let host = text(header::HOST).unwrap_or("");
        if !self.knows_host(host) {
            return Some(
                "this server answers only to its own address; open the one that `impasto live` printed",
            );
        }
        let site = text(HeaderName::from_static("sec-fetch-site"));
        if matches!(site, Some("cross-site" | "same-site")) {
            return Some(
                "pages of other origins cannot reach this server, nor link to it; type or paste the address that `impasto live` \
                 printed into the address bar",
            );
        }
        match text(header::ORIGIN) {
            Some(origin) if !self.knows_origin(origin, host) => {
                Some("pages of other origins cannot drive this server")
            }
            _ => None,
        }
    }
}

/// Name and port; without a port that of HTTP.
fn host_parts(host: &str) -> (&str, &str) {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        _ => (host, "80"),
    }
}

/// An address of this machine that `localhost` does not stand for, such as 127.0.0.2.
fn is_odd_loopback(ip: IpAddr) -> bool {
    ip != IpAddr::from([127, 0, 0, 1]) && ip != IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])
}

/// Refuses foreign hosts and origins.
pub(super) async fn same_origin(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    match shared.guard.refuses(request.headers()) {
        Some(why) => Refusal::new(StatusCode::FORBIDDEN, why).into_response(),
        None => next.run(request).await,
    }
}

/// Refuses whoever does not bring the token.
pub(super) async fn with_token(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    if shared.guard.is_known(&request) {
        if let Some(visit) = request.extensions().get::<Arc<Visit>>() {
            shared.visits.welcome(visit);
        }
        return next.run(request).await;
    }
    if shared.guard.brought(&request).is_some() {
        tokio::time::sleep(WRONG_TOKEN_DELAY).await;
    }
    let why = "the token is missing or wrong; it stands in the address that `impasto live` printed";
    Refusal::new(StatusCode::UNAUTHORIZED, why).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new("127.0.0.1:7878".parse().unwrap(), "secret".into())
    }

    #[test]
    fn only_its_own_names_are_known() {
        let at = |address: &str| Guard::new(address.parse().unwrap(), "secret".into());
        for (address, host) in [
            ("127.0.0.1:7878", "127.0.0.1:7878"),
            ("127.0.0.1:7878", "localhost:7878"),
            ("127.0.0.1:80", "localhost"),
            ("127.0.0.2:7878", "127.0.0.2:7878"),
            ("[::1]:7878", "[::1]:7878"),
            ("[::1]:80", "[::1]"),
            ("0.0.0.0:7878", "192.168.1.5:7878"),
            ("0.0.0.0:7878", "studio:7878"),
            ("192.168.1.5:7878", "studio.local:7878"),
        ] {
            assert!(at(address).knows_host(host), "{host} at {address}");
        }
        for (address, host) in [
            ("127.0.0.1:7878", ""),
            ("127.0.0.1:7878", "localhost"),
            ("127.0.0.1:7878", "127.0.0.2:7878"),
            ("127.0.0.1:7878", "evil.example:7878"),
            ("127.0.0.1:7878", "127.0.0.1:80"),
            ("127.0.0.1:7878", "127.0.0.1.evil.example:7878"),
            ("127.0.0.2:7878", "localhost:7878"),
            ("0.0.0.0:7878", "evil.example:7878"),
            ("192.168.1.5:7878", "192.168.1.5.evil.example:7878"),
        ] {
            assert!(!at(address).knows_host(host), "{host} at {address}");
        }
        assert!(guard().knows_origin("http://127.0.0.1:7878", "127.0.0.1:7878"));
        assert!(guard().knows_origin("https://studio.local:7878", "studio.local:7878"));
        assert!(!guard().knows_origin("ftp://127.0.0.1:7878", "127.0.0.1:7878"));
        assert!(!guard().knows_origin("http://127.0.0.1:7878.evil.example", "127.0.0.1:7878"));
        assert!(!guard().knows_origin("http://evil.example", "127.0.0.1:7878"));
        assert!(!guard().knows_origin("null", "127.0.0.1:7878"));
        assert!(!guard().knows_origin("http://127.0.0.1:7879", "127.0.0.1:7878"));
    }

    #[test]
    fn other_sites_are_refused_by_what_the_browser_says_of_them() {
        let refused = |site: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, "127.0.0.1:7878".parse().unwrap());
            headers.insert("sec-fetch-site", site.parse().unwrap());
            guard().refuses(&headers).is_some()
        };
        assert!(refused("cross-site") && refused("same-site"));
        assert!(!refused("same-origin") && !refused("none"));
    }

    #[test]
    fn the_token_is_found_in_header_address_and_cookie() {
        let known = |uri: &str, name: &str, value: &str| {
            let request = axum::http::Request::builder().uri(uri).header(name, value);
            guard().is_known(&request.body(()).unwrap())
        };
        assert!(known("/", "x-impasto-token", "secret"));
        assert!(known("/?a=b&token=secret", "accept", "*/*"));
        assert!(known("/", "cookie", "other=1; impasto-7878=secret"));
        assert!(!known("/", "cookie", "impasto-7879=secret"), "that of another port");
        assert!(!known("/?token=wrong", "cookie", "impasto-7878=secret"), "what was typed counts");
        assert!(guard().cookie().contains("HttpOnly; SameSite=Strict"));
    }

    #[test]
    fn the_token_must_be_whole() {
        assert!(guard().knows_token("secret"));
        for token in ["", "secre", "secret1", "Secret"] {
            assert!(!guard().knows_token(token), "{token}");
        }
    }
}
