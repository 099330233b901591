//! Who may look and steer: pages of this very server, and whoever knows the token.

use super::Shared;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;

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

    /// Whether `host`, as in the header of that name, is this server. A name that another one lets point to this
    /// machine (DNS rebinding) is not.
    pub fn knows_host(&self, host: &str) -> bool {
        if !self.address.ip().is_loopback() {
            // Asked to listen for other machines: they may call this one by names that it does not know.
            return host.parse::<SocketAddr>().is_ok() || !host.is_empty();
        }
        let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
        port == self.address.port().to_string() && ["127.0.0.1", "localhost", "[::1]"].contains(&name)
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

    fn refuses_origin(&self, headers: &HeaderMap) -> Option<&'static str> {
        let text = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let host = text(header::HOST).unwrap_or("");
        if !self.knows_host(host) {
            return Some(
                "this server answers only to its own address; open the one that `impasto live` printed",
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

fn refusal(status: StatusCode, why: &str) -> Response {
    (status, axum::Json(serde_json::json!({ "error": why }))).into_response()
}

/// Refuses foreign hosts and origins.
pub(super) async fn same_origin(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    match shared.guard.refuses_origin(request.headers()) {
        Some(why) => refusal(StatusCode::FORBIDDEN, why),
        None => next.run(request).await,
    }
}

/// Refuses whoever does not bring the token: in the address (`?token=`), or in the header `x-impasto-token`.
pub(super) async fn with_token(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or("");
    let in_address = query.split('&').find_map(|pair| pair.strip_prefix("token="));
    let in_header = request.headers().get("x-impasto-token").and_then(|value| value.to_str().ok());
    match in_header.or(in_address) {
        Some(token) if shared.guard.knows_token(token) => next.run(request).await,
        _ => refusal(
            StatusCode::UNAUTHORIZED,
            "the token is missing or wrong; it stands in the address that `impasto live` printed",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard::new("127.0.0.1:7878".parse().unwrap(), "secret".into())
    }

    #[test]
    fn only_its_own_names_are_known() {
        for host in ["127.0.0.1:7878", "localhost:7878", "[::1]:7878"] {
            assert!(guard().knows_host(host), "{host}");
            assert!(guard().knows_origin(&format!("http://{host}"), host));
        }
        for host in ["", "localhost", "evil.example:7878", "127.0.0.1:80", "127.0.0.1.evil.example:7878"] {
            assert!(!guard().knows_host(host), "{host}");
        }
        assert!(!guard().knows_origin("http://evil.example", "127.0.0.1:7878"));
        assert!(!guard().knows_origin("null", "127.0.0.1:7878"));
        assert!(!guard().knows_origin("http://127.0.0.1:7879", "127.0.0.1:7878"));
    }

    #[test]
    fn the_token_must_be_whole() {
        assert!(guard().knows_token("secret"));
        for token in ["", "secre", "secret1", "Secret"] {
            assert!(!guard().knows_token(token), "{token}");
        }
    }
}
